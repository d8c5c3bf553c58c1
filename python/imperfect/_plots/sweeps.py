# SPDX-License-Identifier: BSD-3-Clause
"""Measures of a sweep against its knobs: lines with bands, panels of them, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._checks import check_instance
from imperfect._plots.pareto import log_axis
from imperfect._plots.style import (
    COLUMN_INCHES,
    STYLES,
    TICK_DISTANCE,
    add_legend,
    check_axes,
    figure_of,
    letters_below,
    look,
    new_figure,
    plain,
)
from imperfect._plots.sweep_values import (
    Groups,
    chosen_measures,
    groups_of,
    knob_label,
    label_of,
    measured,
    spread_by,
    styles_of,
)
from imperfect.sweep import Results
from imperfect.sweep._intervals import Sample

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.lines import Line2D

LOG_FROM = 20  # ratio of the greatest value to the least
FULL = 0.7  # of the room below axes; a colour bar takes some of it
SPREAD = "lines: mean over machines and chips; bands: worst to best chip"
PANELS_IN_ROW, PANEL_INCHES = 4, 1.75
BLACK, WHITE = "#111111", "#ffffff"
DARKEST_BEHIND_BLACK = 0.19  # relative luminance: both have the same contrast


def sweep_lines(
    results: Results,
    knob: str,
    measures: Sequence[str] | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw measures against a knob: mean over chips, band from the worst to the best chip.

    Where several machines have the same value of the knob, a line is the mean over them, each
    with the same weight. A band then tells how chips differ, not how machines do: chips of the same
    seed are one chip, whose distance from the machines' means is averaged. Machines without the
    knob are left out.

    Parameters
    ----------
    results
        What ``sweep.run`` or ``sweep.load`` returned.
    knob
        One of ``results.knobs``. Of more than 12 numbers, 6 groups of neighbours are drawn at
        their means. Positive numbers more than a factor of 20 apart are on a logarithmic axis;
        text, and numbers so far apart with a zero among them, stand side by side.
    measures
        Some of ``results.measures``, of one unit; None takes the accuracies that were measured:
        float, collapsed, refitted and the controls shuffled and pixels.
    ax
        Axes to draw into, without a legend; None makes a figure one column wide that has one.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there is no such knob or measure, or an argument does not fit.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [2, 4]})
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> results = im.sweep.run(im.sweep.tasks(space, measures=parity), stop=3)
    >>> ax = im.plot.sweep_lines(results, "cell.bits")
    >>> [round(float(y), 2) for y in ax.lines[0].get_ydata()]
    [0.67, 0.67]
    """
    groups = groups_of(results, "knob", knob)
    names = chosen_measures(results, "measures", measures)
    if ax is not None:
        check_axes("ax", ax)
    with look():
        panel = new_figure(COLUMN_INCHES, 3.0).subplots() if ax is None else ax
        draw_lines(panel, samples_of(results, names), knob, groups)
        if ax is None:
            add_legend(panel, title=SPREAD)
    return panel


def sweep_panels(
    results: Results,
    knob: str,
    by: str,
    ax: Sequence[Axes] | None = None,
    *,
    measures: Sequence[str] | str | None = None,
) -> list[Axes]:
    """Draw ``sweep_lines`` in a panel for each value of a second knob.

    Parameters
    ----------
    results, knob, measures
        As in ``sweep_lines``.
    by
        The second knob. Machines without it are left out.
    ax
        Axes to draw into, one for each value (or group of values) of ``by``, without a legend; None
        makes a figure with one, at most four panels in a row, with a common vertical axis.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        As ``sweep_lines``; if both knobs are the same, or there are more or fewer axes than values.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> vary = {"cell.bits": [2, 4], "weight_bits": [6, 8]}
    >>> space = im.sweep.Space.grid(im.Hardware(), vary)
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> results = im.sweep.run(im.sweep.tasks(space, measures=parity), stop=1)
    >>> [ax.get_title() for ax in im.plot.sweep_panels(results, "cell.bits", "weight_bits")]
    ['weight_bits = 6', 'weight_bits = 8']
    """
    groups, others = groups_of(results, "knob", knob), groups_of(results, "by", by)
    if knob == by:
        raise ValueError(f"by={by!r}: must be another knob than knob={knob!r}")
    samples = samples_of(results, chosen_measures(results, "measures", measures))
    count = len(others.labels)
    with look():
        panels = _new_panels(count) if ax is None else _checked_panels(ax, count, by)
        for place, panel in enumerate(panels):
            own = groups.codes.where(others.codes == place, -1)
            draw_lines(panel, samples, knob, groups._replace(codes=own))
            panel.set_title(f"{plain(by)} = {plain(others.labels[place])}", fontsize=7)
        if ax is None:
            for place, panel in enumerate(panels):
                if place % PANELS_IN_ROW:
                    panel.set_ylabel("")
                if place < count - PANELS_IN_ROW:
                    panel.set_xlabel("")
            add_legend(panels[0], 4 if count > 2 else 2, title=SPREAD)
    return panels


