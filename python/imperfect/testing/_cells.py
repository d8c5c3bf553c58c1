# SPDX-License-Identifier: BSD-3-Clause
"""The cells of the reference layer: written, drifted, read out, and seen through their wires.

Conductances are normalised to g_max. Cells live in tiles (`_mapping`), one for each merged group,
row block and column block; `Writer` draws what becomes of a target, `solve_wires` finds what the
ends of the bit lines see of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from imperfect import device
from imperfect.hardware import Hardware
from imperfect.testing._mapping import (
    fillings,
    make_encoding,
    make_layout,
    make_tiles,
    unit_fillings,
    weight_ranges,
)
from imperfect.testing._programming import Writer, as_tuple, write_verify
from imperfect.testing._random import Floats, Integers, Kind, stream_key
from imperfect.testing._tile_wires import solve_wires


class Cells:
    """All cells of a layer of weights (N, K_g); ``number`` is that of the layer.

    ``lines_per_channel`` consecutive outputs are one channel, which has one weight range.
    """

    def __init__(
        self,
        weight: Floats,
        groups: int,
        hardware: Hardware,
        seed: int,
        number: int,
        lines_per_channel: int = 1,
    ) -> None:
        self.weight = weight
        self.hardware = hardware
        self.seed = seed
        self.number = number
        channels = weight.reshape(len(weight) // lines_per_channel, -1)
        self.ranges = np.repeat(weight_ranges(channels, hardware), lines_per_channel)
        self.encoding = make_encoding(hardware)
        num_outputs, group_rows = weight.shape
        self.layout = make_layout(num_outputs, group_rows, groups, hardware, self.encoding)
        self.tiles = make_tiles(self.layout, self.encoding)
        self.shape = (self.encoding.num_slices, self.encoding.num_polarities, *weight.shape)

    def write(self, write: int, seconds: float) -> None:
        """Write every cell with the draws of one write, and let it drift to a time."""
        writer = Writer(self.hardware, self.encoding, self.seed, self.number, write, seconds)
        filling = fillings(self.weight, self.ranges, self.hardware)
        unit_filling = unit_fillings(self.hardware)
        for tile in self.tiles:
            weights = filling[:, :, tile.outputs][..., tile.rows % self.layout.group_rows]
            target = np.where(tile.own, weights, 0.0)
            tile.g = writer.write_cells(target, tile.items, tile.own, tile.lines())
            unit_target = np.where(tile.unit_own[:, None, :], unit_filling[:, None], 0.0)
            no_weights = np.zeros(unit_target.shape, np.bool_)
            lines = tile.lines_of_units()
            tile.unit_g = writer.write_cells(unit_target, tile.unit_items, no_weights, lines)
            tile.seconds = seconds
            if seconds == 0.0:
                tile.written, tile.unit_written = tile.g, tile.unit_g
            solve_wires(tile, self.hardware)

    def pulses(self, write: int) -> Integers:
        """Pulses of `WriteVerify` laws in one write, (S, P, N, K_g)."""
        items = np.arange(math.prod(self.shape), dtype=np.uint64)
        key = stream_key(self.seed, Kind.PROGRAMMING, self.number)
        total = np.zeros(items.shape, np.uint64)
        for slot, law in enumerate(as_tuple(self.hardware.cell.programming)):
            if isinstance(law, device.WriteVerify):
                total += write_verify(law, items, key, write, slot)[1]
        return total.reshape(self.shape)

    def conductances(self) -> Floats:
        """Conductances of the weight cells, (S, P, N, K_g)."""
        g = np.empty(self.shape)
        for tile in self.tiles:
            line, row = np.nonzero(tile.own)
            n, k = tile.outputs[line], tile.rows[row] % self.layout.group_rows
            g[:, :, n, k] = tile.g[:, :, line, row]
        return g

    def set_conductances(self, g: npt.ArrayLike) -> None:
        """Replace the conductances of the weight cells, (S, P, N, K_g)."""
        given = np.asarray(g, np.float64)
        if given.shape != self.shape:
            raise ValueError(f"g must have shape {self.shape}, got {given.shape}")
        for tile in self.tiles:
            cells = given[:, :, tile.outputs][..., tile.rows % self.layout.group_rows]
            tile.g = np.where(tile.own, cells, tile.g)
            tile.written = np.where(tile.own, cells, tile.written)
            solve_wires(tile, self.hardware)
