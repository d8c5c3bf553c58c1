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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from imperfect import _checks, converters, device
from imperfect._checks import Document, Value
from imperfect._hardware.converters import ADC, DAC, ONE_BIT, Percentile
from imperfect.device import FaultLaw, ProgrammingLaw, ReadNoiseLaw, WeightGaussian

__all__ = ["ADC", "DAC", "Array", "Cell", "Hardware"]

_ROLES = {"programming": ProgrammingLaw, "faults": FaultLaw, "read_noise": ReadNoiseLaw}
_WORDS = {
    "scheme": ("differential", "offset"),
    "subtract": ("analog", "digital"),
    "offset_removal": ("digital", "unit_column"),
    "per": ("layer", "channel"),
    "groups": ("separate", "block_diagonal"),
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cell(Value):
    """One memory cell: its levels, its conductance range and its errors.

    A cell with L = 2**bits levels holds digit d as g = g_min + Delta d / (L - 1). Writing it
    applies, in this order: device spread, the programming laws, the faults, a clip to g >= 0.
    Spread: g_min' = max(0, g_min + g_min_sigma z1), g_max' = max(g_min', 1 + g_max_sigma z2),
    g = g_min' + (g_target - g_min) (g_max' - g_min') / Delta, z1 and z2 standard normal.

    Parameters
    ----------
    bits : int or None
        log2 L, 1 to 16. None: continuous, or all digits of ``Hardware.weight_bits`` in one cell.
    g_max : float or None
        Largest conductance in siemens, at most 1; needed by laws in microsiemens only.
    on_off_ratio : float
        g_max / g_min, a pure number above 1; infinity: g_min = 0.
    programming : programming law, sequence of them, or None
        Error of each write, one draw per cell.
    faults : fault law, sequence of them, or None
        Stuck cells. Several laws of a role are applied in order.
    read_noise : read noise law, sequence of them, or None
        Noise of each read, on every cell; the variances of several laws add.
    g_min_sigma, g_max_sigma : float
        Device-to-device standard deviation of g_min and g_max, as fractions of g_max; >= 0.

    Raises
    ------
    ValueError, TypeError
        If a field is out of range, of a wrong type, or does not fit another one.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(bits=2, on_off_ratio=100, programming=[im.device.Gaussian(0.05)])
    Cell(bits=2, on_off_ratio=100.0, programming=device.Gaussian(sigma=0.05))
    """

    bits: int | None = None
    g_max: float | None = None
    on_off_ratio: float = math.inf
    programming: ProgrammingLaw | Sequence[ProgrammingLaw] | None = None
    faults: FaultLaw | Sequence[FaultLaw] | None = None
    read_noise: ReadNoiseLaw | Sequence[ReadNoiseLaw] | None = None
    g_min_sigma: float = 0.0
    g_max_sigma: float = 0.0

    def __post_init__(self) -> None:
        unit, ratio, g_max = "as a fraction of g_max", self.on_off_ratio, self.g_max
        if g_max is not None:
            allowed = "above 0 and at most 1 siemens (25 microsiemens is 25e-6), or None"
            g_max = _checks.real("Cell.g_max", g_max, allowed, lambda x: 0 < x <= 1)
        self._set(
            bits=_checks.bits("Cell.bits", self.bits, "continuous"),
            g_max=g_max,
            on_off_ratio=_checks.real("Cell.on_off_ratio", ratio, "above 1", lambda x: x > 1),
            programming=self._normal_laws("programming"),
            faults=self._normal_laws("faults"),
            read_noise=self._normal_laws("read_noise"),
            g_min_sigma=_checks.nonnegative("Cell.g_min_sigma", self.g_min_sigma, unit),
            g_max_sigma=_checks.nonnegative("Cell.g_max_sigma", self.g_max_sigma, unit),
        )
        laws = self._laws("programming")
        mixed = len(laws) > 1 and any(isinstance(law, WeightGaussian) for law in laws)
        rule = "WeightGaussian acts on the whole weight and must be the only programming law"
        _checks.refuse_first([(mixed, f"Cell.programming={laws}: {rule}")])
        for law in laws:
            law._check_cell(self.g_max, self.on_off_ratio)
            if getattr(law, "correlation", "cycle") != "cycle":
                rule = "correlation is for read_noise only"
                raise ValueError(f"Cell.programming={law!r}: {rule}")

    def _laws(self, role: str) -> tuple[Any, ...]:
        """The laws of a role as a tuple, however many there are."""
        laws = getattr(self, role)
        return () if laws is None else tuple(laws) if isinstance(laws, list | tuple) else (laws,)

    def _normal_laws(self, role: str) -> Any:
        """The laws of a role in their normal form: None, one law, or a tuple of several."""
        laws = self._laws(role)
        for law in laws:
            if not isinstance(law, _ROLES[role]):
                hint = f"; write device.{law.__name__}(...)" if isinstance(law, type) else ""
                roles = [f"Cell.{name}" for name in _ROLES if isinstance(law, _ROLES[name])]
                hint = f"; it belongs in {' or '.join(roles)}" if roles else hint
                allowed = "a law of imperfect.device for this role, several in a list, or None"
                raise TypeError(_checks.refusal(f"Cell.{role}", law, allowed) + hint)
        return laws[0] if len(laws) == 1 else laws or None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Array(Value):
    """Size of one array; larger weight matrices are spread over several.

    K word lines are cut into k = ceil(K / rows) blocks. ``"equal"``: the first K mod k hold
    ceil(K / k), the rest floor(K / k); ``"fill"``: all but the last hold ``rows``. Bit lines are
    cut by ``cols`` likewise. Each slice and polarity has its own arrays.

    Parameters
    ----------
    rows, cols : int or None
        Word lines and bit lines of an array, 1 or more; None: unlimited.
    partition : {"equal", "fill"}
        How a layer is cut into arrays.
    column_current_max : float or None
        Largest current of a bit line, to both sides, in unit currents; above 0. It limits each
        polarity and each cycle on its own, after read noise and before anything is subtracted or
        added up. None: unlimited.

    Raises
    ------
    ValueError, TypeError
        If a field is out of range or of a wrong type.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Array(rows=128, cols=128)
    Array(rows=128, cols=128)
    """

    rows: int | None = None
    cols: int | None = None
    partition: Literal["equal", "fill"] = "equal"
    column_current_max: float | None = None

    def __post_init__(self) -> None:
        limit, unit = self.column_current_max, "unit currents; None: unlimited"
        if limit is not None:
            limit = _checks.positive("Array.column_current_max", limit, unit)
        self._set(
            rows=_checks.integer("Array.rows", self.rows, 1, none="unlimited"),
            cols=_checks.integer("Array.cols", self.cols, 1, none="unlimited"),
            partition=_checks.choice("Array.partition", self.partition, ("equal", "fill")),
            column_current_max=limit,
        )


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
    cell: Cell = Cell()
    array: Array = Array()
    dac: DAC = DAC()
    adc: ADC = ADC()
    _law_classes: ClassVar[Any] = {**device._LAWS, **converters._LAWS}

    def __post_init__(self) -> None:
        for name, kind in {"cell": Cell, "array": Array, "dac": DAC, "adc": ADC}.items():
            if not isinstance(part := getattr(self, name), kind):
                raise TypeError(_checks.refusal(f"Hardware.{name}", part, f"a {kind.__name__}"))
        for name, words in _WORDS.items():
            self._set(**{name: _checks.choice(f"Hardware.{name}", getattr(self, name), words)})
        span = "Hardware.weight_range", self.weight_range, ("max",), "units of W"
        self._set(
            weight_bits=_checks.bits("Hardware.weight_bits", self.weight_bits, "continuous", 2),
            two_sided=_checks.flag("Hardware.two_sided", self.two_sided),
            weight_range=_checks.word_or_number(*span, percentile=True),
        )
        _checks.refuse_first(self._mapping_rules() + self._converter_rules())

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
