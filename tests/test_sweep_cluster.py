# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps on Dask clusters give the rows of a run in this process, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from imperfect import sweep
from sweeps import BITS, problem, same, tasks

pytest.importorskip("distributed", reason="distributed is not installed (extra sweep)")
# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Why: libraries of Dask warn about each other, and about processes that are killed.
QUIET = os.environ | {"PYTHONWARNINGS": "ignore", "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}


@contextmanager
def dask(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of Dask that runs until it is killed."""
    command = [sys.executable, "-m", "dask", *words]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=QUIET, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.kill()


def scheduler(port: int) -> Any:
    return dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")


def worker(port: int, threads: int = 1) -> Any:
    address, number = f"tcp://127.0.0.1:{port}", str(threads)
    return dask("worker", address, "--nthreads", number, "--no-dashboard", "--no-nanny")


def free_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


def slow(subject: sweep.Subject) -> dict[str, float]:
    time.sleep(0.02)
    rng = np.random.default_rng(subject.seed)
    return {"x": float(rng.normal()) + (subject.hardware.cell.bits or 0), "odd": subject.trial % 2}


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imperfect.sweep._cluster.CONNECTING", "1s")
    with pytest.raises(OSError, match=r"cluster='tcp://127.0.0.1:9'"):
        sweep.run(tasks(), cluster="tcp://127.0.0.1:9")


def test_separate_commands_give_the_rows_of_this_process(tmp_path: Path) -> None:
    """Chips of a network, on a worker of one thread and on one that measures two at a time."""
    port = free_port()
    space = sweep.Space.grid(tasks()[0].hardware, BITS)
    given = sweep.tasks(space, problem(), ("accuracy", "controls", "rivals"))
    with scheduler(port), worker(port), worker(port, threads=2):
        found = sweep.run(given, tmp_path / "a.db", stop=4, cluster=f"tcp://127.0.0.1:{port}")
    assert not found.about["failures"]
    same(found, sweep.run(given, stop=4))


def test_a_scheduler_that_is_restarted_costs_trials_in_flight(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "a.db"
    given = tasks(slow)
    with scheduler(port) as first, worker(port):
        running = sweep.iter_run(given, path, stop=30, cluster=f"tcp://127.0.0.1:{port}")
        for _ in range(10):
            next(running)
        first.send_signal(signal.SIGKILL)
        first.wait()
    with scheduler(port), worker(port), worker(port):
        rest = list(running)
    assert len(rest) == 80
    same(sweep.load(path), sweep.run(tasks(slow), stop=30))


def test_a_killed_worker_costs_trials_in_flight(tmp_path: Path) -> None:
    code = KILLED_WORKER.format(path=str(tmp_path / "a.db"))
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, here]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=QUIET)
    assert done.returncode == 0, done.stderr[-3000:]
    same(sweep.load(tmp_path / "a.db"), sweep.run(tasks(), stop=30))


KILLED_WORKER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import sweeps
from imperfect import sweep
from distributed import LocalCluster

def slow(subject):
    import time
    import numpy as np
    time.sleep(0.02)
    rng = np.random.default_rng(subject.seed)
    bits = subject.hardware.cell.bits or 0
    return {{"x": float(rng.normal()) + bits, "odd": subject.trial % 2}}

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        trials = sweep.iter_run(
            sweeps.tasks(slow), {path!r}, stop=30, cluster=cluster.scheduler_address
        )
        for count, trial in enumerate(trials):
            if count == 10:
                os.kill(pids[0], signal.SIGKILL)
"""
