# SPDX-License-Identifier: BSD-3-Clause
"""Accuracy against cost of several machines, with the frontier of each method."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imperfect._cost.result import parts_of
from imperfect._optional import require
from imperfect._plots.style import (
    COLUMN_INCHES,
    LONGEST,
    STYLES,
    Style,
    add_legend,
    check_axes,
    figure_of,
    letters_below,
    look,
    new_figure,
    plain,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Name, size of the unit, unit.
AXES = {
    "energy": ("Energy of an inference", 1e-6, "µJ"),
    "latency": ("Latency of an inference", 1e-6, "µs"),
    "area": ("Area", 1e-6, "mm²"),
}
DRAWN = ("collapsed", "refitted", "shuffled")
SAME_FOR_ALL = ("float", "pixels")
FEW = 40  # machines, whose markers are larger
SHORT, LONG = 6, 1000  # logarithmic axes, by the ratio of their ends
GAP = 1.5  # letters between labels of ticks
IN_LABEL = 0.9  # letters of an axis's label for one of a tick's, with some room beside the axes


def pareto(results: pd.DataFrame, ax: Axes | None = None, *, cost: str = "energy") -> Figure:
    """Draw accuracy against cost: a marker for each machine, and frontiers of the two heads.

    Markers are means over chips, bars reach from the worst chip to the best. A frontier joins the
    machines that no other one beats in both accuracy and cost. Hollow: the machine's total leaves
    out components that other totals include (``comparison.pareto``), so that it is too low. Markers
    of the control with shuffled weights have no frontier.

    Parameters
    ----------
    results
        What ``compare`` returned.
    ax
        Axes to draw into, without a legend; None makes a figure one column wide that has one.
    cost : {"energy", "latency", "area"}
        The horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        If ``results`` are none of ``compare``, or no machine's cost is known.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import plot
    >>> results = pd.DataFrame({
    ...     "knob": "machine", "value": ["a", "b"], "chip": 0, "method": "refitted",
    ...     "accuracy": [0.8, 0.9], "energy": [1e-6, 3e-6], "energy_without": "",
    ... })
    >>> plot.pareto(results).axes[0].get_xlabel()
    'Energy of an inference (µJ)'
    """
    from imperfect import comparison

    points = comparison.pareto(results, cost)
    if ax is not None:
        check_axes("ax", ax)
    with look():
        panel = new_figure(COLUMN_INCHES, 3.4).subplots() if ax is None else ax
        for method in DRAWN:
            draw_method(panel, points[points["method"] == method], cost, STYLES[method])
        for method in SAME_FOR_ALL:
            own = points.loc[points["method"] == method, "accuracy"]
            if len(own):
                style = STYLES[method]
                line = panel.axhline(own.iloc[0], color=style.color, label=style.label)
                line.set(linestyle=style.dashes, linewidth=0.8)
        label_cost(panel, points, cost)
        panel.set_ylabel("Test accuracy")
        panel.set_ylim(0, 1)
        if ax is None:
            add_legend(panel)
    return figure_of(panel)


def draw_method(
    ax: Axes, points: pd.DataFrame, cost: str, style: Style
) -> list[tuple[Artist, pd.DataFrame]]:
    """Markers and bars of one method, and its frontier if it is no control.

    Returns the bars and the lines of markers with the points that they stand for, in order.
    """
    if not len(points):
        return []
    scale = axis_of(cost)[1]
    x, best = points[cost] / scale, points[points["on_frontier"]]
    is_control = style is STYLES["shuffled"]
    known = points["low"].notna()
    ends = points["low"][known], points["high"][known]
    bars = ax.vlines(x[known], *ends, color=style.color, linewidth=0.5, alpha=0.35)
    drawn: list[tuple[Artist, pd.DataFrame]] = [(bars, points[known])]
    size = 4.0 if len(points) <= FEW else 2.8
    complete = points["without"].isin(best["without"])
    for chosen, face in ((complete, style.color), (~complete, "none")):
        (line,) = ax.plot(
            x[chosen], points["accuracy"][chosen], style.marker, color=style.color,
            markerfacecolor=face, markersize=size, markeredgewidth=0.6, alpha=0.7,
            label=style.label if is_control and face == style.color else None,
        )  # fmt: skip
        drawn.append((line, points[chosen]))
    if not is_control and len(best):
        steps = [*(best[cost] / scale), x.max()], [*best["accuracy"], best["accuracy"].max()]
        ax.step(*steps, where="post", color=style.color, linewidth=style.width, label=style.label)
    return drawn


def axis_of(cost: str) -> tuple[str, float, str]:
    """Name of an axis, size of its unit, and the unit; a measure of your own is called as it is."""
    return AXES.get(cost, (cost, 1.0, ""))


def label_cost(ax: Axes, points: pd.DataFrame, cost: str) -> None:
    """Name and unit of the cost, and what no total includes."""
    common = frozenset.intersection(*map(parts_of, points["without"]))
    name, scale, unit = axis_of(cost)
    name = plain(name)
    notes = [unit] * bool(unit) + [f"without {', '.join(sorted(common))}"] * bool(common)
    label = f"{name} ({', '.join(notes)})" if notes else name
    width = max(LONGEST, int(IN_LABEL * letters_below(ax)))
    ax.set_xlabel(textwrap.fill(label, width, break_long_words=False))
    if (points[cost] > 0).all():
        log_axis(ax, points[cost] / scale)
    ax.grid(linewidth=0.4, alpha=0.4)
    ax.spines[["top", "right"]].set_visible(False)


def log_axis(ax: Axes, values: Any) -> None:
    """A logarithmic horizontal axis with plain numbers, as many as there is room for."""
    ticker = require("matplotlib.ticker")
    ax.set_xscale("log")
    low, high = float(min(values)), float(max(values))
    choices = _ticks(low, high)
    ticks = next((own for own in choices if own and _fit(own, low, high, letters_below(ax))), [low])
    ax.xaxis.set_major_locator(ticker.FixedLocator(ticks))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(ticker.NullFormatter())


def _ticks(low: float, high: float) -> Iterator[list[float]]:
    """Where ticks may stand, most first: at 1, 2, 5, ..., or, on a long axis, 1, 10, ..."""
    ticker = require("matplotlib.ticker")
    if high < SHORT * low:
        for count in range(6, 0, -1):
            found = ticker.MaxNLocator(count, steps=[1, 2, 5, 10]).tick_values(low, high)
            yield [float(tick) for tick in found if low <= tick <= high]
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    for apart in range(1, last - first + 2):
        for steps in ((1, 2, 5), (1, 3), (1,)) if apart == 1 and high <= LONG * low else ((1,),):
            decades = range(-(-first // apart) * apart, last + 1, apart)
            found = [float(f"{step}e{decade}") for decade in decades for step in steps]
            yield [tick for tick in found if low <= tick <= high]


def _fit(ticks: list[float], low: float, high: float, letters: float) -> bool:
    """Whether labels of ticks have room beside each other."""
    half = [len(f"{tick:g}") / 2 for tick in ticks]
    scale = letters / math.log(high / low) if high > low else math.inf
    return all(
        scale * math.log(b / a) >= GAP + own + other
        for (a, own), (b, other) in itertools.pairwise(zip(ticks, half, strict=True))
    )
