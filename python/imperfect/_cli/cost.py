# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect cost``: energy, latency and area of a network on machines."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imperfect._cli.arguments import add_out_and_seed, integer
from imperfect._cli.inputs import (
    add_hardware,
    add_images,
    add_network,
    read_data,
    read_hardware,
    read_knobs,
    read_network,
)
from imperfect._cli.output import prepare
from imperfect._optional import require
from imperfect.sweep._sources import BUNDLED

if TYPE_CHECKING:
    import pandas as pd

    from imperfect._arrays import Floats
    from imperfect.cost import Components, Cost, Schedule
    from imperfect.network import AnalogNetwork

DESCRIPTION = """\
Count what arrays, converters and the digital side do for an inference, and charge it with
sourced components: energy, latency, area. The inputs are test images, 16 unless --n-test
says otherwise; converters that take their ranges from data see 64 training images, or
--n-train. A preset whose publication has a library of components has its clock and its
shared converters, too. Writes cost.csv to --out: one row for each machine, layer and
component.
"""
EPILOG = """\
example:
  imperfect cost --network bundled --data bundled --preset isaac
  imperfect cost --network mine.onnx --data photos/ --hardware machine.json \\
      --components mine.toml --vary adc.bits=4,6,8 --pipelined
"""
# Images that converters take their ranges from, and whose inputs are charged.
NUM_TRAIN, NUM_TEST = 64, 16


def add_cost(commands: Any) -> None:
    """Add the command to a parser's."""
    cost = commands.add_parser(
        "cost",
        help="energy, latency and area of your own network on a machine",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    add_network(cost)
    add_images(cost.add_argument_group("images"))
    add_hardware(cost.add_argument_group("hardware (ideal where nothing is said)"))
    charged = cost.add_argument_group("what it costs, and when")
    charged.add_argument(
        "--components",
        metavar="NAME|FILE",
        help="a library of components by name, or a TOML file (that of the preset, else generic)",
    )
    charged.add_argument(
        "--pipelined", action="store_true", help="layers work at once, each on another inference"
    )
    charged.add_argument(
        "--max-arrays",
        type=integer(1, 10**12),
        metavar="N",
        help="copy the slowest layers until so many arrays are used",
    )
    add_out_and_seed(cost, Path("imperfect-cost"), "the chip")


def run_cost(options: argparse.Namespace) -> None:
    """Count, charge, print totals, and write the table."""
    for name in ("onnx", "onnxruntime", "pandas"):
        require(name)
    from imperfect._study.points import points_of
    from imperfect.network import AnalogNetwork

    library, hardware = _library(options), read_hardware(options)
    if library.machine is not None and library.name == options.preset and options.error is None:
        hardware = library.machine
    points = points_of(hardware, read_knobs(options))
    schedule = _schedule(options)
    prepare(options.out)
    network = read_network(options)
    options.n_train, options.n_test = _counts(options)
    with tempfile.TemporaryDirectory() as cache:
        data = read_data(options, network, Path(cache))
        train, test = data.X_train[:], data.X_test[:]
    tables = []
    for knob, value, machine in points:
        chip = AnalogNetwork(network, machine, options.seed)
        found = _charge(chip, train, test, library, schedule)
        print(f"{knob} = {value}\n{found}\n" if len(points) > 1 else f"{found}\n")
        tables.append(_labelled(found.table, knob, value))
    require("pandas").concat(tables).to_csv(options.out / "cost.csv", index=False)
    print(f"wrote cost.csv to {options.out}")


def _counts(options: argparse.Namespace) -> tuple[int, int]:
    """Numbers of training and of test images: as many as there are, if there are few."""
    from imperfect.images import count_images

    there = (NUM_TRAIN, NUM_TEST) if options.data == BUNDLED else count_images(options.data)
    few = min(NUM_TRAIN, there[0]), min(NUM_TEST, there[1])
    return options.n_train or few[0], options.n_test or few[1]


def _charge(
    chip: AnalogNetwork, train: Floats, test: Floats, library: Components, schedule: Schedule
) -> Cost:
    if any(layer.uses_calibration for layer in chip.layers.values()):
        chip.calibrate(train)
    return chip.cost(test, library, schedule)


def _labelled(table: pd.DataFrame, knob: str, value: Any) -> pd.DataFrame:
    table.insert(0, "knob", knob)
    table.insert(1, "value", value)
    return table


def _library(options: argparse.Namespace) -> Components:
    from imperfect.cost import LIBRARIES, Components, components

    name = options.components
    if name is None:
        return components(options.preset if options.preset in LIBRARIES else "generic")
    if name in LIBRARIES:
        return components(name)
    if not Path(name).is_file():
        known = ", ".join(LIBRARIES)
        raise ValueError(f"--components {name!r}: must be a TOML file, or one of {known}")
    return Components.load(name)


def _schedule(options: argparse.Namespace) -> Schedule:
    from imperfect.cost import Schedule

    if options.max_arrays is None:
        return Schedule(pipelined=options.pipelined)
    return Schedule(pipelined=options.pipelined, copies="balanced", max_arrays=options.max_arrays)
