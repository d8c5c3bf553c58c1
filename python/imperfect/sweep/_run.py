# SPDX-License-Identifier: BSD-3-Clause
"""Runs tasks: finds what is missing, has it measured, keeps it, and decides what is enough."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from imperfect._checks import check_instance, integer
from imperfect._study.input import check_progress
from imperfect.sweep._cluster import on_cluster
from imperfect.sweep._execute import Executor, Job, Outcomes, Shared, here
from imperfect.sweep._load import results_of
from imperfect.sweep._processes import in_processes
from imperfect.sweep._results import Results
from imperfect.sweep._stop import Stop
from imperfect.sweep._store import Store, Trial
from imperfect.sweep._task import Task, check_tasks
from imperfect.sweep._threads import one_thread

Progress = Callable[[int, int], None]
# What measures need of the problem alone.
ON_THE_PROBLEM = {
    "accuracy": "float_scores",
    "controls": "pixel_scores",
    "rivals": "study",
    "logit_error": "float_outputs",
}


def run(
    tasks: Sequence[Task],
    store: str | os.PathLike[str] | None = None,
    *,
    stop: Stop | int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Measure what is missing of the trials of tasks, and return all their trials.

    Parameters
    ----------
    tasks
        What ``sweep.tasks`` returned, or tasks of your own.
    store
        A file that keeps every result as soon as it is there, made if it is not; trials that it has
        already are not measured again. None keeps results in memory.
    stop
        When enough is measured: a ``Stop``, or the number of trials (chips) for each task; None is
        5 trials.
    jobs
        Processes, each with one thread. Results do not depend on it.
    cluster
        Address of a Dask scheduler whose workers measure instead, such as "tcp://10.0.0.1:8786".
    progress
        Called after each trial with the numbers of finished trials and of those wanted.

    Returns
    -------
    Results
        A row for each trial of these tasks. Trials that failed are in its ``about["failures"]``;
        they are tried again by the next run.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; it is named.
    OSError
        If the store cannot be written, another run is writing to it, or workers die again and
        again. What was measured before is kept.
    ImportError
        If the extra ``sweep`` is needed and not installed.

    Notes
    -----
    Held in memory: the problems of the tasks, in each process as well, and a few numbers for each
    task and each trial; rows only when they are returned.

    Examples
    --------
    >>> import imperfect as im
    >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [2, 4]})
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> im.sweep.run(im.sweep.tasks(space, measures=parity), stop=3)
    Results(6 trials of 2 tasks; knobs cell.bits; measures odd)
    """
    plan = _plan(tasks, stop, jobs, cluster, progress)
    with Store(":memory:" if store is None else store, write=True) as opened:
        with closing(_trials(opened, *plan)) as trials:
            for _ in trials:
                pass
        return results_of(opened, [task.id for task in plan[0]])


def iter_run(
    tasks: Sequence[Task],
    store: str | os.PathLike[str] | None = None,
    *,
    stop: Stop | int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Trial]:
    """As ``run``, but give each newly measured trial when it is kept, in any order.

    With one process, libraries such as BLAS stay at one thread until the last trial is given.

    Examples
    --------
    >>> import imperfect as im
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> task = im.sweep.Task(im.Hardware(), measures=parity)
    >>> [trial.trial for trial in im.sweep.iter_run([task], stop=3)]
    [0, 1, 2]
    """
    plan = _plan(tasks, stop, jobs, cluster, progress)

    def measured() -> Iterator[Trial]:
        with Store(":memory:" if store is None else store, write=True) as opened:
            yield from _trials(opened, *plan)

    return measured()


def _plan(
    tasks: Any, stop: Any, jobs: Any, cluster: Any, progress: Any
) -> tuple[tuple[Task, ...], Stop, Executor, Progress | None]:
    """Arguments of a run, checked before anything happens."""
    found = check_tasks(tasks)
    check_progress(progress)
    return found, _rules(stop), _executor(jobs, cluster), progress


def _rules(stop: Any) -> Stop:
    if stop is None:
        return Stop()
    if isinstance(stop, Stop):
        return stop
    trials = integer("stop", stop, 1)
    assert trials is not None
    return Stop(trials=trials)


def _executor(jobs: Any, cluster: Any) -> Executor:
    workers = integer("jobs", jobs, 1)
    assert workers is not None
    check_instance("cluster", cluster, (str, type(None)), "the address of a scheduler, or None")
    if cluster is not None:
        return on_cluster(cluster)
    return here if workers == 1 else in_processes(workers)


