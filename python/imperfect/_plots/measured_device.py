# SPDX-License-Identifier: BSD-3-Clause
"""The panels of a measured device: its deviations and its drift, in percent of g_max."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from imperfect._optional import require
from imperfect.device import MeasuredDevice

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw_deviations(panel: Axes, device: MeasuredDevice) -> None:
    """Measured deviations with standard errors, the laws through them, and the widest gap."""
    fit = device.fit
    low, high = device.largest_gap
    panel.axvspan(low, high, color="#000000", alpha=0.06, linewidth=0, label="No level measured")
    kinds = [("sigma", "sigma_fit", "Programming error", "#D55E00", "o")]
    if device.read_noise is not None:
        kinds.append(("read_sigma", "read_sigma_fit", "Read noise", "#0072B2", "s"))
    kinds.append(("mean_error", "mean_fit", "Mean error", "#666666", "x"))
    for name, fitted, label, color, marker in kinds:
        error = 100 * fit["sigma_error"] if name == "sigma" else None
        panel.errorbar(
            fit["g"], 100 * fit[name], error, fmt=marker, color=color, ms=3, lw=0.8, label=label
        )
        panel.plot(fit["g"], 100 * fit[fitted], color=color, label=f"{label}, fitted")
    panel.set_ylabel("Deviation (% of $g_{max}$)")


def draw_drift(panel: Axes, fit: pd.DataFrame) -> None:
    """Mean changes with their standard errors, curves through them, bands of one deviation."""
    groups = list(fit.groupby("seconds"))
    colors = require("matplotlib").colormaps["viridis"](np.linspace(0.0, 0.85, len(groups)))
    for (seconds, rows), color, marker in zip(groups, colors, cycle("os^vD"), strict=False):
        change, sigma = 100 * rows["change_fit"], 100 * rows["sigma_fit"]
        errors = 100 * rows["change_error"]
        panel.errorbar(rows["g"], 100 * rows["change"], errors, fmt=marker, color=color, ms=3)
        panel.plot(rows["g"], change, color=color, label=f"{seconds:.3g} s")
        panel.fill_between(
            rows["g"], change - sigma, change + sigma, color=color, alpha=0.12, linewidth=0
        )
    panel.set_ylabel("Change since programming (% of $g_{max}$)")
