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

from imperfect._checks import integer
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.normalise import prune
from imperfect._network.proto import to_array, to_tensor
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto


def shuffled_model(graph: Graph, layers: Mapping[str, LayerSpec], seed: int) -> ModelProto:
    """A copy of the graph's model with the weights of ``layers`` permuted."""
    key = integer("seed", seed, 0, 2**64 - 1)
    model: ModelProto = require("onnx").ModelProto()
    model.CopyFrom(graph.model)
    taken = {*graph.constants, *graph.defaults, *graph.tensor_names()}
    for node in model.graph.node:
        if node.name not in layers:
            continue
        place = next(i for i, name in enumerate(node.input) if name in graph.constants)
        weight = to_array(graph.constants[node.input[place]])
        tag = hashlib.blake2b(node.name.encode(), digest_size=8).digest()
        bits = np.random.Philox(key=np.array([key, int.from_bytes(tag, "little")], np.uint64))
        order = np.argsort(bits.random_raw(weight.size), kind="stable")
        # Why: two nodes may share one tensor, and each has its own permutation.
        name = f"{node.input[place]}@{node.name}"
        while name in taken:
            name += "'"
        taken.add(name)
        permuted = weight.reshape(-1)[order].reshape(weight.shape)
        model.graph.initializer.append(to_tensor(permuted, name))
        node.input[place] = name
    prune(model)
    return model
