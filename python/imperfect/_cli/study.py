# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect study``: collapse and recovery of any network on any labelled images."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imperfect import _core
from imperfect._cli.arguments import add_common_options, field_values, integer, numbers
from imperfect._cli.output import prepare, progress_bar
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.hardware import Hardware
    from imperfect.images import Dataset
    from imperfect.network import Network

SIGMA = "cell.programming.sigma"
LAWS = {"weights": "WeightGaussian", "cells": "Gaussian"}
BUNDLED = "bundled"
ZOO = {f"efficientnet-lite{i}": f"efficientnet_lite{i}" for i in range(3)}
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
    names = ", ".join([*ZOO, BUNDLED])
    study.add_argument("--network", required=True, help=f"an ONNX file, or one of {names}")
    study.add_argument(
        "--data",
        required=True,
        help=f"a folder of images by class, an .npz file (see imperfect.images), or {BUNDLED}",
    )
    _add_images(study.add_argument_group("images"))
    _add_hardware(study.add_argument_group("hardware (ideal where nothing is said)"))
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


def _add_images(group: Any) -> None:
    group.add_argument(
        "--size",
        type=integer(1, 4096),
        metavar="PIXELS",
        help="height and width (those of the network's input)",
    )
    group.add_argument(
        "--crop",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="side of the central square that is kept, of the shorter side (1)",
    )
    group.add_argument(
        "--scale",
        default="-1,1",
        help="values of black and white (-1,1), or imagenet: mean and deviation of its channels",
    )
    for part in ("train", "test"):
        group.add_argument(
            f"--n-{part}",
            type=integer(2, 10**9),
            metavar="N",
            help=f"{part} images to take, evenly from all classes (all)",
        )


def _add_hardware(group: Any) -> None:
    base = group.add_mutually_exclusive_group()
    base.add_argument(
        "--hardware", type=Path, metavar="FILE", help="JSON, as Hardware.to_json writes it"
    )
    base.add_argument("--preset", help="a published machine of imperfect.presets, such as isaac")
    group.add_argument(
        "--error",
        type=numbers,
        metavar="S,S",
        help="standard deviations of a Gaussian programming error, of the largest value",
    )
    group.add_argument(
        "--law",
        choices=LAWS,
        default="weights",
        help="what has the error: weights (WeightGaussian) or cells (Gaussian)",
    )
    group.add_argument(
        "--vary",
        type=field_values,
        action="append",
        default=[],
        metavar="FIELD=V,V",
        help="values to try of any field, such as cell.bits=4,3,2; may be repeated; every field is"
        " varied alone, and with --error at its first value",
    )


def run_study(options: argparse.Namespace) -> None:
    """Measure, print a table and write the files."""
    for name in ("onnx", "onnxruntime", "pandas", "matplotlib", "tqdm"):
        require(name)
    from imperfect import study
    from imperfect._study.heads import named_head

    begun = time.monotonic()
    folder: Path = options.out
    hardware, vary = _hardware(options), _knobs(options)
    prepare(folder)
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    network = _network(options)
    data = _data(options, network, cache)
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


def _network(options: argparse.Namespace) -> Network:
    from imperfect import data, zoo
    from imperfect.network import Network

    if options.network == BUNDLED:
        return data.scattered_mobilenet()
    if options.network in ZOO:
        network: Network = getattr(zoo, ZOO[options.network])(options.size)
        return network
    if not Path(options.network).is_file():
        known = ", ".join([*ZOO, BUNDLED])
        raise ValueError(f"--network {options.network!r}: must be an ONNX file, or one of {known}")
    return Network.from_onnx(options.network)


def _data(options: argparse.Namespace, network: Network, cache: Path) -> Dataset:
    from imperfect import data, images

    if options.data == BUNDLED:
        x_train, y_train, x_test, y_test = data.scattered_fashion()
        train, test = options.n_train, options.n_test
        return images.Dataset(x_train[:train], y_train[:train], x_test[:test], y_test[:test])
    channels, side = _input_size(options, network)
    return images.load(
        options.data,
        side,
        channels=channels,
        crop=options.crop,
        scale=_scale(options.scale),
        n_train=options.n_train,
        n_test=options.n_test,
        cache=cache,
    )


def _input_size(options: argparse.Namespace, network: Network) -> tuple[int, int]:
    """Channels and side of the images that the network takes."""
    shape = network.inputs[0].shape if len(network.inputs) == 1 else None
    if shape is None or len(shape) != 4 or shape[1] not in (1, 3):
        raise ValueError(f"--network {options.network!r}: must take images (n, 1 or 3, h, w) alone")
    known = {size for size in shape[2:] if isinstance(size, int)}
    sides = known | ({options.size} if options.size else set())
    if len(sides) != 1:
        wanted = "×".join(str(size or "any") for size in shape[2:])
        raise ValueError(f"--size {options.size}: the network takes {wanted}")
    return int(shape[1]), sides.pop()


def _scale(text: str) -> Any:
    if text == "imagenet":
        return text
    try:
        values = numbers(text)
    except argparse.ArgumentTypeError:
        values = []
    if len(values) != 2:
        raise ValueError(f"--scale {text!r}: must be two numbers, such as 0,1, or imagenet")
    return tuple(values)


def _hardware(options: argparse.Namespace) -> Hardware:
    from imperfect import device, presets
    from imperfect._presets.machines import MACHINES
    from imperfect.hardware import Hardware

    hardware = Hardware()
    if options.hardware is not None:
        try:
            hardware = Hardware.from_json(options.hardware.read_bytes())
        except (ValueError, TypeError) as error:
            raise ValueError(f"--hardware {str(options.hardware)!r}: {error}") from error
    if options.preset is not None:
        if options.preset not in MACHINES:
            known = ", ".join(MACHINES)
            raise ValueError(f"--preset {options.preset!r}: must be one of {known}")
        hardware = getattr(presets, options.preset)()
    if options.error is not None:
        law = getattr(device, LAWS[options.law])
        hardware = hardware.with_field("cell.programming", law(options.error[0]))
    return hardware


def _knobs(options: argparse.Namespace) -> dict[str, list[Any]] | None:
    knobs = dict(options.vary)
    if len(knobs) < len(options.vary):
        raise ValueError("--vary: names a field twice; give all its values at once")
    if options.error is not None:
        if SIGMA in knobs:
            raise ValueError(f"--vary {SIGMA}: is what --error varies; give one of them")
        knobs = {SIGMA: options.error} | knobs
    return knobs or None
