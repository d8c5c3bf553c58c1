# SPDX-License-Identifier: BSD-3-Clause
"""Checks of what recurrent layers are given: weights, sequences, states and lengths.

Inside, everything has an axis of directions: weights (directions, gates·hidden, …), states
(n, directions, hidden). Callers leave it out of the weights of one direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Floats, as_float32

DIRECTIONS = {
    "forward": ("forward",), "reverse": ("reverse",), "bidirectional": ("forward", "reverse"),
}  # fmt: skip
Lengths = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class RecurrentSizes:
    """Sizes of a recurrent layer."""

    directions: int
    inputs: int
    hidden: int


def as_weights(given: Mapping[str, Any], gates: int, count: int) -> dict[str, Floats]:
    """Read-only copies of weights and of the biases there are, with an axis of directions."""
    arrays = {name: as_float32(name, v) for name, v in given.items() if not _is_left_out(name, v)}
    lead = (2,) if count == 2 else ()
    w, r = arrays["weight_ih"], arrays["weight_hh"]
    hidden, axes = r.shape[-1] if r.ndim else 0, "2, " if lead else ""
    if not hidden or r.shape != (*lead, gates * hidden, hidden):
        allowed = f"({axes}{gates}·hidden, hidden), not empty"
        raise ValueError(f"weight_hh has shape {r.shape}: must be {allowed}")
    if not w.size or w.shape[:-1] != (*lead, gates * hidden):
        allowed = f"({axes}{gates * hidden}, inputs), not empty"
        raise ValueError(f"weight_ih has shape {w.shape}: must be {allowed}")
    for name in ("bias_ih", "bias_hh"):
        if name in arrays:
            check_shape(name, arrays[name], (*lead, gates * hidden))
    return {name: with_directions(values, count) for name, values in arrays.items()}


def _is_left_out(name: str, values: Any) -> bool:
    return values is None and name.startswith("bias")


def check_shape(name: str, values: Floats, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}: must be {shape}")


def with_directions(values: Floats, count: int) -> Floats:
    """A read-only copy with an axis of directions in front."""
    copied = values.copy() if count == 2 else values[None].copy()
    copied.flags.writeable = False
    return copied


def as_sequences(x: Any, inputs: int) -> Floats:
    """Sequences of shape (n, steps, inputs)."""
    array = as_float32("x", x)
    if array.ndim != 3 or not array.shape[1] or array.shape[2] != inputs:
        allowed = f"(n, steps, {inputs}), of one step or more"
        raise ValueError(f"x has shape {array.shape}: must be {allowed}")
    return array


def as_state(name: str, values: Any, shape: tuple[int, ...]) -> Floats:
    """A state, zeros for None."""
    if values is None:
        return np.zeros(shape, np.float32)
    array = as_float32(name, values)
    check_shape(name, array, shape)
    return array


def as_lengths(lengths: Any, count: int, steps: int) -> Lengths | None:
    """The number of steps of each sample, or None for all."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"lengths has dtype {array.dtype}: must be integers")
    if array.shape != (count,):
        raise ValueError(f"lengths has shape {array.shape}: must be ({count},)")
    if array.size and not 1 <= array.min() <= array.max() <= steps:
        raise ValueError(f"lengths={array.tolist()}: must be from 1 to {steps}")
    return np.ascontiguousarray(array, np.int32)


def used_steps(x: Floats, lengths: Lengths | None) -> NDArray[np.bool_]:
    """Which steps (n, steps) are within the samples' lengths."""
    if lengths is None:
        return np.ones(x.shape[:2], np.bool_)
    return np.arange(x.shape[1]) < lengths[:, None]
