# SPDX-License-Identifier: BSD-3-Clause
"""Every analog-to-digital conversion of a tile, one after the other.

A bit line with conductances g_k (normalised to g_max), driven at v_k, carries I = sum_k g_k v_k
unit currents; I is clipped to +-column_current_max if there is one. With analog accumulation one
conversion takes the sum of cycle_weight[t] I_t, with analog subtraction one takes I+ - I-. Read
noise adds to the currents (`_reading`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imperfect.hardware import Hardware
from imperfect.testing._converters import Drive, convert, num_codes
from imperfect.testing._mapping import Encoding, Indices, Tile
from imperfect.testing._random import Floats, Integers
from imperfect.testing._reading import Noise, conversion_code, covariance


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
    been rounded the other way. ``covariance`` (conversions, conversions, M, columns) is that of
    read noise not yet added.
    """

    current: Floats
    gross: Floats
    flip: Floats
    covariance: Floats

    def minus(self, other: Reading) -> Reading:
        return Reading(
            self.current - other.current,
            self.gross + other.gross,
            self.flip + other.flip,
            self.covariance + other.covariance,
        )

    def with_noise(self, noise: Noise, numbers: Integers, codes: list[int]) -> Reading:
        """The currents with their noise.

        Noise rounds in proportion to its deviation. With several cycles that share draws, rounding
        of the covariance by 1e-7 of itself changes the root of a pivot, which is at least 1e-6 of
        it, by up to 1e-4 deviations, and several of them add.
        """
        c = self.covariance
        deviation = np.sqrt(np.stack([c[t, t] for t in range(len(c))]))
        is_correlated = bool(np.any(c[~np.eye(len(c), dtype=np.bool_)]))
        drawn = noise.of_lines(c, numbers, codes)
        gross = self.gross + 5.0 * np.abs(drawn) + (1e3 if is_correlated else 5.0) * deviation
        return Reading(self.current + drawn, gross, self.flip, np.zeros_like(c))


def read_lines(
    hardware: Hardware, drive: Drive, index: int, g: Floats, noise: Noise | None
) -> Reading:
    """Currents of bit lines g (columns, k) in pass ``index``."""
    limit = column_limit(hardware)
    analog = hardware.dac.accumulate == "analog"

    def accumulate(per_cycle: Floats) -> Floats:
        if limit is not None:
            per_cycle = np.clip(per_cycle, -limit, limit)
        if not analog:
            return per_cycle
        summed: Floats = np.einsum("t,tmn->mn", drive.cycle_weight, per_cycle)
        return summed[None]

    def spread(v: Floats) -> Floats:
        c = covariance(hardware.cell, v, g)
        if not analog:
            return c
        weight = drive.cycle_weight
        return np.asarray(np.einsum("t,s,tsmn->mn", weight, weight, c)[None, None], np.float64)

    v, other = drive.v[index], drive.other[index]
    size, current = np.abs(g), v @ g.T
    gross, flip = accumulate(np.abs(v) @ size.T), accumulate(np.abs(other - v) @ size.T)
    c = np.zeros((len(gross), len(gross), *gross.shape[1:]))
    if noise is not None:
        current = current + noise.of_cells(hardware.cell, v, g)
        c = spread(v)
        change = np.abs(spread(other) - c)
        flip = flip + 6.0 * np.sqrt(np.stack([change[t, t] for t in range(len(c))]))
    return Reading(accumulate(current), gross, flip, c)


@dataclass(frozen=True)
class Conversion:
    """One conversion of some bit lines of a tile.

    The value of output column n is ``scale * convert(current)[:, columns[n]]``, in units of w_r X;
    other fields as in `Reading`, without the first dimension.
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
        # Why: a value is rounded in proportion to its terms, lo and code * lsb, which may cancel.
        terms = np.abs(value) if bits is None else np.abs(value) + max(abs(lo), abs(hi))
        change = np.maximum(up, down) + rounding * terms
        return abs(self.scale) * change[:, self.columns]


def all_conversions(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding, noise: Noise | None = None
) -> Iterator[Conversion]:
    """The conversions of a tile for one batch, unit columns included."""
    for line in _lines(tile, drive, hardware, encoding, noise):
        reading, cycles = line.reading, range(len(line.scale))
        if noise is not None and hardware.adc.bits is not None:
            place = tile.row_block, line.index, line.polarity, line.slice
            codes = [conversion_code(*place, t) for t in cycles]
            reading = reading.with_noise(noise, line.numbers, codes)
        for t in cycles:
            yield Conversion(
                slice=line.slice,
                polarity=line.polarity,
                scale=float(line.scale[t]),
                columns=line.columns,
                current=reading.current[t],
                gross=reading.gross[t],
                flip=reading.flip[t],
            )


def folded_variances(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding, noise: Noise
) -> Iterator[tuple[Integers, Floats]]:
    """Numbers of bit lines, and the variance (M, columns) they add to a value without converter."""
    for line in _lines(tile, drive, hardware, encoding, noise):
        c = line.reading.covariance
        yield line.numbers, np.einsum("t,s,tsmn->mn", line.scale, line.scale, c)


@dataclass(frozen=True)
class _Line:
    """Bit lines read in one pass: of one slice, and of one polarity or of both subtracted.

    ``scale`` (conversions,) turns a current into a part of the value, ``columns`` are as in
    `Conversion`, ``numbers`` tell bit lines apart: outputs, and after them unit columns.
    """

    index: int
    slice: int
    polarity: int
    scale: Floats
    columns: Indices
    numbers: Integers
    reading: Reading


def _lines(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding, noise: Noise | None
) -> Iterator[_Line]:
    delta = 1.0 - 1.0 / hardware.cell.on_off_ratio
    analog = hardware.dac.accumulate == "analog"
    cycle_weight = np.ones(1) if analog else drive.cycle_weight
    for index, sign in enumerate(drive.pass_sign):
        for i, slice_weight in enumerate(encoding.slice_weight):
            for polarity, line_sign, columns, numbers, reading in _read(
                tile, drive, hardware, index, i, noise
            ):
                scale = sign * slice_weight * line_sign * cycle_weight / delta
                yield _Line(index, i, polarity, scale, columns, numbers, reading)


def _read(
    tile: Tile, drive: Drive, hardware: Hardware, index: int, i: int, noise: Noise | None
) -> Iterator[tuple[int, float, Indices, Integers, Reading]]:
    """Polarity, sign, columns, numbers and currents of pass ``index`` and slice ``i``."""
    columns, numbers = np.arange(len(tile.outputs)), tile.outputs.astype(np.uint64)
    data = [read_lines(hardware, drive, index, g, noise) for g in tile.g[i]]
    if subtracts_analog(hardware):
        yield 0, 1.0, columns, numbers, data[0].minus(data[1])
    else:
        for polarity, reading in enumerate(data):
            yield polarity, (1.0, -1.0)[polarity], columns, numbers, reading
    if len(tile.unit_g):
        unit = read_lines(hardware, drive, index, tile.unit_g[:, i], noise)
        yield 0, -1.0, tile.unit_of, tile.unit_numbers, unit
