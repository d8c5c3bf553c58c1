# SPDX-License-Identifier: BSD-3-Clause
"""A chip's errors along its layers, and what each layer's own error consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._plots.style import COLUMN_INCHES, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imperfect.diagnosis import Diagnosis

COLORS = {
    "weights": "#999999", "programming": "#D55E00", "faults": "#000000", "drift": "#CC79A7",
    "read noise": "#0072B2", "nonlinear cells": "#F0E442", "wires": "#009E73", "DAC": "#56B4E9",
    "ADC": "#E69F00",
}  # fmt: skip


def diagnosis(found: Diagnosis) -> Figure:
    """Draw errors growing along the network, and the sources of each layer's own error.

    Above: the error of each layer's output inside the chip and, dashed, on float inputs, as the
    standard deviation relative to the signal's. Below: shares of the layer's own error that go away
    without each source, negative ones left out and, where they add up to more than 1, scaled to 1;
    grey numbers are points of accuracy that come back if the layer is kept digital.

    Parameters
    ----------
    found
        What ``diagnose`` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import imperfect as im
    >>> hw = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)))
    >>> chip = im.AnalogNetwork(im.data.scattered_mobilenet(), hw)
    >>> found = im.diagnose(chip, im.data.scattered_fashion()[2][:16])
    >>> found.plot().axes[0].get_ylabel()
    'Relative error'
    """
    layers = found.layers
    with look():
        figure = new_figure(2 * COLUMN_INCHES, 4.6)
        above, below = figure.subplots(2, 1, sharex=True)
        position = layers["position"].to_numpy()
        own = 10 ** (-layers["own_snr_db"] / 20)
        inside = 10 ** (-layers["snr_db"] / 20)
        above.semilogy(position, inside, "o-", color="#D55E00", ms=3, label="inside the chip")
        above.semilogy(position, own, "s--", color="#0072B2", ms=3, label="on float inputs")
        above.set_ylabel("Relative error")
        above.legend(frameon=False)
        if len(found.sources):
            _draw_sources(below, found.sources)
        if "points_back" in layers:
            for place, points in zip(position, layers["points_back"], strict=True):
                text = f"{round(points):+d}"
                below.text(place, 1.02, text, ha="center", fontsize=6, color="#666666")
        below.set_ylim(0, 1.1)
        below.set_ylabel("Share of own error")
        below.set_xticks(position, layers["layer"], rotation=90, fontsize=6)
    return figure


def _draw_sources(panel: Axes, sources: Any) -> None:
    """Stacked bars, one for each layer."""
    table = sources.pivot(index="position", columns="source", values="share").clip(lower=0)
    table = table.fillna(0.0).div(np.maximum(table.sum(axis=1), 1.0), axis=0)
    bottom = np.zeros(len(table))
    for name, color in COLORS.items():
        if name in table:
            panel.bar(table.index, table[name], bottom=bottom, color=color, label=name, width=0.8)
            bottom = bottom + table[name].to_numpy()
    panel.legend(frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.24))
