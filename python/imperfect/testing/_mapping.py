# SPDX-License-Identifier: BSD-3-Clause
"""From weights to ideal cells: ranges, integer weights, digits, and the arrays that hold them.

A weight w in units of its range w_r is written as ``sum_i slice_weight[i] (f_i+ - f_i-)``
(differential) or ``sum_i slice_weight[i] f_i - offset_weight`` (offset), where f in [0, 1] is the
filling of a cell: its ideal conductance, normalised to g_max, is ``g_min + (1 - g_min) f``. Cells
are laid out as tiles, one per (merged group, row block, column block); a tile holds every slice and
polarity of its weights, the cells outside the blocks of a block-diagonal array, and its unit
columns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imperfect.testing._random import Floats, Integers

if TYPE_CHECKING:
    from imperfect.hardware import Hardware
    from imperfect.testing._circuits import TileCircuits

Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def weight_ranges(weight: Floats, hardware: Hardware) -> Floats:
    """Range w_r of every output channel, shape (N,).

    "max" is max|W|, ("percentile", p) is max(|P_p|, |P_(100-p)|) with linear interpolation, a
    number is itself; over the whole layer (all groups) or per channel. A percentile of 0 falls back
    to max|W|, and that of an all-zero weight to 1.
    """
    rule = hardware.weight_range
    values = weight if hardware.per == "channel" else weight.reshape(1, -1)
    largest = np.abs(values).max(axis=1)
    if isinstance(rule, str):
        ranges = largest
    elif isinstance(rule, tuple):
        percent = rule[1]
        ranges = np.abs(np.percentile(values, [percent, 100.0 - percent], axis=1)).max(axis=0)
    else:
        ranges = np.full(len(values), float(rule))
    ranges = np.where(ranges > 0.0, ranges, largest)
    ranges = np.where(ranges > 0.0, ranges, 1.0)
    return np.ascontiguousarray(np.broadcast_to(ranges, len(weight)))


@dataclass(frozen=True)
class Encoding:
    """How a weight in [-1, 1] becomes cells.

    ``slice_weight`` (S,) and ``offset_weight`` recombine them; ``steps`` is L - 1 (None: no
    levels).
    """

    num_slices: int
    num_polarities: int
    steps: int | None
    slice_weight: Floats
    offset_weight: float


def make_encoding(hardware: Hardware) -> Encoding:
    """The encoding of a hardware description."""
    bits, cell_bits = hardware.weight_bits, hardware.cell.bits
    differential = hardware.scheme == "differential"
    polarities = 2 if differential else 1
    if bits is None:
        steps = None if cell_bits is None else 2**cell_bits - 1
        one = np.ones(1)
        if differential:
            return Encoding(1, 2, steps, one, 0.0)
        return Encoding(1, 1, steps, 2.0 * one, 1.0)
    magnitude_bits = bits - 1 if differential else bits
    digit_bits = magnitude_bits if cell_bits is None else cell_bits
    num_slices = math.ceil(magnitude_bits / digit_bits)
    steps = 2**digit_bits - 1
    largest = 2 ** (bits - 1) - 1
    slice_weight = steps * 2.0 ** (digit_bits * np.arange(num_slices)) / largest
    offset = 0.0 if differential else 2.0 ** (bits - 1) / largest
    return Encoding(num_slices, polarities, steps, slice_weight, offset)


def _round_filling(filling: Floats, steps: int | None) -> Floats:
    return filling if steps is None else np.rint(filling * steps) / steps


def _digits(value: npt.NDArray[np.int64], digit_bits: int, num_slices: int) -> Floats:
    """Base-2**digit_bits digits, least significant first, as fillings: shape (S, *value.shape)."""
    base = 2**digit_bits
    return np.stack([(value // base**i % base) / (base - 1) for i in range(num_slices)])


def fillings(weight: Floats, ranges: Floats, hardware: Hardware) -> Floats:
    """Ideal fillings of the weight cells, shape (S, P, N, K_g), of weights (N, K_g)."""
    encoding = make_encoding(hardware)
    w = np.clip(weight / ranges[:, None], -1.0, 1.0)
    differential = hardware.scheme == "differential"
    if hardware.weight_bits is None:
        if not differential:
            parts = [(1.0 + w) / 2.0]
        elif hardware.two_sided:
            parts = [(1.0 + w) / 2.0, (1.0 - w) / 2.0]
        else:
            parts = [np.maximum(w, 0.0), np.maximum(-w, 0.0)]
        return _round_filling(np.stack(parts)[None], encoding.steps)
    q = np.rint(w * (2 ** (hardware.weight_bits - 1) - 1)).astype(np.int64)
    assert encoding.steps is not None
    digit_bits = int(encoding.steps).bit_length()
    if not differential:
        unsigned = q + 2 ** (hardware.weight_bits - 1)
        return _digits(unsigned, digit_bits, encoding.num_slices)[:, None]
    positive = _digits(np.maximum(q, 0), digit_bits, encoding.num_slices)
    negative = _digits(np.maximum(-q, 0), digit_bits, encoding.num_slices)
    return np.stack([positive, negative], axis=1)


def unit_fillings(hardware: Hardware) -> Floats:
    """Ideal fillings of a unit column in its own rows, shape (S,): the cells of weight 0."""
    return fillings(np.zeros((1, 1)), np.ones(1), hardware)[:, 0, 0, 0]


def partition(length: int, limit: int | None, rule: str) -> list[tuple[int, int]]:
    """Cut ``length`` lines into the fewest blocks of at most ``limit``.

    "equal": with k blocks, the first ``length mod k`` are one longer than the rest; "fill": full
    blocks first.

    Examples
    --------
    >>> partition(10, 4, "equal"), partition(10, 4, "fill")
    ([(0, 4), (4, 7), (7, 10)], [(0, 4), (4, 8), (8, 10)])
    """
    if limit is None or length <= limit:
        return [(0, length)]
    num_blocks = math.ceil(length / limit)
    if rule == "fill":
        sizes = [limit] * (num_blocks - 1) + [length - limit * (num_blocks - 1)]
    else:
        longer = length % num_blocks
        sizes = [length // num_blocks + (i < longer) for i in range(num_blocks)]
    edges = [sum(sizes[:i]) for i in range(num_blocks + 1)]
    return list(itertools.pairwise(edges))


@dataclass(frozen=True)
class BitLines:
    """Cells of some bit lines, (columns, k).

    Conductances g, ``seconds`` after they were ``written``, ``seen`` by currents in their place,
    and the ``share`` of each cell's noise that arrives. Where circuits are solved for every drive,
    ``circuit`` gives currents (T, M, columns) for voltages (T, M, k).
    """

    g: Floats
    written: Floats
    seconds: float
    seen: Floats
    share: Floats
    circuit: Callable[[Floats], Floats] | None = None


@dataclass
class Tile:
    """The cells of one (merged group, row block, column block), all slices and polarities.

    ``outputs`` (n,) and ``rows`` (k,) number the layer's outputs and flattened input rows; ``own``
    (n, k) is True where a cell holds a weight and False where it lies outside the blocks. ``items``
    (S, P, n, k) and ``unit_items`` (u, S, k) are cell indices; ``unit_own`` (u, k) marks a unit
    column's own rows, ``unit_of`` (n,) the unit column of each data column. ``unit_numbers`` (u,)
    number the unit columns through the layer, after all outputs, and ``row_block`` the tile's rows
    through the merged group; ``row_lines`` (S, P, k), ``column_lines`` (S, P, n) and
    ``unit_lines`` (u, S) number word lines and bit lines, see `make_tiles`. ``g`` and ``unit_g``
    are the conductances, shaped like the indices, normalised to g_max, ``seconds`` after they were
    ``written``. With wires, ``seen`` and ``unit_seen`` stand in their place in currents, ``share``
    and ``unit_share`` (pure numbers) multiply the cells' read noise.
    """

    outputs: Indices
    rows: Indices
    own: Mask
    items: Integers
    unit_items: Integers
    unit_own: Mask
    unit_of: Indices
    unit_numbers: Integers
    row_block: int
    row_lines: Integers
    column_lines: Integers
    unit_lines: Integers
    g: Floats = field(default_factory=lambda: np.empty(0))
    unit_g: Floats = field(default_factory=lambda: np.empty(0))
    written: Floats = field(default_factory=lambda: np.empty(0))
    unit_written: Floats = field(default_factory=lambda: np.empty(0))
    seconds: float = 0.0
    seen: Floats | None = None
    share: Floats | None = None
    unit_seen: Floats | None = None
    unit_share: Floats | None = None
    circuits: TileCircuits | None = None

    def bit_lines(self, i: int, polarity: int) -> BitLines:
        """Data columns of a slice and polarity."""
        place = i, polarity
        g, written = self.g[place], self.written[place]
        if self.seen is None or self.share is None:
            return BitLines(g, written, self.seconds, g, np.ones_like(g))
        circuit = None if self.circuits is None else self.circuits.of_data(i, polarity)
        return BitLines(g, written, self.seconds, self.seen[place], self.share[place], circuit)

    def unit_bit_lines(self, i: int) -> BitLines:
        """Unit columns of a slice."""
        g, written = self.unit_g[:, i], self.unit_written[:, i]
        if self.unit_seen is None or self.unit_share is None:
            return BitLines(g, written, self.seconds, g, np.ones_like(g))
        seen, share = self.unit_seen[:, i], self.unit_share[:, i]
        circuit = None if self.circuits is None else self.circuits.of_units(i)
        return BitLines(g, written, self.seconds, seen, share, circuit)

    def lines(self) -> dict[str, Integers]:
        """Word line and bit line of each cell, shaped like ``items``."""
        return {
            "row": np.broadcast_to(self.row_lines[:, :, None], self.items.shape),
            "column": np.broadcast_to(self.column_lines[..., None], self.items.shape),
        }

    def lines_of_units(self) -> dict[str, Integers]:
        """Word line and bit line of each cell of the unit columns, shaped like ``unit_items``."""
        return {
            "row": np.broadcast_to(self.row_lines[:, 0], self.unit_items.shape),
            "column": np.broadcast_to(self.unit_lines[..., None], self.unit_items.shape),
        }


@dataclass(frozen=True)
class Layout:
    """How ``groups`` groups of N_g outputs and K_g rows share arrays.

    ``groups_per_array`` groups are merged; the last merged group may be smaller.
    """

    groups: int
    group_outputs: int
    group_rows: int
    groups_per_array: int
    has_units: bool
    planes_per_array: int
    hardware: Hardware

    @property
    def merged_rows(self) -> int:
        return self.groups_per_array * self.group_rows

    @property
    def data_columns(self) -> int | None:
        """Most data columns of one array of one group; a unit column takes one bit line."""
        cols = self.hardware.array.cols
        return None if cols is None else cols // self.planes_per_array - self.has_units

    def merged_groups(self) -> Iterator[range]:
        for first in range(0, self.groups, self.groups_per_array):
            yield range(first, min(first + self.groups_per_array, self.groups))

    def column_blocks(self, merged: range) -> list[tuple[int, int]]:
        """Column blocks of a merged group; several merged groups' columns always fit one array."""
        if len(merged) > 1:
            return [(0, len(merged) * self.group_outputs)]
        return partition(self.group_outputs, self.data_columns, self.hardware.array.partition)

    def row_blocks(self, merged: range) -> list[tuple[int, int]]:
        array = self.hardware.array
        return partition(len(merged) * self.group_rows, array.rows, array.partition)

    @property
    def num_column_blocks(self) -> int:
        return sum(len(self.column_blocks(merged)) for merged in self.merged_groups())

    @property
    def most_row_blocks(self) -> int:
        return max(len(self.row_blocks(merged)) for merged in self.merged_groups())

    @property
    def num_units(self) -> int:
        if not self.has_units:
            return 0
        return sum(len(merged) * len(self.column_blocks(merged)) for merged in self.merged_groups())


