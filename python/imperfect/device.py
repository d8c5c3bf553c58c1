# SPDX-License-Identifier: BSD-3-Clause
"""Device laws: how a programmed cell differs from its target.

The objects here are names and numbers; the compiled core makes the draws. Conductances g are
normalised to g_max (1 is a cell at g_max), so a sigma or a width without unit is a fraction of
g_max; G = g * Cell.g_max * 1e6 is the same conductance in microsiemens. z is a standard normal
draw, one per cell and write. Every sigma(G) is taken as max(0, sigma(G)), and after all laws and
faults g is clipped to g >= 0. Each law fits one role of a cell: ``programming`` or ``faults``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from imperfect import _checks
from imperfect._checks import Value

_OF_G_MAX = "as a fraction of g_max"
# Why: 225e-6 * 1e6 is not exactly 225; limits hold to this relative accuracy.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, repr=False)
class _Law(Value):
    """Base of every device law."""

    _is_law: ClassVar[bool] = True


class ProgrammingLaw(_Law):
    """Base of the laws that fit ``Cell.programming``."""

    __slots__ = ()
    _kind: ClassVar[str] = ""

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        """The law as the core takes it: its kind and its numbers."""
        return self._kind, tuple(self._all().values())

    def _check_cell(self, g_max: float | None, on_off_ratio: float) -> None:
        """Refuse a cell the law was not measured for; a law without unit fits every cell."""


class FaultLaw(_Law):
    """Base of the laws that fit ``Cell.faults``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class _SigmaLaw(ProgrammingLaw):
    """Base of the laws with one number, a standard deviation; ``_unit`` says of what."""

    sigma: float
    _unit: ClassVar[str] = ""

    def __post_init__(self) -> None:
        name = f"{type(self).__name__}.sigma"
        self._set(sigma=_checks.nonnegative(name, self.sigma, self._unit))


@dataclass(frozen=True, slots=True, repr=False)
class Gaussian(_SigmaLaw):
    """Additive error of the same size at every conductance: g + sigma z.

    Parameters
    ----------
    sigma : float
        Standard deviation, as a fraction of g_max; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.Gaussian(0.05)
    device.Gaussian(sigma=0.05)
    """

    _kind: ClassVar[str] = "gaussian"
    _unit: ClassVar[str] = _OF_G_MAX


@dataclass(frozen=True, slots=True, repr=False)
class Proportional(_SigmaLaw):
    """Error proportional to the conductance: g (1 + sigma z).

    Parameters
    ----------
    sigma : float
        Standard deviation as a fraction of g itself; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.Proportional(0.1)
    device.Proportional(sigma=0.1)
    """

    _kind: ClassVar[str] = "proportional"
    _unit: ClassVar[str] = "as a fraction of g itself"


@dataclass(frozen=True, slots=True, repr=False)
class LogNormal(_SigmaLaw):
    """Log-normal error that keeps the mean: g exp(sigma z - sigma^2 / 2).

    Parameters
    ----------
    sigma : float
        Standard deviation of ln g, a pure number; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.LogNormal(0.2)
    device.LogNormal(sigma=0.2)
    """

    _kind: ClassVar[str] = "lognormal"
    _unit: ClassVar[str] = "of ln g"


@dataclass(frozen=True, slots=True, repr=False)
class Uniform(ProgrammingLaw):
    """Evenly spread error: g + width (u - 1/2), u uniform in (0, 1).

    Parameters
    ----------
    width : float
        Full width of the interval, as a fraction of g_max; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.Uniform(0.1)
    device.Uniform(width=0.1)
    """

    width: float
    _kind: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        self._set(width=_checks.nonnegative("Uniform.width", self.width, _OF_G_MAX))


