# SPDX-License-Identifier: BSD-3-Clause
"""Which error can a classifier stand, by cross-validation?  python examples/scikit_learn.py

Imperfect hardware as one step of a scikit-learn pipeline. Left: the weights of a logistic
regression of scikit-learn's digits lie in cells (`AnalogLogisticRegression`); training is digital.
Right: the bundled network lies in cells, and a digital head is fitted on the features that the
chip gives (`RetrainedClassifier`), or the network keeps its own (refit=False). A chip is a seed,
its score the mean of three folds; error bars: 95 % of the mean over chips.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from common import BLUE, COLUMN, ORANGE, interval, panels, parser, save
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import imperfect as im

SIGMAS = (0.0, 0.05, 0.1, 0.2, 0.4)
NETWORK_SIGMAS = (0.0, 0.02, 0.05, 0.1)
HEADS = ((True, BLUE, "s-", "refitted head"), (False, ORANGE, "o--", "own head"))


def hardware(sigma: float) -> im.Hardware:
    return im.Hardware(cell=im.Cell(programming=im.device.Gaussian(sigma)))


def curve(make: Any, sigmas: tuple[float, ...], x: Any, y: Any, chips: int) -> tuple[Any, Any]:
    """Mean score in percent and half its interval, at every error."""
    found = []
    for sigma in sigmas:
        models = [make(hardware(sigma), seed) for seed in range(chips)]
        found.append(interval([100 * cross_val_score(m, x, y, cv=3).mean() for m in models]))
        print(f"  {sigma:.0%} error: {found[-1][0]:.1f} ± {found[-1][1]:.1f} %")
    return tuple(zip(*found, strict=True))


def logistic(hardware: im.Hardware, seed: int) -> Any:
    return make_pipeline(StandardScaler(), im.AnalogLogisticRegression(hardware, C=0.1, seed=seed))


def main() -> None:
    options = parser(__doc__).parse_args()
    chips, step = (2, 3) if options.quick else (5, 1)
    figure, (left, right) = panels(2, 2 * COLUMN)

    print("Digits: weights of a logistic regression")
    sigmas = SIGMAS[::step]
    scores = curve(logistic, sigmas, *load_digits(return_X_y=True), chips)
    left.errorbar([100 * s for s in sigmas], *scores, fmt="o-", color=BLUE, capsize=2)
    left.set_title("Digits: weights in cells")

    count = 150 if options.quick else 800
    x, y = (part[:count] for part in im.data.scattered_fashion()[:2])
    network, sigmas = im.data.scattered_mobilenet(), NETWORK_SIGMAS[::step]
    for refit, color, style, label in HEADS:
        print(f"Bundled network, {label}")
        retrained = partial(im.RetrainedClassifier, network, refit=refit)
        scores = curve(
            lambda hw, seed, new=retrained: new(hardware=hw, seed=seed), sigmas, x, y, chips
        )
        percent = [100 * s for s in sigmas]
        right.errorbar(percent, *scores, fmt=style, color=color, capsize=2, label=label)
    right.set_title("Scattered Fashion-MNIST: network in cells")
    right.legend()
    for panel in (left, right):
        panel.set(xlabel=r"Programming error of a cell (% of $g_{max}$)", ylim=(0, 100))
        panel.set_ylabel("Cross-validated accuracy (%)")
    save(figure, options.out, "scikit_learn")


if __name__ == "__main__":
    main()
