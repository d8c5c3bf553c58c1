# SPDX-License-Identifier: BSD-3-Clause
"""Measures trials in one thread each, and what those that measure elsewhere have in common.

A job is small (a task's number, a chip's number and seed); what all jobs share, with its large
arrays, reaches every process once.
"""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from imperfect import _core
from imperfect._optional import require
from imperfect.hardware import Hardware
from imperfect.sweep._measures import BUILT_IN, Measure, Values
from imperfect.sweep._problem import Problem
from imperfect.sweep._results import IDENTITY, PROVENANCE
from imperfect.sweep._store import Trial
from imperfect.sweep._subject import Subject
from imperfect.sweep._task import PHYSICS, Task
from imperfect.sweep._threads import one_thread

KEPT_CHIPS = 2  # machines whose mapping a process keeps for their next chip
KEPT_SWEEPS = 2  # sweeps whose shared part a process keeps
MOST_LOSSES = 5  # losses in a row that end a sweep
SUSPECTED = 2  # processes that died with a trial in flight before it is measured alone

Plan = tuple[Hardware, float, Problem | None, tuple[Measure, ...], str, tuple[str, ...]]


class Job(NamedTuple):
    """One trial to be measured."""

    task: int
    trial: int
    seed: int


class Outcome(NamedTuple):
    """A measured trial, or why it could not be measured."""

    job: Job
    trial: Trial | None
    failure: str
    started: str


class Shared:
    """What all jobs need; holds machines that were mapped lately, so that they map once."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.plans: list[Plan] = [
            (task.hardware, task.time, task.problem, task.measures, task.id, tuple(task.knobs))
            for task in tasks
        ]
        self.key = uuid.uuid4().hex
        self.code = code()
        self._chips: OrderedDict[int, Subject] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_chips": OrderedDict()}

    def measure(self, job: Job) -> Outcome:
        """Measure one trial, in one thread."""
        started, begin = datetime.now(UTC).isoformat(timespec="milliseconds"), time.perf_counter()
        try:
            with one_thread():
                values = self._values(job)
        except Exception as error:
            return Outcome(job, None, f"{type(error).__name__}: {error}", started)
        seconds = time.perf_counter() - begin
        facts = (_core.__version__, _core.simd_level(), socket.gethostname(), started, seconds)
        key = self.plans[job.task][4]
        return Outcome(job, Trial(key, job.trial, job.seed, values, *facts), "", started)

    def _values(self, job: Job) -> Values:
        hardware, time, problem, measures, _, knobs = self.plans[job.task]
        before = self._chips.pop(job.task, None)
        subject = Subject(hardware, problem, job.seed, job.trial, time, before)
        values: Values = {}
        for measure in measures:
            found = measure(subject)
            taken = found.keys() & {*values, *knobs, *IDENTITY, *PROVENANCE}
            if taken:
                names = sorted(taken)
                raise ValueError(
                    f"measure {measure.name!r}: gives {names}, which other columns are called"
                )
            values |= found
        if problem is not None:
            self._chips[job.task] = subject
            while len(self._chips) > KEPT_CHIPS:
                self._chips.popitem(last=False)
        return values


Outcomes = Generator[Outcome, None, None]
Measuring = Callable[[list[Job]], Outcomes]
# Holds processes and what they share for as long as a sweep runs, however many rounds that takes.
Executor = Callable[[Shared], AbstractContextManager[Measuring]]


@contextmanager
def here(shared: Shared) -> Iterator[Measuring]:
    """One job after the other, in this process."""

    def measure(jobs: list[Job]) -> Outcomes:
        for job in jobs:
            yield shared.measure(job)

    # Why: BLAS's threads, once let loose between two trials, spin for a while: 7 % of the time of
    # trials of 260 ms where two cores are halves of one.
    with one_thread():
        yield measure


def code() -> str:
    """What decides the results of built-in measures, beside the task itself."""
    versions = ", ".join(f"{name} {version}" for name, (version, _) in sorted(BUILT_IN.items()))
    return f"imperfect {_core.__version__}, physics {PHYSICS}, measures {versions}"


class Died(Exception):
    """A process died while it measured; ``job`` if that is known."""

    def __init__(self, message: str, job: Job | None = None) -> None:
        super().__init__(message)
        self.job = job


def until_done(
    measure: Callable[[Iterable[Job]], Iterator[Outcome]],
    jobs: list[Job],
    window: int,
    lost: tuple[type[BaseException], ...] = (),
) -> Outcomes:
    """Outcomes of all jobs, whatever dies.

    Jobs in flight are measured again. One that was in flight twice when a process died is measured
    alone, and is a failure if a process dies then too.

    Parameters
    ----------
    measure
        Gives outcomes of jobs; raises ``Died``.
    window
        Jobs that are in flight at most.
    lost
        What else ends the outcomes through no fault of a job.
    """
    missing, suspicion = dict.fromkeys(jobs), dict.fromkeys(jobs, 0)
    losses = 0
    while missing:
        alone = next((job for job in missing if suspicion[job] >= SUSPECTED), None)
        try:
            for outcome in measure(list(missing) if alone is None else [alone]):
                # Why: a job that was thought lost may have been measured twice.
                if outcome.job in missing:
                    del missing[outcome.job]
                    losses = 0
                    yield outcome
        except Died as error:
            losses += alone is not None
            _check_losses(losses, missing, error)
            if alone is not None:
                del missing[alone]
                yield _fatal(alone, error)
            for job in islice(missing, window) if error.job is None else [error.job]:
                suspicion[job] += 1 if error.job is None else SUSPECTED
        except lost as error:
            losses += 1
            _check_losses(losses, missing, error)
            time.sleep(0.2 * losses)


def _check_losses(losses: int, missing: Iterable[Job], error: BaseException) -> None:
    if losses >= MOST_LOSSES:
        raise OSError(
            f"workers were lost {losses} times in a row, and {len(list(missing))} trials are not"
            f" measured: {error}"
        ) from error


def _fatal(job: Job, error: Died) -> Outcome:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Outcome(job, None, f"the process that measured it died: {error}", now)


_loaded: OrderedDict[str, Shared] = OrderedDict()  # of this process
_loading = threading.Lock()


def shared_of(key: str, read: Callable[[], bytes]) -> Shared:
    """What jobs share, unpickled by the first of them.

    Raises
    ------
    ValueError
        If this process has other code than the one that runs the sweep.
    """
    with _loading:
        if key not in _loaded:
            shared: Shared = require("cloudpickle").loads(read())
            if shared.code != code():
                raise ValueError(f"a worker has {code()}; the sweep is run by {shared.code}")
            _loaded[key] = shared
            while len(_loaded) > KEPT_SWEEPS:
                _loaded.popitem(last=False)
        return _loaded[key]


def pickled(shared: Shared) -> bytes:
    """What jobs share, for other processes.

    Raises
    ------
    ValueError
        If a measure or a head cannot be pickled.
    """
    try:
        return bytes(require("cloudpickle").dumps(shared))
    except Exception as error:
        names = ", ".join(sorted({m.name for plan in shared.plans for m in plan[3]}))
        raise ValueError(
            f"tasks: cannot be sent to other processes (measures {names}): {error}"
        ) from error
