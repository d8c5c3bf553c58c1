# SPDX-License-Identifier: BSD-3-Clause
"""Your own device: laws from a table of measured conductances.

Each row of the table is one reading of one cell: what the cell was programmed to (``target``, in
siemens) and what was read (``conductance``, in siemens). With several readings of each cell, in
the order of their ``read`` index, the spread over readings is told apart from the spread over
cells:

    read noise         sigma_r^2 = variance over the readings of a cell, pooled over cells
    programming error  sigma^2 = variance over cells of their means - sigma_r^2 / readings

Both are then smoothed over neighbouring conductances, weighted by their degrees of freedom.
Conductances g are relative to g_max.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect import _checks
from imperfect._optional import require
from imperfect.device._general import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from imperfect.hardware import Cell

Doubles = NDArray[np.float64]
# More different targets than this are binned: then they hardly repeat.
MOST_LEVELS = 64
FEWEST_CELLS = 2
FEW_CELLS = 20
COLUMNS = ("target", "conductance")


@dataclass(frozen=True)
class MeasuredDevice:
    """What ``from_measurements`` found: laws for a ``Cell``, and how well they fit.

    Attributes
    ----------
    g_max : float
        The conductance that g = 1 stands for, in siemens.
    programming : Table
        Programming error.
    read_noise : Table or None
        Read noise; None if cells were read once.
    fit : pandas.DataFrame
        One row per level of conductance: ``g``, ``cells``, ``readings`` (of each cell),
        ``mean_error``, ``sigma``, ``sigma_fit`` and, if cells were read several times,
        ``read_sigma`` and ``read_sigma_fit``, all relative to g_max; ``sigma_error``, the standard
        error of ``sigma``; ``note``.
    largest_gap : tuple of float
        The widest stretch of conductances from 0 to 1 where nothing was measured.
    """

    g_max: float
    programming: Table
    read_noise: Table | None
    fit: pd.DataFrame = field(repr=False, compare=False)
    largest_gap: tuple[float, float]

    def cell(self, **fields: Any) -> Cell:
        """A ``Cell`` of this device; ``fields`` are its other fields.

        Examples
        --------
        >>> import imperfect as im
        >>> rows = {"target": [1e-6, 1e-6, 5e-6, 5e-6], "conductance": [9e-7, 1e-6, 5e-6, 6e-6]}
        >>> im.device.from_measurements(rows).cell(bits=2).g_max
        5e-06
        """
        from imperfect.hardware import Cell

        laws = {"programming": self.programming, "read_noise": self.read_noise}
        return Cell(**({"g_max": self.g_max} | laws | fields))

    def plot(self) -> Figure:
        """Measured deviations with their standard errors, and the laws through them."""
        from imperfect import plot

        return plot.measured_device(self)


def from_measurements(
    data: Any, *, g_max: float | None = None, smoothing: float = 0.1
) -> MeasuredDevice:
    """Fit device laws to measured conductances.

    Parameters
    ----------
    data : path of a CSV file, pandas.DataFrame, or dict of columns
        Columns ``target`` and ``conductance`` in siemens, one row per reading; optionally
        ``read``, the number of the reading, and ``cell``, which tells cells apart. Without
        ``cell``, rows of the same target and reading are different cells, in the same order at
        every reading.
    g_max : float or None
        Largest conductance in siemens; None: the largest target.
    smoothing : float
        Width, as a fraction of g_max, over which deviations of neighbouring levels are averaged;
        0: not at all.

    Returns
    -------
    MeasuredDevice

    Raises
    ------
    ValueError, TypeError
        If columns are missing, values are not finite, there are fewer than two levels, or a level
        has fewer than two cells.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> rng = np.random.default_rng(0)
    >>> target = np.repeat(np.linspace(2e-6, 20e-6, 10), 300)
    >>> measured = target + 1e-6 * rng.normal(size=3000)
    >>> device = im.device.from_measurements({"target": target, "conductance": measured})
    >>> [round(sigma, 2) for sigma in device.programming.sigma[:3]]
    [0.05, 0.05, 0.05]
    >>> im.AnalogLinear([[1.0]], hardware=im.Hardware(cell=device.cell()), seed=1)([1.0]).shape
    (1,)
    """
    frame = _checked(data)
    if g_max is None:
        g_max = float(frame["target"].max())
    allowed = "above 0 and at most 1 siemens, and no less than any target"
    top = float(frame["target"].max())
    g_max = _checks.real("g_max", g_max, allowed, lambda x: top <= x <= 1 and x > 0)
    smoothing = _checks.nonnegative("smoothing", smoothing, "as a fraction of g_max")
    fit = _levels(_cells(frame, g_max))
    fit["sigma_fit"] = _smooth(fit["g"], fit["sigma"], fit["cells"] - 1, smoothing)
    has_reads = bool((fit["readings"] > 1).all())
    read_noise = None
    if has_reads:
        weight = fit["cells"] * (fit["readings"] - 1)
        fit["read_sigma_fit"] = _smooth(fit["g"], fit["read_sigma"], weight, smoothing)
        read_noise = _table(fit, "read_sigma_fit")
    else:
        fit = fit.drop(columns="read_sigma")
    programming = _table(fit, "sigma_fit")
    return MeasuredDevice(g_max, programming, read_noise, fit, _largest_gap(fit["g"].to_numpy()))


def _table(fit: pd.DataFrame, column: str) -> Table:
    return Table(g=fit["g"].tolist(), sigma=fit[column].tolist())


def _checked(data: Any) -> pd.DataFrame:
    """The table with numbers in its columns."""
    pandas = require("pandas")
    frame: pd.DataFrame
    if isinstance(data, str | os.PathLike):
        frame = pandas.read_csv(data)
    elif isinstance(data, dict | pandas.DataFrame):
        frame = pandas.DataFrame(data)
    else:
        kind = type(data).__name__
        raise TypeError(f"data: must be the path of a CSV file or a DataFrame, not {kind}")
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise ValueError(f"data: has no columns {missing}; it has {list(frame.columns)}")
    for name in COLUMNS:
        if frame[name].dtype.kind not in "iuf":
            raise TypeError(f"data: column {name!r} has type {frame[name].dtype}, not numbers")
        wrong = ~np.isfinite(frame[name].to_numpy(np.float64))
        if wrong.any():
            raise ValueError(f"data: column {name!r} is not finite in row {int(wrong.argmax())}")
    if (frame["target"] < 0).any():
        raise ValueError(f"data: target={frame['target'].min()}: must be 0 or more siemens")
    return frame


def _cells(frame: pd.DataFrame, g_max: float) -> pd.DataFrame:
    """One row per cell: target, mean and variance over its readings, and how many these are."""
    frame = frame.assign(target=frame["target"] / g_max, conductance=frame["conductance"] / g_max)
    if "cell" not in frame.columns:
        same = ["target", "read"] if "read" in frame.columns else ["target"]
        frame["cell"] = frame.groupby(same).cumcount()
    groups = frame.groupby(["target", "cell"])["conductance"]
    table = groups.agg(mean="mean", variance="var", readings="count")
    cells: pd.DataFrame = table.reset_index()
    return cells


def _levels(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per level: its deviations, and what to know about them."""
    if cells["target"].nunique() > MOST_LEVELS:
        count = int(np.clip(np.sqrt(len(cells) / 4), 4, 32))
        level = require("pandas").qcut(cells["target"], count, labels=False, duplicates="drop")
    else:
        level = cells["target"]
    rows = [_level(group) for _, group in cells.groupby(level)]
    if len(rows) < 2:
        raise ValueError(f"data: has {len(rows)} level of target: must have at least 2")
    levels: pd.DataFrame = require("pandas").DataFrame(rows)
    return levels


