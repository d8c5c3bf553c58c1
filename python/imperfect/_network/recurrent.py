# SPDX-License-Identifier: BSD-3-Clause
"""LSTM and GRU nodes of ONNX: what a layer is made of, and its tensors.

ONNX holds weights as (directions, gates·hidden, …) with gates in the order i, o, f, c (LSTM) and
z, r, h (GRU), layers have i, f, g = c, o and r, z, n = h; peepholes i, o, f become i, f, o.
Tensors: X (steps, n, inputs), Y (steps, directions, n, hidden), states (directions, n, hidden).
Sources: https://onnx.ai/onnx/operators/onnx__LSTM.html and onnx__GRU.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._network.graph import Graph
from imperfect._network.layer_spec import Floats, LayerSpec, RecurrentPart
from imperfect._network.normalise import SAMPLES
from imperfect._network.proto import attributes, optional_input, to_array
from imperfect.layers import AnalogGRU, AnalogLSTM

if TYPE_CHECKING:
    from onnx import NodeProto

# Place of each of the layer's gates among those of ONNX.
GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}
PEEPHOLES = (0, 2, 1)
ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"]}
# Places of the operands among the node's inputs.
OPERANDS = {"weight": 1, "recurrent weight": 2, "bias": 3, "peephole weight": 7}
LENGTHS, STATES = 4, (5, 6)
Tensors = Mapping[str, NDArray[Any]]


def why_digital(graph: Graph, node: NodeProto) -> str:
    """Why the node cannot be analog, or nothing."""
    given = attributes(node)
    usual = ACTIVATIONS[node.op_type]
    chosen = [str(name, "utf-8") if isinstance(name, bytes) else name
              for name in given.get("activations", usual)]  # fmt: skip
    if [name.lower() for name in chosen] != usual * (len(chosen) // len(usual)):
        return f"its activations are {', '.join(chosen)}"
    shape = graph.shape(node.input[0])
    if graph.batch is None and shape and all(isinstance(size, int) for size in shape):
        return "its input is the same for all samples"
    if given.get("layout"):
        return "its layout puts samples first, which ONNX Runtime does not compute"
    if shape is not None and SAMPLES in shape and shape[1] != SAMPLES:
        return "axis 1 of its input does not count samples"
    return ""


def recurrent_spec(graph: Graph, node: NodeProto, operands: Mapping[str, Floats]) -> LayerSpec:
    """The layer of a node, with its operands ("weight", "recurrent weight", …) by name.

    Raises
    ------
    ValueError
        If the operands do not fit each other or the input.
    """
    given = attributes(node)
    direction = given.get("direction", "forward")
    count, order = 1 + (direction == "bidirectional"), GATES[node.op_type]
    _check_operands(graph, node, operands, count)
    w, r = (_ordered(operands[name], order) for name in ("weight", "recurrent weight"))
    arguments: dict[str, Any] = {"direction": direction, "clip": given.get("clip") or None}
    bias = operands.get("bias")
    if bias is not None:
        halves = np.split(bias, 2, axis=1)
        w_bias, r_bias = (_ordered(half, order) for half in halves)
        arguments |= {"bias_ih": _single(w_bias), "bias_hh": _single(r_bias)}
        bias = np.concatenate([w_bias, r_bias], axis=1)
    if node.op_type == "LSTM":
        arguments["input_forget"] = bool(given.get("input_forget"))
        if "peephole weight" in operands:
            rows = _ordered(operands["peephole weight"], PEEPHOLES)
            arguments["peepholes"] = _single(rows)
    else:
        arguments["reset_after"] = bool(given.get("linear_before_reset"))
    used = LENGTHS, *STATES[: 1 + (node.op_type == "LSTM")]
    names = [optional_input(node, place) for place in used]
    constants = {name: to_array(graph.constants[name]) for name in names if name in graph.constants}
    outputs = (*node.output, "", "", "")[:3]
    return LayerSpec(
        name=node.name,
        kind="lstm" if node.op_type == "LSTM" else "gru",
        weight=_single(np.concatenate([w, r], axis=-1)),
        bias=bias,
        input=node.input[0],
        array_output=next(filter(None, outputs)),
        recurrent=RecurrentPart(
            hidden=r.shape[-1],
            arguments=arguments,
            lengths=names[0],
            states=tuple(names[1:]),
            constants=constants,
            outputs=outputs,
        ),
    )


def _ordered(values: Floats, order: tuple[int, ...]) -> Floats:
    """The same values with the gates along axis 1 in another order."""
    parts = np.split(values, len(order), axis=1)
    return np.concatenate([parts[place] for place in order], axis=1)


def _single(values: Floats) -> Floats:
    """Without the axis of directions if there is one only."""
    return values[0] if len(values) == 1 else values


def _check_operands(
    graph: Graph, node: NodeProto, operands: Mapping[str, Floats], count: int
) -> None:
    """Neither onnx nor ONNX Runtime compares these before the network runs."""
    where = f"{node.op_type} {node.name!r}"
    gates, recurrent = len(GATES[node.op_type]), operands["recurrent weight"]
    hidden = recurrent.shape[-1] if recurrent.ndim else 0
    wanted = attributes(node).get("hidden_size", hidden)
    if wanted != hidden:
        raise ValueError(f"{where}: hidden_size={wanted} does not fit {recurrent.shape}")
    shape = graph.shape(node.input[0])
    weight = operands["weight"]
    inputs = weight.shape[-1] if weight.ndim else 0
    if shape is not None and (len(shape) != 3 or shape[2] not in (None, inputs)):
        raise ValueError(f"{where}: weight of shape {weight.shape} does not fit an input {shape}")
    shapes = {
        "weight": (count, gates * hidden, inputs),
        "recurrent weight": (count, gates * hidden, hidden),
        "bias": (count, 2 * gates * hidden),
        "peephole weight": (count, 3 * hidden),
    }
    for name, values in operands.items():
        if values.shape != shapes[name]:
            raise ValueError(f"{where}: its {name} has shape {values.shape}, not {shapes[name]}")


def build_recurrent(spec: LayerSpec, machine: Mapping[str, Any]) -> AnalogLSTM | AnalogGRU:
    """Program the layer."""
    assert spec.recurrent is not None
    part = spec.recurrent
    w, r = np.split(spec.weight, [spec.weight.shape[-1] - part.hidden], axis=-1)
    given: dict[str, Any] = {**part.arguments, **machine}
    return AnalogLSTM(w, r, **given) if spec.kind == "lstm" else AnalogGRU(w, r, **given)


def sequences(x: NDArray[Any]) -> NDArray[np.float32]:
    """A layer's input, samples first."""
    return np.ascontiguousarray(x.swapaxes(0, 1))


