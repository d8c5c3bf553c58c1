# SPDX-License-Identifier: BSD-3-Clause
"""Components as data: what one event of each costs, and where the number comes from.

Energies in joule, areas in square metre, times in second, nodes in nanometre. The survey model of
converters, with b bits at f conversions a second in a technology of n nanometres,

    FoM = min(213.78 - 2.8719 ln f, 128.31 + 3.2205 ceil(b)) dB
    E[pJ] = 0.5 10^((6.02 b + 1.76 - FoM)/10) exp(26.0496 + 1.8800 ln n - 2.8291 ln b - 1.4702),

is the regression of Andrulis et al. (arXiv:2404.06553) to Murmann's ADC Performance Survey. Walden:
E = F 2^b. Schreier: E = 0.5 10^((6.02 b + 1.76 - FoM)/10).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, NamedTuple

from imperfect import _checks
from imperfect._value import Value

NOT_MODELLED = "not modelled"

# What each kind of component is charged for, and what its area is counted by.
EVENTS = {
    "dac": ("dac_conversions", "word_lines"),
    "word_line": ("word_line_charges", "word_lines"),
    "array": ("cell_reads", "cells"),
    "bit_line": ("bit_line_charges", "bit_lines"),
    "sample_hold": ("bit_line_charges", "bit_lines"),
    "adc": ("adc_conversions", "adcs"),
    "shift_add": ("shift_adds", "adcs"),
    "multiply_add": ("digital_multiply_adds", ""),
    "function": ("functions", ""),
    "buffer": ("buffer_bits", ""),
    "write": ("pulses", ""),
}
COUNTED = (
    "array_reads", "dac_conversions", "word_line_charges", "bit_line_charges", "cell_reads",
    "adc_conversions", "shift_adds", "digital_multiply_adds", "functions", "buffer_reads",
    "buffer_writes", "buffer_bits", "products", "multiply_adds", "pulses", "cells_written",
)  # fmt: skip
PLACES = ("arrays", "cells", "word_lines", "bit_lines", "adcs")

# Fields that each model needs.
MODELS = {
    "energy": ("energy",),
    "energy_per_bit": ("energy",),
    "power": ("power", "time"),
    "survey": ("node_nm",),
    "walden": ("fom",),
    "schreier": ("fom",),
    "table": ("table",),
    "conductance": ("time",),
    "capacitance": ("capacitance",),
    "resistor": ("resistance", "time"),
    "part_of": ("part_of",),
}
LIMITS = ("bits", "rate", "rows", "cols")
POSITIVE = (
    "energy", "power", "units", "time", "rate", "fom", "capacitance", "resistance", "node_nm",
    "area",
)  # fmt: skip


class Setting(NamedTuple):
    """What an event's energy may depend on.

    ``bits`` of the converter or of a cycle's digit, conversions in a second (None: as the entry
    says), voltage at full-scale input, word lines and bit lines of an array.
    """

    bits: int | None
    rate: float | None
    volts: float | None
    rows: int
    cols: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Component(Value):
    """What one kind of component costs, and where the numbers come from.

    Parameters
    ----------
    model : str
        How the energy of one event follows from the fields:

        - "energy": ``energy``; "energy_per_bit": that times the bits of the converter;
        - "power": ``power`` of ``units`` equal parts together, for ``time``;
        - "survey" (``node_nm``), "walden" (``fom`` in joule per step), "schreier" (``fom`` in dB):
          of the bits of the converter, as the module states them; the survey also of the rate;
        - "table": ``table``, pairs (bits, joule), between them the logarithm is linear;
        - "conductance": arrays only, sum of G V² over cells and reads of ``time`` each, from the
          programmed conductances and the actual inputs (needs ``Cell.g_max``, ``Cell.v_read``);
        - "capacitance": ``capacitance`` V² for each cell on the line;
        - "resistor": V²/``resistance`` for ``time``;
        - "part_of": counted within the component named by ``part_of``.
    source : str
        Where the numbers come from.
    per : str or None
        The count that is multiplied; None: that of the component's name, see ``EVENTS``.
    energy, power, units, time, rate, fom, capacitance, resistance : float or None
        In joule, watt, 1, second, hertz, joule or dB, farad, ohm.
    table : sequence of (bits, joule), or None
    node_nm : float or None
        Technology node in nanometre.
    area : float or None
        In square metre, of each of ``area_per``.
    area_per : str or None
        "arrays", "cells", "word_lines", "bit_lines" or "adcs"; None: as is usual for the name.
    part_of : str or None
        Component that includes this one.
    valid : dict
        From "bits", "rate", "rows" or "cols" to (lowest, highest): elsewhere it is not modelled.
    fitted : str
        What was fitted to what, if anything was.

    Raises
    ------
    ValueError, TypeError
        If a field is missing, unknown, or out of range.

    Examples
    --------
    >>> import imperfect as im
    >>> im.cost.Component(model="walden", fom=5e-15, source="my own ADC")
    Component(model='walden', source='my own ADC', fom=5e-15)
    """

    model: str = ""
    source: str = ""
    per: str | None = None
    energy: float | None = None
    power: float | None = None
    units: float = 1.0
    time: float | None = None
    rate: float | None = None
    fom: float | None = None
    capacitance: float | None = None
    resistance: float | None = None
    table: Sequence[tuple[float, float]] | None = None
    node_nm: float | None = None
    area: float | None = None
    area_per: str | None = None
    part_of: str | None = None
    valid: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fitted: str = ""

    def __post_init__(self) -> None:
        _checks.choice("Component.model", self.model, MODELS)
        if not isinstance(self.source, str) or not self.source:
            raise ValueError(
                f"Component.source={self.source!r}: must say where the numbers are from"
            )
        for name in POSITIVE:
            if (value := getattr(self, name)) is not None:
                self._set(**{name: _positive(f"Component.{name}", value)})
        for name in MODELS[self.model]:
            if getattr(self, name) is None:
                raise ValueError(f"Component.{name}=None: must be given with model={self.model!r}")
        if self.per is not None:
            _checks.choice("Component.per", self.per, COUNTED)
        if self.area_per is not None:
            _checks.choice("Component.area_per", self.area_per, PLACES)
        if self.table is not None:
            self._set(table=_pairs("Component.table", self.table))
        if not isinstance(self.valid, Mapping):
            raise TypeError(_checks.refusal("Component.valid", self.valid, "a dictionary"))
        for name, limits in self.valid.items():
            _checks.choice("key of Component.valid", name, LIMITS)
            if len(_checks.sequence(f"Component.valid[{name!r}]", limits, "(low, high)")) != 2:
                raise ValueError(
                    _checks.refusal(f"Component.valid[{name!r}]", limits, "(low, high)")
                )
        self._set(valid={name: tuple(limits) for name, limits in self.valid.items()})

    def __hash__(self) -> int:
        return hash(repr(self))

    def _changed(self) -> dict[str, Any]:
        changed = {item.name: getattr(self, item.name) for item in fields(self)}
        defaults = {item.name: item.default for item in fields(self)} | {"valid": {}}
        return {name: value for name, value in changed.items() if value != defaults[name]}

    def outside(self, setting: Setting) -> str:
        """Why the numbers do not hold for a setting; empty if they do."""
        for name, (low, high) in self.valid.items():
            value = getattr(setting, name)
            if value is None:
                return f"{name} not known, valid from {low:g} to {high:g}"
            if not low <= value <= high:
                return f"{name} {value:g} outside {low:g} to {high:g}"
        return ""

    def seconds(self) -> float | None:
        """Duration of one event."""
        return 1.0 / self.rate if self.time is None and self.rate else self.time

    def joules(self, setting: Setting) -> float | str:
        """Energy of one event, or what is missing to know it; not for "conductance"."""
        bits, volts = setting.bits, setting.volts
        if self.model == "energy":
            return self.energy or 0.0
        if self.model == "power":
            assert self.power is not None and self.time is not None
            return self.power / self.units * self.time
        if self.model in ("capacitance", "resistor"):
            if volts is None:
                return "needs Cell.v_read"
            per_square = self._per_square_volt(setting)
            return per_square * volts * volts
        if bits is None:
            return "ideal converter, bits not given"
        if self.model == "energy_per_bit":
            return (self.energy or 0.0) * bits
        return self._converter(bits, setting.rate or self.rate)

    def _per_square_volt(self, setting: Setting) -> float:
        if self.model == "resistor":
            assert self.resistance is not None and self.time is not None
            return self.time / self.resistance
        assert self.capacitance is not None
        return self.capacitance * (setting.rows if self.per == "bit_line_charges" else setting.cols)

    def _converter(self, bits: int, rate: float | None) -> float | str:
        if self.model == "walden":
            return float((self.fom or 0.0) * 2.0**bits)
        if self.model == "schreier":
            return schreier_energy(bits, self.fom or 0.0)
        if self.model == "survey":
            assert self.node_nm is not None
            return "rate not known" if rate is None else survey_energy(bits, rate, self.node_nm)
        assert self.table is not None
        return _interpolated(self.table, bits)


def schreier_energy(bits: float, fom: float) -> float:
    """Energy of a conversion in joule, at a figure of merit in dB."""
    return float(0.5 * 10.0 ** ((6.02 * bits + 1.76 - fom) / 10.0))


def survey_energy(bits: float, rate: float, node_nm: float) -> float:
    """Energy of a conversion by regression to the published survey of converters.

    Parameters
    ----------
    bits : float
        Effective number of bits, 4 or more.
    rate : float
        Conversions in a second.
    node_nm : float
        Technology node in nanometre.

    Returns
    -------
    float
        In joule; the best converter that such numbers allow, not a typical one.

    Notes
    -----
    Andrulis et al., "Modeling analog-digital-converter energy and area for compute-in-memory
    accelerator design", arXiv:2404.06553, fitted to B. Murmann, "ADC Performance Survey".

    Examples
    --------
    >>> import imperfect as im
    >>> [round(im.cost.survey_energy(bits, 1e9, 32) * 1e12, 1) for bits in (8, 9, 10)]
    [1.7, 4.7, 13.9]
    """
    bits = _checks.real("bits", bits, "4 or more", lambda b: 4 <= b <= 32)
    rate, node_nm = _positive("rate", rate), _positive("node_nm", node_nm)
    fom = min(213.78 - 2.8719 * math.log(rate), 128.31 + 3.2205 * math.ceil(bits))
    exponent = 26.0496 + 1.8800 * math.log(node_nm) - 2.8291 * math.log(bits) - 1.4702
    return schreier_energy(bits, fom) * math.exp(exponent) * 1e-12


def _interpolated(table: Sequence[tuple[float, float]], bits: float) -> float | str:
    for (b0, e0), (b1, e1) in pairwise(table):
        if b0 <= bits <= b1:
            return float(e0 * (e1 / e0) ** ((bits - b0) / (b1 - b0)))
    exact = [energy for b, energy in table if b == bits]
    return exact[0] if exact else f"bits {bits:g} outside the table"


def _positive(name: str, value: Any) -> float:
    # Why: areas of cells are below what single precision holds, which fields of machines keep to.
    allowed = "a positive finite number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(_checks.refusal(name, value, allowed))
    if not 0 < value < math.inf:
        raise ValueError(_checks.refusal(name, value, allowed))
    return float(value)


def _pairs(name: str, value: Any) -> tuple[tuple[float, float], ...]:
    pairs = [
        _checks.sequence(name, item, "pairs") for item in _checks.sequence(name, value, "pairs")
    ]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError(_checks.refusal(name, value, "one or more pairs (bits, joule)"))
    points = tuple((_positive(name, b), _positive(name, e)) for b, e in pairs)
    if any(low[0] >= high[0] for low, high in pairwise(points)):
        raise ValueError(_checks.refusal(name, value, "in the order of rising bits"))
    return points


def component_of(name: str, item: Mapping[str, Any]) -> Component:
    """A component from what a file says of it."""
    if not isinstance(item, Mapping):
        raise TypeError(_checks.refusal(name, item, "a table"))
    for key in item:
        _checks.check_known(f"component {name!r}", key, [f.name for f in fields(Component)])
    try:
        return Component(**item)
    except (ValueError, TypeError) as error:
        raise type(error)(f"component {name!r}: {error}") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where}: not TOML: {error}") from None
