# SPDX-License-Identifier: BSD-3-Clause
"""Finds the nodes after an analog layer that become its digital epilogue.

Constant additions (one value per output), then one batch normalisation, then one Relu or Clip,
as long as nothing else reads the tensor between and it is no output of the network. Together they
are y = clip(scale·y + shift, low, high), with scale = gamma/sqrt(var + eps) and
shift = beta - mean·scale for the normalisation. The cells keep the layer's own weights: nothing
is folded into them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imperfect._network.graph import Graph
from imperfect._network.layer_spec import Absorbed, BatchNorm, Floats, LayerSpec
from imperfect._network.proto import attributes

if TYPE_CHECKING:
    from onnx import NodeProto


def with_epilogue(graph: Graph, spec: LayerSpec) -> LayerSpec:
    """Return the layer together with the nodes after it that it absorbs."""
    while (node := _next_node(graph, spec)) is not None:
        item = {
            "Add": _absorb_add,
            "BatchNormalization": _absorb_batch_norm,
            "Clip": _absorb_clip,
            "Relu": _absorb_clip,
        }[node.op_type](graph, spec, node)
        if item is None:
            break
        spec = replace(spec, absorbed=(*spec.absorbed, item))
    return spec


def _next_node(graph: Graph, spec: LayerSpec) -> NodeProto | None:
    node = graph.only_reader(spec.output)
    if node is None or node.domain or spec.is_clipped:
        return None
    order = {"Add": 1, "BatchNormalization": 1, "Clip": 2, "Relu": 2}
    after_norm = spec.batch_norm is not None and order.get(node.op_type) == 1
    return None if after_norm or node.op_type not in order else node


def _absorb_add(graph: Graph, spec: LayerSpec, node: NodeProto) -> Absorbed | None:
    other = next((name for name in node.input if name != spec.output), "")
    values, rank = graph.constant(other), _rank(graph, spec)
    if values is None or values.dtype != np.float32 or values.ndim > (rank or 0):
        return None
    outputs, axis = spec.outputs, spec.output_axis
    along = values.shape[axis] if values.ndim >= -axis else 1
    if values.size not in (1, outputs) or along != values.size or not np.isfinite(values).all():
        return None
    scale, shift = spec.affine
    return Absorbed(node.name, node.output[0], scale, shift + values.reshape(-1))


def _rank(graph: Graph, spec: LayerSpec) -> int | None:
    """Rank of the layer's output, which is that of its input."""
    if spec.kind != "linear":
        return spec.weight.ndim
    shape = graph.shape(spec.input)
    return None if shape is None else len(shape)


def _absorb_batch_norm(graph: Graph, spec: LayerSpec, node: NodeProto) -> Absorbed | None:
    given, rank = attributes(node), _rank(graph, spec)
    at_inference = not given.get("training_mode") and given.get("spatial", 1)
    # Why: batch normalisation acts along axis 1, a linear layer's outputs may stand elsewhere.
    if not at_inference or rank is None or rank + spec.output_axis != 1 or any(node.output[1:]):
        return None
    vectors: list[Floats] = []
    for name in node.input[1:]:
        values = graph.constant(name)
        if values is None or values.dtype != np.float32 or values.shape != (spec.outputs,):
            return None
        vectors.append(values)
    gamma, beta, mean, variance = vectors
    norm = BatchNorm(gamma, beta, mean, variance, float(given.get("epsilon", 1e-5)))
    if not np.isfinite(vectors).all() or norm.variance.min() + norm.epsilon <= 0:
        return None
    scale, shift = norm.affine()
    old_scale, old_shift = spec.affine
    both = scale * old_scale, scale * old_shift + shift
    return Absorbed(node.name, node.output[0], *both, batch_norm=norm)


def _absorb_clip(graph: Graph, spec: LayerSpec, node: NodeProto) -> Absorbed | None:
    limits = (0.0, math.inf) if node.op_type == "Relu" else clip_limits(graph, node)
    if limits is None or not limits[0] <= limits[1]:
        return None
    return Absorbed(node.name, node.output[0], *spec.affine, *limits)


def clip_limits(graph: Graph, node: NodeProto) -> tuple[float, float] | None:
    """The limits: attributes until opset 10, inputs since; None if computed at run time."""
    given = attributes(node)
    limits = [given.get("min", -math.inf), given.get("max", math.inf)]
    for place, name in enumerate(node.input[1:]):
        if name:
            values = graph.constant(name)
            if values is None or values.size != 1:
                return None
            limits[place] = float(values.reshape(()))
    return limits[0], limits[1]
