# SPDX-License-Identifier: BSD-3-Clause
"""Which machines are tried: a grid, random draws, a Sobol sequence, or a list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np

from imperfect._arrays import as_seed
from imperfect._checks import check_instance, flag, integer, real, refusal
from imperfect._optional import require
from imperfect._study.points import named_machines, plain_value
from imperfect._value import Value
from imperfect.hardware import Hardware
from imperfect.layers import AnalogLinear

MOST_MACHINES = 1_000_000
TIME = "time"
Knobs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends, for ``Space.random`` and ``Space.sobol``.

    Parameters
    ----------
    low, high : float
        The ends, both possible; low < high.
    log : bool
        Whether logarithms are spread evenly; the ends are then positive.
    whole : bool
        Whether only whole numbers are drawn.

    Examples
    --------
    >>> from imperfect import sweep
    >>> sweep.Range(0.001, 0.1, log=True)
    Range(low=0.001, high=0.1, log=True, whole=False)
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        flag("Range.log", self.log)
        flag("Range.whole", self.whole)
        for name in ("low", "high"):
            allowed = "a finite number" + ", above 0" * self.log + ", whole" * self.whole
            real(f"Range.{name}", getattr(self, name), allowed, self._accepts)
        if not self.low < self.high:
            raise ValueError(refusal("Range.high", self.high, f"above Range.low={self.low!r}"))

    def _accepts(self, value: float) -> bool:
        whole = not self.whole or value % 1 == 0
        return math.isfinite(value) and (value > 0 or not self.log) and whole

    def _at(self, u: float) -> float:
        """The number at a fraction 0 <= u < 1 of the range."""
        low, high = float(self.low), float(self.high) + self.whole
        value = low * (high / low) ** u if self.log else low + (high - low) * u
        return min(math.floor(value), int(self.high)) if self.whole else value


class Machine(NamedTuple):
    """A machine of a space: its name, the values of the knobs, the hardware, its age in seconds."""

    name: str
    knobs: Knobs
    hardware: Hardware
    time: float = 0.0


class Space:
    """Machines to try; spaces can be added.

    Made by ``grid``, ``random``, ``sobol`` or ``listed``. All machines are built, and so checked,
    at once.

    Examples
    --------
    >>> import imperfect as im
    >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [1, 2, 4]})
    >>> space
    Space(3 machines; knobs cell.bits)
    >>> [machine.hardware.cell.bits for machine in space]
    [1, 2, 4]
    """

    def __init__(self, machines: Sequence[Machine]) -> None:
        if not machines:
            raise ValueError("machines: is empty; a space has one machine or more")
        names = [machine.name for machine in machines]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"machines: the name {twice!r} is given twice")
        self._machines = tuple(machines)

    @classmethod
    def grid(cls, base: Hardware, vary: Mapping[Any, Sequence[Any]]) -> Self:
        """Every combination of values.

        Parameters
        ----------
        base
            What all machines have in common.
        vary
            Values by the path of a field, as in ``Hardware.with_field``; "time" is the age of the
            chips, in seconds since they were written. A tuple of paths with tuples of values varies
            fields together: ``{("weight_bits", "cell.bits"): [(8, 4)]}``.

        Raises
        ------
        ValueError, TypeError
            If a path leads nowhere, a value does not fit, or a combination of them does not.
        """
        lists = _checked_lists(base, vary)
        count = math.prod(len(values) for values in lists.values())
        if count > MOST_MACHINES:
            raise ValueError(f"vary: makes {count} machines; must be at most {MOST_MACHINES}")
        return cls(_machines(base, list(lists), itertools.product(*lists.values())))

    @classmethod
    def random(cls, base: Hardware, vary: Mapping[Any, Any], count: int, seed: int = 0) -> Self:
        """Machines with independent random values.

        Parameters
        ----------
        base
            What all machines have in common.
        vary
            By the path of a field: a ``Range``, or a list of values that are equally likely.
        count
            Number of machines, 1 to 1,000,000; draws that equal an earlier one are left out.
        seed
            Decides the draws.

        Raises
        ------
        ValueError, TypeError
            As ``grid``.
        """
        count, places = _count(count), _checked_lists(base, vary, ranges=True)
        rng = np.random.default_rng(as_seed("seed", seed))
        return cls(_drawn(base, places, rng.random((count, len(places)))))

    @classmethod
    def sobol(cls, base: Hardware, vary: Mapping[Any, Any], count: int, seed: int = 0) -> Self:
        """Machines that fill the space more evenly than random ones: a scrambled Sobol sequence.

        Parameters are those of ``random``; a power of 2 fills best. The sequence is that of
        ``scipy.stats.qmc.Sobol``.

        Raises
        ------
        ValueError, TypeError
            As ``grid``.
        """
        count, places = _count(count), _checked_lists(base, vary, ranges=True)
        seed = as_seed("seed", seed)
        made = require("scipy.stats").qmc.Sobol(len(places), rng=np.random.default_rng(seed))
        power = max(count - 1, 0).bit_length()
        return cls(_drawn(base, places, made.random_base2(power)[:count]))

    @classmethod
    def listed(cls, machines: Mapping[str, Hardware] | Sequence[Hardware]) -> Self:
        """Machines as given, by name; the knobs are the fields in which they differ.

        Raises
        ------
        ValueError, TypeError
            If there is none, or one is no ``Hardware``.
        """
        named = named_machines(machines)
        flat = [dict(_leaves(hardware)) for hardware in named.values()]
        differ = [path for path in flat[0] if len({own[path] for own in flat}) > 1]
        return cls([
            Machine(name, {path: own[path] for path in differ}, hardware)
            for (name, hardware), own in zip(named.items(), flat, strict=True)
        ])  # fmt: skip

    @property
    def knobs(self) -> tuple[str, ...]:
        """Paths of the fields that vary."""
        return tuple(dict.fromkeys(knob for machine in self for knob in machine.knobs))

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._machines)

    def __len__(self) -> int:
        return len(self._machines)

    def __add__(self, other: Space) -> Space:
        if not isinstance(other, Space):
            return NotImplemented
        return Space([*self, *other])

    def __repr__(self) -> str:
        return f"Space({len(self)} machines; knobs {', '.join(self.knobs) or 'none'})"


def _count(value: Any) -> int:
    number = integer("count", value, 1, MOST_MACHINES)
    assert number is not None
    return number


def _checked_lists(base: Any, vary: Any, *, ranges: bool = False) -> dict[tuple[str, ...], Any]:
    """Values by the paths they belong to, each tried on the base alone where that is possible."""
    check_instance("base", base, Hardware, "a Hardware")
    check_instance("vary", vary, Mapping, "a dictionary from paths to values")
    if not vary:
        raise ValueError("vary: names no field of the hardware")
    lists: dict[tuple[str, ...], Any] = {}
    for key, values in vary.items():
        paths = key if isinstance(key, tuple) else (key,)
        for path in paths:
            check_instance("vary: a path", path, str, "a string such as 'cell.bits'")
        if ranges and isinstance(values, Range):
            lists[paths] = values
            continue
        allowed = "a list of values" + " or a Range" * ranges
        if isinstance(values, str | Mapping | Range) or not np.iterable(values):
            raise TypeError(f"{refusal(f'vary[{key!r}]', values, allowed)}")
        values = list(itertools.islice(values, MOST_MACHINES + 1))
        if len(values) > MOST_MACHINES:
            raise ValueError(f"vary[{key!r}]: has more than {MOST_MACHINES:,} values")
        items = [value if isinstance(key, tuple) else (value,) for value in values]
        if not items:
            raise ValueError(f"vary[{key!r}]: has no values")
        for item in items:
            if not isinstance(item, tuple | list) or len(item) != len(paths):
                raise ValueError(refusal(f"vary[{key!r}]", item, f"{len(paths)} values"))
        lists[paths] = items
    names = [path for paths in lists for path in paths]
    if len(set(names)) < len(names):
        raise ValueError(f"vary: names a field twice: {names}")
    return lists


def _drawn(base: Hardware, places: Mapping[tuple[str, ...], Any], points: Any) -> list[Machine]:
    """Machines at points of the unit cube; what comes up again is left out."""

    def value(choice: Any, u: float) -> Any:
        return (choice._at(u),) if isinstance(choice, Range) else choice[int(u * len(choice))]

    chosen = [
        tuple(value(choice, float(u)) for choice, u in zip(places.values(), point, strict=True))
        for point in points
    ]
    return _machines(base, list(places), list({repr(item): item for item in chosen}.values()))


def _machines(base: Hardware, keys: list[tuple[str, ...]], combinations: Any) -> list[Machine]:
    """One machine for each combination of values, named by them."""
    made: list[Machine] = []
    for combination in combinations:
        pairs = {
            path: value
            for paths, values in zip(keys, combination, strict=True)
            for path, value in zip(paths, values, strict=True)
        }
        try:
            hardware = base.with_fields({k: v for k, v in pairs.items() if k != TIME})
            time = as_time(TIME, pairs.get(TIME, 0.0), hardware)
        except (ValueError, TypeError) as error:
            shown = ", ".join(f"{path}={value!r}" for path, value in pairs.items())
            raise type(error)(f"vary: {shown}: {error}") from error
        knobs = {path: plain_value(value) for path, value in pairs.items()}
        name = ", ".join(f"{path}={value}" for path, value in knobs.items())
        made.append(Machine(name, knobs, hardware, time))
    return made


def as_time(field: str, value: Any, hardware: Hardware) -> float:
    """Seconds since a chip was written; refuses those that its drift law does not cover."""
    allowed = "0 or more seconds"
    time = real(field, value, allowed, lambda seconds: 0 <= seconds < math.inf)
    if time:
        try:
            AnalogLinear([[1.0]], hardware=hardware).at(time)
        except ValueError as error:
            raise ValueError(f"{field}={value!r}: {error}") from error
    return float(time)


def _leaves(value: Value, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a configuration by its path; laws count as one value."""
    for item in fields(value):
        own = getattr(value, item.name)
        if isinstance(own, Value) and not own._is_law:
            yield from _leaves(own, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, plain_value(own)
