# SPDX-License-Identifier: BSD-3-Clause
"""Too little memory: a MemoryError at whatever point it runs out, and everything works on after it.

Each call runs in a process of its own, again and again, with limits on the address space that leave
a little more each time, from nothing to enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im
from imperfect import _core, circuit
from stress import BIT_SERIAL, draw, in_a_process

resource = pytest.importorskip("resource", reason="this system does not limit a process's memory")

MB = 1 << 20
Floats = NDArray[Any]
Case = tuple[Callable[[], object], Callable[[], Floats]]

WIRED = im.Hardware(
    cell=im.Cell(g_max=1e-4), array=im.Array(rows=512, cols=512, r_row=1.0, r_col=1.0)
)


def linear() -> tuple[im.AnalogLinear, NDArray[np.float32]]:
    layer = im.AnalogLinear(draw(64, 64), hardware=BIT_SERIAL, seed=1)
    layer.calibrate(draw(10, 64))
    return layer, draw(3, 64)


def creation() -> Case:
    layer, x = linear()
    weight = draw(1024, 1024)
    return lambda: im.AnalogLinear(weight, hardware=BIT_SERIAL), lambda: layer(x)


def creation_with_faults_and_wires() -> Case:
    faults = replace(WIRED, cell=im.Cell(g_max=1e-4, faults=im.device.StuckAt(p_off=0.01)))
    weight, x = draw(512, 512), draw(3, 64)
    layer = im.AnalogLinear(draw(64, 64), hardware=WIRED)
    return lambda: im.AnalogLinear(weight, hardware=faults), lambda: layer(x)


def programming() -> Case:
    layer = im.AnalogLinear(draw(1024, 1024), hardware=replace(BIT_SERIAL, adc=im.ADC()), seed=1)
    x = draw(3, 1024)
    layer.calibrate(x)
    return lambda: layer.program(seed=1), lambda: layer(x)


def batch() -> Case:
    layer, x = linear()
    many = np.tile(x, (5_000, 1))
    return lambda: layer(many), lambda: layer(x)


def wide_convolution() -> Case:
    layer = im.AnalogConv2d(draw(64, 64, 3, 3), hardware=BIT_SERIAL, seed=1)
    x = draw(2, 64, 50, 50)
    layer.calibrate(x[:1, :, :20, :20])
    out = np.zeros((2, 64, 48, 48), np.float32)
    return lambda: layer(x, out=out), lambda: layer(x[:1, :, :4, :4])


def transposed() -> Case:
    layer = im.AnalogConvTranspose2d(draw(16, 32, 4, 4), stride=2, seed=1)
    x = draw(3, 16, 128, 128)
    return lambda: layer(x), lambda: layer(x[:1, :, :4, :4])


def calibration() -> Case:
    layer, x = linear()
    many = np.tile(x, (1000, 1))
    layer.calibrate(many)
    return lambda: layer.calibrate(many), lambda: layer(x)


def recurrent() -> Case:
    layer = im.AnalogGRU(draw(3 * 128, 128), draw(3 * 128, 128), seed=1)
    x = draw(64, 100, 128)
    return lambda: layer(x), lambda: layer(x[:2, :2])[0]


def transfer_matrix() -> Case:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (2, 200, 200))
    small = g[:, :16, :16].copy()
    return (
        lambda: circuit.transfer_matrix(g, 1.0, 1.0),
        lambda: circuit.transfer_matrix(small, 1.0, 1.0),
    )


def currents() -> Case:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (128, 128))
    v, small = np.full((32, 128), 0.2), g[:16, :16].copy()
    return (
        lambda: circuit.read_currents(g, v, 1.0, 1.0, a3=g),
        lambda: circuit.read_currents(small, v[:, :16], 1.0, 1.0, a3=small),
    )


def ports_of_a_tall_array() -> Case:
    g, small = np.full((1 << 17, 1), 1e-5), np.full((8, 1), 1e-5)  # 137 GB
    return (
        lambda: circuit.transfer_matrix(g, 1.0, 1.0),
        lambda: circuit.transfer_matrix(small, 1.0, 1.0),
    )


def network() -> Case:
    import networks
    from chips import NOISY

    chip = im.AnalogNetwork(im.Network.from_onnx(networks.small_cnn(size="s")), NOISY, 1, chunk=4)
    x = networks.images(8, height=64, width=64)["x"]
    chip.calibrate(x[:2])
    return lambda: chip(x), lambda: chip(x[:2, :, :16, :16])


def reading_a_network() -> Case:
    import networks
    from chips import noisy_chip

    big = networks.model(
        [networks.h.make_node("MatMul", ["x", "w"], ["y"], name="fc")],
        {"x": ["n", 4096]}, {"y": ["n", 2048]}, {"w": draw(4096, 2048)},
    )  # fmt: skip
    content = big.SerializeToString()
    chip, x = noisy_chip()
    return lambda: im.Network.from_onnx(content), lambda: chip(x)


CASES: dict[str, Callable[[], Case]] = {
    case.__name__: case
    for case in (
        creation, creation_with_faults_and_wires, programming, batch, wide_convolution, transposed,
        calibration, recurrent, transfer_matrix, currents, ports_of_a_tall_array, network,
        reading_a_network,
    )
}  # fmt: skip


def address_space() -> int:
    """Bytes that the process has reserved."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def starve(case: str) -> None:
    """Print how often memory ran out; for a process of its own."""
    run, answer = CASES[case]()
    im.AnalogLinear(draw(64, 64))(draw(3000, 64))  # starts the threads
    before, failures = answer(), 0
    for extra in (0, *(int(MB / 4 * 1.5**step) for step in range(15))):  # up to 73 MB
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + extra, resource.RLIM_INFINITY))
        try:
            run()
        except MemoryError:
            failures += 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        np.testing.assert_array_equal(answer(), before)
    print(failures)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("case", CASES)
def test_memory_that_runs_out(case: str) -> None:
    # Why: what a large block leaves goes back to the system, not to the next one.
    call = f"starve({case!r})"
    failures = in_a_process("test_out_of_memory", call, MALLOC_MMAP_THRESHOLD_="65536")
    assert int(failures) > 0, "memory never ran out"


def test_sizes_beyond_any_memory() -> None:
    with pytest.raises(MemoryError):
        im.AnalogLinear(np.broadcast_to(np.float32(1), (1 << 20, 1 << 20)))
    for count in (1 << 60, (1 << 64) - 1):
        with pytest.raises(MemoryError):
            _core.normals((1, 2), 0, count)
