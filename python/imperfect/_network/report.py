# SPDX-License-Identifier: BSD-3-Clause
"""What a network consists of, node by node: which could be analog, and how much work each is.

Multiply-adds per sample: a convolution does one per weight and output position, a matrix product
one per weight and row, a recurrent cell one per weight and time step. Nodes of other kinds count
as 0; None means that inference does not know the shapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imperfect import _core
from imperfect._layers.description import ArrayUse, array_use
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.normalise import SAMPLES
from imperfect._network.proto import attributes, bodies, every_node
from imperfect._network.sample_rows import axis_factors
from imperfect.hardware import Hardware

if TYPE_CHECKING:
    from onnx import NodeProto

CONVOLUTIONS = {"Conv", "ConvInteger", "QLinearConv"}
PRODUCTS = {"Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"}
RECURRENT = {"LSTM", "GRU", "RNN"}
UNCOUNTED = {"Attention", "DeformConv", "Einsum"}
MULTIPLIES = CONVOLUTIONS | PRODUCTS | RECURRENT | UNCOUNTED | {"ConvTranspose"}


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One node of a network.

    Attributes
    ----------
    name
        The node's name, or that of its first output if it has none.
    op
        Its operator.
    weight_shape
        Shape of its largest constant operand as stored; None if it has none.
    macs
        Multiply-adds per sample; None if unknown.
    analog
        Whether it can be computed by analog arrays.
    reason
        Why not; empty if it can.
    """

    name: str
    op: str
    weight_shape: tuple[int, ...] | None
    macs: int | None
    analog: bool
    reason: str = ""


def describe_nodes(
    graph: Graph, layers: Mapping[str, LayerSpec], reasons: Mapping[str, str]
) -> tuple[NodeInfo, ...]:
    """Every node in order; of bodies, which stay digital, the nodes that multiply."""
    infos = []
    for name, node in graph.nodes.items():
        is_analog = name in layers
        weight = _weight_shape(graph, node)
        macs = _macs(graph, node)
        infos.append(NodeInfo(name, node.op_type, weight, macs, is_analog, reasons.get(name, "")))
        for inner in every_node(part for body in bodies(node) for part in body.node):
            if inner.op_type in MULTIPLIES:
                reason = f"inside {node.op_type} {name!r}"
                label = f"{name}/{inner.name or next(iter(inner.output))}"
                weight = _weight_shape(graph, inner)
                infos.append(NodeInfo(label, inner.op_type, weight, None, False, reason))
    return tuple(infos)


def _weight_shape(graph: Graph, node: NodeProto) -> tuple[int, ...] | None:
    if node.op_type not in MULTIPLIES:
        return None
    shapes = [tuple(graph.constants[n].dims) for n in node.input if n in graph.constants]
    return max(shapes, key=math.prod, default=None)


def _macs(graph: Graph, node: NodeProto) -> int | None:
    if node.op_type not in MULTIPLIES:
        return None if bodies(node) else 0
    if node.op_type in UNCOUNTED or node.domain:
        return None
    place = 3 if node.op_type.startswith("QLinear") else 1
    weight = graph.shape(node.input[place])
    if weight is None or not all(isinstance(size, int) for size in weight):
        weight = None
    if node.op_type in PRODUCTS:
        return _product_macs(graph, node)
    if weight is None:
        return None
    size = math.prod(int(n or 0) for n in weight)
    if node.op_type in RECURRENT:
        return _recurrent_macs(graph, node, size)
    tensor = node.input[0] if node.op_type == "ConvTranspose" else node.output[0]
    positions = _elements(graph, tensor, skip=1)
    return None if positions is None else positions * size


def _product_macs(graph: Graph, node: NodeProto) -> int | None:
    left, outputs = graph.shape(node.input[0]), _elements(graph, node.output[0])
    axis = -2 if attributes(node).get("transA") else -1
    inner = left[axis] if left and len(left) >= -axis else None
    return outputs * inner if outputs is not None and isinstance(inner, int) else None


def _recurrent_macs(graph: Graph, node: NodeProto, size: int) -> int | None:
    x, recurrent = graph.shape(node.input[0]), _elements(graph, node.input[2])
    steps = x[1 if attributes(node).get("layout") else 0] if x else None
    if not isinstance(steps, int) or recurrent is None:
        return None
    return steps * (size + recurrent)


def _elements(graph: Graph, name: str, skip: int | None = None) -> int | None:
    """Values per sample of a tensor, not counting the sizes along one axis."""
    shape = graph.shape(name)
    if shape is None or None in shape:
        axes = axis_factors(graph, name)
        if axes is None:
            return None
        shape = tuple(size for axis, sizes in enumerate(axes) if axis != skip for size in sizes)
        skip = None
    sizes = [1 if size == SAMPLES else size for axis, size in enumerate(shape) if axis != skip]
    known = [size for size in sizes if isinstance(size, int)]
    samples = graph.batch if graph.batch and name not in graph.constants else 1
    return math.prod(known) // samples if len(known) == len(sizes) else None


def table(rows: Iterable[tuple[object, ...]], header: tuple[str, ...]) -> str:
    """Rows as text, in columns that are as wide as they need to be."""
    cells = [header, *(tuple("" if item is None else str(item) for item in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    return "\n".join(lines)


def planned_arrays(layers: Mapping[str, LayerSpec], hardware: Hardware) -> dict[str, ArrayUse]:
    """The arrays of every layer on this hardware, counted without programming any."""
    return {
        name: array_use(hardware, _core.array_counts(hardware, *spec.matrix))
        for name, spec in layers.items()
    }


def summarise(infos: Iterable[NodeInfo], uses: Mapping[str, ArrayUse]) -> str:
    """Table of the nodes that multiply, then the sums: arrays, and work that can be analog."""
    chosen = [info for info in infos if info.op in MULTIPLIES]
    header = ("node", "op", "weight", "multiply-adds", "arrays", "used", "computed")
    text = table([_summary_row(info, uses.get(info.name)) for info in chosen], header)
    known = sum(info.macs or 0 for info in chosen)
    analog = sum(info.macs or 0 for info in chosen if info.analog)
    unknown = sum(info.macs is None for info in chosen)
    share = f"{analog:,} of {known:,} multiply-adds per sample can be analog"
    share += f"; {unknown} nodes not counted" if unknown else ""
    return "\n".join([text, *_array_totals(uses.values()), share])


def _summary_row(info: NodeInfo, use: ArrayUse | None) -> tuple[object, ...]:
    weight = info.weight_shape and " × ".join(map(str, info.weight_shape))
    macs = "?" if info.macs is None else f"{info.macs:,}"
    arrays = (f"{use.arrays:,}", f"{use.utilisation:.1%}") if use else (None, None)
    how = "analog" if info.analog else f"digital: {info.reason}"
    return info.name, info.op, weight, macs, *arrays, how


def _array_totals(uses: Iterable[ArrayUse]) -> Iterator[str]:
    """One line for each size of arrays."""
    by_size: dict[tuple[int | None, int | None], list[ArrayUse]] = {}
    for use in uses:
        by_size.setdefault((use.rows, use.cols), []).append(use)
    for (rows, cols), group in by_size.items():
        total, cells = (sum(getattr(use, name) for use in group) for name in ("arrays", "cells"))
        used = sum(use.used_cells for use in group)
        size = " × ".join("any" if side is None else str(side) for side in (rows, cols))
        share = f"{used:,} of {cells:,} cells used ({used / cells:.1%})"
        yield f"{total:,} arrays of {size} cells, {share}"
