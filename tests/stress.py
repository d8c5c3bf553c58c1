# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of interruptions, threads, forks and lack of memory share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import imperfect as im

BIT_SERIAL = im.Hardware(
    weight_bits=8,
    cell=im.Cell(bits=2, programming=im.device.Gaussian(0.02)),
    array=im.Array(rows=128),
    dac=im.DAC(bits=8, slice_bits=1),
    adc=im.ADC(bits=8, range="calibrated"),
)


def draw(*shape: int) -> NDArray[np.float32]:
    """Normal numbers, the same ones for the same shape."""
    return np.random.default_rng(shape).standard_normal(shape, dtype=np.float32)


def in_a_process(module: str, call: str, **environment: str) -> str:
    """What a call of a module of tests prints in a process of its own, which must end well."""
    # Why: from Python 3.12 on, forking beside threads warns, for good reason; some tests do it.
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c",
         f"import {module}; {module}.{call}"],
        cwd=Path(__file__).parent, env=os.environ | environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout
