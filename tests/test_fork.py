# SPDX-License-Identifier: BSD-3-Clause
"""Processes that fork after threads have computed, or while they do: the child has the same bits.

GNU OpenMP's threads do not survive a fork, so a child computes on one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im
from stress import BIT_SERIAL, draw, in_a_process

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

FORKS = 20


def layer_and_input() -> tuple[im.AnalogLinear, NDArray[np.float32]]:
    layer, x = im.AnalogLinear(draw(256, 256), hardware=BIT_SERIAL, seed=1), draw(300, 256)
    layer.calibrate(x)
    return layer, x


def exit_code_of_a_child(work: Callable[[], None]) -> int:
    """A forked child that leaves in the usual way, through all that is done at exit."""
    child = os.fork()
    if child == 0:
        work()
        sys.exit()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_after_threads() -> None:
    layer, x = layer_and_input()
    wanted = layer(x, num_threads=4)

    def work() -> None:
        np.testing.assert_array_equal(layer(x, num_threads=4), wanted)
        layer.program(seed=2)
        layer.calibrate(x)
        layer.program(seed=1)
        layer.calibrate(x)
        np.testing.assert_array_equal(layer(x), wanted)

    assert exit_code_of_a_child(work) == 0
    assert exit_code_of_a_child(lambda: sys.exit(exit_code_of_a_child(work))) == 0
    np.testing.assert_array_equal(layer(x, num_threads=4), wanted)


def fork_while_threads_compute() -> None:
    layer, x = layer_and_input()
    wanted, over = layer(x), threading.Event()

    def compute() -> None:
        while not over.is_set():
            assert np.array_equal(layer(x, num_threads=2), wanted)

    def work() -> None:
        os._exit(not np.array_equal(layer(x), wanted))  # the thread that computes is not here

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert [exit_code_of_a_child(work) for _ in range(FORKS)] == [0] * FORKS
    over.set()
    for thread in threads:
        thread.join()


def fork_in_a_thread() -> None:
    layer, x = layer_and_input()
    wanted, codes = layer(x), []

    def work() -> None:
        np.testing.assert_array_equal(layer(x), wanted)
        os._exit(0)

    thread = threading.Thread(target=lambda: codes.append(exit_code_of_a_child(work)))
    thread.start()
    thread.join()
    assert codes == [0]


def pool_of_forked_processes() -> None:
    from chips import noisy_chip

    chip, x = noisy_chip()
    wanted = chip(x)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(chip, [x] * 6)
    for y in found:
        np.testing.assert_array_equal(y, wanted)


def processes_of_joblib() -> None:
    import joblib

    layer, x = layer_and_input()
    wanted = layer(x, num_threads=2)
    for y in joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(layer)(x) for _ in range(4)):
        np.testing.assert_array_equal(y, wanted)


CASES = (
    fork_after_threads, fork_while_threads_compute, fork_in_a_thread, pool_of_forked_processes,
    processes_of_joblib,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_forked_processes_compute_the_same(case: Callable[[], None]) -> None:
    in_a_process("test_fork", f"{case.__name__}()")
