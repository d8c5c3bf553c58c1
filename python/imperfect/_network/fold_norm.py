# SPDX-License-Identifier: BSD-3-Clause
"""Folds batch normalisation into the weights and biases before it.

With s = gamma/sqrt(var + eps), the normalisation of W x + b is (s W) x + s (b - mean) + beta, one s
for every output: the same function with one operator less, and what exporters do unless told not
to. Constant additions between the two are folded along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from imperfect._network.absorb import with_epilogue
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import Absorbed, Floats, LayerSpec
from imperfect._network.normalise import prune
from imperfect._network.proto import attributes, fresh_name, to_tensor
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def folded_model(graph: Graph, layers: Mapping[str, LayerSpec]) -> ModelProto:
    """A copy of the graph's model with every normalisation folded that follows its layer alone."""
    model: ModelProto = require("onnx").ModelProto()
    model.CopyFrom(graph.model)
    specs = {
        name: layers.get(name) or _convolution(graph, node) for name, node in graph.nodes.items()
    }
    chains = {name: chain for name, spec in specs.items() if spec and (chain := _chain(spec))}
    gone = {item.node for chain in chains.values() for item in chain}
    taken = {*graph.constants, *graph.defaults, *graph.tensor_names()}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        spec = specs[node.name]
        if node.name in chains and spec is not None:
            weight, bias = (fresh_name(taken, f"{node.name}/{part}") for part in ("weight", "bias"))
            nodes += _rewired(graph, node, spec, chains[node.name][-1], weight, bias, model)
        elif node.name not in gone:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    prune(model)
    return model


def _convolution(graph: Graph, node: NodeProto) -> LayerSpec | None:
    """A convolution that no layer computes, as far as its normalisation needs to know it."""
    if node.domain or node.op_type not in ("Conv", "ConvTranspose"):
        return None
    weight, bias = graph.constant(node.input[1]), None
    if weight is None or weight.dtype != np.float32:
        return None
    if len(node.input) > 2 and node.input[2]:
        bias = graph.constant(node.input[2])
        if bias is None:
            return None
    if node.op_type == "ConvTranspose":
        outputs = weight.shape[1] * attributes(node).get("group", 1)
        weight = np.broadcast_to(np.float32(0), (outputs, 1, *weight.shape[2:]))
    spec = LayerSpec(node.name, "conv2d", weight, bias, node.input[0], node.output[0])
    return with_epilogue(graph, spec)


def _chain(spec: LayerSpec) -> tuple[Absorbed, ...]:
    """The nodes after a layer, from additions to the normalisation; empty without one."""
    for count, item in enumerate(spec.absorbed, 1):
        if item.batch_norm is not None:
            return spec.absorbed[:count]
    return ()


def _rewired(
    graph: Graph,
    node: NodeProto,
    spec: LayerSpec,
    norm: Absorbed,
    weight: str,
    bias: str,
    model: ModelProto,
) -> list[NodeProto]:
    """The node with new constants, and for MatMul, which has no bias, an Add."""
    helper = require("onnx.helper")
    place = next(i for i, name in enumerate(node.input) if name in graph.constants)
    stored = graph.constant(node.input[place])
    assert stored is not None  # it is in ``constants``
    scaled = _scaled(node, stored, norm.scale, is_left=place == 0)
    shift = norm.shift if spec.bias is None else spec.bias * norm.scale + norm.shift
    if spec.output_axis == -2 and spec.kind == "linear":
        shift = shift[:, None]
    model.graph.initializer.extend([to_tensor(scaled, weight), to_tensor(shift, bias)])
    node.input[place] = weight
    if node.op_type == "MatMul":
        add = helper.make_node("Add", [node.output[0], bias], [norm.output], name=norm.node)
        return [node, add]
    del node.input[2:]
    node.input.append(bias)
    node.output[0] = norm.output
    kept = [item for item in node.attribute if item.name != "beta"]
    del node.attribute[:]
    node.attribute.extend(kept)
    return [node]


def _scaled(node: NodeProto, stored: Floats, scale: Floats, *, is_left: bool) -> Floats:
    """The constant as the node holds it, every output multiplied by its scale."""
    given = attributes(node)
    if node.op_type == "ConvTranspose":
        groups = given.get("group", 1)
        per_output = scale.reshape(groups, 1, -1).repeat(len(stored) // groups, axis=1)
        factors = per_output.reshape(stored.shape[:2])
        return stored * factors.reshape(*factors.shape, *(1,) * (stored.ndim - 2))
    first = node.op_type == "Conv" or (node.op_type == "Gemm" and given.get("transB")) or is_left
    return stored * scale.reshape(-1, *(1,) * (stored.ndim - 1)) if first else stored * scale
