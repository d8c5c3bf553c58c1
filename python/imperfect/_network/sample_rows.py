# SPDX-License-Identifier: BSD-3-Clause
"""Where the rows of one sample stand in a tensor whose axes were merged.

Exporters of attention turn (samples, steps, features) to (steps, samples, features) and then to
(steps * samples, features): the first axis still holds all samples, but not one after the other.
Random draws are keyed by the sample, so a layer has to know. Every axis is described by its
factors, outermost first: a size, or ``SAMPLES``. Reshaping regroups the factors, transposing
permutes the axes; what neither sizes nor these rules decide is unknown.
"""

from __future__ import annotations

import math

from imperfect._network.graph import Graph, Shape
from imperfect._network.normalise import SAMPLES
from imperfect._network.proto import attributes

Factor = int | str
Axes = list[list[Factor]]

REGROUPS = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"}
KEEPS = {
    "Add", "Cast", "Clip", "Div", "Dropout", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish",
    "Identity", "LayerNormalization", "LeakyRelu", "Mul", "Neg", "Pow", "Relu", "Sigmoid",
    "Softmax", "Sqrt", "Sub", "Tanh",
}  # fmt: skip
BATCHED = {
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "Equal", "Expand",
    "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "Pad", "Resize", "Slice",
}  # fmt: skip

# Why: far more steps than any attention takes from its projection to the next one.
MAX_STEPS = 50


def rows_after_sample(graph: Graph, name: str) -> int | None:
    """How many rows of a tensor follow each other within a sample before the next one's come.

    Rows are the tensor's elements but for its last axis. 1 where samples change fastest; None if
    rows of a sample all follow each other, or nothing is known.
    """
    axes = axis_factors(graph, name)
    rows = [factor for axis in axes[:-1] for factor in axis] if axes else []
    if SAMPLES not in rows:
        return None
    place = rows.index(SAMPLES)
    before, after = rows[:place], rows[place + 1 :]
    return _product(after) if any(factor != 1 for factor in before) else None


def _product(factors: list[Factor]) -> int:
    return math.prod(factor for factor in factors if isinstance(factor, int))


def axis_factors(graph: Graph, name: str, steps: int = MAX_STEPS) -> Axes | None:
    """The factors of every axis, as far back as the tensors' own shapes do not tell."""
    shape = graph.shape(name)
    if shape is not None and SAMPLES in shape:
        sizes = [[size] for size in shape if size is not None]
        return sizes if len(sizes) == len(shape) else None
    node = graph.writers.get(name)
    if node is None or node.domain or not steps:
        return None
    source = next((given for given in node.input if given not in graph.constants), "")
    axes = axis_factors(graph, source, steps - 1)
    if axes is None:
        return None
    if node.op_type == "Transpose":
        order = attributes(node).get("perm", range(len(axes))[::-1])
        return [axes[axis] for axis in order] if sorted(order) == [*range(len(axes))] else None
    if node.op_type in REGROUPS:
        return None if shape is None else _regroup([f for axis in axes for f in axis], shape)
    if shape is None or len(shape) != len(axes):
        return None
    if node.op_type in ("Gemm", "MatMul") and not attributes(node).get("transA"):
        return [*axes[:-1], [shape[-1]]] if shape[-1] is not None else None
    if node.op_type in BATCHED and axes[0] == [SAMPLES]:
        sizes = [[size] for size in shape[1:] if size is not None]
        return [axes[0], *sizes] if len(sizes) == len(shape) - 1 else None
    return axes if node.op_type in KEEPS else None


def _regroup(factors: list[Factor], shape: Shape) -> Axes | None:
    """Spread factors over new axes: known sizes from the right, then from the left."""
    left, right = [], []
    rest, sizes = list(factors), list(shape)
    while sizes and isinstance(size := sizes[-1], int):
        if (axis := _take(rest, size, from_right=True)) is None:
            return None
        right.append(axis)
        sizes.pop()
    while len(sizes) > 1 and isinstance(size := sizes[0], int):
        if (axis := _take(rest, size, from_right=False)) is None:
            return None
        left.append(axis)
        sizes.pop(0)
    if len(sizes) > 1 or (not sizes and rest):
        return None
    return [*left, *([rest] if sizes else []), *right[::-1]]


def _take(rest: list[Factor], size: int, *, from_right: bool) -> list[Factor] | None:
    """Take factors of this product off one end, splitting the last of them if need be."""
    taken: list[Factor] = []
    if size < 1:
        return None
    while size > 1:
        place = -1 if from_right else 0
        if not rest or not isinstance(factor := rest[place], int) or factor < 1:
            return None
        if size % factor == 0:
            rest.pop(place)
            taken.append(factor)
            size //= factor
        elif factor % size == 0:
            rest[place] = factor // size
            taken.append(size)
            size = 1
        else:
            return None
    return taken[::-1] if from_right else taken