def _new_panels(count: int) -> list[Axes]:
    """As many panels, with a common vertical axis."""
    columns = min(count, PANELS_IN_ROW)
    rows = -(-count // columns)
    figure = new_figure(max(COLUMN_INCHES, columns * PANEL_INCHES), 0.6 + 1.9 * rows)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for panel in panels[count:]:
        panel.remove()
    return panels[:count]


def _checked_panels(ax: Any, count: int, by: str) -> list[Axes]:
    allowed = "a sequence of matplotlib Axes, or None for new ones"
    check_instance("ax", ax, (Sequence, np.ndarray), allowed)
    panels = list(np.ravel(np.array(ax, object)))
    for index, panel in enumerate(panels):
        check_axes(f"ax[{index}]", panel)
    if len(panels) != count:
        raise ValueError(f"ax: {len(panels)} axes for {count} values of {by!r}")
    return panels


def sweep_heat_map(
    results: Results, x: str, y: str, measure: str = "refitted", ax: Axes | None = None
) -> Axes:
    """Draw a measure as a map of two knobs, its value in each cell.

    A cell is the mean over the machines that have both values, each with the same weight, of their
    means over chips: other knobs are averaged over. Cells without a machine stay empty.

    Parameters
    ----------
    results
        What ``sweep.run`` or ``sweep.load`` returned.
    x, y
        The knobs across and upwards. Of more than 12 numbers, there are 6 groups of neighbours.
    measure
        One of ``results.measures``. Colours of accuracies go from 0 to 1, those of others from the
        least value to the greatest.
    ax
        Axes to draw into; a colour bar takes some of their room. None makes a figure one column
        wide.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there is no such knob or measure, both knobs are the same, no machine has both of them,
        or an argument does not fit.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> vary = {"cell.bits": [2, 4], "weight_bits": [6, 8]}
    >>> space = im.sweep.Space.grid(im.Hardware(), vary)
    >>> bits = im.sweep.Measure("bits", 1, lambda subject: {"bits": subject.hardware.cell.bits})
    >>> results = im.sweep.run(im.sweep.tasks(space, measures=bits), stop=1)
    >>> ax = im.plot.sweep_heat_map(results, "cell.bits", "weight_bits", "bits")
    >>> ax.collections[0].get_array().tolist()
    [[2.0, 4.0], [2.0, 4.0]]
    """
    across, upwards = groups_of(results, "x", x), groups_of(results, "y", y)
    if x == y:
        raise ValueError(f"y={y!r}: must be another knob than x={x!r}")
    sample = measured(results, "measure", measure)
    if ax is not None:
        check_axes("ax", ax)
    with look():
        panel = new_figure(COLUMN_INCHES, 2.9).subplots() if ax is None else ax
        draw_heat_map(panel, {measure: sample}, {x: across, y: upwards})
    return panel


def samples_of(results: Results, measures: Sequence[str]) -> dict[str, Sample]:
    """Measures by their names; refuses those that nothing was measured of."""
    found = {name: measured(results, "measures", name) for name in measures}
    if not any(len(own.machines) for own in found.values()):
        raise ValueError(f"results: no machine has {list(measures)}")
    return found


def draw_lines(
    ax: Axes, samples: Mapping[str, Sample], knob: str, groups: Groups
) -> list[tuple[Line2D, pd.DataFrame]]:
    """Lines and bands, and the means that each line stands for, in order."""
    measures = list(samples)
    places = _place(ax, groups)
    drawn = []
    for measure, style in styles_of(measures).items():
        scale = label_of(measure)[1] if len(measures) == 1 else 1.0
        spread = spread_by(measure, samples[measure], groups.codes)
        if not len(spread):
            continue
        x = places[spread["group"]]
        (line,) = ax.plot(x, spread["mean"] / scale, style.dashes, label=style.label)
        line.set(color=style.color, linewidth=style.width, marker=style.marker, markersize=3.5)
        low, high = spread["low"] / scale, spread["high"] / scale
        ax.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0)
        labels = [groups.labels[group] for group in spread["group"]]
        drawn.append((line, spread.assign(measure=measure, value=labels)))
    _label_lines(ax, knob, measures)
    return drawn


