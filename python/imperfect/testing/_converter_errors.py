# SPDX-License-Identifier: BSD-3-Clause
"""Errors of output converters: gain, offset, nonlinearity and noise, drawn for each of them.

A converter with gain error a, offset o and nonlinearity e, all but a in lsb, reads the current I as
code clip(rint(p + e(p)), 0, n - 1), p = (I (1 + a) - lo) / lsb + o + noise, e linear between codes
and constant beyond. There is one converter at each bit line of each array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imperfect import converters
from imperfect.hardware import ADC
from imperfect.testing._converters import num_codes
from imperfect.testing._random import (
    Floats,
    Integers,
    Kind,
    Words,
    normals,
    read_key,
    read_normals,
    stream_key,
)

Draw: TypeAlias = Callable[[int], Floats]


@dataclass(frozen=True)
class LineErrors:
    """Errors of the converters of some bit lines: gain and offset (n,), inl (n, codes), noise
    (M, n) in lsb."""

    gain: Floats
    offset: Floats
    inl: Floats
    noise: Floats

    def convert(
        self, current: Floats, lo: float, hi: float, bits: int, nudge: float = 0.0
    ) -> Floats:
        """Currents (M, n) after conversion; ``nudge`` moves them, in lsb, just before rounding."""
        n = num_codes(lo, hi, bits)
        lsb = (hi - lo) / (n - 1)
        p = (current * (1.0 + self.gain) - lo) / lsb + self.offset + self.noise
        errors = [np.interp(p[:, i], np.arange(n), e[:n]) for i, e in enumerate(self.inl)]
        code = np.clip(np.rint(p + np.stack(errors, axis=1) + nudge), 0, n - 1)
        return np.asarray(lo + code * lsb, np.float64)


@dataclass(frozen=True)
class ConverterErrors:
    """All converters of a layer, in one read of some samples.

    ``num_lines`` counts outputs and unit columns. The converter of a line is number ((row block ·
    S + slice) · 2 + polarity) · num_lines + line.
    """

    adc: ADC
    num_slices: int
    num_lines: int
    key: Words
    noise_key: Words
    samples: Integers

    def of_lines(
        self, block: int, i: int, polarity: int, lines: Integers, code: int, n: int
    ) -> LineErrors:
        """Converters with ``n`` codes of some lines of an array, in conversion ``code``."""
        adc, count = self.adc, len(lines)
        first = ((block * self.num_slices + i) * 2 + polarity) * self.num_lines
        numbers = lines + np.uint64(first)
        z = read_normals(self.noise_key, self.samples, lines, code)
        return LineErrors(
            gain=adc.gain_sigma * normals(self.key, numbers, 0, 0),
            offset=adc.offset_sigma * normals(self.key, numbers, 0, 1),
            inl=np.stack([self._inl(number, n) for number in numbers]).reshape(count, n),
            noise=adc.noise * z,
        )

    def _inl(self, converter: np.uint64, n: int) -> Floats:
        law, bits = self.adc.inl, self.adc.bits
        assert bits is not None
        if law is None:
            return np.zeros(n)
        if not isinstance(law, converters.Nonlinearity):
            points = np.asarray(law, np.float64)
            return np.asarray(np.interp(np.arange(n), points[:, 0], points[:, 1]), np.float64)

        def draw(count: int) -> Floats:
            items = (converter << np.uint64(16)) + np.arange(count, dtype=np.uint64)
            return normals(self.key, items, 0, 2)

        return inl_errors(law, bits, n, draw)


def converter_errors(
    adc: ADC, num_slices: int, num_lines: int, seed: int, layer: int, read: int, samples: Integers
) -> ConverterErrors | None:
    """The converters of a layer; None if they have no errors."""
    if adc.inl is None and not (adc.gain_sigma or adc.offset_sigma or adc.noise):
        return None
    key = stream_key(seed, Kind.CONVERTERS, layer)
    noise_key = read_key(seed, layer, read, Kind.CONVERTER_NOISE)
    return ConverterErrors(adc, num_slices, num_lines, key, noise_key, samples)


def inl_errors(law: converters.Nonlinearity, bits: int, n: int, draw: Draw) -> Floats:
    """Errors at the n codes of one converter."""
    code = np.arange(n)
    if isinstance(law, converters.Ramp):
        steps = 1.0 + law.sigma * draw(n - 1)
        return code - _stretched(np.concatenate([[0.0], np.cumsum(steps)]))
    if isinstance(law, converters.SAR):
        units = 2.0 ** np.arange(bits)
        capacitors = units + law.mismatch_sigma * np.sqrt(units) * draw(bits)
        return code - _stretched((code[:, None] >> np.arange(bits) & 1) @ capacitors)
    if isinstance(law, converters.Pipeline):
        return _pipeline_numbers(law, bits, (code + 0.5) / 2**bits, draw) - 0.5 - code
    raise ValueError(f"adc.inl={law!r}: the reference does not model this law")


def _stretched(levels: Floats) -> Floats:
    """Levels that end at their number less one."""
    return np.asarray(levels * (len(levels) - 1) / levels[-1], np.float64)


def _pipeline_numbers(law: converters.Pipeline, bits: int, x: Floats, draw: Draw) -> Floats:
    """What comes out for inputs x, in codes."""
    steps, sigma = 2**law.stage_bits, law.mismatch_sigma
    stages = math.ceil(bits / law.stage_bits) - 1
    z = draw(stages * steps).reshape(stages, steps)
    number, left, residue = np.zeros(len(x)), bits, x
    for stage in z:
        left -= law.stage_bits
        thresholds = np.arange(1, steps) / steps + sigma * stage[:-1]
        digit = (residue[:, None] >= thresholds).sum(axis=1)
        number = number + digit * 2.0**left
        residue = np.clip((residue * steps - digit) * (1.0 + sigma * stage[-1]), 0.0, 1.0)
    return number + residue * 2.0**left
