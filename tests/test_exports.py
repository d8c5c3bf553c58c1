# SPDX-License-Identifier: BSD-3-Clause
"""Files as exporters write them: they load, ideal hardware gives ONNX Runtime's answers, and the
layers that hold constant weights are analog. ``exports/make.py`` made the files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto
from onnx import helper as h

import imperfect as im
import networks
from imperfect._network.graph import Graph
from imperfect._network.sample_rows import rows_after_sample

FILES = Path(__file__).with_name("exports")

# The operators of the analog layers of every file, in order.
LAYERS = {
    "keras_attention_tf2onnx_opset18": ["MatMul"] * 5,
    "keras_cnn_tf2onnx_opset9": ["Conv"] * 4 + ["MatMul"],
    "keras_cnn_tf2onnx_opset18": ["Conv"] * 4 + ["MatMul"],
    "keras_mlp_export_opset15": ["MatMul"] * 2,
    "sklearn_binary_opset18": ["Gemm"],
    "sklearn_logistic_opset12": ["Gemm"],
    "sklearn_mlp_opset21": ["MatMul"] * 2,
    "sklearn_pipeline_opset15": ["MatMul", "Gemm"],
    "sklearn_regression_opset21": ["Gemm"],
    "torch_attention_script_opset17": ["MatMul", "Gemm"],
    "torch_cnn_dynamo_opset18": ["Conv"] * 3 + ["Gemm"],
    "torch_cnn_script_opset9": ["Conv"] * 3 + ["Gemm"],
    "torch_cross_attention_dynamo_opset20": ["MatMul", "MatMul", "Gemm"],
    "torch_cross_attention_script_opset14": ["MatMul", "MatMul", "Gemm"],
    "torch_signals_script_opset11": ["Conv"] * 2 + ["Gemm"],
    "torch_transformer_dynamo_opset18": ["MatMul", "Gemm", "MatMul", "MatMul"],
    "torch_transformer_dynamo_opset24": ["MatMul", "Gemm", "MatMul", "MatMul"],
}
NOISY = im.Hardware(cell=im.Cell(read_noise=im.device.Gaussian(0.05)))


def feeds(network: im.Network, count: int = 5) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(2)
    shapes = {info.name: (count, *(info.shape or ())[1:]) for info in network.inputs}
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def wanted(path: Path, x: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What ONNX Runtime gives for the file as it is; dictionaries of classes as columns."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = session.run(None, x)
    arrays = [
        np.array([list(row.values()) for row in answer]) if isinstance(answer, list) else answer
        for answer in answers
    ]
    return dict(zip([info.name for info in session.get_outputs()], arrays, strict=True))


def outputs(answer: Any) -> list[NDArray[Any]]:
    return list(answer.values()) if isinstance(answer, dict) else [answer]


def test_every_file_is_tested() -> None:
    assert sorted(LAYERS) == sorted(path.stem for path in FILES.glob("*.onnx"))


@pytest.mark.parametrize("name", LAYERS)
def test_export_runs_unchanged_on_ideal_hardware(name: str) -> None:
    path = FILES / f"{name}.onnx"
    net = im.Network.from_onnx(path)
    x, expected = feeds(net), wanted(path, feeds(net))
    assert [info.op for info in net.layers] == LAYERS[name]
    answer = im.AnalogNetwork(net)(x)
    answer = answer if isinstance(answer, dict) else {net.outputs[0].name: answer}
    assert answer.keys() == expected.keys()
    for key, values in expected.items():
        if values.dtype.kind == "f":
            scale = np.abs(values).max()
            np.testing.assert_allclose(answer[key] / scale, values / scale, rtol=0, atol=2e-6)
        else:
            np.testing.assert_array_equal(answer[key], values)


@pytest.mark.parametrize("name", LAYERS)
def test_read_noise_of_a_sample_does_not_depend_on_the_others(name: str) -> None:
    net = im.Network.from_onnx(FILES / f"{name}.onnx")
    x = feeds(net)
    chip = im.AnalogNetwork(net, NOISY, seed=3)
    whole = outputs(chip(x, first_sample=4))
    for first, stop in ((0, 2), (2, 5)):
        part = {key: values[first:stop] for key, values in x.items()}
        alone = outputs(chip(part, first_sample=4 + first))
        numbered = outputs(chip(part, samples=np.arange(4 + first, 4 + stop)))
        for values, others, again in zip(whole, alone, numbered, strict=True):
            np.testing.assert_array_equal(others, again)
            if values.dtype.kind == "f":
                np.testing.assert_allclose(others, values[first:stop], rtol=1e-4, atol=1e-5)


def test_classes_of_scikit_learn_keep_their_order_and_names() -> None:
    path = FILES / "sklearn_pipeline_opset15.onnx"
    net = im.Network.from_onnx(path)
    x = next(iter(feeds(net).values()))
    found = net(x)
    names = np.array(["setosa", "versicolor", "virginica"])
    chosen = names[found["output_probability"].argmax(1)]
    assert found["output_label"].tolist() == chosen.tolist()


def test_queries_and_keys_stay_digital_with_a_reason() -> None:
    net = im.Network.from_onnx(FILES / "torch_transformer_dynamo_opset18.onnx")
    reasons = {info.reason for info in net.nodes if info.op == "MatMul" and not info.analog}
    assert reasons == {"its weight is computed at run time"}
    assert sum(info.macs or 0 for info in net.layers) == 5 * (3 * 64 + 64 + 2 * 128)


def test_sizes_left_by_another_number_of_samples_are_forgotten() -> None:
    model = networks.small_cnn()
    clean = im.Network.from_onnx(model)
    old = onnx.shape_inference.infer_shapes(networks.small_cnn(batch=1))
    model.graph.value_info.extend(old.graph.value_info)
    net = im.Network.from_onnx(model)
    assert [info.macs for info in net.layers] == [info.macs for info in clean.layers]
    x = networks.images(height=8)["x"]
    np.testing.assert_array_equal(net(x), clean(x))


def test_size_of_minus_one_varies() -> None:
    model = networks.small_cnn()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    shape = im.Network.from_onnx(model).inputs[0].shape
    assert shape is not None and shape[0] == "n"


def test_output_that_is_no_tensor_is_refused() -> None:
    x = h.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    y = h.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    node = h.make_node("SequenceConstruct", ["x"], ["y"])
    with pytest.raises(ValueError, match="output 'y' is not a tensor"):
        im.Network.from_onnx(h.make_model(h.make_graph([node], "g", [x], [y])))


def linear(op: str, **attributes: Any) -> onnx.ModelProto:
    """A linear model of the domain for classical machine learning."""
    outputs = [h.make_tensor_value_info("y", TensorProto.FLOAT, ["n", None])]
    names = ["y"]
    if op == "LinearClassifier":
        outputs.insert(0, h.make_tensor_value_info("label", TensorProto.INT64, ["n"]))
        names.insert(0, "label")
    node = h.make_node(op, ["x"], names, name="model", domain="ai.onnx.ml", **attributes)
    x = h.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    opsets = [h.make_opsetid("", 15), h.make_opsetid("ai.onnx.ml", 3)]
    graph = h.make_graph([node], "g", [x], outputs)
    return h.make_model(graph, opset_imports=opsets, ir_version=8)


WEIGHTS = networks.draw(2, 3).ravel().tolist()


@pytest.mark.parametrize("post", ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"])
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("LinearRegressor", {"coefficients": WEIGHTS, "intercepts": [0.1, -0.2], "targets": 2}),
        ("LinearRegressor", {"coefficients": WEIGHTS[:3]}),
        ("LinearClassifier", {"coefficients": WEIGHTS, "intercepts": [0.1, -0.2],
                              "classlabels_ints": [3, 5]}),
        ("LinearClassifier", {"coefficients": WEIGHTS[:3], "intercepts": [0.1],
                              "classlabels_ints": [3, 5]}),
    ],
)  # fmt: skip
def test_linear_models_are_analog(post: str, op: str, attributes: dict[str, Any]) -> None:
    if op == "LinearRegressor" and post == "SOFTMAX_ZERO":
        post = "NONE"
    model = linear(op, post_transform=post, **attributes)
    net = im.Network.from_onnx(model)
    assert [info.name for info in net.layers] == ["model"]
    x = np.random.default_rng(1).standard_normal((6, 3), np.float32)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    for values, answer in zip(expected, outputs(im.AnalogNetwork(net)(x)), strict=True):
        np.testing.assert_allclose(answer, values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "attributes",
    [
        {"coefficients": WEIGHTS[:5], "intercepts": [0.0, 0.0], "targets": 2},
        {"coefficients": WEIGHTS, "intercepts": [0.0], "targets": 2},
        {"coefficients": [1.0] * 3, "targets": 2**62},
        {"coefficients": [1.0] * 3 * 5000, "targets": 5000},
        {"coefficients": WEIGHTS[:3], "targets": -1},
        {"targets": 1},
    ],
)
def test_linear_model_whose_numbers_do_not_fit_is_no_layer(attributes: dict[str, Any]) -> None:
    # Whoever refuses it, nothing is allocated for it.
    with suppress(ValueError):
        assert not im.Network.from_onnx(linear("LinearRegressor", **attributes)).layers


def test_linear_model_with_weights_that_are_no_numbers_is_refused() -> None:
    model = linear("LinearRegressor", coefficients=[1.0, np.inf, 2.0])
    with pytest.raises(ValueError, match="the weights of 'model' are not finite"):
        im.Network.from_onnx(model)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        # (samples, steps, 4) to (steps, samples, 4), then merged: one row, then another sample's.
        ([("Transpose", {"perm": [1, 0, 2]}), ("Reshape", [-1, 4])], 1),
        ([("Reshape", [-1, 4])], None),
        ([("Transpose", {"perm": [1, 0, 2]}), ("Relu", {}), ("Reshape", [3, -1, 2, 2]),
          ("Transpose", {"perm": [0, 2, 1, 3]}), ("Reshape", [-1, 2])], 1),
        ([("Reshape", [-1, 3, 2, 2]), ("Transpose", {"perm": [1, 0, 2, 3]}), ("Reshape", [-1, 2])],
         2),
        ([("Transpose", {"perm": [1, 0, 2]}), ("Reshape", [-1, 6])], None),
    ],
)  # fmt: skip
def test_rows_of_a_sample_are_followed_through_the_graph(
    nodes: list[tuple[str, Any]], expected: int | None
) -> None:
    constants = {"w": networks.draw(6, 5)}
    made, before = [], "x"
    for place, (op, given) in enumerate(nodes):
        name, inputs = f"t{place}", [before]
        if op == "Reshape":
            constants[f"shape{place}"] = np.array(given)
            inputs.append(f"shape{place}")
        made.append(h.make_node(op, inputs, [name], **({} if op == "Reshape" else given)))
        before = name
    model = networks.model(made, {"x": ["n", 3, 4]}, {before: [None] * 2}, constants)
    graph = Graph(im.onnx.load(model))
    assert rows_after_sample(graph, before) == expected