def _trials(
    store: Store,
    tasks: Sequence[Task],
    rules: Stop,
    executor: Executor,
    progress: Progress | None,
) -> Generator[Trial, None, None]:
    """Rounds of trials, until the rules want no more."""
    store.add_tasks(tasks)
    states = [_State(task, store, rules) for task in tasks]
    end = None if rules.seconds is None else time.monotonic() + rules.seconds
    todo = _missing(states, rules)
    if not todo:
        return
    prepare(tasks[number] for number in {job.task for job in todo})
    with executor(Shared(tasks)) as measure:
        while todo:
            done = sum(len(state.done) for state in states)
            total = done + len(todo)
            with closing(_kept(measure(todo), store, states)) as trials:
                for trial in trials:
                    if trial is not None:
                        done += 1
                        if progress is not None:
                            progress(done, max(total, done))
                        yield trial
                    if end is not None and time.monotonic() >= end:
                        return
            todo = _missing(states, rules)


def _kept(
    outcomes: Outcomes, store: Store, states: Sequence[_State]
) -> Generator[Trial | None, None, None]:
    """Trials once the store has them; None for one that failed."""
    with closing(outcomes):
        for job, trial, failure, started in outcomes:
            state = states[job.task]
            if trial is None:
                store.add_failure(state.task.id, job.trial, failure, started)
                state.failed.add(job.trial)
            else:
                store.add(trial)
                state.add(trial)
            yield trial


def prepare(tasks: Iterable[Task]) -> None:
    """Measure once, here, what does not depend on a chip."""
    with one_thread():
        for task in tasks:
            for measure in task.measures:
                if task.problem is not None and measure.name in ON_THE_PROBLEM:
                    getattr(task.problem, ON_THE_PROBLEM[measure.name])
                    # Why: what comes before the first analog layer is computed here, for all.
                    _ = task.problem.study


class _State:
    """What is known of a task: its finished trials, and the numbers that rules look at."""

    def __init__(self, task: Task, store: Store, rules: Stop) -> None:
        self.task, self.rules = task, rules
        self.failed: set[int] = set()
        self.values: dict[int, tuple[Any, float]] = {}
        if rules.is_adaptive:
            self.values = store.measured(task.id, rules.measure or "")
            self.done = set(self.values)
        else:
            self.done = store.done(task.id)

    def add(self, trial: Trial) -> None:
        self.done.add(trial.trial)
        if self.rules.is_adaptive:
            value = trial.values.get(self.rules.measure or "")
            self.values[trial.trial] = (value, trial.seconds)

    def wanted(self) -> range:
        """Numbers of the trials that the rules want, finished ones included."""
        values, seconds = [], 0.0
        if self.rules.is_adaptive:
            count = 0
            while count in self.values:
                value, took = self.values[count]
                values.append(self._checked(value))
                seconds += took
                count += 1
                # Why: rules look at fixed numbers of trials, also where a store has more.
                if self.rules.wanted(values, seconds) == count:
                    return range(count)
        return range(self.rules.wanted(values, seconds))

    def jobs(self, number: int, trials: range) -> Iterator[Job]:
        """Those of some trials that are neither finished nor failed in this run."""
        for trial in trials:
            if trial not in self.done and trial not in self.failed:
                yield Job(number, trial, self.task.seed_of(trial))

    def _checked(self, value: Any) -> float:
        if self.rules.measure is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            name = self.rules.measure
            raise ValueError(f"Stop.measure={name!r}: the trials of {self.task!r} give no number")
        return float(value)


def _missing(states: Sequence[_State], rules: Stop) -> list[Job]:
    """Trials that are wanted and neither finished nor failed in this run, in a fixed order."""
    wanted = [len(state.wanted()) for state in states]
    if rules.total is None:
        return [job for i, state in enumerate(states) for job in state.jobs(i, range(wanted[i]))]
    jobs: list[Job] = []
    left, before = rules.total, 0
    # Why: whoever goes on with a sweep has to spend the rest as the sweep itself would have, so
    # nothing is spent on a look before all tasks have what they want up to the one before.
    for look in rules.looks:
        for i, state in enumerate(states):
            own = range(before, min(look, wanted[i], before + left))
            left -= len(own)
            jobs += state.jobs(i, own)
        if jobs:
            break
        before = look
    return jobs
