# SPDX-License-Identifier: BSD-3-Clause
"""Builders of small ONNX networks for the tests, each with one feature that a graph can have.

``CASES`` maps a name to a function that returns the model and its inputs, a dictionary of arrays
whose first axis counts samples. Weights are drawn from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from onnx import helper as h

Feeds = dict[str, NDArray[Any]]
Case = tuple[onnx.ModelProto, Feeds]
F32 = TensorProto.FLOAT


def draw(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Normal numbers of a standard deviation that keeps activations near 1."""
    rng = np.random.default_rng([seed, *shape])
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)


def model(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Sequence[int | str]],
    outputs: dict[str, Sequence[int | str | None]],
    constants: dict[str, NDArray[Any]],
    *,
    opset: int = 17,
    ir: int = 8,
    **more: Any,
) -> onnx.ModelProto:
    """A checked model; inputs and outputs are float32."""
    graph = h.make_graph(
        nodes,
        "test",
        [h.make_tensor_value_info(name, F32, shape) for name, shape in inputs.items()],
        [h.make_tensor_value_info(name, F32, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    imports = [h.make_opsetid("", opset), *more.pop("opsets", [])]
    return h.make_model(graph, opset_imports=imports, ir_version=ir, **more)


def images(count: int = 5, channels: int = 3, height: int = 9, width: int = 8) -> Feeds:
    """A batch of images under the name that most networks here use."""
    rng = np.random.default_rng(1)
    return {"x": rng.standard_normal((count, channels, height, width)).astype(np.float32)}


def batch_norm(name: str, channels: int, seed: int = 3) -> dict[str, NDArray[np.float32]]:
    """The four constants of a batch normalisation, in the order of its inputs."""
    rng = np.random.default_rng(seed)
    values = {
        f"{name}.gamma": rng.uniform(0.5, 1.5, channels),
        f"{name}.beta": rng.normal(size=channels),
        f"{name}.mean": 0.3 * rng.normal(size=channels),
        f"{name}.var": rng.uniform(0.5, 2, channels),
    }
    return {key: array.astype(np.float32) for key, array in values.items()}


def small_cnn(
    *, opset: int = 17, ir: int = 8, batch: int | str = "n", size: int | str = 8, classes: int = 4
) -> onnx.ModelProto:
    """Conv-BN-Relu, a depthwise residual block, global pooling and a Gemm."""
    constants = {
        "w1": draw(8, 3, 3, 3), "b1": draw(8),
        "w2": draw(8, 1, 3, 3, seed=1), "w3": draw(8, 8, 1, 1, seed=2), "b3": draw(8, seed=4),
        "w4": draw(classes, 8, seed=5), "b4": draw(classes, seed=6),
    }  # fmt: skip
    bn1, bn2 = batch_norm("bn1", 8), batch_norm("bn2", 8, seed=7)
    constants |= bn1 | bn2
    nodes = [
        h.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="stem", pads=[1] * 4, strides=[2, 2]),
        h.make_node("BatchNormalization", ["c1", *bn1], ["n1"], name="bn1"),
        h.make_node("Relu", ["n1"], ["r1"], name="relu1"),
        h.make_node("Conv", ["r1", "w2"], ["c2"], name="block.dw", pads=[1] * 4, group=8),
        h.make_node("BatchNormalization", ["c2", *bn2], ["n2"], name="bn2", epsilon=1e-3),
        h.make_node("Relu", ["n2"], ["r2"], name="relu2"),
        h.make_node("Conv", ["r2", "w3", "b3"], ["c3"], name="block.pw"),
        h.make_node("Add", ["c3", "r1"], ["a1"], name="add"),
        h.make_node("GlobalAveragePool", ["a1"], ["p1"], name="gap"),
        h.make_node("Flatten", ["p1"], ["pool"], name="flatten"),
        h.make_node("Gemm", ["pool", "w4", "b4"], ["y"], name="head.fc", transB=1),
    ]
    outputs = {"y": [batch, classes]}
    return model(nodes, {"x": [batch, 3, size, size]}, outputs, constants, opset=opset, ir=ir)


def residual() -> Case:
    """A tensor read by two layers and an addition, and batch norm whose input is read twice."""
    constants = {"w1": draw(6, 3, 3, 3), "w2": draw(6, 6, 3, 3), "w3": draw(6, 3, 1, 1)}
    bn = batch_norm("bn", 6)
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], pads=[1] * 4),
        h.make_node("BatchNormalization", ["a", *bn], ["b"]),
        h.make_node("Conv", ["b", "w2"], ["c"], pads=[1] * 4),
        h.make_node("Conv", ["x", "w3"], ["skip"]),
        h.make_node("Sum", ["a", "c", "skip"], ["s"]),
        h.make_node("Relu", ["s"], ["y"]),
    ]
    shapes = {"x": ["n", 3, 9, 8]}, {"y": ["n", 6, 9, 8]}
    return model(nodes, *shapes, constants | bn), images()


