# SPDX-License-Identifier: BSD-3-Clause
"""Keeps libraries at one thread while a trial is measured.

Trials run side by side in processes, or in threads of a worker of a cluster: more threads for each
would only wait for each other, and sums in several threads have other bits.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from imperfect._optional import require


class _OneThread:
    def __init__(self) -> None:
        self._lock, self._jobs, self._limits = threading.Lock(), 0, ExitStack()
        self._libraries: Any = None
        self._modules = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            found = self._found()
            # Why: BLAS's limit holds for the process, so the first job sets it and the last one
            # takes it back; OpenMP's holds for the thread that sets it.
            if not self._jobs:
                self._limits.enter_context(found.select(user_api="blas").limit(limits=1))
            self._jobs += 1
        try:
            with found.select(user_api="openmp").limit(limits=1):
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


one_thread = _OneThread().__call__
