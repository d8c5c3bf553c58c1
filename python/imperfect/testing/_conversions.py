# SPDX-License-Identifier: BSD-3-Clause
"""Every analog-to-digital conversion of a tile, one after the other.

A bit line with conductances g_k (normalised to g_max), driven at v_k, carries I = sum_k g_k v_k
unit currents; I with its read noise is clipped to +-column_current_max if there is one, every
polarity and cycle on its own. With analog accumulation one
conversion takes the sum of cycle_weight[t] I_t, with analog subtraction one takes I+ - I-. Read
noise adds to the currents (`_reading`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imperfect.hardware import Cell, Hardware
from imperfect.testing._circuits import solves_circuits
from imperfect.testing._converter_errors import ConverterErrors
from imperfect.testing._converters import Drive, convert, num_codes
from imperfect.testing._curves import bend
from imperfect.testing._mapping import BitLines, Encoding, Indices, Tile
from imperfect.testing._random import Floats, Integers
from imperfect.testing._reading import Noise, conversion_code, covariance


def is_folded(hardware: Hardware) -> bool:
    """Whether nothing between arrays and sum is nonlinear, so that read noise needs one draw."""
    removes_offset = hardware.scheme == "offset" and hardware.offset_removal == "digital"
    if hardware.dac.nonlinearity is not None and removes_offset:
        return False  # the offset is removed with the voltages as they were meant
    return hardware.adc.bits is None and not reads_drives_apart(hardware)


def reads_drives_apart(hardware: Hardware) -> bool:
    """Whether currents are not linear: each polarity's in each cycle is one of its own."""
    return hardware.array.column_current_max is not None or solves_circuits(hardware)


@dataclass(frozen=True)
class Lines:
    """Which bit lines are read: their array, the pass, and the numbers that tell them apart."""

    row_block: int
    index: int
    polarity: int
    slice: int
    numbers: Integers

    def codes(self, cycles: int) -> list[int]:
        place = self.row_block, self.index, self.polarity, self.slice
        return [conversion_code(*place, t) for t in range(cycles)]


def subtracts_analog(hardware: Hardware) -> bool:
    """Whether the two polarities of a differential pair share one conversion."""
    return hardware.scheme == "differential" and hardware.subtract == "analog"


@dataclass(frozen=True)
class Limits:
    """Range and resolution of a converter; ``bits=None`` is ideal."""

    lo: float
    hi: float
    bits: int | None


class Converter(Protocol):
    """Currents (M, n) to converted ones; ``nudge`` moves them, in lsb, just before rounding."""

    def __call__(self, current: Floats, nudge: float) -> Floats: ...


