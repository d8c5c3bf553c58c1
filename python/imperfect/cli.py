# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect``: the study on the bundled network, and facts about the installation.

Exit codes: 0, 1 (it failed; one line says why), 2 (bad usage), 130 (interrupted).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect import _core
from imperfect._config import show_config
from imperfect._interrupts import noted_interrupts
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.hardware import Hardware
    from imperfect.network import Network

SIGMA = "cell.programming.sigma"
BITS = "cell.bits"
# Fewer chips say too little, because chips of the same hardware differ much.
FEWEST_CHIPS = 5
INTERRUPTED = 130
LARGEST_SEED = 2**64 - 1


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the name of the command; None takes those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from imperfect.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    imperfect ...
    0
    """
    with noted_interrupts() as interrupts:
        try:
            options = _parser().parse_args(arguments)
            if options.command == "info":
                show_config()
            else:
                run_demo(QUICK if options.quick else FULL, options)
        except (KeyboardInterrupt, ImportError, OSError, ValueError) as error:
            # Why: a library that is interrupted while it loads says that it cannot be loaded.
            if interrupts or isinstance(error, KeyboardInterrupt):
                print("imperfect: interrupted", file=sys.stderr)
                return INTERRUPTED
            print(f"imperfect: {_text(error)}", file=sys.stderr)
            return 1
    return 0


def _text(error: Exception) -> str:
    """One line on what went wrong; of the system's errors without their numbers."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.split())


def _parser() -> argparse.ArgumentParser:
    # Why: other formatters break long lines, and so a long path.
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="imperfect",
        formatter_class=raw,
        description="Simulate a trained network on imperfect in-memory hardware.",
        epilog="example:\n  imperfect demo --quick",
    )
    parser.add_argument("--version", action="version", version=f"imperfect {_core.__version__}")
    parser.add_argument(
        "--cmake-dir",
        action="version",
        version=str(Path(_core.__file__).parent),
        help="print the folder for cmake's -Dimperfect_ROOT=... and exit",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{demo,info}")
    commands.add_parser(
        "info",
        help="print what a bug report should contain",
        description="Print what a bug report should contain: versions, SIMD level, threads.",
        formatter_class=raw,
        epilog="example:\n  imperfect info",
    )
    demo = commands.add_parser(
        "demo",
        help="show a trained network collapse on imperfect hardware, and recover",
        description=(
            "Run a trained network on chips with programming errors and few conductance levels.\n"
            "Prints a table and writes results.csv, collapse_and_recover.png and layers.png."
        ),
        formatter_class=raw,
        epilog="example:\n  imperfect demo --quick --out my-demo --seed 1",
    )
    _add_demo_options(demo)
    return parser


def _add_demo_options(demo: argparse.ArgumentParser) -> None:
    from imperfect.study import MOST_CHIPS

    folder, cores = Path("imperfect-demo"), _cores()
    demo.add_argument(
        "--out", type=_folder, default=folder, metavar="DIR", help=f"folder to write to ({folder}/)"
    )
    demo.add_argument(
        "--seed", type=_integer(0, LARGEST_SEED), default=0, help="decides the chips (0)"
    )
    demo.add_argument(
        "--chips",
        type=_integer(FEWEST_CHIPS, MOST_CHIPS),
        default=FEWEST_CHIPS,
        metavar="N",
        help=f"chips per value, {FEWEST_CHIPS} to {MOST_CHIPS:,} ({FEWEST_CHIPS})",
    )
    demo.add_argument(
        "--jobs",
        type=_integer(1, 10**4),
        default=cores,
        metavar="N",
        help=f"processes; results do not depend on it (cores: {cores})",
    )
    demo.add_argument("--quick", action="store_true", help="fewer images and values")


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def _folder(text: str) -> Path:
    """A type for argparse: the name of a folder, which need not exist."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r}: must be the name of a folder")
    return Path(text)


def _integer(low: int, high: int) -> Any:
    """A type for argparse: an integer from ``low`` to ``high``."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: must be an integer from {low} to {high}")
        return value

    return convert


def run_demo(demo: Demo, options: argparse.Namespace) -> None:
    """Run the study on the bundled network, print it and write its files."""
    for name in ("onnx", "onnxruntime", "pandas", "matplotlib", "tqdm"):
        require(name)
    from imperfect import plot, report

    begun = time.monotonic()
    folder: Path = options.out
    _prepare(folder)
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
    with require("tqdm").tqdm(
        total=1, file=sys.stderr, disable=not sys.stderr.isatty(), unit="chip"
    ) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        results = study.collapse_and_recover(
            network, x_train[train], y_train[train], x_test[test], y_test[test], hardware,
            vary={SIGMA: demo.sigmas, BITS: demo.bits},
            chips=options.chips, seed=options.seed, jobs=options.jobs, progress=progress,
        )  # fmt: skip
    seeds = results["seed"].unique().tolist()
    return results, _layer_reports(demo, network, hardware, seeds, x_test[test])


def _prepare(folder: Path) -> None:
    """Make the folder, and find out now whether files can be written there."""
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise ValueError(f"--out {str(folder)!r}: {part} is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


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