@dataclass(frozen=True, slots=True, repr=False)
class WeightGaussian(_SigmaLaw):
    """Gaussian error on the recombined weight instead of on its cells: w + sigma w_r z.

    w_r is the largest weight the cells hold (``Hardware.weight_range``). For comparison with
    studies that perturb weights, such as the NeuRRAM code (Wan et al. 2022,
    doi 10.1038/s41586-022-04992-8). It must be the only programming law of its cell.

    Parameters
    ----------
    sigma : float
        Standard deviation, as a fraction of w_r; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.WeightGaussian(0.02)
    device.WeightGaussian(sigma=0.02)
    """

    _kind: ClassVar[str] = "weight_gaussian"
    _unit: ClassVar[str] = "as a fraction of the weight range"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Table(ProgrammingLaw):
    """Measured error: g + sigma(g) z, sigma(g) linear between measured points, constant beyond.

    Parameters
    ----------
    g : sequence of float
        Conductances of the measured points, as fractions of g_max: at least two, from 0 to 1,
        each larger than the one before.
    sigma : sequence of float
        Standard deviation at each point, as a fraction of g_max; 0 or more.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.Table(g=[0.1, 0.5, 1.0], sigma=[0.02, 0.03, 0.01])
    device.Table(g=(0.1, 0.5, 1.0), sigma=(0.02, 0.03, 0.01))
    """

    g: Sequence[float]
    sigma: Sequence[float]
    _kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        g = self._numbers("g", self.g, "a conductance from 0 to 1 (fraction of g_max)", 1.0)
        allowed = f"a finite number >= 0 ({_OF_G_MAX})"
        sigma = self._numbers("sigma", self.sigma, allowed, _checks.LARGEST)
        if len(g) < 2 or len(g) != len(sigma):
            counts = f"{len(g)} values of g and {len(sigma)} of sigma"
            raise ValueError(f"Table has {counts}: must be equally many, at least 2")
        for i, (left, right) in enumerate(pairwise(g)):
            if left >= right:
                allowed = f"larger than Table.g[{i}]={left!r}"
                raise ValueError(_checks.refusal(f"Table.g[{i + 1}]", right, allowed))
        self._set(g=g, sigma=sigma)

    @staticmethod
    def _numbers(name: str, values: Any, allowed: str, high: float) -> tuple[float, ...]:
        items = enumerate(_checks.sequence(f"Table.{name}", values, "a list, tuple or array"))
        return tuple(
            _checks.real(f"Table.{name}[{i}]", v, allowed, lambda x: 0 <= x <= high)
            for i, v in items
        )

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        return self._kind, (*self.g, *self.sigma)


class _MicrosiemensLaw(ProgrammingLaw):
    """Base of the laws fitted to one technology: sigma(G) in microsiemens, a polynomial in G."""

    __slots__ = ()
    _kind: ClassVar[str] = "polynomial"
    _low: ClassVar[float] = 0.0
    _high: ClassVar[float] = math.inf
    _coefficients: ClassVar[tuple[float, ...]]

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        return self._kind, self._coefficients

    def _check_cell(self, g_max: float | None, on_off_ratio: float) -> None:
        if g_max is None:
            needed = f"given in siemens, because {self!r} is a law in microsiemens"
            raise ValueError(_checks.refusal("Cell.g_max", g_max, needed))
        top = g_max * 1e6
        if top > self._high * (1 + _ROUNDING) or top <= self._low:
            bounds = f"more than {self._low:g} and " if self._low else ""
            allowed = f"{bounds}at most {self._high:g} microsiemens, where {self!r} was measured"
            raise ValueError(_checks.refusal("Cell.g_max", g_max, allowed))
        if top / on_off_ratio < self._low * (1 - _ROUNDING):
            allowed = (
                f"at most {top / self._low:g}, because {self!r} was measured from {self._low:g} "
                "microsiemens up and g_min = g_max / on_off_ratio lies below"
            )
            raise ValueError(_checks.refusal("Cell.on_off_ratio", on_off_ratio, allowed))


@dataclass(frozen=True, slots=True, repr=False)
class PCM(_MicrosiemensLaw):
    """Phase-change memory after programming, scaled to any g_max.

    sigma = (G_max / 25) (0.26348 + 1.9650 x - 1.1731 x^2) microsiemens, x = G / G_max.
    Needs ``Cell.g_max``; measured for 25 microsiemens, other values scale the whole law.
    Source: aihwkit's ``PCMLikeNoiseModel``, fitted to Joshi et al., Nat. Commun. 11, 2473
    (2020), doi 10.1038/s41467-020-16108-9.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(g_max=25e-6, programming=im.device.PCM())
    Cell(g_max=2.5e-05, programming=device.PCM())
    """

    _kind: ClassVar[str] = "polynomial_x"
    # The first number is the G_max, in microsiemens, that the coefficients belong to.
    _coefficients: ClassVar[tuple[float, ...]] = (25.0, 0.26348, 1.9650, -1.1731)


@dataclass(frozen=True, slots=True, repr=False)
class PCMJoshi(_MicrosiemensLaw):
    """Phase-change memory 27 s after programming, as measured.

    sigma = 0.28638599 + 0.07585724 G - 0.00178767 G^2 microsiemens.
    Valid for ``Cell.g_max`` up to 25 microsiemens; the source suggests an on/off ratio of 100.
    Source: CrossSim's fit to Fig. 3b of Joshi et al., Nat. Commun. 11, 2473 (2020),
    doi 10.1038/s41467-020-16108-9.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(g_max=25e-6, on_off_ratio=100, programming=im.device.PCMJoshi())
    Cell(g_max=2.5e-05, on_off_ratio=100.0, programming=device.PCMJoshi())
    """

    _high: ClassVar[float] = 25.0
    _coefficients: ClassVar[tuple[float, ...]] = (0.28638599, 0.07585724, -0.00178767)


