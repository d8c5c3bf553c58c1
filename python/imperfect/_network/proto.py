# SPDX-License-Identifier: BSD-3-Clause
"""Small helpers over ONNX's messages: what a node reads, what a tensor holds.

If, Loop and Scan hold graphs of their own (bodies), which may read any tensor of the graphs
around them without naming it as an input; whoever cuts a graph has to count those names too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto


# What protobuf and ONNX Runtime say, in exceptions of their own, when memory runs out.
NO_MEMORY = ("Arena alloc failed", "Failed to serialize proto", "bad_alloc", "bad allocation")


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn the exceptions of onnx and ONNX Runtime, which share no base class, to ValueError."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        kind = MemoryError if any(words in text for words in NO_MEMORY) else ValueError
        raise kind(f"{what}: {text[:500]}") from error


def bodies(node: NodeProto) -> list[GraphProto]:
    """The graphs that a node holds."""
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return graphs + [graph for attribute in node.attribute for graph in attribute.graphs]


def every_node(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes and those of their bodies, to any depth."""
    for node in nodes:
        yield node
        for body in bodies(node):
            yield from every_node(body.node)


def captured(node: NodeProto) -> set[str]:
    """Names of outer tensors that the node's bodies read."""
    names: set[str] = set()
    for body in bodies(node):
        own = {value.name for value in body.input} | {item.name for item in body.initializer}
        for inner in body.node:
            names |= reads(inner) - own
            own |= set(inner.output)
        names |= {value.name for value in body.output} - own
    return names


def reads(node: NodeProto) -> set[str]:
    """Names of every tensor that the node reads."""
    return {name for name in node.input if name} | captured(node)


def attributes(node: NodeProto) -> dict[str, Any]:
    """The node's attributes as Python values; strings are decoded."""
    onnx = require("onnx")
    values = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def optional_input(node: NodeProto, place: int) -> str:
    """Name of an input that the node may leave out; empty if it does."""
    return node.input[place] if len(node.input) > place else ""


def fresh_name(taken: set[str], name: str) -> str:
    """A name like this one that is not taken yet; it then is.

    Examples
    --------
    >>> fresh_name({"w", "w'"}, "w")
    "w''"
    """
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def to_array(tensor: TensorProto) -> NDArray[Any]:
    """The tensor's values."""
    array: NDArray[Any] = require("onnx").numpy_helper.to_array(tensor)
    return np.ascontiguousarray(array).reshape(array.shape)


def to_tensor(array: NDArray[Any], name: str) -> TensorProto:
    """An initializer of that name."""
    tensor: TensorProto = require("onnx").numpy_helper.from_array(array, name)
    return tensor