def make_converter(
    limits: Limits, lines: Lines, cycle: int, errors: ConverterErrors | None
) -> Converter:
    """The converters of some lines in one conversion."""
    lo, hi, bits = limits.lo, limits.hi, limits.bits
    if errors is None or bits is None:
        return lambda current, nudge: convert(current, lo, hi, bits)
    code = lines.codes(cycle + 1)[cycle]
    place = lines.row_block, lines.slice, lines.polarity, lines.numbers
    drawn = errors.of_lines(*place, code, num_codes(lo, hi, bits))
    return lambda current, nudge: drawn.convert(current, lo, hi, bits, nudge)


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

        Noise rounds in proportion to its deviation and its draws. Where variances are rounded by a
        part e, so is C as a form, and the draws L z move by a few e deviations however close to
        singular C is.
        """
        c = self.covariance
        deviation = np.sqrt(np.stack([c[t, t] for t in range(len(c))]))
        drawn = noise.of_lines(c, numbers, codes)
        gross = self.gross + 5.0 * (np.abs(drawn) + deviation)
        return Reading(self.current + drawn, gross, self.flip, np.zeros_like(c))


def _currents(
    cell: Cell, cells: BitLines, v: Floats, other: Floats
) -> tuple[Floats, Floats, Floats]:
    """Currents of every cycle without noise, with ``gross`` and ``flip`` as in `Reading`."""
    size, current = np.abs(cells.seen), v @ cells.seen.T
    gross, flip = np.abs(v) @ size.T, np.abs(other - v) @ size.T
    if cells.circuit is not None:
        current = cells.circuit(v)
        flip = np.abs(cells.circuit(other) - current)
    elif cell.nonlinearity is not None:
        extra, gross_extra = bend(cell, cells.g, v)
        current, gross = current + extra, gross + gross_extra
        flip = flip + np.abs(bend(cell, cells.g, other)[0] - extra)
    return current, gross, flip


def read_lines(
    hardware: Hardware, drive: Drive, cells: BitLines, noise: Noise | None, lines: Lines
) -> Reading:
    """Currents of bit lines in one pass, added up over cycles if that is analog."""
    limit = hardware.array.column_current_max
    if limit is None and solves_circuits(hardware):
        limit = np.inf
    weight = drive.cycle_weight
    analog = hardware.dac.accumulate == "analog"

    def accumulate(per_cycle: Floats) -> Floats:
        return np.einsum("t,tmn->mn", weight, per_cycle)[None] if analog else per_cycle

    def spread(v: Floats) -> Floats:
        c = covariance(hardware.cell, v, cells)
        if not analog or limit is not None:
            return c
        return np.asarray(np.einsum("t,s,tsmn->mn", weight, weight, c)[None, None], np.float64)

    v, other = drive.driven(drive.v[lines.index]), drive.driven(drive.other[lines.index])
    current, gross, flip = _currents(hardware.cell, cells, v, other)
    if limit is None:
        gross, flip = accumulate(gross), accumulate(flip)
    c = np.zeros((len(gross), len(gross), *gross.shape[1:]))
    if noise is not None:
        current = current + noise.of_cells(hardware.cell, v, cells)
        c = spread(v)
        change = np.abs(spread(other) - c)
        flip = flip + 6.0 * np.sqrt(np.stack([change[t, t] for t in range(len(c))]))
    if limit is None:
        return Reading(accumulate(current), gross, flip, c)
    read = Reading(current, gross, flip, c)
    if noise is not None:
        read = read.with_noise(noise, lines.numbers, lines.codes(len(v)))
    limited = accumulate(np.clip(read.current, -limit, limit))
    gross, flip = accumulate(read.gross), accumulate(read.flip)
    return Reading(limited, gross, flip, np.zeros((len(limited), *limited.shape)))


@dataclass(frozen=True)
class Conversion:
    """One conversion of some bit lines of a tile.

    The value of output column n is ``scale * convert(current)[:, columns[n]]``, in units of w_r X;
    ``cycle`` tells the conversions of the lines apart, other fields as in `Reading`, without the
    first dimension.
    """

    lines: Lines
    cycle: int
    scale: float
    columns: Indices
    current: Floats
    gross: Floats
    flip: Floats

    def value(self, convert: Converter) -> Floats:
        return self.scale * convert(self.current, 0.0)[:, self.columns]

    def slack(self, convert: Converter, limits: Limits, rounding: float, tie: float) -> Floats:
        """Largest change of `value` if the current and the limits are rounded or fall on a tie."""
        shift = rounding * self.gross + self.flip
        nudge = 0.0
        if limits.bits is not None:
            n = num_codes(limits.lo, limits.hi, limits.bits)
            lsb = (limits.hi - limits.lo) / (n - 1)
            shift = shift + rounding * max(abs(limits.lo), abs(limits.hi)) + tie * lsb
            nudge = tie + rounding * n
        value = convert(self.current, 0.0)
        changes = [
            np.abs(convert(self.current + s * shift, t * nudge) - value)
            for s in (-1, 1)
            for t in (-1, 0, 1)
        ]
        # Why: a value is rounded in proportion to its terms, lo and code * lsb, which may cancel.
        terms = np.abs(value)
        if limits.bits is not None:
            terms = terms + max(abs(limits.lo), abs(limits.hi))
        change = np.max(changes, axis=0) + rounding * terms
        return np.asarray(abs(self.scale) * change[:, self.columns], np.float64)


def all_conversions(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding, noise: Noise | None = None
) -> Iterator[Conversion]:
    """The conversions of a tile for one batch, unit columns included."""
    for line in _lines(tile, drive, hardware, encoding, noise):
        reading, cycles, lines = line.reading, len(line.scale), line.lines
        limited = reads_drives_apart(hardware)
        if noise is not None and not limited and not is_folded(hardware):
            reading = reading.with_noise(noise, lines.numbers, lines.codes(cycles))
        for t in range(cycles):
            yield Conversion(
                lines=lines,
                cycle=t,
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
        yield line.lines.numbers, np.einsum("t,s,tsmn->mn", line.scale, line.scale, c)


@dataclass(frozen=True)
class _Line:
    """Bit lines read in one pass: of one slice, and of one polarity or of both subtracted.

    ``scale`` (conversions,) turns a current into a part of the value, ``columns`` are as in
    `Conversion`, ``lines`` number the bit lines: outputs, and after them unit columns.
    """

    lines: Lines
    scale: Floats
    columns: Indices
    reading: Reading


def _lines(
    tile: Tile, drive: Drive, hardware: Hardware, encoding: Encoding, noise: Noise | None
) -> Iterator[_Line]:
    delta = 1.0 - 1.0 / hardware.cell.on_off_ratio
    analog = hardware.dac.accumulate == "analog"
    cycle_weight = np.ones(1) if analog else drive.cycle_weight
    for index, sign in enumerate(drive.pass_sign):
        for i, slice_weight in enumerate(encoding.slice_weight):
            for lines, line_sign, columns, reading in _read(tile, drive, hardware, index, i, noise):
                scale = sign * slice_weight * line_sign * cycle_weight / delta
                yield _Line(lines, scale, columns, reading)


def _read(
    tile: Tile, drive: Drive, hardware: Hardware, index: int, i: int, noise: Noise | None
) -> Iterator[tuple[Lines, float, Indices, Reading]]:
    """Lines, sign, columns and currents of pass ``index`` and slice ``i``."""
    columns, numbers = np.arange(len(tile.outputs)), tile.outputs.astype(np.uint64)
    lines = [Lines(tile.row_block, index, p, i, numbers) for p in range(len(tile.g[i]))]
    data = [
        read_lines(hardware, drive, tile.bit_lines(i, p), noise, line)
        for p, line in enumerate(lines)
    ]
    if subtracts_analog(hardware):
        yield lines[0], 1.0, columns, data[0].minus(data[1])
    else:
        for line, sign, reading in zip(lines, (1.0, -1.0), data, strict=False):
            yield line, sign, columns, reading
    if len(tile.unit_g):
        line = Lines(tile.row_block, index, 0, i, tile.unit_numbers)
        unit = read_lines(hardware, drive, tile.unit_bit_lines(i), noise, line)
        yield line, -1.0, tile.unit_of, unit
