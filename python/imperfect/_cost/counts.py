# SPDX-License-Identifier: BSD-3-Clause
"""Exact counts of what arrays and the digital side do for a batch.

With k word lines, n data and u unit columns in a block of arrays, S slices, P polarities, p passes,
T cycles, C = T conversions of a pass (1 where cycles add up in analog) and M products of a matrix
with a vector, the block does, in A arrays (S P, or 1 if interleaved),

    reads A p T M            word-line drives k A p T M      bit-line charges (n + u) S P p T M
    conversions (n + u) S Q p C M                additions n S Q p C M, unit columns n S p C M

with Q = 2 where polarities are converted apart, else 1. ``imperfect.testing.count_events`` counts
the same one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from imperfect import _core
from imperfect._arrays import Floats
from imperfect._layers.description import array_use
from imperfect.hardware import Hardware

Matrix = tuple[int, int, int]  # groups, outputs of a group, rows of a group
FLOAT_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one layer takes and does for a batch; every field is an exact number of events.

    Attributes
    ----------
    arrays, cells, used_cells : int
        Arrays, all their cells, and those that hold weights or the zero of the offset scheme.
    word_lines, bit_lines, adcs : int
        Lines of all arrays, used or not, and output converters (``Array.adc_share``).
    products : int
        Products of the matrix with a vector.
    multiply_adds : int
        Of the layer as a mathematician counts them: weights × products.
    array_reads : int
        Arrays read, over products, passes and cycles.
    dac_conversions : int
        Word lines of arrays set to a digit, 0 included.
    word_line_charges : int
        Word lines of arrays driven at other than 0 V; it depends on the inputs.
    bit_line_charges : int
        Bit lines of arrays read, unit columns included.
    cell_reads : int
        Cells on driven word lines; it depends on the inputs.
    adc_conversions : int
        Output conversions, those of unit columns included.
    shift_adds : int
        Digital additions: of codes, of unit columns' codes, of inputs for the offset, of products
        that overlap in a transposed convolution, of what enters the gates of recurrent cells.
    digital_multiply_adds : int
        Digital products: one for each output (scale and bias), offsets, states of recurrent cells.
    functions : int
        Sigmoids and hyperbolic tangents.
    buffer_reads, buffer_writes : int
        Bits read for the word lines of every block and product, and bits of outputs written.
    cells_written : int
        Cells that programming writes once, those between blocks included.
    pulses : int or None
        Programming pulses of weight cells; None where no ``WriteVerify`` law counts them.
    """

    arrays: int = 0
    cells: int = 0
    used_cells: int = 0
    word_lines: int = 0
    bit_lines: int = 0
    adcs: int = 0
    products: int = 0
    multiply_adds: int = 0
    array_reads: int = 0
    dac_conversions: int = 0
    word_line_charges: int = 0
    bit_line_charges: int = 0
    cell_reads: int = 0
    adc_conversions: int = 0
    shift_adds: int = 0
    digital_multiply_adds: int = 0
    functions: int = 0
    buffer_reads: int = 0
    buffer_writes: int = 0
    cells_written: int = 0
    pulses: int | None = None

    @property
    def buffer_bits(self) -> int:
        """Bits read from buffers and written to them."""
        return self.buffer_reads + self.buffer_writes

    @property
    def utilisation(self) -> float | None:
        """Used cells as a fraction of all; None without cells."""
        return self.used_cells / self.cells if self.cells else None

    def __add__(self, other: Counts) -> Counts:
        sums: dict[str, Any] = {}
        for field in fields(Counts):
            mine, its = getattr(self, field.name), getattr(other, field.name)
            known = [value for value in (mine, its) if value is not None]
            sums[field.name] = sum(known) if known else None
        return Counts(**sums)


class Drives(NamedTuple):
    """How a product is driven: passes, cycles of a pass, bits of a cycle (None: continuous)."""

    passes: int
    cycles: int
    bits: int | None


def drives_of(hardware: Hardware, is_signed: bool) -> Drives:
    """Passes and cycles of one product, with inputs of known sign."""
    dac = hardware.dac
    passes = 2 if dac.two_pass else 1
    if dac.bits is None:
        return Drives(passes, 1, None)
    magnitude = dac.bits - (is_signed and not dac.two_pass)
    bits = min(dac.slice_bits or magnitude, magnitude)
    return Drives(passes, math.ceil(magnitude / bits), bits)


class Batch(NamedTuple):
    """Vectors that a matrix is multiplied with, values it gives, and sums of overlapping ones."""

    products: int
    outputs: int
    overlaps: int = 0


