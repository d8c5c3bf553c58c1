# SPDX-License-Identifier: BSD-3-Clause
"""Edits of the small test network, most of which break it; each changes the model in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx import helper as h

import networks

Change = Callable[[onnx.ModelProto], None]


def initializer(model: onnx.ModelProto, name: str = "w1") -> TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(item for item in model.graph.node if item.name == name)


def set_values(name: str, value: float) -> Change:
    def change(model: onnx.ModelProto) -> None:
        tensor = initializer(model, name)
        values = onnx.numpy_helper.to_array(tensor).copy()
        values.flat[1] = value
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, name))

    return change


def set_dims(*dims: int) -> Change:
    def change(model: onnx.ModelProto) -> None:
        initializer(model).dims[:] = dims

    return change


def set_input(kind: int, shape: list[Any] | None) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[0].CopyFrom(h.make_tensor_value_info("x", kind, shape))

    return change


def set_opset(version: int) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    return change


def drop_raw_data(model: onnx.ModelProto) -> None:
    initializer(model).ClearField("raw_data")
    initializer(model).float_data.extend([1.0] * 5)


def longer_raw_data(model: onnx.ModelProto) -> None:
    initializer(model).raw_data += b"\0" * 4


def unknown_type(model: onnx.ModelProto) -> None:
    initializer(model).data_type = 99


def integer_weight(model: onnx.ModelProto) -> None:
    values = onnx.numpy_helper.to_array(initializer(model)).astype(np.int64)
    initializer(model).CopyFrom(onnx.numpy_helper.from_array(values, "w1"))


def missing_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.remove(initializer(model))


def cycle(model: onnx.ModelProto) -> None:
    node(model, "stem").input[0] = "a1"


def unknown_operator(model: onnx.ModelProto) -> None:
    node(model, "relu1").op_type = "Relu7"


def custom_domain(model: onnx.ModelProto) -> None:
    node(model, "relu1").domain = "my.company"
    model.opset_import.append(h.make_opsetid("my.company", 1))


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def no_inputs(model: onnx.ModelProto) -> None:
    values = onnx.numpy_helper.from_array(np.zeros((1, 3, 8, 8), np.float32), "x")
    model.graph.initializer.append(values)


def no_graph(model: onnx.ModelProto) -> None:
    model.ClearField("graph")


def sequence_input(model: onnx.ModelProto) -> None:
    kind = h.make_sequence_type_proto(h.make_tensor_type_proto(TensorProto.FLOAT, ["n"]))
    model.graph.input.append(h.make_value_info("s", kind))


def sparse_weight(model: onnx.ModelProto) -> None:
    values = h.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    places = h.make_tensor("places", TensorProto.INT64, [1], [3])
    model.graph.sparse_initializer.append(h.make_sparse_tensor(values, places, [10**12]))


def wrong_channels(model: onnx.ModelProto) -> None:
    values = onnx.numpy_helper.from_array(networks.draw(8, 5, 3, 3), "w1")
    initializer(model).CopyFrom(values)


def wrong_groups(model: onnx.ModelProto) -> None:
    next(a for a in node(model, "block.dw").attribute if a.name == "group").i = 3


def huge_tensor(model: onnx.ModelProto) -> None:
    shape = onnx.numpy_helper.from_array(np.array([10**6, 10**6]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(h.make_node("ConstantOfShape", ["shape"], ["huge"]))
    model.graph.node.append(h.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0))
    model.graph.node.append(h.make_node("Add", ["y", "sum"], ["z"]))
    model.graph.output[0].name = "z"


def output_without_samples(model: onnx.ModelProto) -> None:
    model.graph.node.append(h.make_node("ReduceMean", ["y"], ["loss"], keepdims=0))
    model.graph.output.append(h.make_tensor_value_info("loss", TensorProto.FLOAT, []))


def bad_attribute(model: onnx.ModelProto) -> None:
    node(model, "stem").attribute.append(h.make_attribute("speed", 3))


def huge_alpha(model: onnx.ModelProto) -> None:
    set_values("w4", 4.0)(model)
    node(model, "head.fc").attribute.append(h.make_attribute("alpha", 3e38))


def batch_norm_in_training(model: onnx.ModelProto) -> None:
    norm = node(model, "bn1")
    norm.attribute.append(h.make_attribute("training_mode", 1))
    norm.output.extend(["mean", "variance"])


def dropout_in_training(model: onnx.ModelProto) -> None:
    constants = {"ratio": np.float32(0.5), "yes": np.array(True)}
    for name, values in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
    model.graph.node.append(h.make_node("Dropout", ["y", "ratio", "yes"], ["z"], name="drop"))
    model.graph.output[0].name = "z"
