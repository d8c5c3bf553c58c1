# SPDX-License-Identifier: BSD-3-Clause
"""What the machines of a sweep give for what they cost, and which knob matters most."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imperfect import sweep
from imperfect._checks import choice
from imperfect._plots.pareto import SAME_FOR_ALL, draw_method, label_cost
from imperfect._plots.style import (
    COLUMN_INCHES,
    STYLES,
    add_legend,
    check_axes,
    look,
    new_figure,
    plain,
)
from imperfect._plots.sweep_values import (
    chosen_measures,
    label_of,
    measured,
    styles_of,
)
from imperfect.sweep import Results
from imperfect.sweep._intervals import sample_of
from imperfect.sweep._results import check_sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

HEADS = ("collapsed", "refitted")
CONTROL = "shuffled"
# What is said where no share of the variance is known.
TOO_FEW = "these machines are too few, or were chosen so, that knobs cannot be told apart"


def sweep_frontier(
    results: Results,
    cost: str = "energy",
    qualities: Sequence[str] | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw quality against cost: a marker for each machine, and the frontier of each quality.

    Markers, bars and frontiers are those of ``sweep.frontier``. Hollow: the machine's total leaves
    out components that other totals include, so that it is too low. Beside accuracies stand their
    controls where they were measured: markers of the one with shuffled weights, which have no
    frontier, and lines at the means of raw inputs and of the float network.

    Parameters
    ----------
    results
        What ``sweep.run`` or ``sweep.load`` returned.
    cost
        The horizontal axis, one of ``results.measures``; logarithmic if all are positive.
    qualities
        Some of ``results.measures``, of one unit; None takes collapsed and refitted, as far as they
        were measured.
    ax
        Axes to draw into, without a legend; None makes a figure one column wide that has one.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        As ``sweep.frontier``, or if an argument does not fit.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> def toy(subject):
    ...     bits = subject.hardware.cell.bits
    ...     return {"refitted": 1 - 1 / bits, "energy": bits * 1e-6}
    >>> space = im.sweep.Space.grid(im.Hardware(), {"cell.bits": [2, 4]})
    >>> tasks = im.sweep.tasks(space, measures=im.sweep.Measure("toy", 1, toy))
    >>> im.plot.sweep_frontier(im.sweep.run(tasks, stop=2)).get_xlabel()
    'Energy of an inference (µJ)'
    """
    names = frontier_qualities(results, cost, qualities)
    if ax is not None:
        check_axes("ax", ax)
    with look():
        panel = new_figure(COLUMN_INCHES, 3.4).subplots() if ax is None else ax
        found = {name: sweep.frontier(results, cost, name) for name in names}
        draw_frontier(panel, results, cost, found)
        if ax is None:
            add_legend(panel)
    return panel


def sweep_effects(results: Results, quality: str = "refitted", ax: Axes | None = None) -> Axes:
    """Draw how much each knob matters: a bar from the lowest mean of one value to the highest.

    Numbers are those of ``sweep.effects``: means over the machines that have the value, and beside
    each bar the share of the variance between machines that the knob explains, or a dash where that
    cannot be told. A line says so where it can be told of no knob. Of three knobs or more that are
    one row, the first is named.

    Parameters
    ----------
    results
        What ``sweep.run`` or ``sweep.load`` returned.
    quality
        One of ``results.measures``.
    ax
        Axes to draw into; None makes a figure one column wide.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        As ``sweep.effects``, or if an argument does not fit.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> space = im.sweep.Space.grid(im.Hardware(), {"cell.bits": [2, 4]})
    >>> bits = im.sweep.Measure("bits", 1, lambda subject: {"bits": subject.hardware.cell.bits})
    >>> results = im.sweep.run(im.sweep.tasks(space, measures=bits), stop=2)
    >>> float(im.plot.sweep_effects(results, "bits").patches[0].get_width())
    2.0
    """
    if ax is not None:
        check_axes("ax", ax)
    check_sweep(results)
    measured(results, "quality", quality)
    found = sweep.effects(results, quality)
    with look():
        height = 0.9 + 0.26 * len(found)
        panel = new_figure(COLUMN_INCHES, height).subplots() if ax is None else ax
        draw_effects(panel, found, quality)
    return panel