def several_outputs() -> Case:
    """Two outputs, one of them inside what else would be an epilogue."""
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], name="conv"),
        h.make_node("Relu", ["a"], ["b"]),
        h.make_node("ReduceMean", ["b"], ["y"], axes=[2, 3], keepdims=0),
    ]
    outputs: dict[str, Any] = {"a": ["n", 6, 7, 6], "y": ["n", 6]}
    return model(nodes, {"x": ["n", 3, 9, 8]}, outputs, {"w1": draw(6, 3, 3, 3)}), images()


def several_inputs() -> Case:
    """Images and vectors with differently named sample axes, and one input without samples."""
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], strides=[2, 2]),
        h.make_node("GlobalAveragePool", ["a"], ["p"]),
        h.make_node("Flatten", ["p"], ["f"]),
        h.make_node("MatMul", ["v", "w2"], ["m"]),
        h.make_node("Add", ["f", "m"], ["s"]),
        h.make_node("Mul", ["s", "gain"], ["y"]),
    ]
    inputs = {"x": ["n", 3, 9, 8], "v": ["rows", 5], "gain": [1, 6]}
    constants = {"w1": draw(6, 3, 3, 3), "w2": draw(5, 6)}
    feeds = images() | {"v": draw(5, 5, seed=9), "gain": np.abs(draw(1, 6, seed=8))}
    return model(nodes, inputs, {"y": ["n", 6]}, constants), feeds


def convolution(
    weight: tuple[int, ...], *, free: bool = False, opset: int = 17, **attributes: Any
) -> Callable[[], Case]:
    """One convolution with given attributes, optionally for images of any size."""

    def build() -> Case:
        axes, groups = len(weight) - 2, attributes.get("group", 1)
        sizes = [9, 8][:axes]
        shape: list[int | str] = ["n", weight[1] * groups, *(("h", "w")[:axes] if free else sizes)]
        node = h.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", **attributes)
        output: list[int | str | None] = ["n", weight[0], *"pq"[:axes]]
        constants = {"w": draw(*weight), "b": draw(weight[0])}
        feeds = images(channels=weight[1] * groups)
        if axes == 1:
            feeds = {"x": np.ascontiguousarray(feeds["x"][..., 0])}
        return model([node], {"x": shape}, {"y": output}, constants, opset=opset), feeds

    return build


def gemm(weight: tuple[int, int], bias: tuple[int, ...] | None, **attributes: Any) -> Any:
    """A Gemm with given attributes; with transA the samples stand on the second axis."""

    def build() -> Case:
        constants = {"w": draw(*weight)}
        if bias is not None:
            constants["b"] = draw(*bias) if bias else np.float32(0.3).reshape(())
        inner = weight[1] if attributes.get("transB") else weight[0]
        outputs = weight[0] if attributes.get("transB") else weight[1]
        names = ["x", "w", "b"] if bias is not None else ["x", "w"]
        nodes = [h.make_node("Gemm", names, ["y"], name="fc", **attributes)]
        if attributes.get("transA"):
            nodes = [h.make_node("Transpose", ["x"], ["t"], perm=[1, 0]), *nodes]
            nodes[1].input[0] = "t"
        feeds = {"x": draw(5, inner, seed=2)}
        return model(nodes, {"x": ["n", inner]}, {"y": ["n", outputs]}, constants), feeds

    return build


