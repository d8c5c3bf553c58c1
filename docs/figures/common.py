# SPDX-License-Identifier: BSD-3-Clause
"""What all figures share: their look, their size, and cells with given targets.

Lines are equations, written out in these files a second time; dots are what the package draws.
Conductances g are relative to g_max.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imperfect as im
from imperfect._plots.style import COLUMN_INCHES, RC, new_figure

Array = NDArray[np.float64]
Law = Callable[[Array], Array]

BLUE, ORANGE, GREEN, PINK, GREY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666", "#000000",
)  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN, PINK)
DOTS: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 2.6}
LOOK = RC | {"axes.titlesize": 8.0, "axes.titlepad": 3.0, "legend.frameon": False}
PAGE_INCHES = 2 * COLUMN_INCHES
DOTS_PER_INCH = 160


def panels(rows: int, columns: int, height: float, width: float = PAGE_INCHES) -> Any:
    """A figure of ``rows`` x ``columns`` panels, and these, row by row."""
    figure = new_figure(width, height)
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()


def save(figure: Any, path: Any) -> None:
    """Write a figure with few colours, so that the file is small."""
    figure.savefig(path, dpi=DOTS_PER_INCH)
    with Image.open(path) as image:
        image.convert("RGB").quantize(64).save(path, optimize=True)


def number(quick: bool, full: int) -> int:
    """How many cells or reads to draw."""
    return max(full // 20, 40) if quick else full


def layer_of(g: Array, n: int, *, seed: int = 1, **cell: Any) -> im.AnalogLinear:
    """A layer whose + cells have the targets g, n of each: conductances()[0, 0] is (targets, n)."""
    g_min = 1 / cell.get("on_off_ratio", math.inf)
    weight = np.repeat(((g - g_min) / (1 - g_min))[:, None], n, axis=1)
    hardware = im.Hardware(weight_range=1.0, cell=im.Cell(**cell))
    return im.AnalogLinear(weight, hardware=hardware, seed=seed)


def plus_cells(layer: im.AnalogLinear) -> Array:
    """Conductances of the + cells of a layer with one slice, (outputs, inputs)."""
    return np.asarray(layer.conductances()[0, 0], np.float64)


def density(z: Array) -> Array:
    """Of the standard normal distribution."""
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def probability(z: Array) -> Array:
    """That a standard normal number is below z."""
    return np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in np.ravel(z)]).reshape(np.shape(z))


def clipped_moments(mean: Array, sigma: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of max(0, normal)."""
    mean, sigma = np.broadcast_arrays(np.asarray(mean, float), np.maximum(sigma, 1e-12))
    a = mean / sigma
    first = mean * probability(a) + sigma * density(a)
    second = (mean**2 + sigma**2) * probability(a) + mean * sigma * density(a)
    return first, np.sqrt(np.maximum(second - first**2, 0.0))


def normal_deviation_errors(sample: Array) -> Array:
    """Standard error of the standard deviation along the last axis, from the fourth moment."""
    middle = sample - sample.mean(-1, keepdims=True)
    variance = (middle**2).mean(-1)
    fourth = (middle**4).mean(-1)
    spread = np.sqrt(np.maximum(fourth - variance**2, 0) / sample.shape[-1])
    return spread / (2 * np.sqrt(np.maximum(variance, 1e-30)))


def dots(ax: Any, x: Any, sample: Array, color: str = BLUE, **options: Any) -> None:
    """Standard deviations along the last axis, with two standard errors."""
    error = 2 * normal_deviation_errors(sample)
    ax.errorbar(x, sample.std(-1), error, color=color, elinewidth=0.7, **DOTS, **options)