def _label_lines(ax: Axes, knob: str, measures: Sequence[str]) -> None:
    ax.set_xlabel(knob_label(knob))
    if all(name in STYLES for name in measures):
        ax.set_ylim(0, 1)
        ax.set_ylabel("Test accuracy")
    else:
        ax.set_ylabel(plain(label_of(measures[0])[0]) if len(measures) == 1 else "Mean over chips")
    ax.grid(axis="y", linewidth=0.4, alpha=0.4)
    ax.spines[["top", "right"]].set_visible(False)


def _place(ax: Axes, groups: Groups) -> np.ndarray[Any, Any]:
    """Where groups stand on the horizontal axis, with ticks."""
    places = groups.places
    positive = places[places > 0]
    is_wide = len(positive) > 1 and positive.max() > LOG_FROM * positive.min()
    if not groups.is_number or (is_wide and len(positive) < len(places)):
        _write_ticks(ax, np.arange(len(places)), groups.labels)
        return np.arange(len(places), dtype=float)
    if is_wide:
        log_axis(ax, places)
    shown = np.log(places) if is_wide else places
    # Why: labels are not to overlap in a narrow panel either.
    apart = max(TICK_DISTANCE, (max(map(len, groups.labels)) + 1) / letters_below(ax))
    if groups.is_exact and np.all(np.diff(shown) >= apart * (shown[-1] - shown[0])):
        _write_ticks(ax, places, groups.labels)
    return places


def _write_ticks(ax: Axes, places: Any, labels: list[str]) -> None:
    """Labels at places, slanted if they are long together."""
    shown = list(map(plain, labels))
    ax.set_xticks(places, shown)
    ax.minorticks_off()
    if max(map(len, shown)) * len(shown) > FULL * letters_below(ax):
        for label in ax.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def draw_heat_map(
    ax: Axes, sample: Mapping[str, Sample], knobs: Mapping[str, Groups]
) -> tuple[QuadMesh, pd.DataFrame]:
    """Cells with their values, and the means that they stand for, by rows from below."""
    (measure, own), ((x, across), (y, upwards)) = *sample.items(), knobs.items()
    width, height = len(across.labels), len(upwards.labels)
    both = (across.codes >= 0) & (upwards.codes >= 0)
    spread = spread_by(measure, own, (upwards.codes * width + across.codes).where(both, -1))
    if not len(spread):
        raise ValueError(f"x={x!r}, y={y!r}: no machine that has both was measured: {measure!r}")
    spread = spread.set_index("group").reindex(range(width * height)).reset_index()
    label, scale = label_of(measure)
    values = spread["mean"].to_numpy().reshape(height, width) / scale
    mesh = ax.pcolormesh(
        np.arange(width + 1) - 0.5, np.arange(height + 1) - 0.5, np.ma.masked_invalid(values),
        cmap="viridis",
    )  # fmt: skip
    if measure in STYLES:
        mesh.set_clim(0, 1)
    _write_values(ax, mesh, values, "{:.2f}" if measure in STYLES else "{:.3g}")
    _write_ticks(ax, np.arange(width), across.labels)
    ax.set_yticks(np.arange(height), list(map(plain, upwards.labels)))
    ax.set_xlabel(knob_label(x))
    ax.set_ylabel(knob_label(y))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = figure_of(ax).colorbar(mesh, ax=ax, label=plain(label))
    bar.outline.set_visible(False)
    labels = {"x": across.labels * height, "y": np.repeat(upwards.labels, width).tolist()}
    return mesh, spread.assign(measure=measure, x=labels["x"], y=labels["y"])


def _write_values(ax: Axes, mesh: QuadMesh, values: np.ndarray[Any, Any], shape: str) -> None:
    """The value in each cell, black or white, whichever stands out more from its colour."""
    size = 7 if values.shape[1] <= 6 else 5.5
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        red, green, blue = (_linear(part) for part in mesh.to_rgba(value)[:3])
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        color = BLACK if luminance > DARKEST_BEHIND_BLACK else WHITE
        ax.text(column, row, shape.format(value), ha="center", va="center", color=color, size=size)


def _linear(part: float) -> float:
    """A component of sRGB as an amount of light (IEC 61966-2-1)."""
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
