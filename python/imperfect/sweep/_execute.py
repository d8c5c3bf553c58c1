# SPDX-License-Identifier: BSD-3-Clause
"""Measures trials: here, in processes of joblib, or on a Dask cluster.

A job is small (a task's number, a chip's number and seed); what all jobs share, with its large
arrays, reaches every process once. Each job runs in one thread.
"""

from __future__ import annotations

import itertools
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from imperfect import _core
from imperfect._optional import require
from imperfect._parallel import finished_tasks
from imperfect.hardware import Hardware
from imperfect.sweep._measures import Measure, Values
from imperfect.sweep._problem import Problem
from imperfect.sweep._results import IDENTITY, PROVENANCE
from imperfect.sweep._store import Trial
from imperfect.sweep._subject import Subject
from imperfect.sweep._task import Task

KEPT_CHIPS = 2  # machines whose mapping a process keeps for their next chip
MOST_LOSSES = 5  # times that processes may die before a single trial is done
CONNECTING = "10s"  # a scheduler has this long to answer
PER_WORKER = 2  # jobs that wait at each process

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


class _OneThread:
    """Keeps libraries at one thread while any job of this process runs."""

    def __init__(self) -> None:
        self._lock, self._jobs, self._limits = threading.Lock(), 0, ExitStack()
        self._libraries: Any = None
        self._modules = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._jobs:
                self._limits.enter_context(self._found().limit(limits=1))
            self._jobs += 1
        try:
            yield
        finally:
            with self._lock:
                self._jobs -= 1
                if not self._jobs:
                    self._limits.close()

    def _found(self) -> Any:
        """The libraries that have threads."""
        # Why: looking for them takes 2 ms, and libraries come with modules.
        if self._libraries is None or self._modules != len(sys.modules):
            self._libraries = require("threadpoolctl").ThreadpoolController()
            self._modules = len(sys.modules)
        return self._libraries


# Why: a worker of a cluster may measure in several threads; limits that each of them sets and takes
# back would end early for the others, and sums in several threads have other bits.
one_thread = _OneThread().__call__


Outcomes = Generator[Outcome, None, None]
Executor = Callable[[Shared, list[Job]], Outcomes]


def here(shared: Shared, jobs: list[Job]) -> Outcomes:
    """One job after the other, in this process."""
    for job in jobs:
        yield shared.measure(job)


def in_processes(workers: int) -> Executor:
    """In as many processes of joblib (loky)."""

    def run(shared: Shared, jobs: list[Job]) -> Outcomes:
        joblib = require("joblib")
        with tempfile.TemporaryDirectory(prefix="imperfect-") as folder:
            path = Path(folder) / "shared.pkl"
            with path.open("wb") as stream:
                require("cloudpickle").dump(shared, stream)

            def measure(todo: Iterable[Job]) -> Iterator[Outcome]:
                calls = (joblib.delayed(_measure_from)(str(path), shared.key, job) for job in todo)
                options = {"n_jobs": workers, "inner_max_num_threads": 1}
                with (
                    joblib.parallel_config("loky", **options),
                    closing(finished_tasks(calls, workers)) as finished,
                ):
                    yield from finished

            lost = require("joblib.externals.loky.process_executor").TerminatedWorkerError
            yield from _until_done(measure, jobs, (lost,))

    return run


def on_cluster(address: str) -> Executor:
    """On the workers of a Dask scheduler."""

    def run(shared: Shared, jobs: list[Job]) -> Outcomes:
        distributed = require("distributed", "sweep")

        def connect() -> Any:
            return distributed.Client(address, timeout=CONNECTING, set_as_default=False)

        try:
            connect().close()
        except (OSError, ValueError) as error:
            raise OSError(f"cluster={address!r}: {error}") from error

        def measure(todo: Iterable[Job]) -> Iterator[Outcome]:
            with connect() as client:
                yield from _through(client, distributed, shared, iter(todo))

        core = require("distributed.core", "sweep")
        lost = (OSError, TimeoutError, core.CommClosedError, _Lost)
        yield from _until_done(measure, jobs, lost)

    return run


class _Lost(Exception):
    """A job ended without a result: its worker or the scheduler died."""


def _through(client: Any, distributed: Any, shared: Shared, todo: Iterator[Job]) -> Any:
    """Outcomes of jobs on a cluster, a bounded number of them at a time."""
    client.wait_for_workers(1, timeout=60)
    blob = require("cloudpickle").dumps(shared)
    data = client.scatter(blob, broadcast=True, hash=False)
    workers = sum(client.nthreads().values())

    def submit(job: Job) -> Any:
        return client.submit(_measure_blob, data, shared.key, job, pure=False, retries=MOST_LOSSES)

    first = [submit(job) for job in itertools.islice(todo, PER_WORKER * workers)]
    finished = distributed.as_completed(first, loop=client.loop, raise_errors=False)
    for future in finished:
        if future.status != "finished":
            raise _Lost(f"a job ended as {future.status}")
        yield future.result()
        for job in itertools.islice(todo, 1):
            finished.add(submit(job))


def _until_done(
    measure: Callable[[Iterable[Job]], Iterator[Outcome]],
    jobs: list[Job],
    lost: tuple[type[BaseException], ...],
) -> Iterator[Outcome]:
    """Outcomes of all jobs; those in flight when a process dies are measured again."""
    missing, losses = dict.fromkeys(jobs), 0
    while missing:
        try:
            for outcome in measure(list(missing)):
                # Why: a job that was thought lost may have been measured twice.
                if outcome.job in missing:
                    del missing[outcome.job]
                    losses = 0
                    yield outcome
        except lost as error:
            losses += 1
            if losses >= MOST_LOSSES:
                raise OSError(
                    f"workers were lost {losses} times in a row, and {len(missing)} trials are"
                    f" not measured: {error}"
                ) from error
            time.sleep(0.2 * losses)


_loaded: dict[str, Shared] = {}  # of this process


def _measure_from(path: str, key: str, job: Job) -> Outcome:
    return _load(key, lambda: Path(path).read_bytes()).measure(job)


def _measure_blob(blob: bytes, key: str, job: Job) -> Outcome:
    return _load(key, lambda: blob).measure(job)


def _load(key: str, read: Callable[[], bytes]) -> Shared:
    """What jobs share, unpickled by the first of them."""
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = require("cloudpickle").loads(read())
    return _loaded[key]
