# SPDX-License-Identifier: BSD-3-Clause
"""How much of a sweep is done, by counting in its store; no results are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from imperfect.sweep._spec import Group
from imperfect.sweep._stop import MOST_TRIALS
from imperfect.sweep._store import Store

PLAN = "plan"  # the note of a store that holds the parts
Counts = dict[str, int]
SHOWN = 3  # failures that are printed


class Part(NamedTuple):
    """What is wanted of a group: the names of its measures, ids of its tasks, trials.

    ``chips`` is for each task, ``wanted`` for all of them; both at most if ``is_adaptive``.
    """

    measures: list[str]
    tasks: list[str]
    chips: int
    wanted: int
    is_adaptive: bool

    @classmethod
    def of(cls, group: Group) -> Part:
        """What a group of a specification wants."""
        tasks, stop = group
        names = [measure.name for measure in tasks[0].measures]
        wanted = min(len(tasks) * stop.trials, stop.total or len(tasks) * stop.trials)
        ids = [task.id for task in tasks]
        return cls(names, ids, stop.trials, wanted, stop.is_adaptive)

    def missing(self, counts: Mapping[str, int]) -> list[int]:
        """Trials that each task still wants, of the numbers that it has."""
        return [max(self.chips - counts.get(key, 0), 0) for key in self.tasks]

    def done(self, counts: Mapping[str, int]) -> int:
        """Trials that are there of those wanted."""
        return min(len(self.tasks) * self.chips - sum(self.missing(counts)), self.wanted)

    def __str__(self) -> str:
        most = "at most " * self.is_adaptive
        return f"{', '.join(self.measures)}: {most}{self.wanted:,} trials"


def note_plan(store: Store, parts: list[Part]) -> None:
    """Keep what is wanted in the store, so that its state can be told without the file."""
    store.note(PLAN, json.dumps(parts))


def plan_of(store: Store) -> list[Part]:
    """What the last specification wanted; empty if there was none."""
    return [Part(*item) for item in json.loads(store.notes().get(PLAN, "[]"))]


def counts_of(store: Store, below: int = MOST_TRIALS) -> Counts:
    """Trials of each task whose numbers are below one, by the task's id."""
    return dict(
        store.read(
            "SELECT id, coalesce(trials, 0) FROM tasks LEFT JOIN (SELECT task, count(*) AS trials"
            " FROM trials WHERE trial < ? GROUP BY task) ON task = number",
            below,
        )
    )


def counts_at(path: str, parts: Iterable[Part]) -> list[Counts]:
    """What each part has of the trials that it wants, in a store that need not be there."""
    if not Path(path).exists():
        return [{} for _ in parts]
    with Store(path) as store:
        return [counts_of(store, part.chips) for part in parts]


def failures_of(store: Store, parts: list[Part]) -> Iterator[str]:
    """Trials that are wanted and failed when they were last tried, with the reason."""
    chips = {key: part.chips for part in parts for key in part.tasks}
    rows = store.read(
        "SELECT id, name, trial, message FROM failures JOIN tasks ON task = number"
        " ORDER BY task, trial"
    )
    for key, name, trial, message in rows:
        if trial < chips.get(key, 0):
            yield f"{name}, trial {trial}: {message}"


def time_text(seconds: float) -> str:
    """A duration with two digits or three."""
    for unit, length, most in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        value = seconds / length
        if value < most:
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{seconds / 86400:.1f} days"