def matmul_sequence() -> Case:
    """MatMul on (n, t, k), its bias as an Add, then attention scores of two run-time operands."""
    nodes = [
        h.make_node("MatMul", ["x", "wq"], ["q0"], name="query"),
        h.make_node("Add", ["bq", "q0"], ["q"]),
        h.make_node("MatMul", ["x", "wk"], ["k"], name="key"),
        h.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        h.make_node("MatMul", ["q", "kt"], ["s"], name="scores"),
        h.make_node("Softmax", ["s"], ["p"], axis=-1),
        h.make_node("MatMul", ["p", "x"], ["y"], name="mix"),
    ]
    constants = {"wq": draw(6, 4), "bq": draw(4, seed=5), "wk": draw(6, 4, seed=6)}
    feeds = {"x": draw(5, 7, 6, seed=3)}
    return model(nodes, {"x": ["n", 7, 6]}, {"y": ["n", 7, 6]}, constants), feeds


def matmul_left() -> Case:
    """A constant on the left of a 3-d tensor, and one on the left of a transposed matrix."""
    nodes = [
        h.make_node("MatMul", ["w1", "x"], ["a"], name="left"),
        h.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["bn"]),
        h.make_node("ReduceMean", ["bn"], ["r"], axes=[2], keepdims=0),
        h.make_node("Transpose", ["r"], ["rt"], perm=[1, 0]),
        h.make_node("MatMul", ["w2", "rt"], ["c"], name="left2"),
        h.make_node("Transpose", ["c"], ["y"], perm=[1, 0]),
    ]
    g, b, m, v = batch_norm("bn", 4).values()
    constants = {"w1": draw(4, 6), "w2": draw(3, 4), "g": g, "b": b, "m": m, "v": v}
    feeds = {"x": draw(5, 6, 7, seed=3)}
    return model(nodes, {"x": ["n", 6, 7]}, {"y": ["n", 3]}, constants), feeds


def time_first() -> Case:
    """Samples on the second axis inside the network, as PyTorch's transformers have them."""
    nodes = [
        h.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        h.make_node("MatMul", ["t", "w"], ["m"], name="fc"),
        h.make_node("Relu", ["m"], ["r"]),
        h.make_node("Transpose", ["r"], ["y"], perm=[1, 0, 2]),
    ]
    feeds = {"x": draw(5, 7, 6, seed=3)}
    return model(nodes, {"x": ["n", 7, 6]}, {"y": ["n", 7, 4]}, {"w": draw(6, 4)}), feeds


def if_captures() -> Case:
    """An If whose bodies read a layer's output and constants of the outer graph."""
    then = h.make_graph(
        [h.make_node("Mul", ["a", "two"], ["t0"]), h.make_node("Add", ["t0", "x"], ["t1"])],
        "then", [], [h.make_tensor_value_info("t1", F32, None)],
    )  # fmt: skip
    other = h.make_graph(
        [h.make_node("Conv", ["a", "w1"], ["e0"], name="inner", pads=[1] * 4)],
        "else", [], [h.make_tensor_value_info("e0", F32, None)],
    )  # fmt: skip
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], name="conv", pads=[1] * 4),
        h.make_node("ReduceMax", ["x"], ["top"], keepdims=0),
        h.make_node("Greater", ["top", "limit"], ["condition"]),
        h.make_node("If", ["condition"], ["b"], then_branch=then, else_branch=other, name="if"),
        h.make_node("Conv", ["b", "w1"], ["y"], name="last"),
    ]
    constants = {
        "w1": draw(3, 3, 3, 3), "two": np.float32(2).reshape(()),
        "limit": np.float32(-100).reshape(()),
    }  # fmt: skip
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 3, 7, 6]}, constants), images()


