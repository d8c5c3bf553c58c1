# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes of a graph can be computed by analog arrays, and what each of them needs.

Candidates are Conv and ConvTranspose (one to three spatial axes), Gemm and MatMul with exactly one
constant operand, and LSTM and GRU with constant weights, in float32.
Everything else stays digital, each node with the reason why.
Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imperfect._network.absorb import with_epilogue
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import Floats, LayerSpec
from imperfect._network.normalise import SAMPLES
from imperfect._network.proto import attributes, optional_input
from imperfect._network.recurrent import OPERANDS, recurrent_spec, why_digital
from imperfect._network.sample_rows import rows_after_sample

if TYPE_CHECKING:
    from onnx import NodeProto


class StaysDigitalError(Exception):
    """Why a node cannot be analog."""


def find_layers(graph: Graph) -> tuple[dict[str, LayerSpec], dict[str, str]]:
    """All candidates by node name, and for every other node the reason why it stays digital.

    Raises
    ------
    ValueError
        If the weights of a candidate are infinite or do not fit its input.
    """
    layers: dict[str, LayerSpec] = {}
    reasons: dict[str, str] = {}
    for name, node in graph.nodes.items():
        reader = READERS.get(node.op_type) if not node.domain else None
        try:
            if reader is None:
                raise StaysDigitalError("not a Conv, ConvTranspose, Gemm, MatMul, LSTM or GRU")
            spec = reader(graph, node)
            if spec.input in graph.constants:
                raise StaysDigitalError("its input is constant")
        except StaysDigitalError as reason:
            reasons[name] = str(reason)
            continue
        _check_finite(spec)
        layers[name] = with_epilogue(graph, spec)
    for layer in layers.values():
        reasons |= {item.node: f"digital epilogue of {layer.name!r}" for item in layer.absorbed}
    return layers, reasons


def _constant(graph: Graph, name: str, what: str) -> Floats:
    """A constant operand of a layer, in float32."""
    array = graph.constant(name)
    if array is None:
        given = name in graph.defaults
        why = "is an input that may be overridden" if given else "is computed at run time"
        raise StaysDigitalError(f"its {what} {why}")
    if array.dtype != np.float32:
        raise StaysDigitalError(f"its {what} is {array.dtype}, not float32")
    if not array.size:
        raise StaysDigitalError(f"its {what} is empty")
    return array


def _check_finite(spec: LayerSpec) -> None:
    for what, values in (("weights", spec.weight), ("bias", spec.bias)):
        if values is not None and not np.isfinite(values).all():
            raise ValueError(f"the {what} of {spec.name!r} are not finite")


def _read_conv(graph: Graph, node: NodeProto) -> LayerSpec:
    spec = _convolution(graph, node, "conv")
    sizes = _sizes(graph, spec)
    return spec if sizes is None else replace(spec, padding=spec.explicit_padding(sizes))


def _read_conv_transpose(graph: Graph, node: NodeProto) -> LayerSpec:
    spec = _convolution(graph, node, "conv_transpose")
    given, sizes = attributes(node), _sizes(graph, spec)
    extra = tuple(given.get("output_padding", [0] * len(spec.stride)))
    if min(extra) < 0:
        raise StaysDigitalError("its output padding is negative")
    spec = replace(spec, output_padding=extra)
    if wanted := given.get("output_shape"):
        if sizes is None:
            raise StaysDigitalError("its padding depends on the size of its input")
        return spec.with_output_shape(sizes, tuple(wanted[-len(sizes) :]))
    if spec.padding is not None:
        return spec
    # Why: what is cut to make the output stride times as long does not depend on the input's size,
    # and ONNX Runtime leaves an output that is too short as it is.
    cut = spec.with_output_shape((1,) * len(extra), spec.stride)
    return replace(cut, output_padding=extra)


def _convolution(graph: Graph, node: NodeProto, family: str) -> LayerSpec:
    """What both kinds of convolution have; padding is None where ``auto_pad`` decides it."""
    weight = _constant(graph, node.input[1], "weight")
    axes = weight.ndim - 2
    if axes not in (1, 2, 3):
        raise StaysDigitalError(f"{axes}-dimensional convolutions are not supported")
    bias_name = optional_input(node, 2)
    bias = _constant(graph, bias_name, "bias") if bias_name else None
    given = attributes(node)
    mode = given.get("auto_pad", "NOTSET") or "NOTSET"
    pads = given.get("pads", [0] * 2 * axes) if mode == "NOTSET" else [0] * 2 * axes
    before_and_after = tuple(zip(pads[:axes], pads[axes:], strict=True))
    if min(pads) < 0:
        raise StaysDigitalError("its padding is negative")
    spec = LayerSpec(
        name=node.name,
        kind=f"{family}{axes}d",
        weight=weight,
        bias=bias,
        input=node.input[0],
        array_output=node.output[0],
        stride=tuple(given.get("strides", [1] * axes)),
        dilation=tuple(given.get("dilations", [1] * axes)),
        groups=given.get("group", 1),
        padding=None if mode.startswith("SAME") else before_and_after,
        auto_pad=mode,
    )
    _check_convolution(graph, node, spec)
    return spec


