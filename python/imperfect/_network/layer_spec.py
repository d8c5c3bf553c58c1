# SPDX-License-Identifier: BSD-3-Clause
"""What one analog layer of a network is: weights, geometry, epilogue, place in the graph.

A layer is one Conv, ConvTranspose, Gemm or MatMul node, followed by the nodes it absorbed as its
digital epilogue y = clip(scale·y + shift, low, high) per output, or one LSTM or GRU node. Weights
have shape (out, in), (out, in/groups, kernel…) or, transposed, (in, out/groups, kernel…), all
values are float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class BatchNorm:
    """The parameters of a batch normalisation, each of shape (outputs,)."""

    gamma: Floats
    beta: Floats
    mean: Floats
    variance: Floats
    epsilon: float

    def affine(self) -> tuple[Floats, Floats]:
        """The scale and shift that the normalisation amounts to."""
        scale = self.gamma / np.sqrt(self.variance.astype(np.float64) + self.epsilon)
        shift = self.beta - self.mean * scale
        return scale.astype(np.float32), shift.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Absorbed:
    """A node that became part of a layer's epilogue, and the epilogue up to and with it."""

    node: str
    output: str
    scale: Floats
    shift: Floats
    low: float = -math.inf
    high: float = math.inf
    batch_norm: BatchNorm | None = None

    @property
    def is_addition(self) -> bool:
        """Whether the node adds a constant to each output."""
        return self.batch_norm is None and (self.low, self.high) == (-math.inf, math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class RecurrentPart:
    """What an LSTM or GRU has beyond its weights.

    ``arguments`` are those of the layer; ``lengths``, ``states`` and ``outputs`` (Y, Y_h, Y_c) are
    names of tensors, empty where there is none, ``constants`` the values of those that never
    change.
    """

    hidden: int
    arguments: Mapping[str, Any]
    lengths: str
    states: tuple[str, ...]
    constants: dict[str, NDArray[Any]]
    outputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One node that can be analog: its weights, its geometry, its place in the graph.

    ``weight`` is (out, in), (out, in/groups, kernel…) or, transposed, (in, out/groups, kernel…).
    ``padding`` is None where it depends on the size of the input (``auto_pad``); of a transposed
    convolution it is what is cut off the output, and ``output_padding`` what is added at its end;
    both are then known. A linear layer works on the last axis of its input; ``swap_input`` and
    ``swap_output`` exchange the last two axes first (a constant on the left, a transposed Gemm),
    ``sample_axis`` is where samples then stand. Where an axis holds samples and other things
    together, ``rows_after_sample`` rows of one sample come before those of the next. Weights of a
    recurrent layer are those of the inputs and of the hidden state side by side, (gates·hidden,
    inputs + hidden), or (2, …) if bidirectional.
    """

    name: str
    kind: str
    weight: Floats
    bias: Floats | None
    input: str
    array_output: str
    absorbed: tuple[Absorbed, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    padding: Padding | None = ()
    auto_pad: str = "NOTSET"
    output_padding: tuple[int, ...] = ()
    swap_input: bool = False
    swap_output: bool = False
    sample_axis: int = 0
    rows_after_sample: int | None = None
    recurrent: RecurrentPart | None = None

    @property
    def is_transposed(self) -> bool:
        return self.kind.startswith("conv_transpose")

    @property
    def num_outputs(self) -> int:
        """Outputs with a bias and an epilogue of their own."""
        return self.weight.shape[1] * self.groups if self.is_transposed else len(self.weight)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors that the layer reads."""
        part = self.recurrent
        if part is None:
            return (self.input,)
        others = (part.lengths, *part.states)
        return (self.input, *(name for name in others if name and name not in part.constants))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors that the layer gives when it is whole."""
        if self.recurrent is None:
            return (self.output,)
        return tuple(name for name in self.recurrent.outputs if name)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that the layer can give, from the array's own to the last."""
        return (self.array_output, *(item.output for item in self.absorbed))

    @property
    def output(self) -> str:
        return self.tensors[-1]

    @property
    def affine(self) -> tuple[Floats, Floats]:
        """Scale and shift of the epilogue, each of shape (outputs,)."""
        if self.absorbed:
            return self.absorbed[-1].scale, self.absorbed[-1].shift
        return np.ones(self.num_outputs, np.float32), np.zeros(self.num_outputs, np.float32)

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the epilogue."""
        last = self.absorbed[-1:]
        return (last[0].low, last[0].high) if last else (-math.inf, math.inf)

    @property
    def num_affine(self) -> int:
        """How many of the absorbed nodes scale or shift."""
        return sum((item.low, item.high) == (-math.inf, math.inf) for item in self.absorbed)

    @property
    def is_clipped(self) -> bool:
        return self.limits != (-math.inf, math.inf)

    @property
    def output_axis(self) -> int:
        """The axis, from the end, along which the outputs of the array stand."""
        return 1 - self.weight.ndim if self.kind != "linear" else -2 if self.swap_output else -1

    @property
    def matrices(self) -> list[tuple[int, int, int]]:
        """What the arrays hold, matrix by matrix: groups, outputs of a group, rows of a group."""
        if self.recurrent is not None:
            return self._recurrent_matrices(self.recurrent)
        lines = len(self.weight)
        if self.is_transposed:
            lines = self.num_outputs * math.prod(self.weight.shape[2:])
        return [(self.groups, lines // self.groups, self.weight.size // lines)]

    def _recurrent_matrices(self, part: RecurrentPart) -> list[tuple[int, int, int]]:
        """As ``_layers.recurrent_cores`` splits them, for each direction."""
        directions = self.weight.shape[0] if self.weight.ndim == 3 else 1
        gates, hidden = self.weight.shape[-2], part.hidden
        inputs = self.weight.shape[-1] - hidden
        own = [(1, gates, inputs), (1, gates, hidden)]
        if self.kind == "gru" and not part.arguments.get("reset_after"):
            own[1:] = [(1, 2 * hidden, hidden), (1, hidden, hidden)]
        return own * directions

    @property
    def batch_norm(self) -> BatchNorm | None:
        """The absorbed batch normalisation, if there is one."""
        return next((item.batch_norm for item in self.absorbed if item.batch_norm), None)

    def until(self, tensor: str) -> LayerSpec:
        """The same layer, ending at one of its tensors."""
        return replace(self, absorbed=self.absorbed[: self.tensors.index(tensor)])

    def explicit_padding(self, sizes: tuple[int, ...]) -> Padding:
        """The zeros before and after each spatial axis, for inputs of these sizes."""
        if self.padding is not None:
            return self.padding
        result = []
        kernel = self.weight.shape[2:]
        for size, k, s, d in zip(sizes, kernel, self.stride, self.dilation, strict=True):
            total = max((math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size, 0)
            small, large = total // 2, total - total // 2
            result.append((small, large) if self.auto_pad == "SAME_UPPER" else (large, small))
        return tuple(result)

    def with_output_shape(self, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> LayerSpec:
        """A transposed convolution that gives outputs of size ``wanted`` for inputs of ``sizes``.

        What is too much is cut off both ends, what is missing is added at the end.
        """
        padding, extra = [], []
        kernel = self.weight.shape[2:]
        for size, k, s, d, more, out in zip(
            sizes, kernel, self.stride, self.dilation, self.output_padding, wanted, strict=True
        ):
            whole = (size - 1) * s + (k - 1) * d + 1
            total = max(whole + more - out, 0)
            small, large = total // 2, total - total // 2
            padding.append((small, large) if self.auto_pad == "SAME_UPPER" else (large, small))
            extra.append(max(more, out - whole))
        return replace(self, padding=tuple(padding), output_padding=tuple(extra))
