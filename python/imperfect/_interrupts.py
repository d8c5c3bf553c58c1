# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C: kept from the processes that a study starts, and never lost where others swallow it.

A terminal sends SIGINT to all processes of its foreground group. Worker processes must not see
it, because it is the one that started them that ends them; what they inherit is the mask of the
thread that starts them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from imperfect._optional import require


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Processes started meanwhile never see Ctrl-C; here it acts as soon as they are started."""
    # Why: starting one of the trackers in between would unblock the signal.
    resource_tracker.ensure_running()
    require("joblib.externals.loky.backend.resource_tracker").ensure_running()
    seen: list[int] = []
    try:
        with _handled_by(lambda number, _: seen.append(number)):
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        if seen:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """A list that is not empty once Ctrl-C was pressed, whatever became of the exception."""
    seen: list[int] = []

    def note(number: int, frame: Any) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    with _handled_by(note):
        yield seen


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    """Another handler of Ctrl-C, in the main thread; no other thread may set one."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