def lstm() -> Case:
    """A recurrent layer between two others; time first inside."""
    nodes = [
        h.make_node("MatMul", ["x", "w1"], ["a"], name="embed"),
        h.make_node("Transpose", ["a"], ["t"], perm=[1, 0, 2]),
        h.make_node("LSTM", ["t", "wx", "wr", "wb"], ["", "hidden"], name="lstm", hidden_size=5),
        h.make_node("Squeeze", ["hidden", "axis"], ["f"]),
        h.make_node("Gemm", ["f", "w2"], ["y"], name="fc"),
    ]
    constants = {
        "w1": draw(6, 4), "wx": draw(1, 20, 4), "wr": draw(1, 20, 5), "wb": draw(1, 40),
        "axis": np.array([0]), "w2": draw(5, 3),
    }  # fmt: skip
    feeds = {"x": draw(5, 7, 6, seed=3)}
    return model(nodes, {"x": ["n", 7, 6]}, {"y": ["n", 3]}, constants), feeds


def local_functions() -> Case:
    """A model-local function that holds a layer and is called twice."""
    block = h.make_function(
        "local", "Block", ["u", "w"], ["v"],
        [
            h.make_node("Conv", ["u", "w"], ["c"], name="conv", pads=[1] * 4),
            h.make_node("Relu", ["c"], ["v"]),
        ],
        [h.make_opsetid("", 17)],
    )  # fmt: skip
    nodes = [
        h.make_node("Block", ["x", "w1"], ["a"], domain="local"),
        h.make_node("Block", ["a", "w2"], ["y"], domain="local"),
    ]
    constants = {"w1": draw(4, 3, 3, 3), "w2": draw(4, 4, 3, 3)}
    shapes = {"x": ["n", 3, 9, 8]}, {"y": ["n", 4, 9, 8]}
    opsets = [h.make_opsetid("local", 1)]
    return model(nodes, *shapes, constants, functions=[block], opsets=opsets), images()


def computed_weights() -> Case:
    """Weights that arrive through Constant, Transpose, Identity, Reshape, Cast and dequantising."""
    quantized = np.random.default_rng(4).integers(-127, 128, (5, 8), np.int8)
    nodes = [
        h.make_node("Constant", [], ["w0"], value=onnx.numpy_helper.from_array(draw(3, 3, 3, 8))),
        h.make_node("Transpose", ["w0"], ["w1"], perm=[3, 2, 0, 1]),
        h.make_node("Conv", ["x", "w1"], ["a"], name="conv"),
        h.make_node("GlobalMaxPool", ["a"], ["g"]),
        h.make_node("Flatten", ["g"], ["f"]),
        h.make_node("DequantizeLinear", ["q", "scale"], ["w2"]),
        h.make_node("Gemm", ["f", "w2"], ["b"], name="fc1", transB=1),
        h.make_node("Constant", [], ["shape"], value_ints=[5, 4]),
        h.make_node("Cast", ["d"], ["d32"], to=F32),
        h.make_node("Reshape", ["d32", "shape"], ["w3"]),
        h.make_node("Identity", ["w3"], ["w4"]),
        h.make_node("MatMul", ["b", "w4"], ["y"], name="fc2"),
    ]
    constants = {
        "q": quantized, "scale": np.float32(0.01).reshape(()),
        "d": draw(20).astype(np.float64),
    }  # fmt: skip
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 4]}, constants), images()


