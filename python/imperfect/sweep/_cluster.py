# SPDX-License-Identifier: BSD-3-Clause
"""Measures trials on the workers of a Dask scheduler."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

from imperfect._optional import require
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

CONNECTING = "10s"  # a scheduler has this long to answer
WAITING = 60  # seconds that a scheduler may be without workers
PER_THREAD = 2  # jobs that wait at each thread of a worker
LOOKING = 1.0  # seconds after which workers are counted again


def on_cluster(address: str) -> Executor:
    """On the workers of the scheduler at an address."""

    @contextmanager
    def running(shared: Shared) -> Iterator[Measuring]:
        core = require("distributed.core", "sweep")
        lost = (OSError, TimeoutError, core.CommClosedError, _Lost)
        with closing(_Cluster(address, pickled(shared), shared.key)) as own:
            try:
                _check_address(address)
                own.connect()
            except (OSError, ValueError) as error:
                raise OSError(f"cluster={address!r}: {error}") from error
            yield lambda jobs: until_done(own.measure, jobs, 1, lost)

    return running


def _check_address(address: str) -> None:
    """Refuse an address without a port."""
    # Why: a client of one complains again, at length, when it is thrown away.
    addressing = require("distributed.comm.addressing", "sweep")
    protocol, place = addressing.parse_address(address)
    if protocol in ("tcp", "tls"):
        addressing.parse_host_port(place)


class _Lost(Exception):
    """A job ended without a result, and not through its own fault."""


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

    def measure(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes of jobs, a bounded number of them at a time."""
        if self._client is None:
            self.connect()
        try:
            yield from self._outcomes(iter(jobs))
        except Exception:
            self.close()
            raise

    def _outcomes(self, jobs: Iterator[Job]) -> Iterator[Outcome]:
        client = self._client
        client.wait_for_workers(1, timeout=WAITING)
        if self._data is None:
            self._data = client.scatter(self._blob, broadcast=True, hash=False)
        completed = require("distributed", "sweep").as_completed
        finished = completed(loop=client.loop, raise_errors=False)
        running: dict[str, Job] = {}
        room, looked = 1, -LOOKING
        while True:
            if time.monotonic() - looked >= LOOKING:
                # Why: workers come and go.
                room = max(PER_THREAD * sum(client.nthreads().values()), 1)
                looked = time.monotonic()
            for job in islice(jobs, max(room - len(running), 0)):
                future = client.submit(_measure, self._data, self._key, job, pure=False)
                running[future.key] = job
                finished.add(future)
            if not running:
                return
            future = next(finished)
            yield self._outcome(future, running.pop(future.key))

    def _outcome(self, future: Any, job: Job) -> Outcome:
        if future.status == "error":
            error = future.exception()
            if isinstance(error, require("distributed", "sweep").KilledWorker):
                raise Died("workers of the cluster died", job)
            name = type(error).__name__
            raise ValueError(
                f"cluster={self._address!r}: a worker cannot measure: {name}: {error}"
            ) from error
        if future.status != "finished":
            raise _Lost(f"a job ended as {future.status}")
        try:
            outcome: Outcome = future.result()
        except CancelledError as error:
            raise _Lost(f"a result was lost: {error}") from error
        return outcome


def _measure(blob: bytes, key: str, job: Job) -> Outcome:
    return shared_of(key, lambda: blob).measure(job)
