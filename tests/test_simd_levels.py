# SPDX-License-Identifier: BSD-3-Clause
"""What one chip is at every SIMD level: calibration looks at the same currents, so ranges agree.

Each level runs in a process of its own, as the level is chosen once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im

LEVELS = im.available_simd_levels()


def inputs(*shape: int) -> NDArray[np.float32]:
    values = np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)
    return np.maximum(values, 0)


def write_ranges(path: str) -> None:
    """Ranges of layers with more conversions than calibration keeps, whatever fills a panel."""
    fused = im.Hardware(
        weight_bits=8,
        cell=im.Cell(bits=2, on_off_ratio=100, programming=im.device.Gaussian(0.03)),
        array=im.Array(rows=128, cols=128),
        dac=im.DAC(bits=8),
        adc=im.ADC(bits=6, range="calibrated"),
    )
    found = {}
    for plan, hardware in (("fused", fused), ("bit_serial", fused.with_field("dac.slice_bits", 1))):
        layers = {
            "linear": (im.AnalogLinear(inputs(27, 108) - 0.5, hardware=hardware), (3000, 108)),
            "conv": (
                im.AnalogConv2d(inputs(21, 5, 3, 3) - 0.5, padding=1, hardware=hardware),
                (30, 5, 13, 11),
            ),
            "small": (
                im.AnalogConv2d(inputs(21, 50, 3, 3) - 0.5, hardware=hardware),
                (400, 50, 5, 5),
            ),
            "depthwise": (
                im.AnalogConv2d(inputs(12, 1, 3, 3) - 0.5, groups=12, padding=1, hardware=hardware),
                (60, 12, 13, 11),
            ),
        }
        for name, (layer, shape) in layers.items():
            layer.calibrate(inputs(*shape))
            found[f"{plan} {name}"] = layer.state()["output_ranges"]
    np.savez(path, **found)


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, NDArray[np.float64]]]:
    folder = tmp_path_factory.mktemp("ranges")
    found = {}
    for level in LEVELS:
        path = folder / f"{level}.npz"
        code = f"import test_simd_levels; test_simd_levels.write_ranges({str(path)!r})"
        environment = os.environ | {"IMPERFECT_SIMD": level}
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, check=True
        )
        with np.load(path) as file:
            found[level] = dict(file)
    return found


@pytest.mark.parametrize("level", LEVELS[1:])
def test_calibration_finds_the_same_ranges(
    level: str, ranges: dict[str, dict[str, NDArray[np.float64]]]
) -> None:
    assert ranges[level].keys() == ranges[LEVELS[0]].keys()
    for name, values in ranges[level].items():
        np.testing.assert_allclose(values, ranges[LEVELS[0]][name], rtol=1e-5, err_msg=name)
