# SPDX-License-Identifier: BSD-3-Clause
"""The methods of a study on one hardware, side by side: a dot for each chip, a mark at the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imperfect._plots.style import STYLES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDTH = 0.4  # that the dots of one method take, of the distance between methods


def draw_methods(ax: Axes, rows: pd.DataFrame) -> None:
    """One column for each method that ``rows`` has, in the order of the methods' styles."""
    methods = [method for method in STYLES if (rows["method"] == method).any()]
    for place, method in enumerate(methods):
        style = STYLES[method]
        accuracy = rows.loc[rows["method"] == method, "accuracy"].to_numpy(np.float64)
        # Why: side by side, so that chips of one accuracy do not hide each other.
        count = len(accuracy)
        places = place + WIDTH * ((np.arange(count) + 0.5) / count - 0.5)
        ax.plot(places, accuracy, ".", color=style.color, markersize=2.5, alpha=0.6)
        ax.plot(
            [place], [accuracy.mean()], style.marker or "_", color=style.color, markersize=8,
            markerfacecolor="none", label=style.label,
        )  # fmt: skip
    names = [STYLES[method].label for method in methods]
    ax.set_xticks(range(len(methods)), names, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(methods) - 0.4)