@dataclass(frozen=True, slots=True, repr=False)
class RRAMMilo(_MicrosiemensLaw):
    """Resistive memory (HfO2), program-and-verify by gate voltage.

    sigma = 4.782321 - 0.009107 G microsiemens.
    Valid from 50 to 225 microsiemens: ``Cell.g_max`` at most 225 and g_max / on_off_ratio at
    least 50, so the on/off ratio must be given. Source: CrossSim's fit to Fig. 4 of Milo et
    al., IEEE IRPS 2021, doi 10.1109/IRPS46558.2021.9405119.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(g_max=225e-6, on_off_ratio=4.5, programming=im.device.RRAMMilo())
    Cell(g_max=0.000225, on_off_ratio=4.5, programming=device.RRAMMilo())
    """

    _low: ClassVar[float] = 50.0
    _high: ClassVar[float] = 225.0
    _coefficients: ClassVar[tuple[float, ...]] = (4.782321, -0.009107)


@dataclass(frozen=True, slots=True, repr=False)
class RRAMWan(_MicrosiemensLaw):
    """Resistive memory of the NeuRRAM chip, one second after programming.

    sigma = 1.053 + 0.2374 G - 1.167e-2 G^2 + 1.536e-4 G^3 microsiemens.
    Valid for ``Cell.g_max`` up to 39.26 microsiemens. Source: CrossSim's fit to Extended Data
    Fig. 3 of Wan et al., Nature 608, 504 (2022), doi 10.1038/s41586-022-04992-8.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(g_max=39e-6, programming=im.device.RRAMWan())
    Cell(g_max=3.9e-05, programming=device.RRAMWan())
    """

    _high: ClassVar[float] = 39.26
    _coefficients: ClassVar[tuple[float, ...]] = (1.053, 0.2374, -1.167e-2, 1.536e-4)


@dataclass(frozen=True, slots=True, repr=False)
class RRAMCMO(_MicrosiemensLaw):
    """Resistive memory (conductive metal oxide on HfOx), program-and-verify.

    sigma = 0.00081107 + 0.00106879 G microsiemens for an acceptance range of 0.2 %, and
    sigma = 0.0112185391 + 0.01129027418 G for 2 %. Valid from 9 to 88.2 microsiemens:
    ``Cell.g_max`` at most 88.2 and g_max / on_off_ratio at least 9.
    Source: aihwkit's ``ReRamCMONoiseModel``; Falcone et al., arXiv:2502.04524 (2025).

    Parameters
    ----------
    range : {"0.2%", "2%"}
        Acceptance range of the program-and-verify loop.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(g_max=88.2e-6, on_off_ratio=9.8, programming=im.device.RRAMCMO("2%"))
    Cell(g_max=8.82e-05, on_off_ratio=9.8, programming=device.RRAMCMO(range='2%'))
    """

    range: Literal["0.2%", "2%"] = "0.2%"
    _low: ClassVar[float] = 9.0
    _high: ClassVar[float] = 88.2
    _by_range: ClassVar[dict[str, tuple[float, ...]]] = {
        "0.2%": (0.00081107, 0.00106879),
        "2%": (0.0112185391, 0.01129027418),
    }

    def __post_init__(self) -> None:
        self._set(range=_checks.choice("RRAMCMO.range", self.range, self._by_range))

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        return self._kind, self._by_range[self.range]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StuckAt(FaultLaw):
    """Stuck cells: on, at the cell's own largest conductance, or off, at its own smallest.

    Every cell is stuck on with probability p_on and, independently, off with probability p_off;
    a cell drawn for both is on. Together 1 - (1 - p_on)(1 - p_off) of the cells fail.

    Parameters
    ----------
    p_on, p_off : float
        Probabilities from 0 to 1; default 0.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.StuckAt(p_off=1e-3)
    device.StuckAt(p_off=0.001)
    """

    p_on: float = 0.0
    p_off: float = 0.0

    def __post_init__(self) -> None:
        self._set(p_on=_checks.probability("StuckAt.p_on", self.p_on))
        self._set(p_off=_checks.probability("StuckAt.p_off", self.p_off))


_LAWS: dict[str, type[_Law]] = {
    law.__name__: law
    for law in (
        Gaussian, Proportional, LogNormal, Uniform, WeightGaussian, Table,
        PCM, PCMJoshi, RRAMMilo, RRAMWan, RRAMCMO, StuckAt,
    )
}  # fmt: skip
