# SPDX-License-Identifier: BSD-3-Clause
"""How many values onnx would keep to infer shapes from, which a small file can make endless.

Inference with ``data_prop`` follows the values of small tensors of integers, out of which networks
compute sizes, and spends some 70 bytes on each, known or not. A tensor with one long axis has as
many, ConstantOfShape makes any number of them, and a chain of Concat doubles them at each step; so
they are counted first, from above.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imperfect._network.proto import bodies, every_node, to_array
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

MOST_VALUES = 1_000_000
MOST_AXES = 64  # more than any tensor has


def inferred(model: ModelProto) -> ModelProto:
    """The model with the shapes that follow, also from computed sizes unless these are too many."""
    infer = require("onnx").shape_inference.infer_shapes
    plain: ModelProto = infer(model)
    if _values_of_vectors(plain) > MOST_VALUES or not _keeps_few_values(model):
        return plain
    found: ModelProto = infer(model, data_prop=True)
    return found


def _values_of_vectors(model: ModelProto) -> int:
    """Values of all tensors of one axis that nodes read, as far as their sizes are known."""
    graph = model.graph
    shapes = {
        value.name: value.type.tensor_type.shape.dim
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    lengths = {name: dims[0].dim_value for name, dims in shapes.items() if len(dims) == 1}
    return sum(lengths.get(name, 0) for node in every_node(graph.node) for name in node.input)


def _keeps_few_values(model: ModelProto) -> bool:
    """Whether onnx may follow values through the model."""
    nodes = list(every_node(model.graph.node))
    graphs = [model.graph, *(body for node in nodes for body in bodies(node))]
    constants = {t.name: t for graph in graphs for t in graph.initializer if _is_integer(t)}
    sizes = {name: float(math.prod(tensor.dims)) for name, tensor in constants.items()}
    total = 0.0
    for node in nodes:
        size = _values_of(node, sizes, constants)
        for name in node.output:
            sizes[name] = max(sizes.get(name, 0.0), size)
            total += size
    return total <= MOST_VALUES


def _is_integer(tensor: TensorProto) -> bool:
    kinds = require("onnx").TensorProto
    return tensor.data_type in (kinds.INT32, kinds.INT64)


def _values_of(
    node: NodeProto, sizes: dict[str, float], constants: dict[str, TensorProto]
) -> float:
    """Values of one output of a node, at most; 0 where none can be known."""
    given = [sizes.get(name, 0.0) for name in node.input] or [0.0]
    if node.op_type == "Constant":
        return _stored(node)
    if node.op_type == "Shape":
        return MOST_AXES
    if node.op_type == "Concat":
        return sum(given)
    if node.op_type == "Gather":
        return max(1.0, given[-1]) if given[0] else 0.0
    if node.op_type != "ConstantOfShape":
        return max(given)
    if given[0] != 1:  # a scalar, or a tensor of several axes, whose values are not followed
        return 0.0
    stored = constants.get(node.input[0])
    return math.inf if stored is None else float(np.abs(to_array(stored)).sum())


def _stored(node: NodeProto) -> float:
    """How many integers a Constant gives."""
    count = 0.0
    for item in node.attribute:
        if item.HasField("t") and _is_integer(item.t):
            count += math.prod(item.t.dims)
        count += len(item.ints) + item.HasField("i")
    return count
