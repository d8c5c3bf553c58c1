# SPDX-License-Identifier: BSD-3-Clause
"""SHA-256 of an ONNX network: everything that decides its answer, nothing that does not.

Node names count, because every layer's random draws are keyed by its name; documentation,
producer and metadata do not. Each item is hashed as its length (8 bytes, little endian) and its
bytes, in an order that does not depend on how a library writes protobuf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imperfect._network.proto import to_array
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto


def network_digest(model: ModelProto) -> str:
    """Digest of a model in normal form, as 64 hexadecimal digits."""
    sha = hashlib.sha256()
    for item in _model_items(model):
        data = item if isinstance(item, bytes) else repr(item).encode()
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()


def _model_items(model: ModelProto) -> Iterator[object]:
    for domain, version in sorted((item.domain, item.version) for item in model.opset_import):
        yield from ("opset", domain, version)
    yield from _graph_items(model.graph)


def _graph_items(graph: GraphProto) -> Iterator[object]:
    for value in graph.input:
        yield from _input_items(value)
    # Why: the shapes of outputs are inferred, better by one version of onnx than by another.
    yield [(value.name, value.type.tensor_type.elem_type) for value in graph.output]
    for tensor in sorted(graph.initializer, key=lambda tensor: tensor.name):
        yield from _tensor_items(tensor)
    for node in graph.node:
        yield from (node.name, node.domain, node.op_type, list(node.input), list(node.output))
        for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
            yield from _attribute_items(attribute)


def _input_items(value: ValueInfoProto) -> Iterator[object]:
    tensor = value.type.tensor_type
    yield from (value.name, tensor.elem_type)
    yield [dim.dim_value or dim.dim_param for dim in tensor.shape.dim]


def _tensor_items(tensor: TensorProto) -> Iterator[object]:
    array = to_array(tensor)
    yield from (tensor.name, tensor.data_type, list(tensor.dims))
    # Why: an array of strings holds addresses, not characters.
    yield array.tolist() if array.dtype == object else array.tobytes()


def _attribute_items(attribute: AttributeProto) -> Iterator[object]:
    yield from (attribute.name, attribute.type)
    if attribute.type == attribute.GRAPH:
        yield from _graph_items(attribute.g)
    elif attribute.type == attribute.GRAPHS:
        for graph in attribute.graphs:
            yield from _graph_items(graph)
    elif attribute.type == attribute.TENSOR:
        yield from _tensor_items(attribute.t)
    else:
        yield require("onnx.helper").get_attribute_value(attribute)
