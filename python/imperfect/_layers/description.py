# SPDX-License-Identifier: BSD-3-Clause
"""What a layer tells and takes beside arrays: its epilogue, its plan, its clipping rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from imperfect._arrays import Floats, as_float32
from imperfect._checks import real
from imperfect.hardware import Hardware


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Epilogue:
    """A digital step after the arrays: y = clip(scale y + shift, low, high).

    It holds what follows a layer in a network, such as batch normalisation and ReLU.

    Parameters
    ----------
    scale, shift : array of shape (outputs,), or None
        One number for each output; None means 1 and 0.
    low, high : float
        Limits; infinite by default.

    Raises
    ------
    ValueError, TypeError
        If an array is not a vector of finite numbers, or a limit is out of range.

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

    def __post_init__(self) -> None:
        for name in ("scale", "shift"):
            if (values := getattr(self, name)) is not None:
                object.__setattr__(self, name, _finite_vector(name, values))
        low = real("low", self.low, "a number below inf", lambda x: x < math.inf)
        allowed = f"a number from low={low!r} up, above -inf"
        high = real("high", self.high, allowed, lambda x: low <= x and x > -math.inf)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def _key(self) -> tuple[object, ...]:
        arrays = (None if a is None else a.tobytes() for a in (self.scale, self.shift))
        return *arrays, self.low, self.high

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Epilogue) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _arguments(self, outputs: int) -> tuple[list[float], list[float], float, float]:
        lists = []
        for name, values in (("scale", self.scale), ("shift", self.shift)):
            if values is not None and values.shape != (outputs,):
                raise ValueError(f"{name} has shape {values.shape}: must be ({outputs},)")
            lists.append([] if values is None else values.tolist())
        return lists[0], lists[1], self.low, self.high


def _finite_vector(name: str, values: Any) -> Floats:
    """A read-only copy."""
    array = as_float32(name, values).copy()
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}: must be (outputs,)")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity: all values must be finite")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Plan:
    """How a layer is computed.

    Attributes
    ----------
    kind : str
        "folded": one product stands for all slices, cycles and blocks, because nothing between
        them is nonlinear. "fused": one product for each, converted in registers. "bit_serial": the
        same with one bit a cycle, by tables of the sums of every subset of a few word lines.
        "circuit": with wires and currents that are not linear, every array is solved for each input
        and cycle.
        "uncalibrated": not known until ``calibrate`` has been called.
    reason : str
        Why this plan.
    not_taken : dict
        What speaks against each other plan, by its name.
    products : int
        Products of the layer's size that one forward pass stands for; for circuits, solutions.
    multiply_adds : float
        Multiply-adds of all those products, for one position of the output of one sample.
    table_bytes : int
        Size of the look-up tables: of all of them where they are kept, else of those made for one
        tile of outputs and one array at a time.
    slices, cycles, passes : int
        Weight slices, conversions of one pass, passes over the inputs.
    arrays, cells, row_blocks : int
        Arrays and cells in use; blocks of word lines that one output is spread over.
    """

    kind: Literal["folded", "fused", "bit_serial", "circuit", "uncalibrated"]
    reason: str
    not_taken: dict[str, str]
    products: int
    multiply_adds: float
    table_bytes: int
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


@dataclass(frozen=True, slots=True)
class ArrayUse:
    """How many arrays a layer takes, and how full they are.

    An array is one physical crossbar of at most ``Array.rows`` × ``Array.cols`` cells. With
    ``layout="separate"`` it holds one slice and one polarity: a differential pair lies in two
    arrays. With ``"interleaved"`` it holds all cells of its weights: a pair lies in two
    neighbouring bit lines. Rows and columns are cut by ``Array.partition``, unit columns
    stand beside the data, and groups are kept apart or share arrays (``Hardware.groups``).

    Attributes
    ----------
    arrays : int
        Number of arrays.
    rows, cols : int or None
        Word lines and bit lines of an array; None where the hardware sets no limit. Such a side
        is as long as the cells in use need.
    weight_cells : int
        Cells that hold weights: slices × polarities × weights.
    unit_cells : int
        Cells of unit columns, each on the word lines of its own group.
    off_block_cells : int
        Cells where word lines of one group cross bit lines of another: programmed to g_min and
        read, but no part of a weight.
    cells : int
        Cells of all the arrays, in use or not.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> hardware = im.Hardware(weight_bits=8, array=im.Array(rows=64, cols=64))
    >>> im.AnalogLinear(np.ones((10, 100)), hardware=hardware).arrays
    ArrayUse(arrays=4, rows=64, cols=64, weight_cells=2000, unit_cells=0, off_block_cells=0, cells=16384)
    """  # noqa: E501

    arrays: int
    rows: int | None
    cols: int | None
    weight_cells: int
    unit_cells: int
    off_block_cells: int
    cells: int

    @property
    def used_cells(self) -> int:
        """Cells that hold weights or the zero of the offset scheme."""
        return self.weight_cells + self.unit_cells

    @property
    def utilisation(self) -> float:
        """Used cells as a fraction of all cells."""
        return self.used_cells / self.cells


def array_use(hardware: Hardware, counts: tuple[int, int, int, int, int]) -> ArrayUse:
    """What the core counted, on this hardware."""
    arrays, *cells = counts
    return ArrayUse(arrays, hardware.array.rows, hardware.array.cols, *cells)


def merged_use(uses: Sequence[ArrayUse]) -> ArrayUse:
    """The arrays of several matrices on the same hardware, taken together."""
    names = ("arrays", "weight_cells", "unit_cells", "off_block_cells", "cells")
    sums = {name: sum(getattr(use, name) for use in uses) for name in names}
    return ArrayUse(rows=uses[0].rows, cols=uses[0].cols, **sums)
