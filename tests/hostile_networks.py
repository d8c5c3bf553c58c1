# SPDX-License-Identifier: BSD-3-Clause
"""ONNX files made to break their reader: by name what makes each, and why it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx import helper as h

import networks

Make = Callable[[Path], Any]  # writes a file and gives its path, or gives the content


def _model(
    nodes: list[Any], constants: dict[str, Any] | None = None, **more: Any
) -> onnx.ModelProto:
    return networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", None]}, constants or {}, **more)


def dense_network() -> onnx.ModelProto:
    """One layer, nothing wrong with it."""
    node = h.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    return _model([node], {"w": networks.draw(3, 2)})


def _asks_for(op: str, *inputs: Any, **attributes: Any) -> bytes:
    """A network that adds to its input what one node makes of a few constants."""
    constants = {f"c{i}": np.asarray(value) for i, value in enumerate(inputs)}
    made = h.make_node(op, list(constants), ["big"], **attributes)
    add = h.make_node("Add", ["x", "big"], ["y"])
    return _model([made, add], constants).SerializeToString()


def _with_functions(*functions: Any) -> bytes:
    """A network that calls the first of some functions."""
    call = h.make_node(functions[0].name, ["x"], ["y"], domain="my")
    opsets = [h.make_opsetid("my", 1)]
    return _model([call], functions=list(functions), opsets=opsets).SerializeToString()


def _function(name: str, *called: str) -> Any:
    """A function that calls others, one after the other."""
    names = ["x", *(f"t{i}" for i in range(1, len(called))), "y"]
    nodes = [
        h.make_node(other, [names[i]], [names[i + 1]], domain="my" if other[0] == "f" else "")
        for i, other in enumerate(called)
    ]
    opsets = [h.make_opsetid("", 17), h.make_opsetid("my", 1)]
    return h.make_function("my", name, ["x"], ["y"], nodes, opsets)


def _nested(depth: int) -> bytes:
    """A node with a body with a node with a body …, written by hand: no library makes it."""
    content = b""
    for _ in range(depth):
        content = _field(1, _field(5, _field(6, content)))  # graph.node.attribute.g
    return b"\x08\x08" + _field(7, content)  # version of the format, graph


def _field(number: int, content: bytes) -> bytes:
    """A message inside another, in protobuf's encoding."""
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size % 128 + 128]), size // 128
    return bytes([number * 8 + 2]) + length + bytes([size]) + content


def _constant(tensor: TensorProto) -> bytes:
    nodes = [
        h.make_node("Constant", [], ["c"], value=tensor),
        h.make_node("Add", ["x", "c"], ["y"]),
    ]
    return _model(nodes).SerializeToString()


def _tensor(kind: int, dims: list[int], **data: Any) -> TensorProto:
    return TensorProto(name="t", data_type=kind, dims=dims, **data)


def _dense(weight: Any) -> bytes:
    """A layer whose weights are some tensor."""
    weight.name = "w"
    model = _model([h.make_node("MatMul", ["x", "w"], ["y"])])
    model.graph.initializer.append(weight)
    return model.SerializeToString()


def _one_name() -> bytes:
    """Two nodes that make the same tensor."""
    nodes = [h.make_node(op, ["x"], ["y"]) for op in ("Relu", "Neg")]
    return _model(nodes).SerializeToString()


def _typed(kind: int) -> bytes:
    """A network whose output is of a type that there is not."""
    model = dense_network()
    model.graph.output[0].type.tensor_type.elem_type = kind
    return model.SerializeToString()


def _zip_of_nothing() -> bytes:
    """A node that the reader changes before anything has checked it."""
    node = h.make_node("ZipMap", [], [], domain="ai.onnx.ml")
    opsets = [h.make_opsetid("ai.onnx.ml", 3)]
    return _model([node], opsets=opsets).SerializeToString()


def _large_constant() -> bytes:
    """Ten million numbers that a few bytes ask for, and a node that cannot be run."""
    size = {"size": np.array([10_000_000])}
    nodes = [h.make_node("ConstantOfShape", ["size"], ["big"])]
    nodes += [
        h.make_node("Cast", [f"b{i}" if i else "big"], [f"b{i + 1}"], to=1) for i in range(10)
    ]
    nodes += [h.make_node("ReduceSum", ["b10"], ["s"]), h.make_node("Conv", ["x", "s"], ["y"])]
    return _model(nodes, size).SerializeToString()


