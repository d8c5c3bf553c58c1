# SPDX-License-Identifier: BSD-3-Clause
"""Which weights hurt: python examples/which_weights_hurt.py [PHOTOS]

An error of a cell is relative to the largest weight of its layer. Which kind of layer stands that
worst, and does another range help: one for each output channel, or one that clips the largest
weights? With a folder of photos of ImageNet's classes, named as for efficientnet_errors.py, on
EfficientNet-Lite0 (needs the extra `zoo`), otherwise on the bundled network. The cells of this
file ("# %%") can be run one by one.
"""

# %% The network, its images, and the errors of cells that are tried.
from __future__ import annotations

from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    BLUE,
    COLUMN,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    accuracy,
    images,
    interval,
    panels,
    parser,
    save,
)

import imperfect as im

arguments = parser(__doc__)
arguments.add_argument("photos", nargs="?", type=Path, help="folder of photos")
arguments.add_argument("--count", type=int, default=250, help="photos, at even distances")
options, _ = arguments.parse_known_args()
if options.photos:
    from efficientnet_errors import load

    network, sigmas = im.zoo.efficientnet_lite0(), [0.005, 0.01, 0.02]
    x, y = load(options.photos)
    chosen = np.linspace(0, len(x) - 1, min(len(x), 32 if options.quick else options.count))
    x, y = (a[chosen.round().astype(int)] for a in (x, y))
else:
    network, sigmas = im.data.scattered_mobilenet(), [0.01, 0.02, 0.05, 0.1]
    _, x, y = images(options.quick)
chips = 2 if options.quick else 5
if options.quick:
    sigmas = sigmas[1:2]
own = accuracy(network, x, y)
print(f"{network.name}: {own:.1f} % of {len(x)} images, {chips} chips")


# %% One chip, one number. What has no error is ideal.
@cache
def measure(patterns: tuple[str, ...], sigma: float, **mapping: Any) -> tuple[float, float]:
    """Accuracy in percent with errors in the layers of these names: mean, half its interval."""
    cell = im.Cell(programming=im.device.Gaussian(sigma))
    errors = dict.fromkeys(patterns, im.Hardware(cell=cell, **mapping))
    made = (im.AnalogNetwork(network, seed=seed, overrides=errors) for seed in range(chips))
    return interval([accuracy(chip, x, y) for chip in made])


# %% Kinds of layers. An error of sigma w_max is the larger, compared with the weights themselves,
# the more the largest weight stands out; and a sum of few products averages it less. So two
# numbers beside the count of weights: w_max over the root mean square (median of the layers), and
# the products in a sum.
kinds = {
    "all": (("*",), GREY, "o-"),
    "depthwise": (("*depthwise*",), ORANGE, "s-"),
    "pointwise": (("*expand*", "*project*"), BLUE, "^-"),
    "stem": (("stem*",), GREEN, "v-"),
    "head": (("head*", "classifier"), PINK, "D-"),
}
layers = im.AnalogNetwork(network).layers
for name, (patterns, _, _) in kinds.items():
    named = [key for key in layers if any(fnmatch(key, p) for p in patterns)]
    fitting = [layers[key].weight for key in named]
    stands_out = np.median([np.abs(w).max() / np.sqrt(np.mean(w**2)) for w in fitting])
    sums = np.median([w[0].size for w in fitting])
    count = sum(w.size for w in fitting)
    print(f"{name:10} {len(fitting):3} layers {count:9,} weights, {sums:5.0f} products a sum, "
          f"w_max/rms {stands_out:.1f}")  # fmt: skip


# %% Errors in one kind of layer at a time.
def draw(panel: Any, name: str, found: list[tuple[float, float]], color: str, style: str) -> None:
    """A curve over the errors, which are also printed."""
    means, halves = zip(*found, strict=True)
    panel.errorbar(percent, means, halves, fmt=style, color=color, capsize=2, label=name)
    numbers = zip(percent, found, strict=True)
    print(f"{name:24}", *(f"{s:g} %: {mean:.1f} ± {half:.1f}  " for s, (mean, half) in numbers))


percent = [100 * sigma for sigma in sigmas]
figure, (left, right) = panels(2, 2 * COLUMN, 2.7)
print("Errors in one kind of layer")
for name, (patterns, color, style) in kinds.items():
    found = [measure(patterns, sigma) for sigma in sigmas]
    draw(left, name, found, color, style)
left.set_title("Errors in one kind of layer")

# %% Errors in all layers, with other ranges of the weights. A range for each channel lets its own
# largest weight use the whole cell; the factor that brings channels back to one scale is digital.
# Clipping makes all errors smaller, but the clipped weights wrong on every chip.
ranges = {
    "layer's largest": ({}, GREY, "o-"),
    "channel's largest": ({"per": "channel"}, BLUE, "s-"),
    "layer, 99.9th percentile": ({"weight_range": ("percentile", 99.9)}, GREEN, "^--"),
    "layer, 99th percentile": ({"weight_range": ("percentile", 99)}, ORANGE, "v--"),
}
print("Errors in all layers, by weight range")
for name, (mapping, color, style) in ranges.items():
    found = [measure(("*",), sigma, **mapping) for sigma in sigmas]
    draw(right, name, found, color, style)
    ideal = im.AnalogNetwork(network, im.Hardware(**mapping))
    print(f"{'':24} without errors: {accuracy(ideal, x, y):.1f}")
right.set_title("Errors in all layers, by weight range")

# %% The figure.
for panel in (left, right):
    panel.axhline(own, color="black", lw=0.6, ls=":")
    panel.set_xscale("log")
    panel.set_xticks(percent, [f"{p:g}" for p in percent])
    panel.minorticks_off()
    panel.set(xlabel=r"Programming error of a cell (% of $g_{max}$)", ylabel="Top-1 accuracy (%)")
    panel.set(ylim=(0, 100))
    panel.legend(loc="lower left")
save(figure, options.out, "which_weights_hurt")
