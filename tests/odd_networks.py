# SPDX-License-Identifier: BSD-3-Clause
"""Builders of ONNX networks with what exporters seldom write but the format allows.

``CASES`` is a table like the one of ``networks``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto
from onnx import helper as h

import networks
from networks import F32, Case, batch_norm, draw, images, model


def sequence() -> Case:
    """A list of tensors, made before an analog layer and read after it."""
    nodes = [
        h.make_node("SplitToSequence", ["x", "one"], ["s"], axis=1),
        h.make_node("SequenceAt", ["s", "zero"], ["a"]),
        h.make_node("Conv", ["a", "w"], ["b"], pads=[1] * 4),
        h.make_node("SequenceInsert", ["s", "b"], ["t"]),
        h.make_node("ConcatFromSequence", ["t"], ["y"], axis=1),
    ]
    constants = {"w": draw(1, 1, 3, 3), "one": np.array(1), "zero": np.array(0)}
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 4, 9, 8]}, constants), images()


def input_as_output() -> Case:
    """An output that is an input."""
    nodes = [h.make_node("Conv", ["x", "w"], ["y"])]
    outputs = {"y": ["n", 2, 7, 6], "x": ["n", 3, 9, 8]}
    return model(nodes, {"x": ["n", 3, 9, 8]}, outputs, {"w": draw(2, 3, 3, 3)}), images()


def loop() -> Case:
    """A Loop whose body reads the output of an analog layer."""
    body = h.make_graph(
        [h.make_node("Add", ["sum", "a"], ["next"]), h.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            h.make_tensor_value_info("index", TensorProto.INT64, []),
            h.make_tensor_value_info("go", TensorProto.BOOL, []),
            h.make_tensor_value_info("sum", F32, None),
        ],
        [
            h.make_tensor_value_info("on", TensorProto.BOOL, []),
            h.make_tensor_value_info("next", F32, None),
        ],
    )
    nodes = [
        h.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        h.make_node("Loop", ["three", "", "x"], ["b"], body=body),
        h.make_node("Conv", ["b", "w"], ["y"]),
    ]
    constants = {"w": draw(3, 3, 3, 3), "three": np.array(3)}
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 3, 7, 6]}, constants), images()


def integers_between() -> Case:
    """A tensor of integers that passes by an analog layer."""
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["a"]),
        h.make_node("ArgMax", ["a"], ["i"], axis=-1),
        h.make_node("MatMul", ["a", "v"], ["b"]),
        h.make_node("GatherElements", ["b", "i"], ["y"], axis=1),
    ]
    constants = {"w": draw(6, 4), "v": draw(4, 4)}
    return model(nodes, {"x": ["n", 6]}, {"y": ["n", 1]}, constants), {"x": draw(5, 6)}


def half_precision_inside() -> Case:
    """A convolution in float16, which stays digital."""
    nodes = [
        h.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        h.make_node("Conv", ["x16", "w16"], ["a16"], name="half"),
        h.make_node("Cast", ["a16"], ["a"], to=F32),
        h.make_node("Conv", ["a", "w"], ["y"]),
    ]
    constants = {"w16": draw(3, 3, 3, 3).astype(np.float16), "w": draw(2, 3, 3, 3)}
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 2, 5, 4]}, constants), images()


def merged_axes() -> Case:
    """Samples and time steps merged into one axis before a Gemm."""
    nodes = [
        h.make_node("Reshape", ["x", "flat"], ["a"]),
        h.make_node("Gemm", ["a", "w", "b"], ["c"], name="fc"),
        h.make_node("Relu", ["c"], ["d"]),
        h.make_node("Reshape", ["d", "deep"], ["y"]),
    ]
    constants = {
        "w": draw(6, 4), "b": draw(4), "flat": np.array([-1, 6]), "deep": np.array([-1, 7, 4]),
    }  # fmt: skip
    feeds = {"x": draw(5, 7, 6)}
    return model(nodes, {"x": ["n", 7, 6]}, {"y": ["n", 7, 4]}, constants), feeds


def same_for_all_samples() -> Case:
    """A product whose input is a table of positions, with a default that a caller may override."""
    nodes = [
        h.make_node("Cos", ["table"], ["waves"]),
        h.make_node("MatMul", ["waves", "w"], ["positions"], name="positions"),
        h.make_node("Add", ["x", "positions"], ["a"]),
        h.make_node("MatMul", ["a", "w"], ["y"], name="fc"),
    ]
    feeds = {"x": draw(5, 7, 4)}
    inputs, constants = {"x": ["n", 7, 4], "table": [7, 4]}, {"w": draw(4, 4), "table": draw(7, 4)}
    return model(nodes, inputs, {"y": ["n", 7, 4]}, constants), feeds


def convolution3d() -> Case:
    """Three spatial axes between a convolution of two and a product."""
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"]),
        h.make_node("Unsqueeze", ["a", "axis"], ["b"]),
        h.make_node("Conv", ["b", "w2"], ["c"], name="volume", pads=[1, 1, 1, 0, 1, 2]),
        h.make_node("Flatten", ["c"], ["f"]),
        h.make_node("MatMul", ["f", "w3"], ["y"]),
    ]
    constants = {
        "w1": draw(4, 3, 3, 3), "axis": np.array([1]),
        "w2": draw(2, 1, 3, 3, 3), "w3": draw(2 * 3 * 7 * 7, 5),
    }  # fmt: skip
    return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 5]}, constants), images()


def transposed(
    weight: tuple[int, ...], *, free: bool = False, **attributes: Any
) -> Callable[[], Case]:
    """One transposed convolution with given attributes, optionally for images of any size."""

    def build() -> Case:
        axes, groups = len(weight) - 2, attributes.get("group", 1)
        shape: list[int | str] = ["n", weight[0], *(["h", "w"] if free else [9, 8])[:axes]]
        node = h.make_node("ConvTranspose", ["x", "w", "b"], ["y"], name="up", **attributes)
        outputs = weight[1] * groups
        constants = {"w": draw(*weight), "b": draw(outputs)}
        feeds = images(channels=weight[0])
        if axes == 1:
            feeds = {"x": np.ascontiguousarray(feeds["x"][..., 0])}
        output: list[int | str | None] = ["n", outputs, *"pq"[:axes]]
        return model([node], {"x": shape}, {"y": output}, constants), feeds

    return build


def decoder() -> Case:
    """Transposed convolutions between convolutions, with what they absorb."""
    bn1, bn2 = batch_norm("bn1", 6), batch_norm("bn2", 4, seed=7)
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], name="down", strides=[2, 2], pads=[1] * 4),
        h.make_node("BatchNormalization", ["a", *bn1], ["b"], name="bn1"),
        h.make_node("Relu", ["b"], ["c"], name="relu1"),
        h.make_node(
            "ConvTranspose", ["c", "w2"], ["d"], name="up", strides=[2, 2], group=2,
            pads=[1] * 4, output_padding=[0, 1],
        ),
        h.make_node("Add", ["d", "bias"], ["e"], name="add"),
        h.make_node("BatchNormalization", ["e", *bn2], ["f"], name="bn2"),
        h.make_node("Relu", ["f"], ["g"], name="relu2"),
        h.make_node("Conv", ["g", "w3"], ["y"], name="last"),
    ]  # fmt: skip
    constants = {
        "w1": draw(6, 3, 3, 3), "w2": draw(6, 2, 3, 3), "bias": draw(4, 1, 1),
        "w3": draw(2, 4, 1, 1),
    }  # fmt: skip
    shapes = {"x": ["n", 3, 9, 8]}, {"y": ["n", 2, 9, 8]}
    return model(nodes, *shapes, constants | bn1 | bn2), images()


def added(shape: tuple[int, ...]) -> Callable[[], Case]:
    """A convolution, an Add of a constant of some shape, a Clip with an upper limit only."""

    def build() -> Case:
        nodes = [
            h.make_node("Conv", ["x", "w"], ["a"], name="conv"),
            h.make_node("Add", ["a", "b"], ["c"], name="add"),
            h.make_node("Clip", ["c", "", "high"], ["y"], name="clip"),
        ]
        constants = {"w": draw(6, 3, 3, 3), "b": draw(*shape), "high": np.array(0.3, np.float32)}
        return model(nodes, {"x": ["n", 3, 9, 8]}, {"y": ["n", 6, 7, 6]}, constants), images()

    return build


CASES: dict[str, Callable[[], Case]] = {
    "3-d": convolution3d,
    "decoder": decoder,
    "transposed": transposed((3, 4, 3, 2), strides=[2, 3], pads=[1, 0, 0, 1]),
    "transposed, depthwise": transposed((6, 1, 4, 4), group=6, strides=[2, 2], pads=[1] * 4),
    "transposed, grouped": transposed((6, 2, 3, 3), group=3, output_padding=[1, 0], strides=[2, 1]),
    "transposed, dilated": transposed((3, 4, 3, 3), dilations=[2, 3]),
    "transposed, 1-d": transposed((3, 4, 5), strides=[4], pads=[2, 1]),
    "transposed, output shape": transposed((3, 4, 4, 3), strides=[2, 3], output_shape=[17, 22]),
    "transposed, longer": transposed((3, 4, 2, 2), strides=[3, 3], output_shape=[27, 25]),
    "transposed, SAME_UPPER": transposed(
        (3, 4, 4, 2), free=True, strides=[1, 3], auto_pad="SAME_UPPER"
    ),
    "transposed, SAME_LOWER": transposed(
        (3, 4, 4, 5), free=True, strides=[3, 2], auto_pad="SAME_LOWER"
    ),
    "transposed, VALID": transposed((3, 4, 3, 3), free=True, auto_pad="VALID"),
    "sequence": sequence,
    "input as output": input_as_output,
    "loop": loop,
    "integers between": integers_between,
    "half precision inside": half_precision_inside,
    "merged axes": merged_axes,
    "same for all samples": same_for_all_samples,
    "add per channel": added((6, 1, 1)),
    "add along the width": added((6,)),
    "add everywhere": added((1,)),
}
ALL_CASES = networks.CASES | CASES
