# SPDX-License-Identifier: BSD-3-Clause
"""Figures of studies and sweeps, sized for a column of a paper (3.5 inches).

Lines are means over chips, bands reach from the worst chip to the best. Colours are those of
Okabe & Ito (2008), which people with any kind of colour vision tell apart; markers and dashes
tell the lines apart without colour. Figures are made without pyplot, so nothing global changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from imperfect._checks import check_instance
from imperfect._plots.adc_ranges import converter_rows, draw_rows, row_inches
from imperfect._plots.diagnosis import diagnosis
from imperfect._plots.measured_device import draw_deviations, draw_drift
from imperfect._plots.methods import draw_methods
from imperfect._plots.pareto import pareto
from imperfect._plots.style import (
    COLUMN_INCHES,
    STYLES,
    TICK_DISTANCE,
    add_legend,
    check_axes,
    figure_of,
    look,
    new_figure,
    plain,
)
from imperfect._plots.sweep_frontier import sweep_effects, sweep_frontier
from imperfect._plots.sweeps import sweep_heat_map, sweep_lines, sweep_panels
from imperfect._tables import check_results, check_table
from imperfect.device import MeasuredDevice
from imperfect.layers import AnalogLayer, AnalogRecurrent
from imperfect.network import AnalogNetwork

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "adc_ranges",
    "collapse_and_recover",
    "diagnosis",
    "layers",
    "measured_device",
    "pareto",
    "sweep_effects",
    "sweep_frontier",
    "sweep_heat_map",
    "sweep_lines",
    "sweep_panels",
]

SPREAD = "lines: mean over chips; bands: from the worst chip to the best"
DOTS = "dots: chips; large marks: their mean"
MOST_NAMES = 40
LINES = [STYLES[name] for name in ("collapsed", "refitted", "bn_reestimated", "affine")]
AXIS_LABELS = {
    "cell.programming.sigma": r"Programming error $\sigma$ (%)",
    "cell.bits": "Bits per cell",
}


def collapse_and_recover(
    results: pd.DataFrame,
    ax: Axes | Sequence[Axes] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Draw accuracy against each knob: mean over chips, band from the worst to the best chip.

    A knob with a single value, such as hardware that did not vary, has one column for each method
    instead: a dot for each chip and a mark at their mean.

    Parameters
    ----------
    results
        What ``study.collapse_and_recover`` returned, or part of it.
    ax
        Axes to draw into, one per knob, without a legend; None makes a figure with one legend and
        a panel per knob, each 3.5 inches wide.
    labels
        Labels of the horizontal axes by knob. A standard deviation (a field whose name ends in
        "sigma") is drawn in percent.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        If a column or one of its values is missing, a method is unknown, an accuracy is not from
        0 to 1, there are no rows, or not as many axes as knobs.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import plot
    >>> results = pd.DataFrame({
    ...     "knob": "cell.bits", "value": [1, 2], "chip": 0, "method": "refitted",
    ...     "accuracy": [0.5, 0.8],
    ... })
    >>> figure = plot.collapse_and_recover(results)
    >>> figure.axes[0].get_xlabel()
    'Bits per cell'
    """
    check_results(results, STYLES)
    names = AXIS_LABELS | _checked_labels(labels)
    with look():
        figure, panels = _panels(results["knob"].nunique(), ax)
        lined = []
        for panel, (knob, rows) in zip(panels, results.groupby("knob", sort=False), strict=True):
            label = names.get(str(knob), str(knob))
            if rows["value"].nunique() == 1:
                draw_methods(panel, rows)
                panel.set_xlabel(f"{label}: {_shown(rows['value'].iloc[0], _scale(str(knob)))}")
                panel.set_title(DOTS if ax is None else "", fontsize="medium")
            else:
                _draw_knob(panel, rows, str(knob))
                panel.set_xlabel(label)
                lined.append(panel)
            panel.set_ylabel("Test accuracy")
            panel.set_ylim(0, 1)
            panel.grid(axis="y", linewidth=0.4, alpha=0.4)
            panel.spines[["top", "right"]].set_visible(False)
        if ax is None and lined:
            add_legend(lined[0], 2 if len(panels) == 1 else 4, title=SPREAD)
    return figure


