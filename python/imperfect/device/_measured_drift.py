# SPDX-License-Identifier: BSD-3-Clause
"""Drift from cells read again at later times.

A cell at p after programming is at p + c(p) + s(p) z after t seconds, z its own. Of the mean
readings of a cell, p0 of n0 readings at first and pt of nt later ones with read noise sigma_r,

    c   mean of pt - p0 over the cells of a level
    s   s^2 = variance of pt - p0 - c' p0 - sigma_r^2 (1 / nt + (1 + c')^2 / n0)

with c' the slope of c over the levels: cells of a level differ by their programming error, and so
do their changes. Conductances are relative to g_max.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._optional import require
from imperfect.device._measured_table import Doubles
from imperfect.device._retention import DriftTable
from imperfect.device._smoothing import local_lines, smooth

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CELLS = 2
FEW_CELLS = 20
# Width over which a slope is taken at least: that of two levels close together is all noise.
SLOPE_WIDTH = 0.1


def fit_drift(
    cells: pd.DataFrame, read_sigma: Doubles | None, smoothing: float
) -> tuple[DriftTable, pd.DataFrame]:
    """The drift law, and one row per time and level with what it was fitted to.

    ``cells`` has one row per cell and time with its ``level``; ``read_sigma`` is the read noise at
    each level, None if it is not known.
    """
    pandas = require("pandas")
    first = float(cells["time"].min())
    written = cells[cells["time"] == first]
    g = written.groupby("level")["target"].mean()
    noise = pandas.Series(0.0 if read_sigma is None else read_sigma, index=g.index)
    columns, later = ["target", "cell"], {"mean": "mean_now", "readings": "readings_now"}
    before = written.set_index(columns)[["level", "mean", "readings"]]
    parts = []
    for time in sorted(set(cells["time"]) - {first}):
        now = cells[cells["time"] == time].set_index(columns)[list(later)]
        pairs = before.join(now.rename(columns=later), how="inner")
        parts.append(_fit_time(pairs, g, noise, smoothing, float(time), first))
    fit = pandas.concat(parts, ignore_index=True)
    seconds = list(dict.fromkeys(fit["seconds"]))
    rows = [fit[fit["seconds"] == t] for t in seconds]
    law = DriftTable(
        seconds=seconds,
        g=g.tolist(),
        mean=[np.maximum(0.0, row["g"] + row["change_fit"]).tolist() for row in rows],
        sigma=[row["sigma_fit"].tolist() for row in rows],
    )
    return law, fit


def _fit_time(
    pairs: pd.DataFrame,
    g: pd.Series[float],
    noise: pd.Series[float],
    smoothing: float,
    time: float,
    first: float,
) -> pd.DataFrame:
    """Rows of one time: changes since the first, for all levels."""
    counts = pairs.groupby("level").size().reindex(g.index, fill_value=0)
    used = counts[counts >= FEWEST_CELLS].index
    _check_levels(g[used], time, first)
    groups = {level: pairs[pairs["level"] == level] for level in used}
    changes = {level: group["mean_now"] - group["mean"] for level, group in groups.items()}
    # Why: changes belong to the conductance reached, which is not quite the target.
    reached = [float(group["mean"].mean()) for group in groups.values()]
    means = [float(change.mean()) for change in changes.values()]
    order = np.argsort(reached)
    at, count = np.array(reached)[order], counts[used].to_numpy()[order]
    change = np.array(means)[order]
    _, slopes = local_lines(at, change, count, max(smoothing, SLOPE_WIDTH), reached)
    rows = {
        level: _spread(groups[level], changes[level], slope, float(noise[level]))
        for level, slope in zip(used, slopes, strict=True)
    }
    frame = require("pandas").DataFrame(
        {"time": time, "seconds": time - first, "g": g, "cells": counts}
    )
    for name in ("change", "change_error", "sigma", "sigma_error"):
        frame[name] = [rows[level][name] if level in rows else np.nan for level in g.index]
    sigma = frame["sigma"][used].to_numpy()[order]
    frame["change_fit"] = smooth(at, change, count, smoothing, g)
    # Why: s grows in proportion to g where exponents spread, so lines fit it and not its square.
    frame["sigma_fit"] = np.maximum(0.0, smooth(at, sigma, count - 1, smoothing, g))
    frame["note"] = [_note(int(count)) for count in counts]
    result: pd.DataFrame = frame
    return result


def _check_levels(g: pd.Series[float], time: float, first: float) -> None:
    """Refuse a time at which too few levels were read; ``g`` are those that were."""
    if len(g) < 2:
        levels = [round(float(x), 4) for x in g]
        raise ValueError(
            f"data: time={time:g} s has {len(g)} levels with {FEWEST_CELLS} or more cells that "
            f"were also read at {first:g} s (g={levels} of g_max): must have at least 2"
        )


def _spread(
    group: pd.DataFrame, change: pd.Series[float], slope: float, read_sigma: float
) -> dict[str, Any]:
    """Mean change and spread of the cells of one level, with their standard errors."""
    count = len(group)
    total = float((change - slope * group["mean"]).var())
    per_reading = 1.0 / group["readings_now"] + (1.0 + slope) ** 2 / group["readings"]
    variance = max(0.0, total - read_sigma**2 * float(per_reading.mean()))
    return {
        "change": float(change.mean()),
        "change_error": float(change.std()) / np.sqrt(count),
        "sigma": np.sqrt(variance),
        "sigma_error": total / np.sqrt(2 * (count - 1) * max(variance, total / 100, 1e-300)),
    }


def _note(count: int) -> str:
    if count < FEWEST_CELLS:
        return f"{count} cells read: fitted from other levels"
    return f"only {count} cells" if count < FEW_CELLS else ""