def frontier_qualities(results: Results, cost: Any, qualities: Any) -> list[str]:
    """Checked qualities; the two heads, as far as they were measured, if none are given."""
    check_sweep(results)
    choice("cost", cost, results.measures)
    if qualities is None:
        qualities = [name for name in HEADS if name in results.measures] or None
    names = chosen_measures(results, "qualities", qualities)
    for name in names:
        measured(results, "qualities", name)
    return names


def draw_frontier(
    ax: Axes, results: Results, cost: str, found: Mapping[str, pd.DataFrame]
) -> list[tuple[Artist, pd.DataFrame]]:
    """Markers, bars and frontiers by quality, and the machines that markers and bars stand for."""
    qualities = list(found)
    are_accuracies = all(name in STYLES for name in qualities)
    shown = dict(found)
    if are_accuracies and CONTROL not in found and _has_both(results, CONTROL, cost):
        shown[CONTROL] = sweep.frontier(results, cost, CONTROL)
    drawn = []
    for name, style in styles_of(list(shown)).items():
        points = shown[name].rename(columns={name: "accuracy"}).assign(measure=name)
        drawn += draw_method(ax, points, cost, style)
    for name in SAME_FOR_ALL if are_accuracies else ():
        if name not in shown and _has_both(results, name, name):
            style = STYLES[name]
            level = measured(results, "qualities", name).machines["mean"].mean()
            line = ax.axhline(level, color=style.color, label=style.label)
            line.set(linestyle=style.dashes, linewidth=0.8)
    label_cost(ax, found[qualities[0]], cost)
    ax.set_ylabel("Test accuracy" if are_accuracies else plain(label_of(qualities[0])[0]))
    if are_accuracies:
        ax.set_ylim(0, 1)
    return drawn


def _has_both(results: Results, quality: str, cost: str) -> bool:
    """Whether some machine has two measures."""
    if quality not in results.measures:
        return False
    own, other = (sample_of(results, "qualities", name).machines for name in (quality, cost))
    return len(own.index.intersection(other.index)) > 0


def untold(found: pd.DataFrame) -> list[str]:
    """Knobs whose share of the variance is not known, though machines differ."""
    gaps = found["share"].isna() & (found["values"] > 1) & (found["spread"].max() > 0)
    return list(found.loc[gaps, "knob"])


def is_told(found: pd.DataFrame) -> bool:
    """Whether the share of the variance of some knob that varies is known."""
    return bool((found["share"].notna() & (found["values"] > 1)).any())


def draw_effects(ax: Axes, found: pd.DataFrame, quality: str) -> BarContainer:
    """A bar for each knob, the one that matters most on top."""
    label, scale = label_of(quality)
    places = range(len(found))
    bars = ax.barh(
        places, (found["highest"] - found["lowest"]) / scale, 0.62, found["lowest"] / scale,
        color=styles_of([quality])[quality].color, alpha=0.8,
    )  # fmt: skip
    names = [name.split(" + ") for name in found["knob"]]
    # Why: a row has room for two lines.
    shown = [
        " +\n".join(map(plain, own)) if len(own) < 3 else f"{plain(own[0])} +\n{len(own) - 1} more"
        for own in names
    ]
    texts = [f"{100 * share:.0f} %" if share == share else "–" for share in found["share"]]
    ax.bar_label(bars, texts, padding=3, size=7)
    ax.set_yticks(places, shown)
    ax.invert_yaxis()
    if quality in STYLES:
        ax.set_xlim(0, 1)
    else:
        ax.margins(x=0.16)
    note = "%: share of the variance"
    if untold(found):
        note = f"{note}, –: cannot be told" if is_told(found) else textwrap.fill(TOO_FEW, 44)
    ax.set_xlabel(f"{plain(label)}, lowest to highest mean\n({note})", loc="right")
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return bars
