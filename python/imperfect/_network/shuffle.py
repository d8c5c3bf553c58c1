# SPDX-License-Identifier: BSD-3-Clause
"""The control of the study: the same network with its weights permuted at random.

Each weight tensor that can be analog is permuted within itself, so that every statistic of a
single tensor stays and everything that training found goes. The order is that of random 64-bit
words (Philox4x64, key = seed and hash of the node's name), whose bits NumPy keeps the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import as_seed
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.normalise import prune
from imperfect._network.proto import fresh_name, to_array, to_tensor
from imperfect._network.recurrent import OPERANDS
from imperfect._network.report import RECURRENT
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

RECURRENT_PLACES = OPERANDS["weight"], OPERANDS["recurrent weight"]


def shuffled_model(graph: Graph, layers: Mapping[str, LayerSpec], seed: int) -> ModelProto:
    """A copy of the graph's model with the weights of ``layers`` permuted."""
    key = as_seed("seed", seed)
    model: ModelProto = require("onnx").ModelProto()
    model.CopyFrom(graph.model)
    taken = {*graph.constants, *graph.defaults, *graph.tensor_names()}
    for node in model.graph.node:
        if node.name not in layers:
            continue
        for place in _weight_places(graph, node):
            weight = to_array(graph.constants[node.input[place]])
            # Why: a recurrent node has two tensors, each with an order of its own.
            first = place == _weight_places(graph, node)[0]
            order = _order(node.name if first else f"{node.name}/{place}", weight.size, key)
            # Why: two nodes may share one tensor, and each has its own permutation.
            name = fresh_name(taken, f"{node.input[place]}@{node.name}")
            permuted = weight.reshape(-1)[order].reshape(weight.shape)
            model.graph.initializer.append(to_tensor(permuted, name))
            node.input[place] = name
    prune(model)
    return model


def _weight_places(graph: Graph, node: NodeProto) -> tuple[int, ...]:
    """Where the node's weights stand among its inputs."""
    if node.op_type in RECURRENT:
        return RECURRENT_PLACES
    return (next(i for i, name in enumerate(node.input) if name in graph.constants),)


def _order(tag: str, count: int, key: int) -> NDArray[np.intp]:
    digest = hashlib.blake2b(tag.encode(), digest_size=8).digest()
    bits = np.random.Philox(key=np.array([key, int.from_bytes(digest, "little")], np.uint64))
    return np.argsort(bits.random_raw(count), kind="stable")
