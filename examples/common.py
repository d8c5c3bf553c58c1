# SPDX-License-Identifier: BSD-3-Clause
"""What the examples share: options, the look of figures, intervals over chips.

A chip is one trial: images on one chip are not independent, so every interval is over chips.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure
from scipy import stats

import imperfect as im

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
COLUMN = 3.5  # width of a column of a paper, in inches
rcParams.update({
    "font.size": 8, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7, "legend.frameon": False, "axes.linewidth": 0.6, "lines.linewidth": 1.2,
    "lines.markersize": 4, "axes.spines.top": False, "axes.spines.right": False,
})  # fmt: skip


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The options of every example."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="fewer chips, values and images")
    made.add_argument("--out", type=Path, default=Path("."), help="folder of the figure")
    return made


def panels(columns: int = 1, width: float = COLUMN, height: float = 2.4) -> tuple[Figure, Any]:
    """A figure of one row of panels, and these."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write the figure as NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=200)
    print(f"{folder / name}.png")


def images(quick: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images to calibrate with, test images and their classes, for the bundled network."""
    x_train, _, x_test, y_test = im.data.scattered_fashion()
    count = 200 if quick else len(x_test)
    return x_train[:64], x_test[:count], y_test[:count]


def accuracy(chip: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Fraction of samples whose largest output is that of their class, in percent."""
    return float(100 * np.mean(chip(x).argmax(1) == y))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over chips, and half the width of its 95 % confidence interval (Student's t)."""
    sample = np.asarray(values, float)
    error = sample.std(ddof=1) / np.sqrt(len(sample))
    return float(sample.mean()), float(stats.t.ppf(0.975, len(sample) - 1) * error)
