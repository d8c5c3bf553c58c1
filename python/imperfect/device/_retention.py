# SPDX-License-Identifier: BSD-3-Clause
"""Laws that say how cells change after programming, and the two that also say how they start.

t is the time in seconds since the state at t = 0, which is what the programming laws give. z is
the cell's own standard normal draw: it is the same at all times, so that several times show one
chip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from imperfect import _checks
from imperfect.device._base import OF_G_MAX, DriftLaw, ProgrammingLaw
from imperfect.device._sourced import MicrosiemensLaw

DAY = 86400.0


@dataclass(frozen=True, slots=True, repr=False)
class PowerLaw(DriftLaw):
    """Drift of every conductance by a power of time: g ((t + t0) / t0)^(-abs(nu + nu_sigma z)).

    The usual description of phase-change memory (Ielmini et al., IEEE Trans. Electron Devices 54,
    308 (2007), doi 10.1109/TED.2006.888752).

    Parameters
    ----------
    nu : float
        Mean exponent, a pure number; 0 or more.
    nu_sigma : float
        Its standard deviation from cell to cell; 0 or more.
    t0 : float
        Age of the programmed state at t = 0, in seconds; positive.

    Examples
    --------
    >>> import imperfect as im
    >>> layer = im.AnalogLinear(
    ...     [[1.0]], hardware=im.Hardware(cell=im.Cell(drift=im.device.PowerLaw(0.05, t0=1.0)))
    ... )
    >>> layer.at(9.0)([[1.0]]).round(4)  # 10**-0.05
    array([[0.8913]], dtype=float32)
    """

    nu: float
    nu_sigma: float = 0.0
    t0: float = 20.0

    def __post_init__(self) -> None:
        self._set(
            nu=_checks.nonnegative("PowerLaw.nu", self.nu, "a pure number"),
            nu_sigma=_checks.nonnegative("PowerLaw.nu_sigma", self.nu_sigma, "a pure number"),
            t0=_checks.positive("PowerLaw.t0", self.t0, "seconds"),
        )

    def _drift_spec(self) -> tuple[str, tuple[float, ...]]:
        mean, spread = (self.nu, 0.0, self.nu, self.nu), (self.nu_sigma, 0.0)
        return "power", (self.t0, *mean, *spread, self.nu_sigma, self.nu_sigma)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DriftTable(DriftLaw):
    """Measured retention: at time t, a cell programmed to g has the conductance m + s z.

    m and s are linear in g between measured points; beyond them, s and the change m - g stay what
    they are at the last point. They are linear in ln t between measured times, and linear in t
    from the programmed state (m = g, s = 0) at t = 0 to the first of them. The result is clipped
    at 0. Times beyond the last are refused.

    Parameters
    ----------
    seconds : sequence of float
        Times of the measurements after t = 0, positive, each larger than the one before.
    g : sequence of float
        Programmed conductances of the measured cells, as fractions of g_max: at least two, from
        0 to 1, each larger than the one before.
    mean, sigma : sequences of shape (times, points)
        Mean and standard deviation of the conductance, as fractions of g_max; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> table = im.device.DriftTable(
    ...     seconds=[3600], g=[0, 1], mean=[[0.01, 0.9]], sigma=[[0.0, 0.02]]
    ... )
    >>> table.sigma
    ((0.0, 0.02),)
    """

    seconds: Sequence[float]
    g: Sequence[float]
    mean: Sequence[Sequence[float]]
    sigma: Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        fraction = f"a finite number >= 0 ({OF_G_MAX})"
        seconds = _row("seconds", self.seconds, "a positive, finite time in seconds", math.inf)
        g = _row("g", self.g, "a conductance from 0 to 1 (fraction of g_max)", 1.0)
        for name, values in (("seconds", seconds), ("g", g)):
            for i, (left, right) in enumerate(pairwise(values)):
                if left >= right:
                    allowed = f"larger than DriftTable.{name}[{i}]={left!r}"
                    raise ValueError(_checks.refusal(f"DriftTable.{name}[{i + 1}]", right, allowed))
        if not seconds or seconds[0] == 0 or len(g) < 2:
            counts = f"DriftTable.seconds={seconds} and DriftTable.g={g}"
            raise ValueError(f"{counts}: must be times above 0, at least 1, and at least 2 points")
        self._set(seconds=seconds, g=g)
        for name in ("mean", "sigma"):
            rows = _checks.sequence(f"DriftTable.{name}", getattr(self, name), "a list of rows")
            table = tuple(_row(f"{name}[{i}]", row, fraction, 1e3) for i, row in enumerate(rows))
            if len(table) != len(seconds) or any(len(row) != len(g) for row in table):
                shape = f"{len(seconds)} rows of {len(g)} numbers"
                raise ValueError(f"DriftTable.{name} must have {shape}, one row for each time")
            self._set(**{name: table})

    def _drift_spec(self) -> tuple[str, tuple[float, ...]]:
        rows = (*self.mean, *self.sigma)
        numbers = (*self.seconds, *self.g, *(value for row in rows for value in row))
        return "table", (float(len(self.seconds)), float(len(self.g)), *numbers)


def _row(name: str, values: Any, allowed: str, high: float) -> tuple[float, ...]:
    items = enumerate(_checks.sequence(f"DriftTable.{name}", values, "a list, tuple or array"))
    return tuple(
        _checks.real(
            f"DriftTable.{name}[{i}]", v, allowed, lambda x: 0 <= x <= high and x < math.inf
        )
        for i, v in items
    )


@dataclass(frozen=True, slots=True, repr=False)
class RRAMWan2022(MicrosiemensLaw, DriftLaw):
    """Resistive memory of the NeuRRAM chip one second, one day and two days after programming.

    Fits ``Cell.programming``, where it is the law of one second, and ``Cell.drift``, which needs
    it in both places: G(t) = max(0, G_target + sigma(t) z) with the z of programming, so that the
    spread is replaced and not added to. Only t = 0 and 1 (the programmed state), 86400 and 172800
    seconds were measured; other times are refused. With x = G / G_max, sigma(t) is G_max / 40 times

    1 s: 0.348 + 16.030 x - 43.853 x^2 + 45.393 x^3 - 16.815 x^4 microsiemens,
    1 d: 0.701 + 22.086 x - 50.773 x^2 + 47.095 x^3 - 16.458 x^4,
    2 d: 0.782 + 20.274 x - 43.507 x^2 + 37.062 x^3 - 11.934 x^4.

    Needs ``Cell.g_max``; measured for 40 microsiemens, other values scale the whole law.
    Source: aihwkit's ``ReRamWan2022NoiseModel``, fitted to Wan et al., Nature 608, 504 (2022),
    doi 10.1038/s41586-022-04992-8.

    Examples
    --------
    >>> import imperfect as im
    >>> law = im.device.RRAMWan2022()
    >>> im.Cell(g_max=40e-6, programming=law, drift=law)
    Cell(g_max=4e-05, programming=device.RRAMWan2022(), drift=device.RRAMWan2022())
    """

    _kind: ClassVar[str] = "polynomial_x"
    _replaces_spread: ClassVar[bool] = True
    _at_times: ClassVar[dict[float, tuple[float, ...]]] = {
        1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
        DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
        2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
    }
    # The first number is the G_max, in microsiemens, that the coefficients belong to.
    _coefficients: ClassVar[tuple[float, ...]] = (40.0, *_at_times[1.0])

    def _drift_spec(self) -> tuple[str, tuple[float, ...]]:
        rows = [(time, *numbers) for time, numbers in self._at_times.items()]
        return "spread_polynomials", (40.0, 3.0, *(value for row in rows for value in row))


@dataclass(frozen=True, slots=True, repr=False)
class SONOS(ProgrammingLaw, DriftLaw):
    """Charge-trap (SONOS) memory read in its subthreshold regime, up to five days.

    Stated in the cell's current I in nanoampere: sigma_I = A (1 - exp(-I / B)), with A and B
    linear in time between the measured days. At one read voltage current is proportional to
    conductance, so a cell's g is its current as a fraction of ``i_max``, the current at g_max:
    sigma = (A / i_max)(1 - exp(-g i_max / B)).

    Fits ``Cell.programming``, where t = 0, and ``Cell.drift``, which needs it in both places:
    I(t) = max(0, I_target + sigma_I(t) z) with the z of programming, so that the spread is
    replaced and not added to. Its mean drift is not modelled. Times beyond five days are refused.
    Source: CrossSim's fit to Fig. 10a of Agrawal et al., IEEE IEDM 2022, 21.7
    (doi 10.1109/IEDM45625.2022.10019564); days 1 to 5 were measured below 1800 nA.

    Parameters
    ----------
    i_max : float
        Current of a cell at g_max, in nanoampere: positive, at most 3200.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(programming=im.device.SONOS(i_max=1600))
    Cell(programming=device.SONOS(i_max=1600.0))
    """

    i_max: float = 3200.0
    _kind: ClassVar[str] = "saturating"
    _replaces_spread: ClassVar[bool] = True
    _by_day: ClassVar[tuple[tuple[float, float], ...]] = (
        (19.88665, 176.3115),
        (25.59102, 186.85544),
        (28.72753, 193.56834),
        (31.04318, 198.90332),
        (33.76214, 204.77023),
        (34.57909, 207.34309),
    )

    def __post_init__(self) -> None:
        allowed = "above 0 and at most 3200 nanoampere, where the law was measured"
        number = _checks.real("SONOS.i_max", self.i_max, allowed, lambda x: 0 < x <= 3200)
        self._set(i_max=number)

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        a, b = self._by_day[0]
        return self._kind, (a / self.i_max, b / self.i_max)

    def _drift_spec(self) -> tuple[str, tuple[float, ...]]:
        days = [(d * DAY, a / self.i_max, b / self.i_max) for d, (a, b) in enumerate(self._by_day)]
        return "spread_saturating", tuple(value for day in days for value in day)

    def _check_cell(self, g_max: float | None, on_off_ratio: float) -> None:
        """Currents are given by ``i_max``, so the law fits every cell."""