def _doubled() -> bytes:
    """Two sizes that are joined to themselves forty times."""
    nodes = [h.make_node("Concat", [f"c{i}"] * 2, [f"c{i + 1}"], axis=0) for i in range(40)]
    nodes += [h.make_node("Reshape", ["x", "c40"], ["y"])]
    return _model(nodes, {"c0": np.array([1, 1])}).SerializeToString()


def _long_input() -> bytes:
    """Two thousand million numbers for an input."""
    node = h.make_node("Identity", ["x"], ["y"])
    return networks.model([node], {"x": [2**31 - 1]}, {"y": [2**31 - 1]}, {}).SerializeToString()


def _pipe(folder: Path) -> Path:
    """External data in a file that never ends."""
    tensor = _tensor(TensorProto.FLOAT, [3, 4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="pipe")
    os.mkfifo(folder / "pipe")
    path = folder / "pipe.onnx"
    path.write_bytes(_dense(tensor))
    return path


NAN16 = np.full((3, 4), np.nan, np.float16)
LAUGHS = [_function(f"f{i}", *[f"f{i + 1}"] * 10) for i in range(12)] + [_function("f12", "Relu")]
ONNX: dict[str, tuple[Make, str]] = {
    "a constant of 2^42 numbers": (
        lambda _: _constant(_tensor(TensorProto.FLOAT, [2**21, 2**21], raw_data=b"1234")),
        "the file holds 4",
    ),
    "a constant with bytes left over": (
        lambda _: _constant(_tensor(TensorProto.FLOAT, [1], raw_data=b"12345678")),
        "needs 4 bytes, the file holds 8",
    ),
    "a tensor of a hundred thousand axes": (
        lambda _: _constant(_tensor(TensorProto.FLOAT, [2] * 100_000, raw_data=b"1234")),
        "has 100000 axes",
    ),
    "numbers of text": (
        lambda _: _dense(_tensor(TensorProto.STRING, [1, 2], string_data=[b"1", b"2"])),
        "not a valid|cannot run",
    ),
    "integers where floats should be": (
        lambda _: _dense(_tensor(TensorProto.FLOAT, [1, 2], int64_data=[1, 2])),
        "tensor 'w'",
    ),
    "half-precision NaN": (
        lambda _: _dense(onnx.numpy_helper.from_array(NAN16)),
        "NaN|not finite|cannot run|not a valid",
    ),
    "ConstantOfShape": (
        lambda _: _asks_for("ConstantOfShape", np.array([2**20, 2**20])), "would take"
    ),
    "Expand": (
        lambda _: _asks_for("Expand", np.float32(1), np.array([2**20, 2**20])), "would take"
    ),
    "Tile": (
        lambda _: _asks_for("Tile", np.ones((1, 1), np.float32), np.array([2**20, 2**20])),
        "would take",
    ),
    "Range": (lambda _: _asks_for("Range", 0.0, 1e12, 1.0), "would take|cannot run|not a valid"),
    "RandomNormal": (
        lambda _: _asks_for("RandomNormal", shape=[2**20, 2**20]), "would take"
    ),
    "a function that calls itself": (lambda _: _with_functions(_function("f0", "f0")), "function"),
    "functions in a circle": (
        lambda _: _with_functions(_function("f0", "f1"), _function("f1", "f0")), "function"
    ),
    "functions that call ten others, twelve deep": (lambda _: _with_functions(*LAUGHS), "function"),
    "bodies in bodies, ten thousand deep": (lambda _: _nested(10_000), "not an ONNX model"),
    "an output of type 99": (lambda _: _typed(99), "unknown type 99|not a valid|cannot run"),
    "an output of the largest type": (
        lambda _: _typed(2**31 - 1), f"unknown type {2**31 - 1}|not a valid|cannot run"
    ),
    "a ZipMap of nothing": (lambda _: _zip_of_nothing(), "not a valid"),
    "ten million numbers, ten times": (lambda _: _large_constant(), "cannot run|inferred"),
    "sizes that double forty times": (lambda _: _doubled(), "would take|cannot run|inferred"),
    "an input of two thousand million numbers": (lambda _: _long_input(), "would take"),
    "two tensors of one name": (lambda _: _one_name(), "not a valid ONNX model"),
    "data in a pipe": (_pipe, "pipe.onnx: tensor 'w'"),
}  # fmt: skip
