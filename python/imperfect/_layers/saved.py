# SPDX-License-Identifier: BSD-3-Clause
"""Checks of what a layer restores: arrays that were saved, perhaps edited since."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imperfect._arrays import Floats, as_float32, as_seed
from imperfect._checks import real

LARGEST_WRITE = 2**32 - 1


def as_write(write: Any) -> int:
    """The number of a write."""
    if as_seed("write", write) > LARGEST_WRITE:
        raise ValueError(f"write={write}: must be an integer from 0 to {LARGEST_WRITE}")
    return int(write)


def lacks_ranges(state: dict[str, Any], layer: Any) -> bool:
    """Whether a layer is calibrated and the saved state is that of one that is not."""
    core = layer._compiled
    found = {"input_range": core.calibration, "readout_inputs": core.readout_inputs}
    return any(value is not None and name not in state for name, value in found.items())


def saved_integer(name: str, value: Any) -> int:
    array = np.asarray(value)
    if array.shape != () or array.dtype.kind not in "iu":
        raise TypeError(f"{name}={value!r}: must be one integer")
    return int(array)


def saved_batch(value: Any) -> Floats:
    batch = as_float32("readout_inputs", value)
    if batch.ndim not in (4, 5):
        raise ValueError(f"readout_inputs has shape {batch.shape}: must have 4 axes, or 5")
    return batch


def saved_seconds(value: Any) -> float:
    array = saved_floats("seconds", value)
    if array.shape != ():
        raise ValueError(f"seconds has shape {array.shape}: must be one number")
    return real("seconds", float(array), "a finite number >= 0", lambda t: 0 <= t < math.inf)


def saved_calibration(state: dict[str, Any]) -> tuple[float, bool, list[tuple[float, float]]]:
    """Full scale, sign and output ranges out of a layer's saved state."""
    inputs = saved_floats("input_range", state["input_range"])
    outputs = saved_floats("output_ranges", state.get("output_ranges", ()))
    if inputs.shape != (2,) or not 0 < inputs[0] < np.inf or inputs[1] not in (0.0, 1.0):
        raise ValueError(f"input_range={inputs.tolist()}: must be (full scale > 0, sign 0 or 1)")
    if outputs.size and (outputs.ndim != 2 or outputs.shape[1] != 2):
        raise ValueError(f"output_ranges has shape {outputs.shape}: must be (ranges, 2)")
    ranges = [(float(low), float(high)) for low, high in outputs.reshape(-1, 2)]
    return float(inputs[0]), bool(inputs[1]), ranges


def saved_floats(name: str, values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} has dtype {array.dtype}: must be real numbers")
    return array.astype(np.float64)
