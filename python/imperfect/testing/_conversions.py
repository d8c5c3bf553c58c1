# SPDX-License-Identifier: BSD-3-Clause
"""Every analog-to-digital conversion of a tile, one after the other.

A bit line with conductances g_k (normalised to g_max), driven at v_k, carries I = sum_k g_k v_k
unit currents; I is clipped to +-column_current_max if there is one. With analog accumulation one
conversion takes the sum of cycle_weight[t] I_t, with analog subtraction one takes I+ - I-.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imperfect.hardware import Hardware
from imperfect.testing._converters import Drive, convert, num_codes
from imperfect.testing._mapping import Encoding, Indices, Tile
from imperfect.testing._random import Floats


def column_limit(hardware: Hardware) -> float | None:
    """Largest current of a bit line, in unit currents."""
    limit: float | None = getattr(hardware.array, "column_current_max", None)
    return limit


def subtracts_analog(hardware: Hardware) -> bool:
    """Whether the two polarities of a differential pair share one conversion."""
    return hardware.scheme == "differential" and hardware.subtract == "analog"


@dataclass(frozen=True)
class Reading:
    """Analog currents (conversions, M, columns), and how far they may be off.

    ``gross`` is the current with all its terms made positive: rounding errors of a sum are in
    proportion to it. ``flip`` bounds the change if inputs on a rounding boundary of the DAC had
    been rounded the other way.
    """

    current: Floats
    gross: Floats
    flip: Floats

    def minus(self, other: Reading) -> Reading:
        return Reading(
            self.current - other.current, self.gross + other.gross, self.flip + other.flip
        )


def read_lines(hardware: Hardware, drive: Drive, index: int, g: Floats) -> Reading:
    """Currents of bit lines g (columns, k) in pass ``index``."""
    limit = column_limit(hardware)

    def accumulate(v: Floats, g: Floats) -> Floats:
        per_cycle: Floats = v @ g.T
        if limit is not None:
            per_cycle = np.clip(per_cycle, -limit, limit)
        if hardware.dac.accumulate == "digital":
            return per_cycle
        summed: Floats = np.einsum("t,tmn->mn", drive.cycle_weight, per_cycle)
        return summed[None]

    v, other = drive.v[index], drive.other[index]
    size = np.abs(g)
    return Reading(
        accumulate(v, g), accumulate(np.abs(v), size), accumulate(np.abs(other - v), size)
    )


@dataclass(frozen=True)
class Conversion:
    """One conversion of some bit lines of a tile.

    The value of output column n is ``scale * convert(current)[:, columns[n]]``, in units of w_r X;
    fields as in `Reading`, without the first dimension.
    """

    slice: int
    polarity: int
    scale: float
    columns: Indices
    current: Floats
    gross: Floats
    flip: Floats

    def value(self, lo: float, hi: float, bits: int | None) -> Floats:
        return self.scale * convert(self.current, lo, hi, bits)[:, self.columns]

    def slack(self, lo: float, hi: float, bits: int | None, rounding: float, tie: float) -> Floats:
        """Largest change of `value` if the current and the limits are rounded or fall on a tie."""
        shift = rounding * self.gross + self.flip
        if bits is not None:
            lsb = (hi - lo) / (num_codes(lo, hi, bits) - 1)
            shift = shift + rounding * max(abs(lo), abs(hi)) + tie * lsb
        value = convert(self.current, lo, hi, bits)
        up = np.abs(convert(self.current + shift, lo, hi, bits) - value)
        down = np.abs(convert(self.current - shift, lo, hi, bits) - value)
        change = np.maximum(up, down) + rounding * np.abs(value)
        return abs(self.scale) * change[:, self.columns]


def all_conversions(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding
) -> Iterator[Conversion]:
    """The conversions of a tile for one batch, unit columns included."""
    delta = 1.0 - 1.0 / hardware.cell.on_off_ratio
    analog = hardware.dac.accumulate == "analog"
    cycle_weight = np.ones(1) if analog else drive.cycle_weight
    for index, sign in enumerate(drive.pass_sign):
        for i, slice_weight in enumerate(encoding.slice_weight):
            for polarity, line_sign, columns, reading in _lines(tile, drive, hardware, index, i):
                for t, weight in enumerate(cycle_weight):
                    yield Conversion(
                        slice=i,
                        polarity=polarity,
                        scale=float(sign * slice_weight * line_sign * weight / delta),
                        columns=columns,
                        current=reading.current[t],
                        gross=reading.gross[t],
                        flip=reading.flip[t],
                    )


def _lines(
    tile: Tile, drive: Drive, hardware: Hardware, index: int, i: int
) -> Iterator[tuple[int, float, Indices, Reading]]:
    """Polarity, sign, columns and currents of what is converted in pass ``index``, slice ``i``."""
    every_column = np.arange(len(tile.outputs))
    data = [read_lines(hardware, drive, index, g) for g in tile.g[i]]
    if subtracts_analog(hardware):
        yield 0, 1.0, every_column, data[0].minus(data[1])
    else:
        for polarity, reading in enumerate(data):
            yield polarity, (1.0, -1.0)[polarity], every_column, reading
    if len(tile.unit_g):
        yield 0, -1.0, tile.unit_of, read_lines(hardware, drive, index, tile.unit_g[:, i])
