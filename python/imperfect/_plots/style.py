# SPDX-License-Identifier: BSD-3-Clause
"""The look of all figures: sized for a column of a paper (3.5 inches), made without pyplot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from imperfect._checks import check_instance
from imperfect._optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_INCHES = 3.5
# Ticks stand at the values themselves where these are at least so far apart on the axis.
TICK_DISTANCE = 0.06
LONGEST = 32  # letters of a name
POINTS, LETTER = 72, 4.2  # of an inch, and of a letter of a tick's label
RC = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True, slots=True)
class Style:
    """How one method is drawn and called."""

    label: str
    color: str
    marker: str = ""
    dashes: str = "-"
    width: float = 1.3


STYLES = {
    "float": Style("Float network", "#000000", dashes="-", width=0.8),
    "collapsed": Style("Own head", "#D55E00", "o"),
    "refitted": Style("Refitted head", "#0072B2", "s"),
    "bn_reestimated": Style("Batch norm re-estimated", "#009E73", "^", width=0.9),
    "affine": Style("Affine correction", "#E69F00", "v", width=0.9),
    "shuffled": Style("Control: shuffled weights", "#CC79A7", "x", "--"),
    "pixels": Style("Control: raw inputs", "#666666", dashes=":"),
}


@contextmanager
def look() -> Iterator[None]:
    """The settings of these figures, for as long as they are made."""
    with require("matplotlib").rc_context(RC):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    figure: Figure = require("matplotlib.figure").Figure((width, height), layout="constrained")
    return figure


def check_axes(field: str, ax: object) -> None:
    """Refuse what is no Axes."""
    check_instance(
        field, ax, require("matplotlib.axes").Axes, "matplotlib Axes, or None for new ones"
    )


def figure_of(ax: Axes) -> Figure:
    """The figure that axes belong to."""
    figure: Any = ax.get_figure(root=True)
    return cast("Figure", figure)


def add_legend(ax: Axes, columns: int = 2, place: str = "lower", **more: Any) -> None:
    """A legend of what axes hold, outside of them, at the lower or the upper end of the figure."""
    handles, texts = ax.get_legend_handles_labels()
    loc: Any = f"outside {place} center"
    figure_of(ax).legend(
        handles, texts, loc=loc, ncols=columns, frameon=False,
        title_fontsize=RC["legend.fontsize"], **more,
    )  # fmt: skip


def letters_below(ax: Axes) -> float:
    """How many letters of ticks' labels fit side by side below axes, before they are laid out."""
    width = float(ax.get_position().width * figure_of(ax).get_figwidth())
    return width * POINTS / LETTER


def plain(text: str) -> str:
    """A name as a figure can show it: no formula, no control characters, not too long."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    if len(shown) > LONGEST:
        shown = f"{shown[: LONGEST - 1]}…"
    return shown.replace("$", r"\$")
