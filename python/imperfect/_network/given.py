# SPDX-License-Identifier: BSD-3-Clause
"""What a caller gives to a network, before anything is computed: the model and the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import refusal
from imperfect._network.batch import Input
from imperfect._network.graph import Graph, TensorInfo
from imperfect._network.normalise import SAMPLES, required_inputs
from imperfect._network.proto import attributes
from imperfect._network.report import RECURRENT
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import NodeProto


def shape_text(info: TensorInfo) -> str:
    """The shape of a tensor as a tuple, "?" where a size is unknown."""
    sizes = ("...",) if info.shape is None else info.shape
    text = ", ".join("?" if size is None else str(size) for size in sizes)
    return f"({text},)" if len(sizes) == 1 else f"({text})"


def as_input(x: Any) -> Input:
    """The same numbers in arrays; refuses what is none."""
    if isinstance(x, Mapping):
        return {name: _as_array(f"x[{name!r}]", values) for name, values in x.items()}
    return _as_array("x", x)


def _as_array(field: str, values: Any) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{field} is not an array: {error}") from None
    if array.dtype.kind not in "biufc" and not array.ndim:
        kinds = "an array of numbers, or a dictionary of one for each input"
        raise TypeError(f"{refusal(field, values, kinds)}, not {type(values).__name__}")
    return array


def check_normal_form(model: object) -> None:
    """Refuse whatever ``imperfect.onnx.load`` did not make, as far as that can be seen."""
    way = "Network.from_onnx reads files, bytes and models"
    onnx_module = require("onnx")
    if not isinstance(model, onnx_module.ModelProto):
        allowed = f"an ONNX model in normal form; {way}"
        raise TypeError(f"{refusal('model', model, allowed)}, not {type(model).__name__}")
    graph = model.graph
    names = {node.name for node in graph.node if node.name}
    if not graph.output or not required_inputs(model) or len(names) < len(graph.node):
        raise ValueError(f"model: is empty, or not in normal form; {way}")


def check_samples(graph: Graph) -> None:
    """Refuse a network whose samples depend on each other, as far as that can be seen."""
    for info in graph.outputs:
        if not info.per_sample or info.name in graph.constants:
            shape = shape_text(info)
            raise ValueError(f"output {info.name!r} {shape}: its first axis must count samples")
    for name, node in graph.nodes.items():
        if _is_in_training(graph, node):
            raise ValueError(f"{node.op_type} {name!r} is in training mode")
        time_first = node.op_type in RECURRENT and not attributes(node).get("layout")
        if time_first and (graph.shape(node.input[0]) or (None,))[0] == SAMPLES:
            raise ValueError(
                f"{node.op_type} {name!r} takes samples for time steps: "
                "the first axis of the network's input must count samples"
            )


def _is_in_training(graph: Graph, node: NodeProto) -> bool:
    if node.op_type == "Dropout" and len(node.input) > 2:
        mode = graph.constant(node.input[2])
        return mode is None or bool(mode.any())
    return node.op_type == "BatchNormalization" and bool(attributes(node).get("training_mode"))