def layers(
    report: pd.DataFrame,
    ax: Axes | None = None,
    *,
    by: str | None = None,
) -> Figure:
    """Draw the signal-to-error ratio along the layers of one or several chips.

    Solid: inside the chip, on all errors of the layers before. Dashed: each layer alone, on the
    float network's inputs. Lines are means over rows of one layer, bands reach from the least to
    the greatest; infinite ratios are left out.

    Parameters
    ----------
    report
        What ``diagnosis.layer_report`` returned, or several of them in one table.
    ax
        Axes to draw into, without a legend; None makes a figure two columns wide that has one.
    by
        Column whose values are drawn as lines of their own, such as one you added to each report.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        If a column or one of its values is missing, or there are no rows.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import plot
    >>> report = pd.DataFrame({
    ...     "layer": ["stem", "head"], "position": [1, 2], "snr_db": [30.0, 20.0],
    ...     "own_snr_db": [30.0, 25.0],
    ... })
    >>> plot.layers(report).axes[0].get_ylabel()
    'Signal-to-error ratio (dB)'
    """
    check_instance("by", by, (str, type(None)), "the name of a column, or None")
    numbers = ("position", "snr_db", "own_snr_db")
    check_table("report", report, ("layer", *numbers, *([] if by is None else [by])), numbers)
    if ax is not None:
        check_axes("ax", ax)
    with look():
        panel = new_figure(2 * COLUMN_INCHES, 4.0).subplots() if ax is None else ax
        values = [None] if by is None else list(report[by].unique())
        for index, value in enumerate(values):
            rows = report if by is None else report[report[by] == value]
            _draw_ratios(panel, rows, index, "" if by is None else f"{by} = {value}, ")
        _label_layers(panel, report)
        if ax is None:
            add_legend(panel, min(len(values), 3), "upper", title=SPREAD)
    return figure_of(panel)


def measured_device(device: MeasuredDevice, ax: Axes | Sequence[Axes] | None = None) -> Figure:
    """Draw measured deviations of a device, with standard errors, and the laws through them.

    The grey stretch is the widest in which nothing was measured. A device with drift has a second
    panel: the mean change of the conductance at each time, and a band of the deviations of cells.

    Parameters
    ----------
    device
        What ``device.from_measurements`` returned.
    ax
        Axes to draw into, two of them for a device with drift; None makes a figure with panels one
        column wide.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If there are more or fewer axes than panels.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> from imperfect import device, plot
    >>> rows = {"target": [1e-6, 1e-6, 5e-6, 5e-6], "conductance": [9e-7, 1e-6, 5e-6, 6e-6]}
    >>> plot.measured_device(device.from_measurements(rows)).axes[0].get_xlabel()
    'Conductance (fraction of $g_{max}$)'
    """
    check_instance("device", device, MeasuredDevice, "a MeasuredDevice")
    with look():
        count = 1 if device.drift is None else 2
        figure, panels = _panels(count, ax, "panels of this device")
        draw_deviations(panels[0], device)
        if device.drift_fit is not None:
            draw_drift(panels[1], device.drift_fit)
        for panel in panels:
            panel.set_xlabel("Conductance (fraction of $g_{max}$)")
            panel.set_xlim(0, 1.02)
            panel.legend(frameon=False)
    return figure


def adc_ranges(
    layer: AnalogLayer | AnalogRecurrent | AnalogNetwork, x: Any, ax: Axes | None = None
) -> Figure:
    """Draw how the currents of a layer, or of all layers of a chip, lie in the ADCs' ranges.

    One row for each slice, and for each polarity that is converted on its own. Bars are on a
    logarithmic scale of five decades: 1 + log10(p / p_max) / 5 of a row's height, p the part of
    the currents in a bar. To the right: how much of them is clipped, and the entropy of the
    codes; see ``calibration_report``, which has the numbers and says what noise is included.

    Parameters
    ----------
    layer
        A layer or a chip, calibrated if its hardware needs that.
    x
        Inputs as in a call.
    ax
        Axes to draw into, without a legend; None makes a figure one column wide for a layer, two
        for a chip.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        If no layer has output converters, the inputs do not fit, or an argument is of another
        kind.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> hardware = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
    >>> layer = im.AnalogLinear([[1.0, 2.0]], hardware=hardware)
    >>> layer.calibrate([[0.5, -1.0], [1.0, 0.25]])
    >>> im.plot.adc_ranges(layer, [[0.5, -1.0]]).axes[0].get_xlabel()
    "Current in the converter's range"
    """
    allowed = "a layer or an AnalogNetwork"
    check_instance("layer", layer, (AnalogLayer, AnalogRecurrent, AnalogNetwork), allowed)
    if ax is not None:
        check_axes("ax", ax)
    if isinstance(layer, AnalogNetwork):
        width, rows = 2 * COLUMN_INCHES, converter_rows(layer._conversions(x))
    else:
        width, rows = COLUMN_INCHES, converter_rows(layer._reports(x))
    with look():
        size = width, 1.0 + row_inches(rows) * (len(rows) + 1)
        panel = new_figure(*size).subplots() if ax is None else ax
        draw_rows(panel, rows)
        if ax is None:
            add_legend(panel, 3, "upper", handlelength=1.2, columnspacing=1.2)
    return figure_of(panel)


