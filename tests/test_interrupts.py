# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C in the middle of a kernel: it ends within a second, and what it worked on works as before.

Each case gives a call that takes much longer than five seconds, and a short one of the same objects
whose bits must not change.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im
from imperfect import _core, circuit
from stress import BIT_SERIAL, draw, in_a_process

Floats = NDArray[Any]
Case = tuple[Callable[[], object], Callable[[], Floats]]

CURVED = im.Hardware(
    cell=im.Cell(
        g_max=1e-4,
        v_read=0.3,
        nonlinearity=im.device.CurveTable(g=(1e-6, 1e-4), a2=(-1e-5, 2e-5), a3=(5e-5, 1e-4)),
    ),
    array=im.Array(rows=128, cols=128, r_row=2.0, r_col=2.0),
    dac=im.DAC(bits=8, range=1.0, signed=True),
)


def big_linear() -> tuple[im.AnalogLinear, NDArray[np.float32]]:
    layer = im.AnalogLinear(draw(1024, 1024), hardware=BIT_SERIAL, seed=1)
    layer.calibrate(draw(2, 1024))
    return layer, draw(3, 1024)


def linear() -> Case:
    layer, x = big_linear()
    many = np.tile(x, (20000, 1))
    return lambda: layer(many), lambda: layer(x)


def convolution() -> Case:
    layer = im.AnalogConv2d(draw(256, 256, 3, 3), hardware=BIT_SERIAL, seed=1)
    layer.calibrate(draw(1, 256, 3, 3))
    x = draw(16, 256, 56, 56)
    return lambda: layer(x), lambda: layer(x[:1, :, :4, :4])


def depthwise() -> Case:
    hardware = replace(BIT_SERIAL, dac=im.DAC(bits=8, slice_bits=2), adc=im.ADC(bits=8))
    layer = im.AnalogConv2d(draw(512, 1, 3, 3), padding=1, groups=512, hardware=hardware, seed=1)
    x = draw(1, 512, 128, 128)
    layer.calibrate(x)
    many = np.repeat(x, 20, axis=0)
    return lambda: [layer(many) for _ in range(20)], lambda: layer(x[:, :, :4, :4])


def programming() -> Case:
    cell = im.Cell(
        bits=2,
        programming=im.device.WriteVerify(tolerance=1e-9, max_pulses=65535, pulse_sigma=0.05),
    )
    hardware = im.Hardware(weight_bits=8, cell=cell)
    layer = im.AnalogLinear(draw(8, 8), hardware=hardware, seed=1)
    x = draw(3, 8)
    return lambda: im.AnalogLinear(draw(512, 512), hardware=hardware, seed=2), lambda: layer(x)


def programming_again() -> Case:
    law = im.device.WriteVerify(tolerance=1e-9, max_pulses=200, pulse_sigma=0.05)
    layer = im.AnalogLinear(draw(512, 512), hardware=im.Hardware(cell=im.Cell(programming=law)))
    x = draw(3, 512)
    return lambda: [layer.program(seed=0, write=0) for _ in range(10**6)], lambda: layer(x)


def calibration() -> Case:
    layer, x = big_linear()
    many = np.tile(x, (20000, 1))
    return lambda: layer.calibrate(many), lambda: layer(x)


def report() -> Case:
    layer, x = big_linear()
    many = np.tile(x, (20000, 1))
    return lambda: layer.calibration_report(many), lambda: layer(x)


def curved_layer() -> Case:
    layer = im.AnalogLinear(draw(128, 256), hardware=CURVED)
    x = draw(3, 256)
    many = np.tile(x, (5000, 1))
    return lambda: layer(many), lambda: layer(x)


def curved_circuit() -> Case:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (1024, 1024))
    v, wires = np.full((8, 1024), 0.3), (2.0, 2.0)
    small = g[:16, :16].copy()
    return (
        lambda: circuit.read_currents(g, v, *wires, gated=True, a3=g),
        lambda: circuit.read_currents(small, v[:, :16], *wires, gated=True, a3=small),
    )


def one_transfer_matrix() -> Case:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (3072, 3072))
    small = g[:16, :16].copy()
    return (
        lambda: circuit.transfer_matrix(g, 1.0, 1.0),
        lambda: circuit.transfer_matrix(small, 1.0, 1.0),
    )


def wires_of_a_layer() -> Case:
    wires = im.Array(rows=256, cols=256, r_row=1.0, r_col=1.0)
    wired = im.Hardware(cell=im.Cell(g_max=1e-4), array=wires)
    layer = im.AnalogLinear(draw(32, 32), hardware=wired)
    return (
        lambda: [im.AnalogLinear(draw(4096, 2048), hardware=wired) for _ in range(10)],
        lambda: layer(draw(3, 32)),
    )


def cost() -> Case:
    cell, wires = im.Cell(bits=2, g_max=1e-4), im.Array(rows=512, r_row=1.0, r_col=1.0)
    hardware = replace(BIT_SERIAL, cell=cell, array=wires)
    layer = im.AnalogLinear(draw(64, 512), hardware=hardware)
    x = draw(30000, 512)
    layer.calibrate(x[:10])
    return lambda: [layer._compiled.read_activity(layer._to_batch(x)) for _ in range(99)], (
        lambda: layer(x[:3])
    )


