# SPDX-License-Identifier: BSD-3-Clause
"""When enough chips are measured: decided on contiguous trials at fixed numbers of them.

A task is looked at when it has ``at_least`` trials, then at half as many again, and so on. What is
decided there depends on the results of trials 0, 1, … alone, never on which came first, so that the
rows of a sweep do not depend on its timing. Looking several times makes intervals a little
optimistic: a 95 % interval at the moment of stopping covers less than 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from imperfect._checks import check_instance, integer, real, refusal
from imperfect.sweep._intervals import interval

MOST_TRIALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stop:
    """Rules that end a task, and the whole sweep.

    Parameters
    ----------
    trials : int
        Trials (chips) per task at most, 1 or more.
    measure : str or None
        The result that ``half_width`` and ``target`` look at, such as "refitted".
    half_width : float or None
        A task ends when the interval of its mean is no wider than this on either side.
    target : float or None
        A task ends when the interval of its mean leaves out this value: machines near it get more
        chips. With ``half_width`` as well, either is enough.
    confidence : float
        Of the interval (Student's t), above 0 and below 1.
    at_least : int
        Trials before a task may end early, 2 or more.
    task_seconds : float or None
        A task ends when its trials together took this long.
    seconds : float or None
        The sweep ends with the first trial that is done after this time; it can be gone on with.
    total : int or None
        The sweep ends after so many trials, those of earlier runs included. Tasks that may end
        early get them in turn: all of them their first ``at_least``, then those that go on the
        next half as many, and so on.

    Examples
    --------
    >>> from imperfect import sweep
    >>> sweep.Stop(trials=40, measure="refitted", target=0.8)
    Stop(trials=40, measure='refitted', half_width=None, target=0.8, confidence=0.95, at_least=5, \
task_seconds=None, seconds=None, total=None)
    """

    trials: int = 5
    measure: str | None = None
    half_width: float | None = None
    target: float | None = None
    confidence: float = 0.95
    at_least: int = 5
    task_seconds: float | None = None
    seconds: float | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        integer("Stop.trials", self.trials, 1, MOST_TRIALS)
        integer("Stop.at_least", self.at_least, 2, MOST_TRIALS)
        integer("Stop.total", self.total, 1, none="no limit")
        check_instance("Stop.measure", self.measure, (str, type(None)), "the name of a result")
        for name in ("half_width", "task_seconds", "seconds"):
            if getattr(self, name) is not None:
                real(f"Stop.{name}", getattr(self, name), "a positive number", _is_positive)
        if self.target is not None:
            real("Stop.target", self.target, "a finite number", math.isfinite)
        allowed = "a number above 0 and below 1"
        real("Stop.confidence", self.confidence, allowed, lambda p: 0 < p < 1)
        rules = self.half_width is not None or self.target is not None
        if rules and self.measure is None:
            raise ValueError(refusal("Stop.measure", None, "named for half_width or target"))
        if self.measure is not None and not rules:
            raise ValueError("Stop.measure: is used with half_width or target only; give one")

    @property
    def is_adaptive(self) -> bool:
        """Whether a task may end before it has all its trials."""
        return self.measure is not None or self.task_seconds is not None

    @property
    def looks(self) -> list[int]:
        """Numbers of trials at which a task is looked at, the last one all that it may have."""
        found = [min(self.at_least, self.trials) if self.is_adaptive else self.trials]
        while found[-1] < self.trials:
            found.append(min(found[-1] + max(found[-1] // 2, 1), self.trials))
        return found

    def wanted(self, values: Sequence[float], seconds: float) -> int:
        """How many trials a task is to have, when its first ones gave ``values`` in that time."""
        count = len(values)
        if not self.is_adaptive:
            return self.trials
        reached = [look for look in self.looks if look <= count]
        following = self.looks[len(reached) :]
        if count not in reached or not following:
            return min(following, default=self.trials)
        return count if self._is_over(values, seconds) else following[0]

    def _is_over(self, values: Sequence[float], seconds: float) -> bool:
        if self.task_seconds is not None and seconds >= self.task_seconds:
            return True
        if self.measure is None:
            return False
        mean, half = interval(values, self.confidence)
        narrow = self.half_width is not None and half <= self.half_width
        return narrow or (self.target is not None and abs(mean - self.target) > half)


def _is_positive(value: float) -> bool:
    return 0 < value < math.inf