def _panels(
    count: int, ax: Axes | Sequence[Axes] | None, what: str = "knobs in results"
) -> tuple[Figure, list[Axes]]:
    """The figure and one panel for each of what is drawn."""
    if ax is None:
        figure = new_figure(COLUMN_INCHES * count, 3.2 if count == 1 else 2.9)
        return figure, list(figure.subplots(1, count, squeeze=False)[0])
    several = isinstance(ax, Sequence | np.ndarray) and not isinstance(ax, str)
    panels: list[Any] = list(cast("Sequence[Axes]", ax)) if several else [ax]
    for index, panel in enumerate(panels):
        check_axes(f"ax[{index}]" if several else "ax", panel)
    if len(panels) != count:
        raise ValueError(f"ax: {len(panels)} axes for {count} {what}")
    return figure_of(panels[0]), panels


def _checked_labels(labels: Any) -> dict[str, str]:
    allowed = "a dictionary from knobs to labels, or None"
    check_instance("labels", labels, (Mapping, type(None)), allowed)
    chosen = dict(labels or {})
    for knob, text in chosen.items():
        check_instance(f"labels[{knob!r}]", text, str, "a string")
    return chosen


def _draw_knob(ax: Axes, rows: pd.DataFrame, knob: str) -> None:
    values = list(rows["value"].unique())
    places = _place_values(ax, values, _scale(knob))
    for method, style in STYLES.items():
        chosen = rows[rows["method"] == method]
        if not len(chosen):
            continue
        spread = chosen.groupby("value")["accuracy"].agg(["mean", "min", "max"]).reindex(values)
        (line,) = ax.plot(places, spread["mean"], style.dashes, label=style.label)
        line.set(color=style.color, linewidth=style.width, marker=style.marker, markersize=3.5)
        ax.fill_between(
            places, spread["min"], spread["max"], color=style.color, alpha=0.15, linewidth=0
        )


def _scale(knob: str) -> float:
    """Standard deviations are drawn in percent."""
    return 100.0 if knob.endswith("sigma") else 1.0


def _shown(value: Any, scale: float) -> str:
    """A value as text; numbers on the scale of the axes."""
    is_number = isinstance(value, float | int | np.number) and not isinstance(value, bool)
    return f"{value * scale:g}" if is_number else plain(str(value))


def _place_values(ax: Axes, values: list[Any], scale: float) -> list[float]:
    """Where the values stand on the horizontal axis, with ticks; sorts them if they are numbers."""
    if not all(isinstance(v, float | int | np.number) and np.isfinite(v) for v in values):
        ax.set_xticks(range(len(values)), [str(value) for value in values])
        return list(range(len(values)))
    values.sort()
    places = [value * scale for value in values]
    if np.all(np.diff(places) >= TICK_DISTANCE * (places[-1] - places[0])):
        ax.set_xticks(places, [f"{place:g}" for place in places])
    return places


def _draw_ratios(ax: Axes, rows: pd.DataFrame, index: int, label: str) -> None:
    """One line inside the chip and one of the layers alone."""
    style = LINES[index % len(LINES)]
    kinds = (("snr_db", "-", "inside the chip"), ("own_snr_db", "--", "each layer alone"))
    for column, dashes, kind in kinds:
        finite = rows[np.isfinite(rows[column])]
        spread = finite.groupby("position")[column].agg(["mean", "min", "max"])
        (line,) = ax.plot(spread.index, spread["mean"], dashes, label=label + kind)
        face = style.color if dashes == "-" else "white"
        line.set(color=style.color, marker=style.marker, markersize=3.5, markerfacecolor=face)
        ax.fill_between(
            spread.index, spread["min"], spread["max"], color=style.color, alpha=0.15, linewidth=0
        )


def _label_layers(ax: Axes, report: pd.DataFrame) -> None:
    """Names under the layers; where there are many, under every second or third."""
    names = report.drop_duplicates("position").sort_values("position")
    step = -(-len(names) // MOST_NAMES)
    ax.set_xticks(names["position"][::step], names["layer"][::step], rotation=90)
    ax.set_xlabel("Layer, in the order of computation")
    ax.set_ylabel("Signal-to-error ratio (dB)")
    ax.grid(axis="y", linewidth=0.4, alpha=0.4)
    ax.spines[["top", "right"]].set_visible(False)