def recurrent() -> Case:
    size = 512
    layer = im.AnalogLSTM(draw(4 * size, size), draw(4 * size, size), hardware=BIT_SERIAL)
    layer.calibrate(draw(1, 2, size))
    x = draw(64, 500, size)
    return lambda: layer(x), lambda: layer(x[:2, :3])[0]


def network() -> Case:
    from chips import noisy_chip

    chip, x = noisy_chip()
    many = np.tile(x, (100_000, 1, 1, 1))
    return lambda: chip(many), lambda: chip(x)


def network_with_long_layers() -> Case:
    import networks

    net = im.Network.from_onnx(networks.small_cnn(size="s"))
    chip = im.AnalogNetwork(net, replace(BIT_SERIAL, array=im.Array(rows=16)), chunk=8)
    x = networks.images(16, height=512, width=512)["x"]
    chip.calibrate(x[:2, :, :16, :16])
    return lambda: [chip(x) for _ in range(100)], lambda: chip(x[:2, :, :16, :16])


def refitting() -> Case:
    from chips import noisy_chip

    chip, x = noisy_chip()
    many = np.tile(x, (100_000, 1, 1, 1))
    labels = np.arange(len(many)) % 2
    return lambda: im.RetrainedClassifier(chip).fit(many, labels), lambda: chip(x)


CASES: dict[str, Callable[[], Case]] = {
    case.__name__: case
    for case in (
        linear, convolution, depthwise, programming, programming_again, calibration, report,
        curved_layer, curved_circuit, one_transfer_matrix, wires_of_a_layer, cost, recurrent,
        network, network_with_long_layers, refitting,
    )
}  # fmt: skip


def interrupt(case: str) -> None:
    """Print the seconds between Ctrl-C and KeyboardInterrupt; for a process of its own."""
    run, answer = CASES[case]()
    before = answer()
    sent: list[float] = []

    def press() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.5, press).start()
    try:
        run()
    except KeyboardInterrupt:
        print(time.monotonic() - sent[0])
    np.testing.assert_array_equal(answer(), before)


@pytest.mark.parametrize("case", CASES)
def test_interruption_within_a_second(case: str) -> None:
    seconds = in_a_process("test_interrupts", f"interrupt({case!r})")
    assert seconds, "the call ended before it was interrupted"
    assert float(seconds) < 1.0


@pytest.fixture
def alarms() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Calls a function five times a second from a handler of signals, as long as a test runs."""

    def start(handle: Callable[[], object]) -> None:
        signal.signal(signal.SIGALRM, lambda number, frame: handle())
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)

    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def seconds_of_work(layer: im.AnalogLinear, x: Floats, seconds: float) -> NDArray[np.float32]:
    """Rows like those of ``x`` that take about so long on one thread."""
    start = time.perf_counter()
    layer(np.tile(x, (100, 1)), num_threads=1)
    return np.tile(x, (1 + int(100 * seconds / (time.perf_counter() - start)), 1))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_handler_that_computes_changes_nothing(
    alarms: Callable[[Callable[[], object]], None], threads: int
) -> None:
    layer, x = big_linear()
    other = im.AnalogLinear(draw(300, 2000), hardware=replace(BIT_SERIAL, adc=im.ADC(bits=8)))
    other_x = draw(40, 2000)
    other.calibrate(other_x)
    wanted, other_wanted, handled = layer(x), other(other_x), []
    many = seconds_of_work(layer, x, 1.5 * threads)
    alarms(lambda: handled.append(other(other_x)))
    y = layer(many, num_threads=threads)
    assert handled
    for found in handled:
        np.testing.assert_array_equal(found, other_wanted)
    np.testing.assert_array_equal(y.reshape(-1, *wanted.shape)[[0, -1]], [wanted, wanted])


def test_what_a_handler_raises_ends_the_call(
    alarms: Callable[[Callable[[], object]], None],
) -> None:
    def too_late() -> None:
        raise TimeoutError("too late")

    layer, x = big_linear()
    wanted = layer(x)
    many = seconds_of_work(layer, x, 20)
    alarms(too_late)
    with pytest.raises(TimeoutError, match="too late"):
        layer(many)
    signal.setitimer(signal.ITIMER_REAL, 0)
    np.testing.assert_array_equal(layer(x), wanted)


def test_threads_that_entered_a_flag_end_when_it_is_set() -> None:
    layer, x = big_linear()
    many, flag, ended = np.tile(x, (20000, 1)), _core.StopFlag(), []

    def work() -> None:
        try:
            with flag:
                layer(many)
        except KeyboardInterrupt:
            ended.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert not flag.is_set and not ended
    start = time.monotonic()
    flag.set()
    for thread in threads:
        thread.join()
    assert len(ended) == 2 and max(ended) - start < 1.0
    layer(x)  # this thread has entered no flag
