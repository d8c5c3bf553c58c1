# SPDX-License-Identifier: BSD-3-Clause
"""What a layer tells and takes beside arrays: its epilogue, its plan, its clipping rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from imperfect._arrays import Floats, as_float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Epilogue:
    """A digital step after the arrays: y = clip(scale y + shift, low, high).

    It holds what follows a layer in a network, such as batch normalisation and ReLU.

    Parameters
    ----------
    scale, shift : array of shape (outputs,), or None
        One number for each output; None means 1 and 0.
    low, high : float
        Limits; infinite by default.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> relu = im.Epilogue(low=0.0)
    >>> layer = im.AnalogLinear(np.array([[1.0], [-1.0]]), epilogue=relu)
    >>> layer(np.array([[2.0]]))
    array([[2., 0.]], dtype=float32)
    """

    scale: Floats | None = None
    shift: Floats | None = None
    low: float = -math.inf
    high: float = math.inf

    def _arguments(self, outputs: int) -> tuple[list[float], list[float], float, float]:
        arrays = {"scale": self.scale, "shift": self.shift}
        lists = []
        for name, values in arrays.items():
            array = np.empty(0, np.float32) if values is None else as_float32(name, values)
            if values is not None and array.shape != (outputs,):
                raise ValueError(f"{name} has shape {array.shape}: must be ({outputs},)")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds NaN or infinity: all values must be finite")
            lists.append(array.tolist())
        return lists[0], lists[1], float(self.low), float(self.high)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a layer is computed.

    Attributes
    ----------
    kind : str
        "folded": one product stands for all slices, cycles and blocks, because nothing between
        them is nonlinear. "fused": one product for each, converted in registers. "bit_serial": the
        same with one bit a cycle, by tables of the sums of every subset of a few word lines.
        "uncalibrated": not known until ``calibrate`` has been called.
    reason : str
        Why this plan and no cheaper one.
    products : int
        Products of the layer's size that one forward pass stands for.
    slices, cycles, passes : int
        Weight slices, conversions of one pass, passes over the inputs.
    arrays, cells, row_blocks : int
        Arrays and cells in use; blocks of word lines that one output is spread over.
    """

    kind: Literal["folded", "fused", "bit_serial", "uncalibrated"]
    reason: str
    products: int
    slices: int
    cycles: int
    passes: int
    arrays: int
    cells: int
    row_blocks: int


@dataclass(frozen=True, slots=True)
class Clipping:
    """Fractions of values outside the converters' ranges.

    Attributes
    ----------
    dac : float
        Of the inputs.
    adc : tuple of float
        Of the currents, one for each slice (and polarity, where each is converted on its own);
        empty where nothing is converted.
    """

    dac: float
    adc: tuple[float, ...] = field(default=())