def state_and_lengths(part: RecurrentPart, tensors: Tensors) -> dict[str, Any]:
    """First states and lengths as the layer takes them."""
    known = part.constants | dict(tensors)
    given: dict[str, Any] = {}
    if part.lengths:
        given["lengths"] = known[part.lengths]
    if any(part.states):
        states = [known[name].swapaxes(0, 1) if name else None for name in part.states]
        given["initial_state"] = tuple(states) if len(states) == 2 else states[0]
    return given


def joined(given: list[dict[str, Any]]) -> dict[str, Any]:
    """First states and lengths of several chunks as those of one."""

    def join(values: list[Any]) -> Any:
        if isinstance(values[0], tuple):
            return tuple(join(list(items)) for items in zip(*values, strict=True))
        return None if values[0] is None else np.concatenate(values)

    return {name: join([chunk[name] for chunk in given]) for name in given[0]}


def output_tensors(part: RecurrentPart, result: Any) -> dict[str, NDArray[np.float32]]:
    """What the layer gave, by the names of the tensors that are used."""
    y, last = result
    states = list(last) if isinstance(last, tuple) else [last]
    y = y.reshape(*y.shape[:2], -1, part.hidden).transpose(1, 2, 0, 3)
    values = zip(part.outputs, [y, *(state.swapaxes(0, 1) for state in states)], strict=False)
    return {name: np.ascontiguousarray(value) for name, value in values if name}
