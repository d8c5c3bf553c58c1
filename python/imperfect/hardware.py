# SPDX-License-Identifier: BSD-3-Clause
"""The description of one analog in-memory machine: Hardware and its parts.

All classes are immutable values, checked when built; None always means ideal or unlimited.
Conductances g are normalised to g_max: g lies in [g_min, 1], g_min = 1 / on_off_ratio and
Delta = 1 - g_min. Word lines are the driven rows of an array, bit lines its summing columns: an
array computes I = sum_k g_k v_k for each bit line, in unit currents (one cell at g_max with a
full-scale input gives 1), a layer y = W x + b from them; W has shape (N, K), x has shape (K,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from imperfect import _checks, converters, device
from imperfect._hardware.array import RESISTANCES, Array
from imperfect._hardware.cell import Cell
from imperfect._hardware.converters import ADC, DAC, ONE_BIT, Percentile
from imperfect._value import Document

__all__ = ["ADC", "DAC", "Array", "Cell", "Hardware"]

_WORDS = {
    "scheme": ("differential", "offset"),
    "subtract": ("analog", "digital"),
    "offset_removal": ("digital", "unit_column"),
    "per": ("layer", "channel"),
    "groups": ("separate", "block_diagonal"),
}

# Why: pickles and documentation name the place that users import from.
Array.__module__ = __name__
Cell.__module__ = __name__


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hardware(Document):
    """One analog in-memory machine. Without arguments it is ideal: y = W x + b.

    Weights become w = clip(W / w_r, -1, 1). With ``weight_bits`` = B, the integer
    q = rint(w (2**(B-1) - 1)) is cut into digits of c = ``cell.bits`` bits, one cell each.
    ``"differential"``: the S = ceil((B-1)/c) digits of abs(q) go to + cells if q > 0, to - cells
    if q < 0; their partners stay at g_min. ``"offset"``: the S = ceil(B/c) digits are those of
    q + 2**(B-1). y = w_r X / (2**(B-1) - 1) sum_i 2**(c i) ((L-1)/Delta) ADC_i - offsets + b.
    Continuous weights use one slice: g+- = g_min + Delta max(+-w, 0), two-sided or offset
    g+- = g_min + Delta (1 +- w)/2; y = (w_r X / Delta) ADC + b, offset twice that - offsets.

    Parameters
    ----------
    weight_bits : int or None
        B, 2 to 16 bits with the sign. None: continuous weights.
    scheme : {"differential", "offset"}
        Signed weights as the difference of two cells, or as one cell above an offset.
    two_sided : bool
        Continuous differential pairs only: both cells move, around the middle.
    subtract : {"analog", "digital"}
        Differential pairs: subtract currents before one conversion, or convert both.
    offset_removal : {"digital", "unit_column"}
        Offset scheme: computed from the inputs, or read from a bit line that holds the offset.
    weight_range : "max", ("percentile", p) or float
        w_r: the largest abs(W), max(abs(P_p), abs(P_(100-p))) of W with 50 < p <= 100, or a
        positive number in the units of W.
    per : {"layer", "channel"}
        One w_r for the layer, or one for each output channel.
    groups : {"separate", "block_diagonal"}
        Grouped convolutions: one group in an array, or several, the other cells at g_min.
    drift_compensation : {None, "layer", "column"}
        Scale outputs by B / B(t), B = mean abs(read-out) of calibration data when written, B(t)
        at the time of the layer (``layer.at``): one factor, or one for each output.
    clock : float or None
        Reads of an array in a second at most, in hertz, 1 to 1e12; fewer where the conversions of
        a read take longer than its period. It decides latency and energy (``layer.cost``), not what
        is computed. None: as fast as the components are.
    cell, array, dac, adc : Cell, Array, DAC, ADC
        The parts.

    Raises
    ------
    ValueError, TypeError
        If a field is out of range, of a wrong type, or does not fit another one.

    Examples
    --------
    >>> import imperfect as im
    >>> parts = dict(array=im.Array(rows=128), dac=im.DAC(bits=8, slice_bits=1), adc=im.ADC(bits=8))
    >>> im.Hardware(weight_bits=8, cell=im.Cell(bits=2), **parts).num_slices
    4
    """

    weight_bits: int | None = None
    scheme: Literal["differential", "offset"] = "differential"
    two_sided: bool = False
    subtract: Literal["analog", "digital"] = "analog"
    offset_removal: Literal["digital", "unit_column"] = "digital"
    weight_range: Literal["max"] | Percentile | float = "max"
    per: Literal["layer", "channel"] = "layer"
    groups: Literal["separate", "block_diagonal"] = "separate"
    drift_compensation: Literal["layer", "column"] | None = None
    clock: float | None = None
    cell: Cell = Cell()  # noqa: RUF009 - Cell is frozen
    array: Array = Array()  # noqa: RUF009
    dac: DAC = DAC()
    adc: ADC = ADC()
    _law_classes: ClassVar[Any] = {**device._LAWS, **converters._LAWS}

    def __post_init__(self) -> None:
        for name, kind in {"cell": Cell, "array": Array, "dac": DAC, "adc": ADC}.items():
            if not isinstance(part := getattr(self, name), kind):
                raise TypeError(_checks.refusal(f"Hardware.{name}", part, f"a {kind.__name__}"))
        for name, words in _WORDS.items():
            self._set(**{name: _checks.choice(f"Hardware.{name}", getattr(self, name), words)})
        if (compensation := self.drift_compensation) is not None:
            words = ("layer", "column")
            _checks.choice("Hardware.drift_compensation", compensation, words, "None")
        if self.clock is not None:
            allowed = "from 1 to 1e12 Hz, or None (as fast as the components are)"
            clock = _checks.real("Hardware.clock", self.clock, allowed, lambda f: 1 <= f <= 1e12)
            self._set(clock=clock)
        span = "Hardware.weight_range", self.weight_range, ("max",), "units of W"
        self._set(
            weight_bits=_checks.bits("Hardware.weight_bits", self.weight_bits, "continuous", 2),
            two_sided=_checks.flag("Hardware.two_sided", self.two_sided),
            weight_range=_checks.word_or_number(*span, percentile=True),
        )
        rules = self._mapping_rules() + self._array_rules() + self._converter_rules()
        _checks.refuse_first(rules)

    @property
    def num_slices(self) -> int:
        """S, the cells per weight and polarity; 1 if weights or cells are continuous."""
        if self.weight_bits is None or self.cell.bits is None:
            return 1
        return math.ceil(self._digit_bits / self.cell.bits)

    @property
    def _digit_bits(self) -> int:
        """Bits of an integer weight that are cut into digits."""
        return (self.weight_bits or 0) - (self.scheme == "differential")

    def _mapping_rules(self) -> list[tuple[object, str]]:
        b, c, pair = self.weight_bits, self.cell.bits, self.scheme == "differential"
        unit_column, needs_pair = self.offset_removal != "digital", "needs scheme='differential'"
        return [
            (self.two_sided and b, f"Hardware.two_sided=True needs weight_bits=None, not {b}"),
            (self.two_sided and not pair, f"Hardware.two_sided=True {needs_pair}"),
            (self.subtract == "digital" and not pair, f"Hardware.subtract='digital' {needs_pair}"),
            (unit_column and pair, "Hardware.offset_removal='unit_column' needs scheme='offset'"),
            (unit_column and self.array.cols == 1, "Array.cols=1: must be at least 2, because "
             "Hardware.offset_removal='unit_column' takes one bit line"),
            (b and c and c > self._digit_bits, f"Cell.bits={c}: must be at most "
             f"{self._digit_bits}, all of Hardware.weight_bits={b} with scheme={self.scheme!r}"),
        ]  # fmt: skip

    def _array_rules(self) -> list[tuple[object, str]]:
        array, cell, pair = self.array, self.cell, self.scheme == "differential"
        wires, interleaved = array._has_wires, array.layout == "interleaved"
        ohms = ", ".join(f"{name}={getattr(array, name)}" for name in RESISTANCES)
        on_weights = any(
            isinstance(law, device.WeightGaussian) for law in cell._laws("programming")
        )
        cells = self.num_slices * (2 if pair else 1)
        least = cells * (2 if self.offset_removal == "unit_column" else 1)
        return [
            (wires and cell.g_max is None, f"Cell.g_max=None: must be given in siemens with wires "
             f"(Array {ohms})"),
            (wires and on_weights, f"Cell.programming={cell.programming!r}: must act on cells with "
             f"wires (Array {ohms}); it gives no conductances"),
            (interleaved and array.cols is not None and array.cols < least,
             f"Array.cols={array.cols}: must be at least {least} with Array.layout='interleaved', "
             f"because a weight takes {cells} bit lines"),
        ]  # fmt: skip

    def _converter_rules(self) -> list[tuple[object, str]]:
        adc, given, slices = self.adc, len(self.adc._slice_ranges), self.num_slices
        subtracted = self.scheme == "differential" and self.subtract == "analog"
        shifted = self.cell.on_off_ratio < math.inf and self.offset_removal != "unit_column"
        lossless, needs = adc.bits and adc.range == "lossless", "ADC.range='lossless' needs"
        signed = isinstance(adc.range, str) and (subtracted or self.dac.signed)
        return [
            (given not in (0, slices), f"ADC.range has {given} pairs: must be one pair for all "
             f"slices, or one for each of the {slices} slices"),
            (adc.bits == 1 and signed, f"{ONE_BIT} ADC.range={adc.range!r} for signed currents"),
            (lossless and self.dac.bits is None, f"{needs} DAC.bits: inputs have no levels"),
            (lossless and self.weight_bits is None and self.cell.bits is None,
             f"{needs} Hardware.weight_bits or Cell.bits: cells have no levels"),
            (lossless and shifted and not subtracted, f"{needs} Cell.on_off_ratio=inf, analog "
             "subtraction or offset_removal='unit_column': g_min shifts the currents"),
        ]  # fmt: skip