def shared_weights() -> Case:
    """Two nodes that read one weight tensor, without names of their own."""
    nodes = [
        h.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        h.make_node("Clip", ["a", "low", "high"], ["b"]),
        h.make_node("Conv", ["b", "w"], ["y"], pads=[1] * 4),
    ]
    constants = {"w": draw(3, 3, 3, 3), "low": np.float32(-0.2), "high": np.float32(0.4)}
    constants = {name: np.asarray(values) for name, values in constants.items()}
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 3, 9, 8]}, constants), images()


def old_clip() -> Case:
    """Opset 9, IR version 3: limits as attributes, every initializer listed as an input."""
    nodes = [
        h.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1] * 4),
        h.make_node("Clip", ["a"], ["b"], min=0.0, max=0.5),
        h.make_node("GlobalAveragePool", ["b"], ["g"]),
        h.make_node("Flatten", ["g"], ["f"]),
        h.make_node("Gemm", ["f", "w2", "b2"], ["y"], name="fc"),
    ]
    constants = {"w": draw(4, 3, 3, 3), "w2": draw(4, 5), "b2": draw(5)}
    inputs: dict[str, Any] = {"x": ["n", 3, 9, 8]}
    inputs |= {name: values.shape for name, values in constants.items()}
    return model(nodes, inputs, {"y": ["n", 5]}, constants, opset=9, ir=3), images()


def variant(count: int = 5, side: int = 8, **options: Any) -> Callable[[], Case]:
    """The small network with other options."""

    def build() -> Case:
        return small_cnn(**options), images(count, height=side, width=side)

    return build


def newest() -> Case:
    """The small network in the newest operator set of both onnx and ONNX Runtime."""
    for opset in range(onnx.defs.onnx_opset_version(), 17, -1):
        model = small_cnn(opset=opset, ir=10)
        try:
            onnxruntime.InferenceSession(model.SerializeToString())
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            continue
        return model, images(height=8)
    raise AssertionError("onnx and ONNX Runtime have no operator set after 17 in common")


CASES: dict[str, Callable[[], Case]] = {
    "residual": residual,
    "several outputs": several_outputs,
    "several inputs": several_inputs,
    "depthwise": convolution((6, 1, 3, 3), group=6, pads=[1] * 4),
    "grouped": convolution((6, 2, 3, 3), group=3),
    "dilated": convolution((4, 3, 3, 3), dilations=[2, 3], pads=[2, 3, 2, 3]),
    "asymmetric padding": convolution((4, 3, 3, 2), pads=[0, 1, 2, 1], strides=[2, 1]),
    "auto_pad SAME_UPPER": convolution((4, 3, 4, 3), auto_pad="SAME_UPPER", strides=[2, 3]),
    "auto_pad SAME_LOWER": convolution((4, 3, 4, 3), auto_pad="SAME_LOWER", strides=[2, 3]),
    "auto_pad any size": convolution((4, 3, 4, 2), free=True, auto_pad="SAME_LOWER"),
    "auto_pad VALID": convolution((4, 3, 4, 3), auto_pad="VALID"),
    "1-d": convolution((4, 3, 3), pads=[2, 0], strides=[2]),
    "gemm": gemm((6, 4), (4,)),
    "gemm transB": gemm((4, 6), (1, 4), transB=1),
    "gemm transA": gemm((6, 4), None, transA=1),
    "gemm scaled": gemm((4, 6), (), transB=1, alpha=0.7, beta=-2.0),
    "gemm one bias": gemm((6, 4), (1,)),
    "matmul sequence": matmul_sequence,
    "matmul left": matmul_left,
    "time first": time_first,
    "if": if_captures,
    "lstm": lstm,
    "local functions": local_functions,
    "computed weights": computed_weights,
    "shared weights": shared_weights,
    "opset 9": old_clip,
    "opset 13": variant(opset=13, ir=7),
    "opset 17": variant(opset=17, ir=8),
    "newest opset": newest,
    "fixed batch 1": variant(5, batch=1),
    "fixed batch 3": variant(6, batch=3),
    "any size": variant(side=12, size="side"),
}
