# SPDX-License-Identifier: BSD-3-Clause
"""A machine to be measured, and the id under which its results are kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from imperfect import _core
from imperfect._arrays import as_seed
from imperfect._checks import check_instance, choice
from imperfect._json import digest_of
from imperfect.hardware import Hardware
from imperfect.sweep._measures import Measure, as_measures, as_text
from imperfect.sweep._problem import Problem
from imperfect.sweep._space import Space, as_time

# Raised when a release draws or computes other numbers from the same hardware and seed.
PHYSICS = 1


@dataclass(frozen=True, eq=False)
class Task:
    """A machine with what is measured on its chips; trial t of it is its chip number t.

    Two tasks whose results have to be equal have the same ``id``, however their fields were
    written; anything that changes a number changes it.

    Attributes
    ----------
    hardware, problem, measures, seed
        The machine, what it works on, what is measured, the base seed.
    time
        Seconds since the cells were written; see ``AnalogNetwork.at``.
    seeds : {"common", "own"}
        "common": chip t of every task has the same seed, so that differences between machines are
        sharp. "own": seeds depend on the task as well.
    name, knobs
        What the machine is called, and how it differs from others; not part of the id.
    """

    hardware: Hardware
    problem: Problem | None = None
    measures: tuple[Measure, ...] = field(default_factory=lambda: as_measures("accuracy"))
    seed: int = 0
    seeds: str = "common"
    name: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0

    def __post_init__(self) -> None:
        check_instance("Task.hardware", self.hardware, Hardware, "a Hardware")
        allowed = "a Problem or None"
        check_instance("Task.problem", self.problem, (Problem, type(None)), allowed)
        object.__setattr__(self, "measures", as_measures(self.measures))
        object.__setattr__(self, "seed", as_seed("Task.seed", self.seed))
        choice("Task.seeds", self.seeds, ("common", "own"))
        check_instance("Task.name", self.name, str, "a string")
        as_text("Task.name", self.name)
        check_instance("Task.knobs", self.knobs, Mapping, "a dictionary of plain values")
        try:
            json.dumps(dict(self.knobs))
        except (TypeError, ValueError) as error:
            raise ValueError(f"Task.knobs={dict(self.knobs)!r}: {error}") from None
        object.__setattr__(self, "time", as_time("Task.time", self.time, self.hardware))

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Everything that decides the results, as plain values."""
        return {
            "hardware": self.hardware.digest(),
            "time": self.time,
            "problem": None if self.problem is None else self.problem.digests,
            "measures": [measure.identity() for measure in self.measures],
            "seed": str(self.seed),
            "seeds": self.seeds,
            "physics": PHYSICS,
        }

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON of ``spec``."""
        return digest_of(self.spec)

    @property
    def source(self) -> Mapping[str, Any] | None:
        """What a store keeps so that the problem can be made again, if it can."""
        return None if self.problem is None else self.problem.source

    def seed_of(self, trial: int) -> int:
        """Seed of a chip."""
        base = self.seed if self.seeds == "common" else int(self.id[:16], 16)
        return _core.trial_seed(base, trial)

    def __repr__(self) -> str:
        return f"Task({self.id[:12]}, {self.name or self.hardware!r})"


def tasks(
    space: Space,
    problem: Problem | None = None,
    measures: Any = ("accuracy", "controls"),
    *,
    seed: int = 0,
    seeds: str = "common",
) -> list[Task]:
    """One task for each machine of a space.

    Parameters
    ----------
    space
        The machines.
    problem
        What they work on; None for measures that need none.
    measures
        Names (see ``measure``) or ``Measure`` objects.
    seed, seeds
        The base seed, and whether chips of different machines share theirs; see ``Task``.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; it is named.

    Examples
    --------
    >>> import imperfect as im
    >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [2, 4]})
    >>> seeds = im.sweep.Measure("seeds", 1, lambda subject: {"odd": subject.seed % 2})
    >>> [task.name for task in im.sweep.tasks(space, measures=seeds)]
    ['cell.bits=2', 'cell.bits=4']
    """
    check_instance("space", space, Space, "a Space")
    chosen = as_measures(measures)
    return [
        Task(
            machine.hardware,
            problem,
            chosen,
            seed,
            seeds,
            machine.name,
            machine.knobs,
            machine.time,
        )
        for machine in space
    ]


def check_tasks(values: Any) -> tuple[Task, ...]:
    """Refuse what are no tasks, or the same one twice."""
    if isinstance(values, Task) or not isinstance(values, Iterable):
        raise TypeError(f"tasks: must be a sequence of Task, not {type(values).__name__}")
    found = tuple(values)
    seen: dict[str, Task] = {}
    for i, task in enumerate(found):
        check_instance(f"tasks[{i}]", task, Task, "a Task")
        if task.id in seen:
            raise ValueError(
                f"tasks[{i}]: {task.name!r} is the same task as {seen[task.id].name!r}"
            )
        seen[task.id] = task
    if not found:
        raise ValueError("tasks: is empty; must be a sequence of Task")
    return found
