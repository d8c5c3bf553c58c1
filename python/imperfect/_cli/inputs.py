# SPDX-License-Identifier: BSD-3-Clause
"""Options of commands that run a network: which one, on which images, on which hardware."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imperfect._cli.arguments import field_values, integer, numbers
from imperfect.sweep import _sources
from imperfect.sweep._sources import BUNDLED, ZOO

if TYPE_CHECKING:
    from imperfect.hardware import Hardware
    from imperfect.images import Dataset
    from imperfect.network import Network

SIGMA = "cell.programming.sigma"
LAWS = {"weights": "WeightGaussian", "cells": "Gaussian"}


def add_network(parser: argparse.ArgumentParser) -> None:
    """Which network, and which data."""
    names = ", ".join([*ZOO, BUNDLED])
    parser.add_argument("--network", required=True, help=f"an ONNX file, or one of {names}")
    parser.add_argument(
        "--data",
        required=True,
        help=f"a folder of images by class, an .npz file (see imperfect.images), or {BUNDLED}",
    )


def add_images(group: Any) -> None:
    """How images are read."""
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


def add_hardware(group: Any) -> None:
    """Which machine, and what of it varies."""
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


def read_network(options: argparse.Namespace) -> Network:
    return _sources.read_network(options.network, options.size, prefix="--")


def read_data(options: argparse.Namespace, network: Network, cache: Path) -> Dataset:
    if options.data == BUNDLED:
        return _sources.bundled_images(options.n_train, options.n_test)
    return _sources.own_images(
        options.data,
        network,
        options.size,
        prefix="--",
        crop=options.crop,
        scale=_scale(options.scale),
        n_train=options.n_train,
        n_test=options.n_test,
        cache=cache,
    )


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


def read_hardware(options: argparse.Namespace) -> Hardware:
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


def read_knobs(options: argparse.Namespace) -> dict[str, list[Any]] | None:
    knobs = dict(options.vary)
    if len(knobs) < len(options.vary):
        raise ValueError("--vary: names a field twice; give all its values at once")
    if options.error is not None:
        if SIGMA in knobs:
            raise ValueError(f"--vary {SIGMA}: is what --error varies; give one of them")
        knobs = {SIGMA: options.error} | knobs
    return knobs or None
