# SPDX-License-Identifier: BSD-3-Clause
"""What a network says about itself, and the control whose weights are permuted."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import networks
import odd_networks
from chips import small
from imperfect.network import Network


def test_shuffled_weights_are_permuted() -> None:
    net, x = small()
    other = net.shuffled(3)
    assert other.digest() == net.shuffled(3).digest() != net.digest()
    assert other.digest() != net.shuffled(4).digest()
    for name, spec in net._specs.items():
        old, new = spec.weight, other._specs[name].weight
        assert old.shape == new.shape and not np.array_equal(old, new)
        np.testing.assert_array_equal(np.sort(old, axis=None), np.sort(new, axis=None))
        bias, same = spec.bias, other._specs[name].bias
        assert (bias is None and same is None) or np.array_equal(bias, same)  # type: ignore[arg-type]
    assert not np.allclose(other(x), net(x), atol=0.1)
    assert [info.name for info in other.nodes] == [info.name for info in net.nodes]


def test_the_permutation_is_fixed_for_good() -> None:
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")]
    constants = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 2]}, {"y": ["n", 3]}, constants))
    assert net.shuffled(7)(np.eye(2)).astype(int).tolist() == [[2, 4, 3], [1, 5, 0]]


def test_shared_weights_are_permuted_apart() -> None:
    model, _ = networks.shared_weights()
    specs = Network.from_onnx(model).shuffled(0)._specs
    assert not np.array_equal(specs["a"].weight, specs["y"].weight)


def test_summary_counts_multiply_adds() -> None:
    net, _ = small()
    macs = {info.name: info.macs for info in net.layers}
    positions = 4 * 4
    assert macs == {
        "stem": 8 * 27 * positions,
        "block.dw": 8 * 9 * positions,
        "block.pw": 64 * positions,
        "head.fc": 32,
    }
    text = net.summary()
    assert "5,664 of 5,664 multiply-adds per sample can be analog" in text
    assert all(name in text for name in macs)
    fixed = Network.from_onnx(networks.small_cnn(batch=3))
    assert {info.name: info.macs for info in fixed.layers} == macs
    model, _ = networks.CASES["any size"]()
    free = Network.from_onnx(model)
    assert [info.macs for info in free.layers] == [None, None, None, 32]
    assert "3 nodes not counted" in free.summary()


@pytest.mark.parametrize(
    ("case", "node", "macs", "reason"),
    [
        ("lstm", "lstm", 7 * (20 * 4 + 20 * 5), "not a Conv, ConvTranspose, Gemm or MatMul"),
        ("matmul sequence", "scores", 7 * 7 * 4, "its weight is computed at run time"),
        ("matmul sequence", "query", 7 * 6 * 4, ""),
        ("matmul left", "left", 4 * 6 * 7, ""),
        ("3-d", "volume", 54 * 3 * 7 * 7, ""),
        ("decoder", "up", 6 * 2 * 9 * 5 * 4, ""),
        ("decoder", "relu2", 0, "digital epilogue of 'up'"),
        ("if", "if/inner", None, "inside If 'if'"),
        ("opset 17", "bn1", 0, "digital epilogue of 'stem'"),
        ("half precision inside", "half", 7 * 6 * 81, "its weight is float16, not float32"),
        ("same for all samples", "positions", 112, "its input is the same for all samples"),
        ("add per channel", "add", 0, "digital epilogue of 'conv'"),
        ("add everywhere", "clip", 0, "digital epilogue of 'conv'"),
        ("add along the width", "add", 0, "not a Conv, ConvTranspose, Gemm or MatMul"),
    ],
)
def test_reasons_and_work_of_digital_nodes(
    case: str, node: str, macs: int | None, reason: str
) -> None:
    model, _ = odd_networks.ALL_CASES[case]()
    info = {info.name: info for info in Network.from_onnx(model).nodes}[node]
    assert info.macs == macs
    assert reason in info.reason and info.analog == (not info.reason)


def test_an_output_shape_needs_a_known_size_of_the_input() -> None:
    model, _ = odd_networks.transposed((3, 4, 4, 3), free=True, output_shape=[12, 10])()
    (info,) = Network.from_onnx(model).nodes
    assert info.reason == "its padding depends on the size of its input"
