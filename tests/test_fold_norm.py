# SPDX-License-Identifier: BSD-3-Clause
"""Batch normalisation folded into weights: the same function, other cells."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper as h

import imperfect as im
import networks
from networks import Case, batch_norm, draw, model


def after_convolution(op: str, groups: int, bias: bool) -> Case:
    shape = (4, 6 // groups, 3, 2) if op == "ConvTranspose" else (6, 4 // groups, 3, 2)
    inputs = ["x", "w", *(["b"] if bias else [])]
    nodes = [
        h.make_node(op, inputs, ["c"], name="layer", group=groups, strides=[2, 1]),
        h.make_node("BatchNormalization", ["c", *batch_norm("bn", 6)], ["y"], name="bn"),
    ]
    constants = {"w": draw(*shape), **batch_norm("bn", 6)} | ({"b": draw(6)} if bias else {})
    built = model(nodes, {"x": ["n", 4, 9, 8]}, {"y": ["n", 6, None, None]}, constants)
    return built, networks.images(channels=4)


def after_gemm(transposed: bool) -> Case:
    attributes = {"alpha": 0.5, "beta": 2.0, "transB": int(transposed)}
    nodes = [
        h.make_node("Gemm", ["x", "w", "b"], ["a"], name="layer", **attributes),
        h.make_node("Add", ["a", "more"], ["c"], name="add"),
        h.make_node("BatchNormalization", ["c", *batch_norm("bn", 6)], ["d"], name="bn"),
        h.make_node("Relu", ["d"], ["y"], name="relu"),
    ]
    weight = draw(6, 5) if transposed else draw(5, 6)
    constants = {"w": weight, "b": draw(1, 6), "more": draw(6, seed=4), **batch_norm("bn", 6)}
    return model(nodes, {"x": ["n", 5]}, {"y": ["n", 6]}, constants), {"x": draw(7, 5, seed=9)}


def after_matmul(left: bool) -> Case:
    operands = ["w", "x"] if left else ["x", "w"]
    inner = h.make_node("MatMul", operands, ["a"], name="layer")
    norm = h.make_node("BatchNormalization", ["a", *batch_norm("bn", 6)], ["y"], name="bn")
    x: list[int | str] = ["n", 5, 3] if left else ["n", 5]
    y: list[int | str | None] = ["n", 6, 3] if left else ["n", 6]
    constants = {"w": draw(6, 5) if left else draw(5, 6), **batch_norm("bn", 6)}
    feeds = {"x": draw(7, *(int(size) for size in x[1:]), seed=9)}
    return model([inner, norm], {"x": x}, {"y": y}, constants), feeds


CASES = {
    f"{op} in {groups} groups{', bias' * bias}": after_convolution(op, groups, bias)
    for op in ("Conv", "ConvTranspose") for groups in (1, 2) for bias in (False, True)
}  # fmt: skip
CASES |= {
    "Gemm": after_gemm(False), "Gemm, transposed": after_gemm(True),
    "MatMul": after_matmul(False), "MatMul, weights on the left": after_matmul(True),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_folded_network_is_the_same_function(case: str) -> None:
    built, feeds = CASES[case]
    net = im.Network.from_onnx(built)
    folded = net.fold_batch_norm()
    assert "BatchNormalization" in [info.op for info in net.nodes]
    assert "BatchNormalization" not in [info.op for info in folded.nodes]
    assert "layer" in [info.name for info in folded.nodes]
    expected = net(feeds)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(folded(feeds) / scale, expected / scale, rtol=0, atol=2e-6)
    if net.layers:
        answer = im.AnalogNetwork(folded)(feeds)
        np.testing.assert_allclose(answer / scale, expected / scale, rtol=0, atol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_summary_plans_the_arrays_that_the_chip_has(case: str) -> None:
    net = im.Network.from_onnx(CASES[case][0])
    machine = im.Hardware(weight_bits=6, cell=im.Cell(bits=2), array=im.Array(rows=8, cols=4))
    chip = im.AnalogNetwork(net, machine)
    planned, programmed = net.summary(machine).splitlines(), chip.summary().splitlines()
    assert planned[1:] == programmed[1:]


def test_every_output_has_its_scale_in_the_cells() -> None:
    built, _ = CASES["Conv in 2 groups"]
    net = im.Network.from_onnx(built)
    norm = batch_norm("bn", 6)
    gamma, _, _, variance = norm.values()
    scale = gamma / np.sqrt(variance + 1e-5)
    before, after = (
        im.AnalogNetwork(n).layers["layer"].weight for n in (net, net.fold_batch_norm())
    )
    np.testing.assert_allclose(after, before * scale[:, None, None, None], rtol=1e-6)


def test_ranges_per_output_make_folding_harmless() -> None:
    built, feeds = CASES["Conv in 1 groups, bias"]
    net = im.Network.from_onnx(built)
    for per, is_same in (("layer", False), ("channel", True)):
        noisy = im.Hardware(per=per, cell=im.Cell(programming=im.device.Gaussian(0.05)))
        plain, folded = (
            im.AnalogNetwork(n, noisy, seed=2)(feeds) for n in (net, net.fold_batch_norm())
        )
        assert np.allclose(plain, folded, atol=1e-4 * np.abs(plain).max()) == is_same


def test_normalisation_that_others_depend_on_stays() -> None:
    built, feeds = CASES["Conv in 1 groups"]
    shared = onnx.ModelProto()
    shared.CopyFrom(built)
    shared.graph.output.append(h.make_tensor_value_info("c", 1, ["n", 6, None, None]))
    net = im.Network.from_onnx(shared)
    folded = net.fold_batch_norm()
    assert folded.digest() == net.digest()
    for name, values in net(feeds).items():
        np.testing.assert_array_equal(folded(feeds)[name], values)


def test_nodes_that_share_weights_are_folded_apart() -> None:
    first, second = batch_norm("bn1", 4), batch_norm("bn2", 4, seed=5)
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["a"], name="one"),
        h.make_node("BatchNormalization", ["a", *first], ["b"], name="bn1"),
        h.make_node("MatMul", ["b", "w"], ["c"], name="two"),
        h.make_node("BatchNormalization", ["c", *second], ["y"], name="bn2"),
    ]
    constants = {"w": draw(4, 4), **first, **second}
    net = im.Network.from_onnx(model(nodes, {"x": ["n", 4]}, {"y": ["n", 4]}, constants))
    x = draw(6, 4, seed=8)
    np.testing.assert_allclose(net.fold_batch_norm()(x), net(x), rtol=1e-5, atol=1e-5)
