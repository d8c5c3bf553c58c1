# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps whose processes die, for whatever reason: what is in flight is measured again, and a trial
that kills whatever measures it is a failure that keeps no other one back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from threadpoolctl import threadpool_info

from imperfect import sweep
from imperfect.sweep import _execute
from imperfect.sweep._execute import (
    Died,
    Job,
    Outcome,
    Shared,
    code,
    pickled,
    shared_of,
    until_done,
)
from imperfect.sweep._threads import one_thread
from sweeps import BITS, numbers, tasks

# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

JOBS = [Job(0, trial, trial) for trial in range(12)]


def deadly(subject: sweep.Subject) -> dict[str, float]:
    if subject.trial == 3 and subject.hardware.cell.bits == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers(subject)


def test_a_trial_that_kills_its_process_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    found = sweep.run(tasks(deadly), path, stop=6, jobs=2)
    assert len(found) == 17
    (failure,) = found.about["failures"]
    assert failure.startswith("cell.bits=2, trial 3: the process that measured it died")
    rest = sweep.run(tasks(), path, stop=6)  # the same ids, a measure that does no harm
    assert len(rest) == 18 and not rest.about["failures"]


class Fleet:
    """Processes that measure ``window`` jobs at a time, and die of some of them."""

    def __init__(self, deadly: Iterable[int], window: int = 3, known: bool = False) -> None:
        self.deadly, self.window, self.known = set(deadly), window, known
        self.deaths = 0

    def __call__(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        waiting = list(jobs)
        while waiting:
            flight, waiting = waiting[: self.window], waiting[self.window :]
            for job in flight:
                if job.trial in self.deadly:
                    self.deaths += 1
                    raise Died("killed", job if self.known else None)
            for job in flight:
                yield Outcome(job, None, "done", "")


@pytest.mark.parametrize("known", [False, True], ids=["somebody died", "of this job"])
@pytest.mark.parametrize("deadly", [[], [0], [11], [2, 3, 4], range(4)], ids=str)
def test_deadly_jobs_are_found(deadly: Any, known: bool) -> None:
    fleet = Fleet(deadly, known=known)
    found = {outcome.job: outcome.failure for outcome in until_done(fleet, JOBS, fleet.window)}
    assert list(sorted(found)) == JOBS
    for job, failure in found.items():
        assert failure == (
            "the process that measured it died: killed" if job.trial in deadly else "done"
        )
    assert fleet.deaths <= 3 * len(set(deadly))


def test_losses_without_end_end_a_sweep() -> None:
    with pytest.raises(OSError, match=r"workers were lost 5 times in a row, and .* killed"):
        list(until_done(Fleet(range(12)), JOBS, 3))

    def gone(jobs: Iterable[Job]) -> Iterator[Outcome]:
        raise ConnectionError("nobody answers")
        yield

    with pytest.raises(
        OSError, match="lost 5 times in a row, and 12 trials are not measured: nobody"
    ):
        list(until_done(gone, JOBS, 3, (OSError,)))


def test_lost_connections_blame_no_job() -> None:
    calls = 0

    def shaky(jobs: Iterable[Job]) -> Iterator[Outcome]:
        nonlocal calls
        calls += 1
        for job in list(jobs)[:5]:
            yield Outcome(job, None, "done", "")
        if calls < 3:
            raise ConnectionError

    found = list(until_done(shaky, JOBS, 1, (OSError,)))
    assert [outcome.job for outcome in found] == JOBS and {o.failure for o in found} == {"done"}


class Future:
    """A future of Dask that ended."""

    def __init__(self, status: str, error: Exception | None = None) -> None:
        self.status, self.error = status, error

    def exception(self) -> Exception | None:
        return self.error

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return "outcome"


def test_how_jobs_of_a_cluster_end() -> None:
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    from imperfect.sweep._cluster import _Cluster, _Lost

    outcome = _Cluster("tcp://there:1", b"", "")._outcome
    assert outcome(Future("finished"), JOBS[0]) == "outcome"
    with pytest.raises(_Lost, match="a result was lost"):
        outcome(Future("finished", CancelledError("forgotten")), JOBS[0])
    with pytest.raises(_Lost, match="ended as cancelled"):
        outcome(Future("cancelled"), JOBS[0])
    with pytest.raises(ValueError, match=r"cluster='tcp://there:1': a worker cannot .* No module"):
        outcome(Future("error", ImportError("No module named x")), JOBS[0])
    killed = distributed.KilledWorker("task", "worker", 3)
    with pytest.raises(Died) as death:
        outcome(Future("error", killed), JOBS[4])
    assert death.value.job == JOBS[4]


def test_addresses_are_checked() -> None:
    pytest.importorskip("distributed", reason="distributed is not installed (extra sweep)")
    with pytest.raises(OSError, match=r"cluster='nowhere': missing port"):
        sweep.run(tasks(), cluster="nowhere")


def test_workers_with_other_code_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared(tasks())
    blob = pickled(shared)
    assert shared_of(shared.key, lambda: blob).code == code()
    other = Shared(tasks())
    monkeypatch.setattr(_execute, "PHYSICS", 99)
    blob = pickled(other)
    with pytest.raises(ValueError, match=r"a worker has .* physics 99, .* is run by .* physics 1,"):
        shared_of(other.key, lambda: blob)


def test_what_is_shared_is_unpickled_once_by_all_threads() -> None:
    shared, reads = Shared(tasks()), 0
    blob = pickled(shared)

    def read() -> bytes:
        nonlocal reads
        reads += 1
        return blob

    found: list[Shared] = []
    threads = [
        threading.Thread(target=lambda: found.append(shared_of(shared.key, read))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads == 1 and len({id(own) for own in found}) == 1 and len(found) == 8


def test_measures_that_cannot_travel_are_named() -> None:
    lock = threading.Lock()
    measure = sweep.Measure("locked", 1, lambda subject: {"a": float(lock.locked())})
    given = sweep.tasks(sweep.Space.grid(tasks()[0].hardware, BITS), measures=measure)
    with pytest.raises(ValueError, match=r"cannot be sent to other processes \(measures locked\)"):
        sweep.run(given, jobs=2)
    assert len(sweep.run(given, stop=1)) == 3


def test_every_thread_has_one_thread() -> None:
    """OpenMP's limit is that of a thread, BLAS's that of the process."""
    inside, leave = threading.Barrier(2), threading.Barrier(2)
    seen: list[set[int]] = []

    def job() -> None:
        with one_thread():
            inside.wait()
            seen.append({int(library["num_threads"]) for library in threadpool_info()})
            leave.wait()  # neither ends before both have looked

    before = [library["num_threads"] for library in threadpool_info()]
    threads = [threading.Thread(target=job) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{1}, {1}]
    assert [library["num_threads"] for library in threadpool_info()] == before
