# SPDX-License-Identifier: BSD-3-Clause
"""Measures trials in processes of joblib (loky) on this computer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from imperfect._optional import require
from imperfect._parallel import finished_tasks
from imperfect.sweep._execute import (
    Died,
    Executor,
    Job,
    Measuring,
    Outcome,
    Shared,
    pickled,
    shared_of,
    until_done,
)

PER_WORKER = 4  # jobs that wait at each process, at most
IDLE = 20  # seconds after which processes without work end, also where the sweep was killed


def in_processes(workers: int) -> Executor:
    """In as many processes."""

    @contextmanager
    def running(shared: Shared) -> Iterator[Measuring]:
        content = pickled(shared)
        with _folder() as folder:
            path = folder / "shared.pkl"
            path.write_bytes(content)

            def measure(jobs: Iterable[Job]) -> Iterator[Outcome]:
                yield from _outcomes(workers, str(path), shared.key, jobs)

            yield lambda jobs: until_done(measure, jobs, PER_WORKER * workers)

    return running


def _outcomes(workers: int, path: str, key: str, jobs: Iterable[Job]) -> Iterator[Outcome]:
    joblib = require("joblib")
    terminated = require("joblib.externals.loky.process_executor").TerminatedWorkerError
    calls = (joblib.delayed(_measure)(path, key, job) for job in jobs)
    options = {"n_jobs": workers, "inner_max_num_threads": 1, "idle_worker_timeout": IDLE}
    try:
        with (
            joblib.parallel_config("loky", **options),
            closing(finished_tasks(calls, workers)) as finished,
        ):
            yield from finished
    except terminated as error:
        raise Died(" ".join(str(error).split())) from error


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes with the sweep, also where its process is killed."""
    tracker = require("joblib.externals.loky.backend.resource_tracker")
    with tempfile.TemporaryDirectory(prefix="imperfect-") as name:
        # Why: the tracker outlives the process and removes what that left behind.
        tracker.register(name, "folder")
        try:
            yield Path(name)
        finally:
            tracker.unregister(name, "folder")


def _measure(path: str, key: str, job: Job) -> Outcome:
    return shared_of(key, Path(path).read_bytes).measure(job)