def make_layout(
    num_outputs: int, group_rows: int, groups: int, hardware: Hardware, encoding: Encoding
) -> Layout:
    """Decide how many groups share an array.

    ``groups="block_diagonal"``: p = max(1, min(G, R // K_g, C // N_g)), with ``C // (N_g + 1)`` if
    every group also needs a unit column. In interleaved arrays C is the number of whole weights.
    """
    array = hardware.array
    interleaved = array.layout == "interleaved"
    planes = encoding.num_slices * encoding.num_polarities if interleaved else 1
    has_units = hardware.scheme == "offset" and hardware.offset_removal == "unit_column"
    group_outputs = num_outputs // groups
    p = 1
    if hardware.groups == "block_diagonal":
        p = groups
        if array.rows is not None:
            p = min(p, array.rows // group_rows)
        if array.cols is not None:
            p = min(p, array.cols // planes // (group_outputs + has_units))
    return Layout(groups, group_outputs, group_rows, max(1, p), has_units, planes, hardware)


def make_tiles(layout: Layout, encoding: Encoding) -> list[Tile]:
    """All tiles of a layer, without conductances.

    Cell indices, with N outputs, P polarities, K_m rows in a full merged group: a weight cell has
    ``((slice P + polarity) N + n) K_g + k`` with k in its group's rows; from ``U = S P N K_g``, a
    unit cell has ``U + (unit S + slice) K_m + k`` with k in the merged group's rows and units
    numbered by (merged group, column block, group); from ``O = U + num_units S K_m``, an off-block
    cell has ``O + ((slice P + polarity) N + n) K_m + k``.

    Lines of arrays, for faults that stick all their cells: with B column blocks in the layer and at
    most A row blocks in a merged group, word line k of an array is ``((slice P + polarity) B +
    column block) K_m + k``, whose unit columns share it, and without the plane in interleaved
    arrays, whose planes share it; bit line n is ``((slice P + polarity) N +
    n) A + row block``, that of a unit column ``(S P N + unit S + slice) A + row block``.
    """
    tiles: list[Tile] = []
    first_unit = 0
    column_number = 0
    for merged in layout.merged_groups():
        for column_block in layout.column_blocks(merged):
            num_units = len(merged) if layout.has_units else 0
            units = np.arange(first_unit, first_unit + num_units)
            for number, row_block in enumerate(layout.row_blocks(merged)):
                place = column_block, row_block, number, column_number
                tiles.append(_make_tile(layout, encoding, merged, place, units))
            first_unit += num_units
            column_number += 1
    return tiles


def _items(
    layout: Layout, line: npt.NDArray[np.int64], rows: Indices, own: Mask, off_base: int
) -> Integers:
    """Indices of weight cells, and of off-block cells, which begin at ``off_base``."""
    weight_items = line * layout.group_rows + rows % layout.group_rows
    off_items = off_base + line * layout.merged_rows + rows
    return np.where(own, weight_items, off_items).astype(np.uint64)


def _make_tile(
    layout: Layout,
    encoding: Encoding,
    merged: range,
    place: tuple[tuple[int, int], tuple[int, int], int, int],
    units: npt.NDArray[np.int64],
) -> Tile:
    """One tile; ``place``: its blocks, the number of its row block, that of its column block."""
    column_block, row_block, number, column_number = place
    slices, polarities = encoding.num_slices, encoding.num_polarities
    num_outputs = layout.groups * layout.group_outputs
    columns, rows = np.arange(*column_block), np.arange(*row_block)
    column_group, row_group = columns // layout.group_outputs, rows // layout.group_rows
    own = column_group[:, None] == row_group[None, :]
    outputs = merged.start * layout.group_outputs + columns
    cell = np.arange(slices * polarities).reshape(slices, polarities, 1, 1)
    line = cell * num_outputs + outputs[:, None]
    unit_base = slices * polarities * num_outputs * layout.group_rows
    off_base = unit_base + layout.num_units * slices * layout.merged_rows
    unit_line = units[:, None, None] * slices + np.arange(slices)[:, None]
    unit_groups = np.arange(len(units))
    plane = cell[:, :, :, 0]
    word_plane = plane if layout.planes_per_array == 1 else 0 * plane
    word_line = (word_plane * layout.num_column_blocks + column_number) * layout.merged_rows + rows
    bit_line = (plane * num_outputs + outputs) * layout.most_row_blocks + number
    unit_number = slices * polarities * num_outputs + unit_line[..., 0]
    return Tile(
        outputs=outputs,
        rows=merged.start * layout.group_rows + rows,
        own=own,
        items=_items(layout, line, rows, own, off_base),
        unit_items=(unit_base + unit_line * layout.merged_rows + rows).astype(np.uint64),
        unit_own=unit_groups[:, None] == row_group[None, :],
        unit_of=column_group,
        unit_numbers=(num_outputs + units).astype(np.uint64),
        row_block=number,
        row_lines=word_line.astype(np.uint64),
        column_lines=bit_line.astype(np.uint64),
        unit_lines=(unit_number * layout.most_row_blocks + number).astype(np.uint64),
    )
