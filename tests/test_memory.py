# SPDX-License-Identifier: BSD-3-Clause
"""Memory of one layer: what is held besides inputs, outputs and cells stays bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="this system does not tell a process's peak memory")

MACHINES = {
    "fused": "slices(None)",
    "bit-serial": "slices(1)",
    "integer tables": "slices(1, sigma=0)",
    "fixed16": "slices(1), precision='fixed16'",
    "read noise": "slices(None, read_noise=im.device.Gaussian(0.01))",
}

MEASURE = """
import resource
import numpy as np
import imperfect as im

def slices(slice_bits, sigma=0.01, read_noise=None):
    law = im.device.Gaussian(sigma) if sigma else None
    return im.Hardware(
        weight_bits=9, cell=im.Cell(bits=2, programming=law, read_noise=read_noise),
        array=im.Array(rows=128),
        dac=im.DAC(bits=8, slice_bits=slice_bits, range=4.0, signed=False),
        adc=im.ADC(bits=8),
    )

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

rng = np.random.default_rng(0)
weight = rng.normal(size=(1024, 1024)).astype(np.float32)
x = np.abs(rng.normal(size=(2048, 1024))).astype(np.float32)
out = np.zeros((2048, 1024), np.float32)
before = peak()
layer = im.AnalogLinear(weight, hardware={hardware})
made = peak()
layer(x, out=out, num_threads=1)
print(made - before, peak() - made)
"""


@pytest.mark.parametrize("hardware", MACHINES.values(), ids=MACHINES.keys())
def test_a_layer_needs_its_cells_and_little_more(hardware: str) -> None:
    code = MEASURE.replace("{hardware}", hardware)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    made, forward = (float(number) for number in run.stdout.split())
    # 4 slices of 1024 x 1024 differences and, with read noise, as many variances; a copy of the
    # weights, and the integers they are encoded as; integer tables are as large as the cells.
    cells = 4 * 4 * (2 if "read_noise" in hardware or "sigma=0" in hardware else 1) + 2 * 4
    assert made < cells + 64
    assert forward < 64