class Blocks(NamedTuple):
    """Lines of the arrays of every block, and how the layer's planes share arrays."""

    rows: Floats
    data: Floats
    units: Floats
    planes: int
    planes_per_array: int

    @property
    def arrays(self) -> int:
        """Arrays of one block."""
        return self.planes // self.planes_per_array


def blocks_of(hardware: Hardware, matrix: Matrix) -> Blocks:
    """The blocks that a matrix is cut into."""
    rows, data, units = _core.array_blocks(hardware, *matrix).T
    planes = hardware.num_slices * (2 if hardware.scheme == "differential" else 1)
    interleaved = hardware.array.layout == "interleaved"
    return Blocks(rows, data, units, planes, planes if interleaved else 1)


def subtracts_analog(hardware: Hardware) -> bool:
    return hardware.scheme == "differential" and hardware.subtract == "analog"


def converters(hardware: Hardware, blocks: Blocks) -> tuple[int, int]:
    """Output converters of all arrays, and the most conversions of one of them in a read."""
    share, pairs = hardware.array.adc_share, subtracts_analog(hardware)
    used = (blocks.data + blocks.units) * blocks.planes_per_array
    lines = np.full_like(used, hardware.array.cols or 0) if hardware.array.cols else used
    arrays = blocks.arrays
    if pairs and blocks.planes_per_array > 1:
        used, lines = used // 2, lines // 2
    elif pairs:
        arrays //= 2
    count = arrays * int((-(-lines // share)).sum())
    return count, int(np.minimum(used, share).max())


def count_plan(hardware: Hardware, matrix: Matrix, drives: Drives, batch: Batch) -> Counts:
    """What follows from the plan of arrays, without the inputs' values."""
    blocks, use = blocks_of(hardware, matrix), _core.array_counts(hardware, *matrix)
    rows, cols = hardware.array.rows, hardware.array.cols
    used_lines = blocks.data + blocks.units
    arrays, products = blocks.arrays, batch.products
    reads = drives.passes * drives.cycles * products
    conversions = products * drives.passes
    conversions *= 1 if hardware.dac.accumulate == "analog" else drives.cycles
    apart = 2 if hardware.scheme == "differential" and hardware.subtract == "digital" else 1
    codes = hardware.num_slices * conversions
    data, own = int(blocks.data.sum()), array_use(hardware, use)
    added = data * codes * apart + (data * codes if blocks.units.any() else 0)
    sums, products_of_sums = offset_work(hardware, matrix, blocks)
    bits = value_bits(hardware)
    physical_cols = len(blocks.rows) * cols if cols else int(used_lines.sum())
    return Counts(
        arrays=own.arrays,
        cells=own.cells,
        used_cells=own.used_cells,
        word_lines=arrays * (len(blocks.rows) * rows if rows else int(blocks.rows.sum())),
        bit_lines=physical_cols * (arrays if cols else blocks.planes),
        adcs=converters(hardware, blocks)[0],
        products=products,
        multiply_adds=math.prod(matrix) * products,
        array_reads=own.arrays * reads,
        dac_conversions=int(blocks.rows.sum()) * arrays * reads,
        bit_line_charges=int(used_lines.sum()) * blocks.planes * reads,
        adc_conversions=int(used_lines.sum()) * codes * apart,
        shift_adds=added + sums * products + batch.overlaps,
        digital_multiply_adds=(matrix[0] * matrix[1] + products_of_sums) * products,
        buffer_reads=int(blocks.rows.sum()) * products * bits,
        buffer_writes=batch.outputs * bits,
        cells_written=own.used_cells + own.off_block_cells,
    )


def offset_work(hardware: Hardware, matrix: Matrix, blocks: Blocks) -> tuple[int, int]:
    """Additions and multiply-adds of one product that remove the offset digitally.

    Inputs are added up once for each group; every output subtracts its group's sum once. Arrays
    of several groups leak with the sum of all their inputs, which is added up and subtracted too.
    """
    if hardware.scheme != "offset" or hardware.offset_removal != "digital":
        return 0, 0
    groups, outputs, rows = matrix
    shared = int((blocks.rows // rows)[blocks.rows > rows].sum())
    if hardware.cell.on_off_ratio == math.inf:
        shared = 0
    return groups * rows + shared, (groups + shared) * outputs


def value_bits(hardware: Hardware) -> int:
    """Bits of a stored input or output: those of the DAC, with a sign bit if there are two passes.

    Continuous inputs are float32 numbers.
    """
    dac = hardware.dac
    return FLOAT_BITS if dac.bits is None else dac.bits + dac.two_pass
