# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect study``: collapse and recovery of any network on any labelled images."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imperfect import _core
from imperfect._cli.arguments import add_common_options
from imperfect._cli.inputs import (
    SIGMA,
    add_hardware,
    add_images,
    add_network,
    read_data,
    read_hardware,
    read_knobs,
    read_network,
)
from imperfect._cli.output import prepare, progress_bar
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.hardware import Hardware
    from imperfect.network import Network

DESCRIPTION = """\
Program chips of a network with errors, and measure what they still recognise: with the
head that the network has, with one refitted on each chip, with rivals of refitting, and
with controls. Writes results.csv, recovered.csv, study.json and study.png to --out; what
was computed is kept in its folder cache, so that the same command goes on where it stopped.
"""
EPILOG = """\
example:
  imperfect study --network bundled --data bundled --error 0.04,0.1
  imperfect study --network efficientnet-lite0 --size 128 --data photos/ --transfer \\
      --n-train 2000 --n-test 1000 --error 0.005,0.01,0.02
  imperfect study --network mine.onnx --data mine.npz --scale imagenet --preset isaac \\
      --vary adc.bits=6,7,8 --head "sklearn.svm.LinearSVC(C=0.01)"
"""


def add_study(commands: Any) -> None:
    """Add the command to a parser's."""
    study = commands.add_parser(
        "study",
        help="measure collapse and recovery of your own network on your own images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    add_network(study)
    add_images(study.add_argument_group("images"))
    add_hardware(study.add_argument_group("hardware (ideal where nothing is said)"))
    heads = study.add_argument_group("heads")
    heads.add_argument(
        "--head",
        default="logistic",
        help="refitted on each chip: logistic (its penalty chosen by cross-validation), last:K (the"
        " last K layers, by gradient descent; needs the extra torch), or a scikit-learn classifier",
    )
    heads.add_argument(
        "--transfer",
        action="store_true",
        help="the classes are not the network's: a head fitted in float stands for its own",
    )
    add_common_options(study, Path("imperfect-study"))


def run_study(options: argparse.Namespace) -> None:
    """Measure, print a table and write the files."""
    for name in ("onnx", "onnxruntime", "pandas", "matplotlib", "tqdm"):
        require(name)
    from imperfect import study
    from imperfect._study.heads import named_head

    begun = time.monotonic()
    folder: Path = options.out
    hardware, vary = read_hardware(options), read_knobs(options)
    prepare(folder)
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    network = read_network(options)
    data = read_data(options, network, cache)
    head = named_head("--head", options.head, network)
    with progress_bar() as progress:
        results = study.collapse_and_recover(
            network, *data, hardware, vary, options.chips, options.seed, head,
            transfer=options.transfer, cache=cache, jobs=options.jobs, progress=progress,
        )  # fmt: skip
    _write(folder, options, results, hardware, network)
    print(f"\nwrote results.csv, recovered.csv, study.json and study.png to {folder}", end="")
    print(f" in {time.monotonic() - begun:.0f} s")


def _write(
    folder: Path,
    options: argparse.Namespace,
    results: pd.DataFrame,
    hardware: Hardware,
    network: Network,
) -> None:
    from imperfect import plot, report, study

    results.to_csv(folder / "results.csv", index=False)
    recovered = study.recovered(results)
    recovered.to_csv(folder / "recovered.csv", index=False)
    about = {name: value for name, value in vars(options).items() if name != "command"}
    about |= {
        "hardware": hardware.to_dict(),
        "network_digest": network.digest(),
        "imperfect": _core.__version__,
        "simd": _core.simd_level(),
    }
    (folder / "study.json").write_text(json.dumps(about, indent=2, default=str) + "\n")
    print(report.summary(results), report.shares(results), sep="\n\n")
    label = r"Programming error $\sigma$ (% of the largest value)"
    labels = {SIGMA: label} if SIGMA in set(results["knob"]) else {}
    plot.collapse_and_recover(results, labels=labels).savefig(folder / "study.png", dpi=200)