def _sizes(graph: Graph, spec: LayerSpec) -> tuple[int, ...] | None:
    """The input's sizes along the spatial axes, if all are known."""
    shape = graph.shape(spec.input) or ()
    sizes = tuple(size for size in shape[2:] if isinstance(size, int))
    return sizes if len(sizes) == len(spec.stride) else None


def _check_convolution(graph: Graph, node: NodeProto, spec: LayerSpec) -> None:
    """Neither onnx nor ONNX Runtime compares these before the network runs."""
    weight, groups = spec.weight, spec.groups
    where = f"{node.op_type} {node.name!r}: weight of shape {weight.shape}"
    if groups < 1 or len(weight) % groups:
        raise ValueError(f"{where} cannot be cut into {groups} groups")
    shape = graph.shape(spec.input) or (None,) * weight.ndim
    if len(shape) != weight.ndim:
        raise ValueError(f"{where} does not fit an input of rank {len(shape)}")
    channels = len(weight) if spec.is_transposed else weight.shape[1] * groups
    if isinstance(shape[1], int) and shape[1] != channels:
        raise ValueError(f"{where} in {groups} groups does not fit {shape[1]} input channels")
    kernel = attributes(node).get("kernel_shape")
    if kernel is not None and tuple(kernel) != weight.shape[2:]:
        raise ValueError(f"{where} does not have the kernel shape {tuple(kernel)}")
    if spec.bias is not None and spec.bias.shape != (spec.num_outputs,):
        raise ValueError(f"{where} does not fit a bias of shape {spec.bias.shape}")


def _read_gemm(graph: Graph, node: NodeProto) -> LayerSpec:
    if node.input[1] not in graph.constants and node.input[0] in graph.constants:
        raise StaysDigitalError("its constant operand is on the left")
    weight = _constant(graph, node.input[1], "weight")
    given = attributes(node)
    weight = weight if given.get("transB") else weight.T
    weight = np.ascontiguousarray(_scaled(node, "weight", weight, given.get("alpha", 1.0)))
    bias_name, bias = optional_input(node, 2), None
    if bias_name:
        bias = _constant(graph, bias_name, "bias")
        bias = _per_output(_scaled(node, "bias", bias, given.get("beta", 1.0)), len(weight))
    return _linear(graph, node, weight, bias, node.input[0], swap=bool(given.get("transA")))


def _scaled(node: NodeProto, name: str, values: Floats, factor: float) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values * np.float32(factor)
    if np.isfinite(values).all() and not np.isfinite(scaled).all():
        raise ValueError(f"{node.op_type} {node.name!r}: {name} times {factor:g} is beyond float32")
    return scaled


def _read_matmul(graph: Graph, node: NodeProto) -> LayerSpec:
    left, right = (name in graph.constants for name in node.input)
    if left and not right:
        weight = _constant(graph, node.input[0], "weight")
        if len(graph.shape(node.input[1]) or ()) < 2:
            raise StaysDigitalError("its weight is on the left of an input of unknown rank")
        spec = _linear(graph, node, weight, None, node.input[1], swap=True)
        return replace(spec, swap_output=True)
    weight = _constant(graph, node.input[1], "weight")
    return _linear(graph, node, np.ascontiguousarray(weight.T), None, node.input[0], swap=False)


def _linear(
    graph: Graph, node: NodeProto, weight: Floats, bias: Floats | None, source: str, *, swap: bool
) -> LayerSpec:
    if weight.ndim != 2:
        raise StaysDigitalError(f"its weight has {weight.ndim} axes, not 2")
    shape = graph.shape(source)
    if shape is not None and len(shape) < 2:
        raise StaysDigitalError("its input has no sample axis")
    if graph.batch is None and shape and all(isinstance(size, int) for size in shape):
        raise StaysDigitalError("its input is the same for all samples")
    axes = list(shape or ())
    if swap:
        axes[-2:] = axes[:-3:-1]
    return LayerSpec(
        name=node.name,
        kind="linear",
        weight=weight,
        bias=bias,
        input=source,
        array_output=node.output[0],
        swap_input=swap,
        sample_axis=axes.index(SAMPLES) if SAMPLES in axes else 0,
        rows_after_sample=None if SAMPLES in axes else rows_after_sample(graph, source),
    )


def _per_output(values: Floats, outputs: int) -> Floats:
    """A vector (outputs,) from anything that broadcasts to one value per output."""
    if values.size not in (1, outputs) or (values.shape or (1,))[-1] != values.size:
        raise StaysDigitalError(f"its bias of shape {values.shape} is not one value per output")
    return np.array(np.broadcast_to(values.reshape(-1), (outputs,)))


def _read_recurrent(graph: Graph, node: NodeProto) -> LayerSpec:
    if reason := why_digital(graph, node):
        raise StaysDigitalError(reason)
    names = {what: optional_input(node, place) for what, place in OPERANDS.items()}
    operands = {what: _constant(graph, name, what) for what, name in names.items() if name}
    return recurrent_spec(graph, node, operands)


READERS = {
    "Conv": _read_conv,
    "ConvTranspose": _read_conv_transpose,
    "Gemm": _read_gemm,
    "MatMul": _read_matmul,
    "LSTM": _read_recurrent,
    "GRU": _read_recurrent,
}
