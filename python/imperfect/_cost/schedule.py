# SPDX-License-Identifier: BSD-3-Clause
"""When arrays are read and codes converted.

A cycle of an array takes its read time t_r; the conversions of a read take t_c = turns × the time
of one (``Array.adc_share`` bit lines take turns). Sampled bit lines are converted during the next
read, so that a cycle starts every max(t_r, t_c); without ``overlap`` every t_r + t_c. Where cycles
add up in analog there is one conversion for each pass. ``Hardware.clock`` sets t_r.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imperfect import _checks
from imperfect._cost.work import Work
from imperfect._value import Value


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Schedule(Value):
    """How the layers of a network and the arrays of a layer share time.

    Parameters
    ----------
    pipelined : bool
        Layers work at the same time, each on another inference, and the slowest decides how often
        a result comes out; else one layer works after the other.
    copies : int, dict or "balanced"
        How often the arrays of a layer exist, so that they share its products: for all layers, or
        by name (others 1). "balanced" gives one more copy to the slowest layer again and again,
        as long as ``max_arrays`` allows.
    max_arrays : int or None
        Arrays that "balanced" may use; needed there, and of no use elsewhere.
    arrays_at_once : int or None
        Arrays of a layer that are read at the same time; None: all.
    overlap : bool
        Codes of one read are converted during the next.

    Raises
    ------
    ValueError, TypeError
        If a field is out of range or of a wrong type, or does not fit another one.

    Examples
    --------
    >>> import imperfect as im
    >>> im.cost.Schedule(pipelined=True, copies="balanced", max_arrays=1000)
    Schedule(pipelined=True, copies='balanced', max_arrays=1000)
    """

    pipelined: bool = False
    copies: int | Mapping[str, int] | Literal["balanced"] = 1
    max_arrays: int | None = None
    arrays_at_once: int | None = None
    overlap: bool = True

    def __post_init__(self) -> None:
        self._set(
            pipelined=_checks.flag("Schedule.pipelined", self.pipelined),
            overlap=_checks.flag("Schedule.overlap", self.overlap),
            max_arrays=_checks.integer("Schedule.max_arrays", self.max_arrays, 1, none="no limit"),
            arrays_at_once=_checks.integer(
                "Schedule.arrays_at_once", self.arrays_at_once, 1, none="all"
            ),
        )
        balanced, copies = self.copies == "balanced", self.copies
        if isinstance(copies, str):
            _checks.choice("Schedule.copies", copies, ("balanced",), "a number, a dictionary")
        elif isinstance(copies, Mapping):
            own = {k: _checks.count(f"Schedule.copies[{k!r}]", v) for k, v in copies.items()}
            self._set(copies=own)
        else:
            self._set(copies=_checks.count("Schedule.copies", copies))
        if balanced != (self.max_arrays is not None):
            raise ValueError(
                f"Schedule.max_arrays={self.max_arrays}: must be given with copies='balanced', and "
                "only there"
            )

    def __hash__(self) -> int:
        return hash(repr(self))


@dataclass(frozen=True)
class Timing:
    """Seconds of a layer for one inference: reading arrays, and what conversions add; None where
    that is not known.
    """

    array: float | None
    adc: float | None

    @property
    def total(self) -> float | None:
        parts = [part for part in (self.array, self.adc) if part is not None]
        return sum(parts) if parts else None


def layer_timing(
    work: Work, schedule: Schedule, samples: int, copies: int, times: tuple[Any, Any]
) -> Timing:
    """Time of one inference; ``times`` are those of a read and of one conversion, or None."""
    assert work.hardware is not None and work.counts is not None
    hardware, drives = work.hardware, work.drives
    read = times[0] if hardware.clock is None else 1.0 / hardware.clock
    if read is None:
        return Timing(None, None)
    convert = 0.0 if times[1] is None else work.turns * float(times[1])
    products = math.ceil(math.ceil(work.counts.products / samples) / copies)
    analog = hardware.dac.accumulate == "analog"
    conversions = drives.passes if analog else drives.passes * drives.cycles
    reading = drives.passes * drives.cycles * read
    rounds = 1
    if schedule.arrays_at_once is not None:
        rounds = math.ceil(work.counts.arrays / schedule.arrays_at_once)
    per_round = read if not analog else drives.cycles * read
    if schedule.overlap:
        later = max(0.0, convert - per_round)  # of every conversion but the last
        total = products * rounds * (reading + conversions * later) + min(convert, per_round)
    else:
        total = products * rounds * (reading + conversions * convert)
    busy = products * rounds * reading
    return Timing(busy, None if times[1] is None else total - busy)


def choose_copies(works: list[Work], schedule: Schedule, once: list[float | None]) -> list[int]:
    """Copies of every layer; ``once`` is the time of each with one copy."""
    if isinstance(schedule.copies, Mapping):
        names = [work.name for work in works if work.hardware is not None]
        for name in schedule.copies:
            _checks.check_known("the layers that Schedule.copies names: network", name, names)
        return [schedule.copies.get(work.name, 1) for work in works]
    if isinstance(schedule.copies, int):
        return [schedule.copies if work.hardware is not None else 1 for work in works]
    return _balanced(works, schedule.max_arrays or 1, once)


def _balanced(works: list[Work], most: int, once: list[float | None]) -> list[int]:
    copies = [1] * len(works)
    arrays = [0 if work.counts is None else work.counts.arrays for work in works]
    if sum(arrays) > most:
        raise ValueError(f"Schedule.max_arrays={most}: the layers alone take {sum(arrays)} arrays")
    free = most - sum(arrays)
    timed = [i for i, time in enumerate(once) if time and works[i].hardware is not None]
    while timed:
        slowest = max(timed, key=lambda i: (once[i] or 0.0) / copies[i])
        if arrays[slowest] > free:
            break
        copies[slowest] += 1
        free -= arrays[slowest]
    return copies