def _level(group: pd.DataFrame) -> dict[str, Any]:
    g, count = float(group["target"].mean()), len(group)
    if count < FEWEST_CELLS:
        raise ValueError(
            f"data: {count} cell at g={g:.3g} of g_max: must be at least {FEWEST_CELLS}"
        )
    readings = int(group["readings"].min())
    error = group["mean"] - group["target"]
    # Why: what a reading adds to a cell's mean is no programming error.
    read_variance = float(group["variance"].mean()) if readings > 1 else 0.0
    total = float(error.var())
    variance = max(0.0, total - read_variance / readings)
    return {
        "g": g,
        "cells": count,
        "readings": readings,
        "mean_error": float(error.mean()),
        "sigma": np.sqrt(variance),
        # Of a standard deviation of n values: total / sqrt(2 (n - 1)), passed on to its root.
        "sigma_error": total / np.sqrt(2 * (count - 1) * max(variance, total / 100)),
        "read_sigma": np.sqrt(read_variance),
        "note": f"only {count} cells" if count < FEW_CELLS else "",
    }


def _smooth(g: pd.Series[float], sigma: pd.Series[float], weight: Any, width: float) -> Doubles:
    """Root of the variances, each from a straight line through its neighbours.

    The neighbours' weights fall off as a Gaussian; a line, unlike a mean, does not flatten slopes
    at the ends (local linear regression, Cleveland 1979).
    """
    at, variance = g.to_numpy(np.float64), sigma.to_numpy(np.float64) ** 2
    if width == 0:
        return np.sqrt(variance)
    distance = at - at[:, None]
    near = np.exp(-0.5 * (distance / width) ** 2) * np.asarray(weight, np.float64)
    s0, s1, s2 = (np.sum(near * distance**power, 1) for power in range(3))
    line = near * (s2[:, None] - s1[:, None] * distance)
    # Why: a level without neighbours gives no slope.
    is_alone = s0 * s2 - s1**2 <= 1e-9 * s0**2 * width**2
    line = np.where(is_alone[:, None], near, line)
    return np.asarray(np.sqrt(np.maximum(0.0, line @ variance / line.sum(1))), np.float64)


def _largest_gap(g: Doubles) -> tuple[float, float]:
    edges = np.concatenate([[0.0], g, [1.0]])
    widest = int(np.diff(edges).argmax())
    return float(edges[widest]), float(edges[widest + 1])
