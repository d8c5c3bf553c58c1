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
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
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
Measuring = Callable[[list[Job]], Outcomes]
# Holds processes and what they share for as long as a sweep runs, however many rounds that takes.
Executor = Callable[[Shared], AbstractContextManager[Measuring]]


@contextmanager
def here(shared: Shared) -> Iterator[Measuring]:
    """One job after the other, in this process."""

    def measure(jobs: list[Job]) -> Outcomes:
        for job in jobs:
            yield shared.measure(job)

    yield measure


def in_processes(workers: int) -> Executor:
    """In as many processes of joblib (loky)."""

    @contextmanager
    def running(shared: Shared) -> Iterator[Measuring]:
        joblib = require("joblib")
        lost = require("joblib.externals.loky.process_executor").TerminatedWorkerError
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

            yield lambda jobs: _until_done(measure, jobs, (lost,))

    return running


def on_cluster(address: str) -> Executor:
    """On the workers of a Dask scheduler."""

    @contextmanager
    def running(shared: Shared) -> Iterator[Measuring]:
        core = require("distributed.core", "sweep")
        lost = (OSError, TimeoutError, core.CommClosedError, _Lost)
        with closing(_Cluster(address, require("cloudpickle").dumps(shared), shared.key)) as own:
            try:
                own.connect()
            except (OSError, ValueError) as error:
                raise OSError(f"cluster={address!r}: {error}") from error
            yield lambda jobs: _until_done(own.measure, jobs, lost)

    return running


class _Cluster:
    """A connection to a scheduler whose workers have what jobs share; made anew when lost."""

    def __init__(self, address: str, blob: bytes, key: str) -> None:
        self._address, self._blob, self._key = address, blob, key
        self._client: Any = None
        self._data: Any = None

    def connect(self) -> None:
        self._client = require("distributed", "sweep").Client(
            self._address, timeout=CONNECTING, set_as_default=False
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._data = None

    def measure(self, todo: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes of jobs, a bounded number of them at a time."""
        if self._client is None:
            self.connect()
        try:
            yield from self._outcomes(iter(todo))
        except Exception:
            self.close()
            raise

    def _outcomes(self, todo: Iterator[Job]) -> Iterator[Outcome]:
        client = self._client
        client.wait_for_workers(1, timeout=60)
        if self._data is None:
            self._data = client.scatter(self._blob, broadcast=True, hash=False)
        workers = sum(client.nthreads().values())
        first = [self._submit(job) for job in itertools.islice(todo, PER_WORKER * workers)]
        completed = require("distributed", "sweep").as_completed
        finished = completed(first, loop=client.loop, raise_errors=False)
        for future in finished:
            if future.status != "finished":
                raise _Lost(f"a job ended as {future.status}")
            yield future.result()
            for job in itertools.islice(todo, 1):
                finished.add(self._submit(job))

    def _submit(self, job: Job) -> Any:
        arguments = self._data, self._key, job
        return self._client.submit(_measure_blob, *arguments, pure=False, retries=MOST_LOSSES)


class _Lost(Exception):
    """A job ended without a result: its worker or the scheduler died."""


def _until_done(
    measure: Callable[[Iterable[Job]], Iterator[Outcome]],
    jobs: list[Job],
    lost: tuple[type[BaseException], ...],
) -> Outcomes:
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
