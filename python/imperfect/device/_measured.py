# SPDX-License-Identifier: BSD-3-Clause
"""Your own device: laws from a table of measured conductances.

Each row of the table is one reading of one cell: what the cell was programmed to (``target``, in
siemens) and what was read (``conductance``, in siemens). With several readings of each cell, in
the order of their ``read`` index, the spread over readings is told apart from the spread over
cells:

    read noise         sigma_r^2 = variance over the readings of a cell, pooled over cells
    programming error  sigma^2 = variance over cells of their means - sigma_r^2 / readings

The mean of cell means less the target is the mean error. All are then smoothed over neighbouring
conductances, weighted by their degrees of freedom. Cells read again at later times show their
drift, see `_measured_drift`. Conductances g are relative to g_max.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect import _checks
from imperfect._optional import require
from imperfect.device._general import Table
from imperfect.device._measured_drift import FEW_CELLS, FEWEST_CELLS, fit_drift
from imperfect.device._measured_table import Doubles, cells_of, level_of, read_table
from imperfect.device._retention import DriftTable
from imperfect.device._smoothing import smooth, smooth_deviation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from imperfect.hardware import Cell

# Cells this many robust standard deviations from the median of their level, one of so many cells
# or more, are told of: 1.4826 MAD is the standard deviation of a normal distribution. Of levels
# without stuck cells 1 % are told of at most, 2 % if lognormal with a spread of 0.3.
FAR, FEWEST_TO_JUDGE, MAD_TO_SIGMA = 8.0, 10, 1.4826


@dataclass(frozen=True)
class MeasuredDevice:
    """What ``from_measurements`` found: laws for a ``Cell``, and how well they fit.

    Attributes
    ----------
    g_max : float
        The conductance that g = 1 stands for, in siemens.
    programming : Table
        Programming error, mean and spread.
    read_noise : Table or None
        Read noise; None if cells were read once.
    drift : DriftTable or None
        Drift since the earliest time; None if there is no later one.
    fit : pandas.DataFrame
        One row per level of conductance: ``g``, ``cells``, ``readings`` (of each cell),
        ``mean_error``, ``mean_fit``, ``sigma``, ``sigma_fit`` and, if cells were read several
        times, ``read_sigma`` and ``read_sigma_fit``, all relative to g_max; ``sigma_error``, the
        standard error of ``sigma``; ``note``: few cells, or cells far from the others.
    drift_fit : pandas.DataFrame or None
        One row per later time and level: ``time`` in seconds, ``seconds`` since the earliest time,
        ``g``, ``cells`` read at both times, ``change`` of their mean, ``change_error`` (its
        standard error), ``change_fit``, ``sigma``, ``sigma_error``, ``sigma_fit``, relative to
        g_max; ``note``.
    largest_gap : tuple of float
        The widest stretch of conductances from 0 to 1 where nothing was measured.
    """

    g_max: float
    programming: Table
    read_noise: Table | None
    drift: DriftTable | None
    fit: pd.DataFrame = field(repr=False, compare=False)
    drift_fit: pd.DataFrame | None = field(repr=False, compare=False)
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

        laws = {
            "programming": self.programming,
            "read_noise": self.read_noise,
            "drift": self.drift,
        }
        return Cell(**({"g_max": self.g_max} | laws | fields))

    def plot(self) -> Figure:
        """Measured deviations with their standard errors, and the laws through them."""
        from imperfect import plot

        return plot.measured_device(self)


def from_measurements(
    data: Any, *, g_max: float | None = None, smoothing: float = 0.1
) -> MeasuredDevice:
    """Fit device laws to measured conductances in siemens, at times in seconds.

    The numbers alone do not tell hours from seconds: convert times before.
    A CSV file has a line of column names, in any case and order, and then a line for each reading;
    other columns and lines that start with ``#`` are left out::

        target,conductance,cell,read,time
        5e-6,5.12e-6,0,0,1
        5e-6,5.09e-6,0,1,1
        5e-6,4.87e-6,0,0,3600

    Parameters
    ----------
    data : path of a CSV file, pandas.DataFrame, or dict of columns
        ``target``: what the cell was programmed to, in siemens. ``conductance``: what was read, in
        siemens. Optional: ``read``, the number of the reading, for read noise; ``time``, seconds
        since programming, for drift; ``cell``, which tells cells of one target apart. Without
        ``cell``, rows of the same target, reading and time are different cells, in the same order
        every time. Programming error and read noise are those of the earliest time, and drift
        counts its seconds from there; times up to 5 % apart are one. With a single reading of each
        cell, read noise cannot be told apart and is part of the spread of programming and drift.
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
        If columns are missing, values are not finite or not in siemens, there are fewer than two
        levels, at the earliest or at a later time, or a level has fewer than two cells.

    Warns
    -----
    UserWarning
        If cells are at the earliest time more than 8 robust standard deviations (1.4826 times the
        median absolute deviation) from the median of their level; levels of fewer than 10 cells,
        or where half of the cells are alike, are not judged. A few stuck cells widen what is
        fitted to all others: leave them out, and give their part of all cells to the cell as
        ``faults=im.device.StuckAt(...)``. They are fitted with the others until you do: errors
        with long tails, as of a wide lognormal law, give such cells too.

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
    frame = read_table(data)
    if g_max is None:
        g_max = float(frame["target"].max())
    allowed = "above 0 and at most 1 siemens, and no less than any target"
    top = float(frame["target"].max())
    g_max = _checks.real("g_max", g_max, allowed, lambda x: top <= x <= 1 and x > 0)
    smoothing = _checks.nonnegative("smoothing", smoothing, "as a fraction of g_max")
    cells = cells_of(frame, g_max)
    cells["level"] = level_of(cells)
    first = cells["time"].min()
    missing = sorted(set(cells["level"]) - set(cells["level"][cells["time"] == first]))
    if missing:
        target = float(cells["target"][cells["level"] == missing[0]].min()) * g_max
        rule = "programming error is that of the earliest time"
        raise ValueError(f"data: target={target:g} was not read at time={first:g} s; {rule}")
    fit = _fit_levels(cells[cells["time"] == first], smoothing)
    has_reads = "read_sigma_fit" in fit
    drift, drift_fit = None, None
    if cells["time"].nunique() > 1:
        read_sigma = fit["read_sigma_fit"].to_numpy() if has_reads else None
        drift, drift_fit = fit_drift(cells, read_sigma, smoothing)
    return MeasuredDevice(
        g_max=g_max,
        programming=Table(**_columns(fit, g="g", sigma="sigma_fit", mean="mean_fit")),
        read_noise=Table(**_columns(fit, g="g", sigma="read_sigma_fit")) if has_reads else None,
        drift=drift,
        fit=fit,
        drift_fit=drift_fit,
        largest_gap=_largest_gap(fit["g"].to_numpy()),
    )


