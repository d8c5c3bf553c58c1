# SPDX-License-Identifier: BSD-3-Clause
"""One memory cell; see ``imperfect.hardware`` for what its conductances are relative to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imperfect import _checks
from imperfect._value import Value
from imperfect.device import (
    CurveLaw,
    DriftLaw,
    FaultLaw,
    ProgrammingLaw,
    ReadNoiseLaw,
    WeightGaussian,
)

# The base class of the laws of each role.
ROLES = {
    "programming": ProgrammingLaw,
    "faults": FaultLaw,
    "drift": DriftLaw,
    "read_noise": ReadNoiseLaw,
    "nonlinearity": CurveLaw,
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
        Largest conductance in siemens, at most 1; needed by laws in microsiemens, by wires and by
        ``nonlinearity``.
    on_off_ratio : float
        g_max / g_min, a pure number above 1; infinity: g_min = 0.
    programming : programming law, sequence of them, or None
        Error of each write, one draw per cell.
    faults : fault law, sequence of them, or None
        Stuck cells. Several laws of a role are applied in order.
    drift : drift law, sequence of them, or None
        What time does to a written cell, after everything else; see ``layer.at(seconds)``. A law
        that replaces the spread it was programmed with (``RRAMWan2022``, ``SONOS``) must be the
        only one, and stand in ``programming`` too.
    read_noise : read noise law, sequence of them, or None
        Noise of each read, on every cell; the variances of several laws add.
    g_min_sigma, g_max_sigma : float
        Device-to-device standard deviation of g_min and g_max, as fractions of g_max; >= 0.
    nonlinearity : current-voltage law or None
        I(V) = G V + a2(G) V^2 + a3(G) V^3 in place of I = G V; needs ``g_max`` and ``v_read``.
        Read noise, relative to the linear term, and what is computed digitally stay as they are.
    v_read : float or None
        Voltage across a cell at full-scale input, in volt; above 0, at most 10.

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
    drift: DriftLaw | Sequence[DriftLaw] | None = None
    read_noise: ReadNoiseLaw | Sequence[ReadNoiseLaw] | None = None
    g_min_sigma: float = 0.0
    g_max_sigma: float = 0.0
    nonlinearity: CurveLaw | None = None
    v_read: float | None = None

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
            drift=self._normal_laws("drift"),
            read_noise=self._normal_laws("read_noise"),
            g_min_sigma=_checks.nonnegative("Cell.g_min_sigma", self.g_min_sigma, unit),
            g_max_sigma=_checks.nonnegative("Cell.g_max_sigma", self.g_max_sigma, unit),
            nonlinearity=self._normal_laws("nonlinearity"),
        )
        self._check_curve()
        laws = self._laws("programming")
        mixed = len(laws) > 1 and any(isinstance(law, WeightGaussian) for law in laws)
        rule = "WeightGaussian acts on the whole weight and must be the only programming law"
        _checks.refuse_first([(mixed, f"Cell.programming={laws}: {rule}")])
        for law in laws:
            law._check_cell(self.g_max, self.on_off_ratio)
            if getattr(law, "correlation", "cycle") != "cycle":
                rule = "correlation is for read_noise only"
                raise ValueError(f"Cell.programming={law!r}: {rule}")
        for law in self._laws("read_noise"):
            law._check_reads(self.g_max, self.on_off_ratio)
        self._check_drift()

    def _check_curve(self) -> None:
        """Refuse a curve without the voltage it is read at."""
        if self.v_read is not None:
            allowed = "above 0 and at most 10 volt, or None"
            v_read = _checks.real("Cell.v_read", self.v_read, allowed, lambda x: 0 < x <= 10)
            self._set(v_read=v_read)
        if isinstance(self.nonlinearity, tuple):
            raise ValueError(f"Cell.nonlinearity={self.nonlinearity}: must be one law or None")
        if self.nonlinearity is not None:
            self.nonlinearity._check_cell(self.g_max, self.on_off_ratio, self.v_read)

    def _check_drift(self) -> None:
        """Refuse drift laws that do not fit the cell or its programming."""
        laws = self._laws("drift")
        for law in laws:
            law._check_cell(self.g_max, self.on_off_ratio)
            if law._replaces_spread and len(laws) > 1:
                rule = f"{law!r} replaces the cell's spread and must be the only drift law"
                raise ValueError(f"Cell.drift={laws}: {rule}")
            if law._replaces_spread and self._laws("programming").count(law) != 1:
                allowed = f"or hold {law!r} once, because Cell.drift={law!r} replaces its spread"
                raise ValueError(_checks.refusal("Cell.programming", self.programming, allowed))

    def _laws(self, role: str) -> tuple[Any, ...]:
        """The laws of a role as a tuple, however many there are."""
        laws = getattr(self, role)
        return () if laws is None else tuple(laws) if isinstance(laws, list | tuple) else (laws,)

    def _normal_laws(self, role: str) -> Any:
        """The laws of a role in their normal form: None, one law, or a tuple of several."""
        laws = self._laws(role)
        for law in laws:
            if not isinstance(law, ROLES[role]):
                hint = f"; write device.{law.__name__}(...)" if isinstance(law, type) else ""
                roles = [f"Cell.{name}" for name in ROLES if isinstance(law, ROLES[name])]
                hint = f"; it belongs in {' or '.join(roles)}" if roles else hint
                several = "" if role == "nonlinearity" else ", several in a list,"
                allowed = f"a law of imperfect.device for this role{several} or None"
                raise TypeError(_checks.refusal(f"Cell.{role}", law, allowed) + hint)
        return laws[0] if len(laws) == 1 else laws or None
