# SPDX-License-Identifier: BSD-3-Clause
"""Sizes of tensors that a network asks for at run time although they never change.

Exporters read the number of features off a tensor whose number of samples is free, and slice
weights with it (PyTorch's attention). Shape is constant as a whole only if every size is known;
a Gather or Slice of it is if the sizes that it picks are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._network.propagation import inferred
from imperfect._network.proto import attributes, to_array

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Sizes = list[int | None]


def known_sizes(
    model: ModelProto, constants: dict[str, TensorProto]
) -> dict[str, NDArray[np.int64]]:
    """By node, the values of every Shape, Gather and Slice that picks known sizes only."""
    if all(node.op_type != "Shape" for node in model.graph.node):
        return {}
    shapes = _shapes(model)
    asked: dict[str, Sizes] = {}
    found: dict[str, NDArray[np.int64]] = {}
    for node in model.graph.node:
        if node.domain:
            continue
        picked: Any = None
        if node.op_type == "Shape" and node.input[0] in shapes:
            given = attributes(node)
            picked = shapes[node.input[0]][given.get("start", 0) : given.get("end")]
            asked[node.output[0]] = picked
        elif node.op_type in ("Gather", "Slice") and node.input[0] in asked:
            picked = _pick(node, asked[node.input[0]], constants)
        values = np.array(picked, object)
        if picked is not None and all(size is not None for size in values.flat):
            found[node.name] = values.astype(np.int64)
    return found


def _shapes(model: ModelProto) -> dict[str, Sizes]:
    """Shapes of the graph's inputs and of what follows from them, None where a size varies."""
    # Why: a file may state the sizes of its tensors for one sample; only what follows counts.
    stated = list(model.graph.value_info)
    del model.graph.value_info[:]
    try:
        graph = inferred(model).graph
    finally:
        model.graph.value_info.extend(stated)
    kinds = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.input)}
    return {
        name: [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
        for name, kind in kinds.items()
        if kind.HasField("shape")
    }


def _pick(node: NodeProto, sizes: Sizes, constants: dict[str, TensorProto]) -> Any:
    """What a Gather or Slice takes of the sizes; None where that is not constant or not valid."""
    values, given = np.array(sizes, object), attributes(node)
    if not all(name in constants for name in node.input[1:] if name):
        return None
    rest = [to_array(constants[name]) if name else None for name in node.input[1:]]
    if node.op_type == "Gather":
        index = rest[0]
        inside = index is not None and bool(
            (-len(sizes) <= index).all() & (index < len(sizes)).all()
        )
        return values[index] if inside else None
    if len(node.input) == 1:
        rest = [np.array(given[name]) for name in ("starts", "ends")]
    if any(part is not None and part.size != 1 for part in rest):
        return None
    numbers = [None if part is None else int(part.reshape(())) for part in rest]
    step = numbers[3] if len(numbers) > 3 else None
    return None if step == 0 else values[numbers[0] : numbers[1] : step]
