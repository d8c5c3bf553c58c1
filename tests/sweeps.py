# SPDX-License-Identifier: BSD-3-Clause
"""Small sweeps for the tests: tasks whose measures give numbers at once."""

from __future__ import annotations

import sys
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

import imperfect as im
import networks
from imperfect import sweep
from imperfect.network import Network

# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

BASE = im.Hardware(weight_bits=8, cell=im.Cell(programming=im.device.Gaussian(0.1)))
BITS = {"cell.bits": [1, 2, 4]}
VARIES = {"version", "simd", "host", "started", "seconds"}


def numbers(subject: sweep.Subject) -> dict[str, float]:
    rng = np.random.default_rng(subject.seed)
    return {"x": float(rng.normal()) + (subject.hardware.cell.bits or 0), "odd": subject.trial % 2}


def tasks(
    fn: Any = numbers, bits: Any = BITS, measures_name: str = "numbers", **options: Any
) -> list[sweep.Task]:
    measure = sweep.Measure(measures_name, 1, fn)
    return sweep.tasks(sweep.Space.grid(BASE, bits), measures=measure, **options)


def same(a: sweep.Results, b: sweep.Results) -> None:
    """The same rows, but for when, where and how fast they were measured."""
    kept = [name for name in a.table.columns if name not in VARIES]
    pd.testing.assert_frame_equal(a.table[kept], b.table[kept])


def problem() -> sweep.Problem:
    net = Network.from_onnx(networks.small_cnn(classes=3))
    x, y = networks.images(90, height=8)["x"], np.arange(90) % 3
    return sweep.Problem(net, x[:60], y[:60], x[60:], y[60:])
