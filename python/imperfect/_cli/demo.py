# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect demo``: the study on the bundled network."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._cli.arguments import add_common_options
from imperfect._cli.output import prepare, progress_bar
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.hardware import Hardware
    from imperfect.network import Network

SIGMA = "cell.programming.sigma"
BITS = "cell.bits"


@dataclass(frozen=True, slots=True)
class Demo:
    """How much of the study is run.

    Attributes
    ----------
    num_train, num_test
        Images of the bundled data to use.
    sigmas
        Programming errors to try, as fractions of g_max.
    bits
        log2 of the numbers of conductance levels to try.
    small_sigma
        Programming error while the levels are varied.
    reported
        Programming errors whose layers are compared.
    num_reported
        Images for that comparison.
    """

    num_train: int
    num_test: int
    sigmas: tuple[float, ...]
    bits: tuple[int, ...]
    small_sigma: float = 0.02
    reported: tuple[float, ...] = (0.02, 0.04, 0.10)
    num_reported: int = 64


FULL = Demo(1500, 1000, (0.02, 0.04, 0.06, 0.10, 0.15), (1, 2, 3, 4))
QUICK = Demo(256, 256, (0.04, 0.10), (1, 2), num_reported=16)


def add_demo(commands: Any) -> None:
    """Add the command to a parser's."""
    demo = commands.add_parser(
        "demo",
        help="show a trained network collapse on imperfect hardware, and recover",
        description=(
            "Run a trained network on chips with programming errors and few conductance levels.\n"
            "Prints a table and writes results.csv, collapse_and_recover.png and layers.png."
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  imperfect demo --quick --out my-demo --seed 1",
    )
    add_common_options(demo, Path("imperfect-demo"))
    demo.add_argument("--quick", action="store_true", help="fewer images and values")


def run_demo(options: argparse.Namespace) -> None:
    """Run the study on the bundled network, print it and write its files."""
    demo = QUICK if options.quick else FULL
    for name in ("onnx", "onnxruntime", "pandas", "matplotlib", "tqdm"):
        require(name)
    from imperfect import plot, report

    begun = time.monotonic()
    folder: Path = options.out
    prepare(folder)
    results, layers = _measure(demo, options)
    results.to_csv(folder / "results.csv", index=False)
    labels = {SIGMA: r"Programming error $\sigma$ (% of $g_\mathrm{max}$)"}
    figure = plot.collapse_and_recover(results, labels=labels)
    figure.savefig(folder / "collapse_and_recover.png", dpi=300)
    plot.layers(layers, by="σ").savefig(folder / "layers.png", dpi=300)
    print(report.summary(results), report.recovery(results), sep="\n\n")
    print(f"\nwrote results.csv, collapse_and_recover.png and layers.png to {folder}", end="")
    print(f" in {time.monotonic() - begun:.0f} s")


def _measure(demo: Demo, options: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The results of the study, and reports of the layers at some of the errors."""
    from imperfect import data, device, study
    from imperfect.hardware import Cell, Hardware

    hardware = Hardware(cell=Cell(programming=device.Gaussian(demo.small_sigma)))
    network = data.scattered_mobilenet()
    x_train, y_train, x_test, y_test = data.scattered_fashion()
    train, test = slice(demo.num_train), slice(demo.num_test)
    with progress_bar() as progress:
        results = study.collapse_and_recover(
            network, x_train[train], y_train[train], x_test[test], y_test[test], hardware,
            vary={SIGMA: demo.sigmas, BITS: demo.bits},
            chips=options.chips, seed=options.seed, jobs=options.jobs, progress=progress,
        )  # fmt: skip
    seeds = results["seed"].unique().tolist()
    return results, _layer_reports(demo, network, hardware, seeds, x_test[test])


def _layer_reports(
    demo: Demo, network: Network, hardware: Hardware, seeds: Sequence[int], x_test: Any
) -> pd.DataFrame:
    """Reports of the layers of every chip, at some of the errors."""
    from imperfect.diagnosis import layer_report
    from imperfect.network import AnalogNetwork

    chosen = x_test[np.linspace(0, len(x_test) - 1, demo.num_reported).round().astype(int)]
    reports = []
    for sigma in demo.reported:
        other = hardware.with_field(SIGMA, sigma)
        for seed in seeds:
            report = layer_report(AnalogNetwork(network, other, seed), chosen)
            reports.append(report.assign(σ=f"{100 * sigma:g} %"))
    table: pd.DataFrame = require("pandas").concat(reports, ignore_index=True)
    return table
