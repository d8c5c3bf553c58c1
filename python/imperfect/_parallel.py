# SPDX-License-Identifier: BSD-3-Clause
"""Runs tasks of joblib in processes and gives their results as they come."""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterable
from contextlib import nullcontext
from typing import Any

from imperfect._interrupts import held_interrupts
from imperfect._optional import require

# Nothing waits for it: processes take longer to start.
SETTLING_SECONDS = 0.2


def finished_tasks(tasks: Iterable[Any], jobs: int) -> Generator[Any, None, None]:
    """Results as they come; an exception here or where they are used ends the processes."""
    results: Any = None
    try:
        with held_interrupts() if jobs > 1 else nullcontext():
            results = require("joblib").Parallel(return_as="generator_unordered")(tasks)
            # Why: joblib that is stopped while it hands out tasks prints exceptions of its own.
            time.sleep(SETTLING_SECONDS if jobs > 1 else 0)
        # Why: "yield from" would end joblib's generator itself, out of reach of what follows.
        for result in results:  # noqa: UP028
            yield result
    finally:
        if results is not None:
            # Why: joblib warns that results are lost, which is what an exception is for.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results.close()
