# SPDX-License-Identifier: BSD-3-Clause
"""What layers and networks have to do for a batch, measured with its actual inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imperfect import device
from imperfect._cost.counts import (
    Batch,
    Counts,
    Drives,
    blocks_of,
    converters,
    count_plan,
    drives_of,
)
from imperfect._layers.base import AnalogLayer
from imperfect._layers.recurrent import AnalogRecurrent
from imperfect._layers.spatial import SpatialLayer
from imperfect._layers.transposed import (
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
)
from imperfect.hardware import Hardware

if TYPE_CHECKING:
    from imperfect.network import AnalogNetwork

TRANSPOSED = (AnalogConvTranspose1d, AnalogConvTranspose2d, AnalogConvTranspose3d)
ONE_DRIVE = Drives(1, 1, None)


@dataclass(frozen=True)
class Work:
    """One layer, or one node that stays digital (``hardware`` is None, unknown counts too).

    ``array_energy`` is that of all reads if each took a second, in g_max V² (V the voltage at
    full-scale input); None where the inputs have no full scale. ``turns`` are the most conversions
    that one converter does in a read.
    """

    name: str
    counts: Counts | None
    hardware: Hardware | None = None
    drives: Drives = ONE_DRIVE
    turns: int = 1
    array_energy: float | None = None


def layer_work(layer: AnalogLayer | AnalogRecurrent, x: Any, **others: Any) -> list[Work]:
    """The work of a layer; a recurrent one has several, each with the name of its arrays."""
    if not isinstance(layer, AnalogRecurrent) and others:
        raise TypeError(f"{type(layer).__name__}.cost has no argument {next(iter(others))!r}")
    if isinstance(layer, AnalogRecurrent):
        return list(_recurrent_work(layer, x, others))
    return [replace(_array_work(layer, layer._to_batch(x)), name="")]


def count_samples(layer: AnalogLayer | AnalogRecurrent, x: Any) -> int:
    """Inferences of a batch: rows of a linear layer, images, or sequences."""
    return len(x) if isinstance(layer, AnalogRecurrent) else len(layer._to_batch(x))


def _array_work(layer: AnalogLayer, batch: Any) -> Work:
    core, hardware = layer._compiled, layer.hardware
    charges, reads, energy = core.read_activity(batch)
    found, sign = core.calibration, hardware.dac.signed
    is_signed = bool(sign) if sign is not None else bool(found and found[1])
    drives = drives_of(hardware, is_signed)
    counts = count_plan(hardware, core.matrix, drives, _batch(layer, batch))
    counts = replace(counts, word_line_charges=charges, cell_reads=reads, pulses=_pulses(layer))
    has_scale = found is not None or hardware.dac.range != "calibrated"
    turns = converters(hardware, blocks_of(hardware, core.matrix))[1]
    return Work("", counts, hardware, drives, turns, energy if has_scale else None)


def _pulses(layer: AnalogLayer) -> int | None:
    laws = layer.hardware.cell._laws("programming")
    if not any(isinstance(law, device.WriteVerify) for law in laws):
        return None
    return int(layer._compiled.pulses().sum(dtype="uint64"))


def _batch(layer: AnalogLayer, batch: Any) -> Batch:
    """Products and outputs; the arrays of a transposed convolution see every input once."""
    shape = tuple(layer._compiled.output_shape(batch))
    if not isinstance(layer, TRANSPOSED):
        return Batch(math.prod(shape) // shape[1], math.prod(shape))
    overlaps = shape[0] * shape[1] * _overlaps(layer, batch.shape, shape)
    return Batch(math.prod(batch.shape) // batch.shape[1], math.prod(shape), overlaps)


def _overlaps(layer: SpatialLayer, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    """Products of one channel that lie within the output: what is added up there."""
    count, axes = 1, layer._axes
    for axis, (size, out) in enumerate(zip(inputs[-axes:], outputs[-axes:], strict=True)):
        step, spacing, crop = layer.stride[axis], layer.dilation[axis], layer.padding[axis][0]
        elements = range(layer.weight.shape[2 + axis])
        places = (i * step + k * spacing - crop for i in range(size) for k in elements)
        count *= sum(0 <= place < out for place in places)
    return count


def _recurrent_work(layer: AnalogRecurrent, x: Any, others: dict[str, Any]) -> Iterator[Work]:
    """The arrays of every direction, then the digital work of the cells."""
    drives, cores = layer._driven(x, others.pop("initial_state", None), others.pop("lengths", None))
    steps = 0
    for role, rows in drives.items():
        if role.endswith(".input"):
            steps += len(rows)
        yield replace(_array_work(cores[role], cores[role]._to_batch(rows)), name=role)
    yield Work("gates", gate_counts(layer._kind, layer, steps))


def gate_counts(kind: str, layer: AnalogRecurrent, steps: int) -> Counts:
    """Digital work of the cells of a recurrent layer in so many steps.

    For each unit and step, an LSTM adds what its four gates get from both arrays, multiplies f c
    and i g and o tanh(c) (peepholes: three products more) and takes five functions, four with a
    coupled input gate; a GRU adds for three gates, multiplies r, and z (h - n) after one
    subtraction, and takes three functions.
    """
    units = steps * layer.hidden_size
    if kind == "lstm":
        peepholes = 3 if layer._peepholes(0) is not None else 0
        functions = 4 if layer._constructor_arguments()["input_forget"] else 5
        work = {"shift_adds": 4, "digital_multiply_adds": 3 + peepholes, "functions": functions}
    else:
        work = {"shift_adds": 4, "digital_multiply_adds": 2, "functions": 3}
    return Counts(**{name: number * units for name, number in work.items()})


def network_work(chip: AnalogNetwork, x: Any) -> tuple[list[Work], int]:
    """The work of every layer of a chip, what stays digital last, and the number of samples."""
    samples = chip.network._batch(x).count
    found = []
    for visit in chip.walk(x):
        for work in layer_work(visit.layer, visit.x, **visit.others):
            name = f"{visit.name}/{work.name}" if work.name else visit.name
            found.append(replace(work, name=name))
    for info in chip.network.nodes:
        if info.name in chip.layers or info.macs == 0:
            continue
        macs = None if info.macs is None else info.macs * samples
        counts = None if macs is None else Counts(multiply_adds=macs, digital_multiply_adds=macs)
        found.append(Work(info.name, counts))
    return found, samples
