# SPDX-License-Identifier: BSD-3-Clause
"""Many threads on one layer or chip while another one changes it.

Every result must be, bit for bit, that of one of the states that the changes lead through, never a
mixture of two. The states are known beforehand: each combination of the seeds that cells are
written with and of the calibrations that can be found with them.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im
from chips import noisy_chip
from imperfect import circuit
from imperfect.network import AnalogNetwork
from stress import draw

SEEDS = (1, 2, 3)
LATER = 1e4  # seconds
HARDWARE = im.Hardware(
    weight_bits=8,
    drift_compensation="layer",
    cell=im.Cell(bits=2, programming=im.device.Gaussian(0.02), drift=im.device.PowerLaw(0.05)),
    array=im.Array(rows=16),
    dac=im.DAC(bits=8),
    adc=im.ADC(bits=6, range="calibrated"),
)

Changeable = Any  # an analog layer or a chip


def linear() -> im.AnalogLinear:
    return im.AnalogLinear(draw(40, 50), draw(40), hardware=HARDWARE, seed=SEEDS[0])


def convolution() -> im.AnalogConv2d:
    return im.AnalogConv2d(draw(12, 4, 3, 3), groups=1, hardware=HARDWARE, seed=SEEDS[0])


def gru() -> im.AnalogGRU:
    return im.AnalogGRU(draw(30, 8), draw(30, 10), hardware=HARDWARE, seed=SEEDS[0])


INPUTS = {linear: (20, 50), convolution: (6, 4, 9, 8), gru: (5, 4, 8)}


def answer(subject: Changeable, x: NDArray[np.float32]) -> str:
    y = subject(x)
    return hashlib.sha256(y[0] if isinstance(y, tuple) else y).hexdigest()


@contextmanager
def meanwhile(work: Callable[[], None], readers: int) -> Iterator[None]:
    """``work`` again and again in threads; what one of them raises is raised at the end."""
    over, errors, rounds = threading.Event(), [], [0] * readers

    def repeat(number: int) -> None:
        try:
            while not over.is_set() or not rounds[number]:
                work()
                rounds[number] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(readers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    assert all(rounds)


def known_answers(
    subject: Changeable, batches: Sequence[NDArray[np.float32]], x: NDArray[np.float32]
) -> dict[tuple[int, bool], set[str]]:
    """Answers by seed, and at later times or not, for every calibration that may be found."""
    known: dict[tuple[int, bool], set[str]] = {}
    for calibrated_with in SEEDS:
        for batch in batches:
            one = copy.copy(subject)
            one.program(calibrated_with)
            one.calibrate(batch)
            for seed in SEEDS:
                one.program(seed)
                for is_later in (False, True):
                    now = one.at(LATER) if is_later else one
                    known.setdefault((seed, is_later), set()).add(answer(now, x))
    return known


def change(subject: Changeable, batches: Sequence[NDArray[np.float32]], rounds: int) -> None:
    """Write the cells and calibrate, in two threads, with other numbers of threads all the time."""

    def calibrate() -> None:
        for number in range(rounds):
            subject.calibrate(batches[number % len(batches)])

    thread = threading.Thread(target=calibrate)
    thread.start()
    for number in range(rounds):
        subject.program(SEEDS[number % len(SEEDS)])
        im.set_num_threads(1 + number % 3)
    thread.join()


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    im.set_num_threads(0)


@pytest.mark.parametrize("make", INPUTS, ids=lambda make: make.__name__)
def test_a_layer_is_in_one_state_at_a_time(make: Callable[[], Changeable]) -> None:
    layer, x = make(), draw(*INPUTS[make])
    batches = [x, 0.3 * x]
    known = known_answers(layer, batches, x)
    anywhere = set().union(*known.values())
    assert len(anywhere) >= 2 * len(SEEDS) * len(batches)
    layer.calibrate(batches[0])

    def read() -> None:
        assert answer(layer, x) in anywhere
        for one in (copy.copy(layer), pickle.loads(pickle.dumps(layer))):
            assert answer(one, x) in known[one.seed, False]
        later = layer.at(LATER)
        assert answer(later, x) in known[later.seed, True]
        restored = make()
        restored.restore(layer.state())
        assert answer(restored, x) in known[restored.seed, False]
        layer.conductances(), layer.effective_weight(), layer.plan, layer.clipping(x)

    with meanwhile(read, readers=4):
        change(layer, batches, rounds=60)


def test_a_chip_is_in_one_state_at_a_time(tmp_path: Path) -> None:
    chip, x = noisy_chip(SEEDS[0])
    chip = AnalogNetwork(chip.network, HARDWARE, SEEDS[0])
    batches = [x, x[:5]]
    known = known_answers(chip, batches, x)
    anywhere = set().union(*known.values())
    chip.calibrate(batches[0])

    def read() -> None:
        assert answer(chip, x) in anywhere
        path = tmp_path / f"{threading.get_ident()}.npz"
        chip.save(path)
        for one in (copy.copy(chip), pickle.loads(pickle.dumps(chip)), AnalogNetwork.load(path)):
            assert answer(one, x) in known[one.seed, False]
        later = chip.at(LATER)
        assert answer(later, x) in known[later.seed, True]

    with meanwhile(read, readers=3):
        change(chip, batches, rounds=40)


def test_a_sweep_beside_other_work_gives_the_same_rows() -> None:
    from imperfect import sweep
    from sweeps import problem, same

    base = im.Hardware(weight_bits=8, cell=im.Cell(programming=im.device.Gaussian(0.1)))
    space = sweep.Space.grid(base, {"cell.bits": [2, 4]})
    tasks = sweep.tasks(space, problem(), "accuracy", seed=3)
    alone = sweep.run(tasks, stop=2)
    chip, x = noisy_chip()
    wanted = answer(chip, x)

    def compute() -> None:
        assert answer(chip, x) == wanted

    with meanwhile(compute, readers=2), meanwhile(lambda: same(sweep.run(tasks, stop=2), alone), 2):
        pass


def test_arrays_with_wires_in_many_threads() -> None:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (3, 40, 30))
    v = np.full((9, 40), 0.2)
    transfer = circuit.transfer_matrix(g, 1.0, 2.0)
    currents = circuit.read_currents(g[0], v, 1.0, 2.0, a3=g[0])

    def solve() -> None:
        np.testing.assert_array_equal(circuit.transfer_matrix(g, 1.0, 2.0), transfer)
        found = circuit.read_currents(g[0], v, 1.0, 2.0, a3=g[0])
        np.testing.assert_array_equal(found, currents)

    with meanwhile(solve, readers=4):
        for threads in (1, 2, 3) * 20:
            im.set_num_threads(threads)
            solve()
