# SPDX-License-Identifier: BSD-3-Clause
"""Networks of one LSTM or GRU between transpositions, samples first outside, for every attribute.

Each case is a model and the inputs of one call. Weights are constants unless said otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

Arrays = dict[str, npt.NDArray[Any]]
STEPS, INPUTS, HIDDEN = 6, 4, 5


def draw(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return (0.5 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def values_of(name: str, *shape: int) -> npt.NDArray[Any]:
    """What a network is given: numbers, or how many steps each sample has."""
    if name == "lengths":
        return (np.arange(*shape) % STEPS + 1).astype(np.int32)
    return draw(*shape, seed=5)


def constants_of(op: str, directions: int, *, bias: bool, peepholes: bool) -> Arrays:
    """Weights of a cell, by the names of ONNX's operands."""
    gates = 4 if op == "LSTM" else 3
    constants = {
        "W": draw(directions, gates * HIDDEN, INPUTS, seed=1),
        "R": draw(directions, gates * HIDDEN, HIDDEN, seed=2),
    }
    if bias:
        constants["B"] = draw(directions, 2 * gates * HIDDEN, seed=3)
    if peepholes:
        constants["P"] = draw(directions, 3 * HIDDEN, seed=4)
    return constants


def model_of(
    nodes: list[Any], given: dict[str, list[Any]], outputs: dict[str, list[Any]], constants: Arrays
) -> ModelProto:
    """A model of nodes, with the shapes of its inputs and outputs; lengths are integers."""
    kinds = {"lengths": TensorProto.INT32}
    inputs, results = (
        [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shape)
            for name, shape in shapes.items()
        ]
        for shapes in (given, outputs)
    )
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "recurrent", inputs, results, tensors)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def recurrent(
    op: str,
    *,
    count: int = 7,
    batch: int | str = "n",
    bias: bool = True,
    peepholes: bool = False,
    lengths: bool = False,
    states: int = 0,
    outputs: tuple[str, ...] = ("Y", "Y_h", "Y_c"),
    run_time_weights: bool = False,
    **attributes: Any,
) -> tuple[ModelProto, Arrays]:
    """A network with the node "cell"; outputs have their samples put first."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    constants = constants_of(op, directions, bias=bias, peepholes=peepholes)
    names = ["h0", "c0"][:states]
    state = [batch, directions, HIDDEN]
    shapes = {"x": [batch, STEPS, INPUTS]} | dict.fromkeys(names, state)
    shapes |= {"lengths": [batch]} if lengths else {}
    feeds = {name: values_of(name, count, *shape[1:]) for name, shape in shapes.items()}
    turned = {"x": "X"} | {name: f"{name}_turned" for name in names}
    nodes = [helper.make_node("Transpose", [a], [b], perm=[1, 0, 2]) for a, b in turned.items()]
    operands = [
        "X", "W", "R", "B" if bias else "", "lengths" if lengths else "",
        *(turned.get(name, "") for name in ("h0", "c0")), "P" if peepholes else "",
    ][: 8 if op == "LSTM" else 6]  # fmt: skip
    if run_time_weights:
        operands[2] = "R_now"
        nodes.insert(0, helper.make_node("Mul", ["R", "one"], ["R_now"], name="scaled"))
        shapes["one"], feeds["one"] = [batch, 1, 1], np.ones((count, 1, 1), np.float32)
    while not operands[-1]:
        operands.pop()
    outputs = outputs[: 3 if op == "LSTM" else 2]
    nodes.append(helper.make_node(op, operands, outputs, "cell", hidden_size=HIDDEN, **attributes))
    found = {}
    for name in filter(None, outputs):
        order, steps = ([2, 0, 1, 3], [STEPS]) if name == "Y" else ([1, 0, 2], [])
        nodes.append(helper.make_node("Transpose", [name], [f"{name}_first"], perm=order))
        found[f"{name}_first"] = [batch, *steps, *state[1:]]
    return model_of(nodes, shapes, found, constants), feeds


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {}),
    "lstm without bias": ("LSTM", {"bias": False}),
    "lstm reverse": ("LSTM", {"direction": "reverse"}),
    "lstm both": ("LSTM", {"direction": "bidirectional"}),
    "lstm peepholes": ("LSTM", {"peepholes": True}),
    "lstm peepholes both": ("LSTM", {"peepholes": True, "direction": "bidirectional"}),
    "lstm clip": ("LSTM", {"clip": 0.4}),
    "lstm coupled": ("LSTM", {"input_forget": 1}),
    "lstm everything": (
        "LSTM",
        {
            "direction": "bidirectional", "peepholes": True, "lengths": True, "states": 2,
            "clip": 0.8, "input_forget": 1,
        },
    ),
    "lstm lengths": ("LSTM", {"lengths": True}),
    "lstm lengths both": ("LSTM", {"lengths": True, "direction": "bidirectional"}),
    "lstm lengths reverse": ("LSTM", {"lengths": True, "direction": "reverse"}),
    "lstm states": ("LSTM", {"states": 2}),
    "lstm one state": ("LSTM", {"states": 1}),
    "lstm last state only": ("LSTM", {"outputs": ("", "Y_h")}),
    "lstm cell state only": ("LSTM", {"outputs": ("", "", "Y_c")}),
    "lstm named activations": (
        "LSTM",
        {"activations": ["Sigmoid", "Tanh", "Tanh"] * 2, "direction": "bidirectional"},
    ),
    "lstm fixed batch": ("LSTM", {"batch": 3, "count": 6, "states": 2}),
    "gru": ("GRU", {}),
    "gru after": ("GRU", {"linear_before_reset": 1}),
    "gru clip": ("GRU", {"clip": 0.3}),
    "gru after clip": ("GRU", {"clip": 0.3, "linear_before_reset": 1}),
    "gru both": ("GRU", {"direction": "bidirectional", "lengths": True, "states": 1}),
    "gru after both": (
        "GRU",
        {"direction": "bidirectional", "lengths": True, "states": 1, "linear_before_reset": 1},
    ),
    "gru reverse": ("GRU", {"direction": "reverse", "bias": False}),
    "gru last state only": ("GRU", {"outputs": ("", "Y_h")}),
}  # fmt: skip


def case(name: str) -> tuple[ModelProto, Arrays]:
    op, arguments = CASES[name]
    return recurrent(op, **arguments)