def _columns(fit: pd.DataFrame, **names: str) -> dict[str, Any]:
    return {name: fit[column].tolist() for name, column in names.items()}


def _fit_levels(cells: pd.DataFrame, smoothing: float) -> pd.DataFrame:
    """One row per level: its deviations, smoothed too, and what to know about them."""
    rows = [_level(group) for _, group in cells.groupby("level")]
    if len(rows) < 2:
        raise ValueError(f"data: has {len(rows)} level of target: must have at least 2")
    fit: pd.DataFrame = require("pandas").DataFrame(rows)
    _warn_of_far(fit["g"], fit["cells"], fit.pop("far"))
    g, count = fit["g"], fit["cells"]
    fit["mean_fit"] = smooth(g, fit["mean_error"], count, smoothing, g)
    fit["sigma_fit"] = smooth_deviation(g, fit["sigma"], count - 1, smoothing, g)
    if not (fit["readings"] > 1).all():
        return fit.drop(columns="read_sigma")
    weight = count * (fit["readings"] - 1)
    fit["read_sigma_fit"] = smooth_deviation(g, fit["read_sigma"], weight, smoothing, g)
    return fit


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
    far = _count_far(error.to_numpy(np.float64))
    notes = [f"only {count} cells"] if count < FEW_CELLS else []
    notes += [f"{far} far from the median"] if far else []
    variance = max(0.0, total - read_variance / readings)
    return {
        "g": g,
        "cells": count,
        "readings": readings,
        "mean_error": float(error.mean()),
        "sigma": np.sqrt(variance),
        # Of a standard deviation of n values: total / sqrt(2 (n - 1)), passed on to its root.
        # Cells without any spread have no error of it.
        "sigma_error": total / np.sqrt(2 * (count - 1) * max(variance, total / 100, 1e-300)),
        "read_sigma": np.sqrt(read_variance),
        "far": far,
        "note": "; ".join(notes),
    }


def _count_far(error: Doubles) -> int:
    """Cells of a level that are too far from its median to be of the same distribution."""
    distance = np.abs(error - np.median(error))
    sigma = MAD_TO_SIGMA * float(np.median(distance))
    if len(error) < FEWEST_TO_JUDGE or sigma == 0:
        return 0
    return int((distance > FAR * sigma).sum())


def _warn_of_far(g: pd.Series[float], cells: pd.Series[int], far: pd.Series[int]) -> None:
    if not far.any():
        return
    levels = ", ".join(f"{x:.3g}" for x in g[far > 0])
    text = (
        f"data: {far.sum()} of {cells.sum()} cells are more than {FAR:g} robust standard "
        f"deviations from the median of their level (g={levels} of g_max) and widen what is "
        "fitted. Stuck cells? Leave them out and give faults=im.device.StuckAt(...) to the cell"
    )
    # Why 4: the line that called from_measurements.
    warnings.warn(text, UserWarning, stacklevel=4)


def _largest_gap(g: Doubles) -> tuple[float, float]:
    edges = np.concatenate([[0.0], g, [1.0]])
    widest = int(np.diff(edges).argmax())
    return float(edges[widest]), float(edges[widest + 1])
