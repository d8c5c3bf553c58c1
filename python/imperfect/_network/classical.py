# SPDX-License-Identifier: BSD-3-Clause
"""Linear models of scikit-learn in ONNX's operators for classical machine learning.

``LinearClassifier`` and ``LinearRegressor`` (domain ai.onnx.ml) hold the product x Wᵀ + b in their
attributes. It becomes a Gemm of the same name, which can be analog; what a classifier does with
its scores (a second class, softmax, labels) stays one node of the same operator with the identity
for weights. ``ZipMap``, which turns rows of probabilities into dictionaries, is left out: the
output is the array, one column per class. Operators: the file ``docs/Operators-ml.md`` of ONNX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imperfect._network.proto import attributes, to_tensor
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

DOMAIN = "ai.onnx.ml"
LINEAR = {"LinearClassifier", "LinearRegressor"}

# Why: the identity that takes the place of the weights has the square of this many numbers.
LARGEST = 4096


def drop_zip_maps(model: ModelProto) -> None:
    """Let the network's outputs be arrays where they are lists of dictionaries."""
    onnx = require("onnx")
    outputs = {value.name: value for value in model.graph.output}
    for node in model.graph.node:
        if node.domain != DOMAIN or node.op_type != "ZipMap":
            continue
        node.domain, node.op_type = "", "Identity"
        del node.attribute[:]
        # Why next: nothing has checked the node yet.
        if (name := next(iter(node.output), "")) in outputs:
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None])
            outputs[name].CopyFrom(value)


def expand_linear_models(model: ModelProto) -> None:
    """Take the product out of every linear model; ONNX Runtime computes it in float32, too."""
    taken = {name for node in model.graph.node for name in (node.name, *node.input, *node.output)}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        is_linear = node.domain == DOMAIN and node.op_type in LINEAR
        found = _weights(node) if is_linear else None
        nodes += [node] if found is None else _expanded(model, node, *found, taken)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _weights(node: NodeProto) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Weights (outputs, inputs) and intercepts; None where their numbers do not fit."""
    given = attributes(node)
    bias = np.asarray(given.get("intercepts", []), np.float32)
    weight = np.asarray(given.get("coefficients", []), np.float32)
    is_classifier = node.op_type == "LinearClassifier"
    outputs = len(bias) if is_classifier else given.get("targets", 1)
    if not 1 <= outputs <= LARGEST or not weight.size or weight.size % outputs:
        return None
    bias = bias if len(bias) else np.zeros(outputs, np.float32)
    if len(bias) != outputs:
        return None
    return weight.reshape(outputs, -1), bias


def _expanded(
    model: ModelProto,
    node: NodeProto,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    taken: set[str],
) -> list[NodeProto]:
    """Cast, Gemm, and the same operator with the identity for weights."""
    helper, kind = require("onnx.helper"), require("onnx").TensorProto.FLOAT

    def fresh(part: str) -> str:
        name = f"{node.name}/{part}"
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    x, w, b, scores = (fresh(part) for part in ("float", "weight", "bias", "scores"))
    model.graph.initializer.extend([to_tensor(weight, w), to_tensor(bias, b)])
    cast = helper.make_node("Cast", [node.input[0]], [x], name=x, to=kind)
    gemm = helper.make_node("Gemm", [x, w, b], [scores], name=node.name, transB=1)
    node.name, node.input[0] = fresh("decision"), scores
    kept = [item for item in node.attribute if item.name not in ("coefficients", "intercepts")]
    del node.attribute[:]
    node.attribute.extend(kept)
    identity = np.eye(len(weight), dtype=np.float32).ravel().tolist()
    node.attribute.append(helper.make_attribute("coefficients", identity))
    node.attribute.append(helper.make_attribute("intercepts", [0.0] * len(weight)))
    return [cast, gemm, node]
