# SPDX-License-Identifier: BSD-3-Clause
"""The normal form of ONNX networks: names, constants, what is never computed in advance."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto
from onnx import helper as h

import networks
from imperfect.network import Network
from imperfect.onnx import load
from onnx_edits import initializer, node, set_values


def test_normal_form_is_stable() -> None:
    for build in networks.CASES.values():
        once = load(build()[0])
        assert load(once.SerializeToString()).SerializeToString() == once.SerializeToString()


def test_constants_are_computed_and_unused_parts_dropped() -> None:
    model, _ = networks.computed_weights()
    model.graph.node.append(h.make_node("Relu", ["a"], ["unused"]))
    normal = load(model)
    ops = [item.op_type for item in normal.graph.node]
    assert ops == ["Conv", "GlobalMaxPool", "Flatten", "Gemm", "MatMul"]
    assert len(normal.graph.initializer) == 3


def test_random_nodes_are_never_computed_in_advance() -> None:
    nodes = [
        h.make_node("RandomNormal", [], ["w"], shape=[3, 4]),
        h.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
    ]
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 4]}, {}))
    assert [info.op for info in net.nodes] == ["RandomNormal", "MatMul"]
    assert net.nodes[1].reason == "its weight is computed at run time"


def test_bodies_are_never_computed_in_advance() -> None:
    values = onnx.numpy_helper.from_array(networks.draw(3, 4), "value")
    body = h.make_graph(
        [h.make_node("Constant", [], ["v"], value=values)],
        "body", [], [h.make_tensor_value_info("v", TensorProto.FLOAT, [3, 4])],
    )  # fmt: skip
    nodes = [
        h.make_node("If", ["yes"], ["w"], then_branch=body, else_branch=body, name="choice"),
        h.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
    ]
    constants = {"yes": np.array(True)}
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 4]}, constants))
    assert [info.op for info in net.nodes] == ["If", "MatMul"]


def test_overridable_weights_stay_digital() -> None:
    model = networks.small_cnn()
    values = initializer(model, "w4")
    model.graph.input.append(h.make_tensor_value_info("w4", TensorProto.FLOAT, values.dims))
    net = Network.from_onnx(model)
    reasons = {info.name: info.reason for info in net.nodes}
    assert reasons["head.fc"] == "its weight is an input that may be overridden"
    assert [info.name for info in net.inputs] == ["x"]
    x, other = networks.images(height=8)["x"], networks.draw(4, 8, seed=11)
    plain, same = net(x), net({"x": x, "w4": onnx.numpy_helper.to_array(values)})
    np.testing.assert_array_equal(plain, same)
    assert not np.allclose(plain, net({"x": x, "w4": other}))


def test_nodes_without_names_are_named_by_their_outputs() -> None:
    model, _ = networks.residual()
    assert [item.name for item in load(model).graph.node] == ["a", "b", "c", "skip", "s", "y"]


def test_equal_names_are_made_different() -> None:
    model, _ = networks.local_functions()
    for item in model.functions[0].node:
        item.name = "same"
    names = [item.name for item in load(model).graph.node]
    assert len(set(names)) == 4


def test_vendor_operators_stay_digital() -> None:
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["a"], name="fc1"),
        h.make_node("FastGelu", ["a"], ["b"], domain="com.microsoft"),
        h.make_node("MatMul", ["b", "v"], ["y"], name="fc2"),
    ]
    constants = {"w": networks.draw(3, 4), "v": networks.draw(4, 2)}
    opsets = [h.make_opsetid("com.microsoft", 1)]
    model = networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 2]}, constants, opsets=opsets)
    net = Network.from_onnx(model)
    assert [info.analog for info in net.nodes] == [True, False, True]


def test_digest_sees_content_only() -> None:
    model = networks.small_cnn()
    digest = Network.from_onnx(model).digest()
    model.doc_string, model.producer_name = "other", "somebody"
    raw = initializer(model)
    values = onnx.numpy_helper.to_array(raw)
    raw.CopyFrom(h.make_tensor("w1", TensorProto.FLOAT, values.shape, values.ravel()))
    assert Network.from_onnx(model).digest() == digest
    set_values("w1", 0.5)(model)
    assert Network.from_onnx(model).digest() != digest
    model = networks.small_cnn()
    node(model, "stem").name = "trunk"
    assert Network.from_onnx(model).digest() != digest


def shapes_of(start: int, end: int, stated: list[int] | None = None) -> list[str]:
    """Operators left of a network that cuts its weight by sizes of an inner tensor."""
    nodes = [
        h.make_node("Relu", ["x"], ["a"]),
        h.make_node("Shape", ["a"], ["size"], start=start, end=end),
        h.make_node("Slice", ["w", "zero", "size"], ["part"]),
        h.make_node("MatMul", ["a", "part"], ["y"]),
    ]
    constants = {"w": networks.draw(6, 4), "zero": np.array([0])}
    made = networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 4]}, constants)
    if stated is not None:
        value = h.make_tensor_value_info("a", TensorProto.FLOAT, stated)
        made.graph.value_info.append(value)
    return [item.op_type for item in load(made).graph.node]


def test_sizes_that_no_sample_changes_are_constants() -> None:
    assert shapes_of(1, 2) == ["Relu", "MatMul"]
    assert shapes_of(-1, 2) == ["Relu", "MatMul"]


def test_the_number_of_samples_is_no_constant() -> None:
    assert "Shape" in shapes_of(0, 1)
    # A file that states its tensors for three samples.
    assert "Shape" in shapes_of(0, 1, stated=[3, 3])
