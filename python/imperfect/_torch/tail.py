# SPDX-License-Identifier: BSD-3-Clause
"""The last layers of a network as one module of PyTorch.

A network is cut at the tensor that enters its k-th last layer. What follows, until the network's
output but without a softmax at its end, must need nothing else from before the cut, and hold
k layers. Values of a sample have the tensor's own shape, or come flattened in C order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from imperfect._checks import check_instance, integer
from imperfect._network.layer_spec import Absorbed, LayerSpec
from imperfect._network.proto import reads
from imperfect._network.report import MULTIPLIES
from imperfect._torch.tail_parts import (
    PARTS,
    SYMMETRIC,
    NotTrainableError,
    Standardised,
    layer_module,
)
from imperfect.network import Network

if TYPE_CHECKING:
    from onnx import NodeProto

# What only turns scores to probabilities, in the same order.
FINAL = ("Softmax", "LogSoftmax", "Identity")


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Where a network is cut: everything from ``source`` to ``target``, node by node."""

    network: Network
    source: str
    target: str
    nodes: tuple[NodeProto, ...]
    layers: tuple[LayerSpec, ...]


def find_cut(network: Network, layers: int) -> Cut:
    """Cut a network before its last layers.

    Raises
    ------
    ValueError
        If it has fewer layers, not one output, or a node of the tail is of a kind that cannot be
        trained or needs a tensor from before the cut.
    TypeError
        If an argument has a wrong type.
    """
    check_instance("network", network, Network, "a Network")
    integer("layers", layers, 1)
    count = len(network._specs)
    if layers > count:
        raise ValueError(f"layers={layers}: the network has {count} layers that can be analog")
    if len(network.outputs) != 1:
        names = [info.name for info in network.outputs]
        raise ValueError(f"network: has outputs {names}, must have one")
    cut, problem = _try_cut(network, layers)
    if problem:
        working = [k for k in range(1, count + 1) if not _try_cut(network, k)[1]]
        below, above = [k for k in working if k < layers], [k for k in working if k > layers]
        nearest = " or ".join(map(str, below[-1:] + above[:1])) or "no other number"
        raise ValueError(f"layers={layers}: {problem}; layers={nearest} would work")
    return cut


def _try_cut(network: Network, layers: int) -> tuple[Cut, str]:
    """The cut, and what is wrong with it."""
    graph, specs = network._graph, network._specs
    source, target = list(specs.values())[-layers].input, graph.output_names[0]
    while (node := graph.writers.get(target)) and node.op_type in FINAL and target != source:
        target = node.input[0]
    problem, wanted, after = "", {target}, _after(network, source)
    if target not in after:
        problem = f"output {graph.output_names[0]!r} does not depend on {source!r}"
    nodes: list[NodeProto] = []
    for node in reversed(graph.nodes.values()):
        if node.output[0] not in wanted:
            continue
        nodes.append(node)
        for name in _data(network, node):
            if name in after:
                wanted |= {name} - {source}
            elif name not in graph.constants and not problem:
                where = f"node {node.name!r} ({node.op_type})"
                problem = f"{where} needs {name!r} from before the cut at {source!r}"
        problem = _kind_problem(network, node) or problem
    inside = tuple(specs[node.name] for node in reversed(nodes) if node.name in specs)
    if len(inside) != layers and not problem:
        problem = f"the tail that begins at {source!r} has {len(inside)} layers"
    return Cut(network, source, target, tuple(reversed(nodes)), inside), problem


def _data(network: Network, node: NodeProto) -> list[str]:
    """Tensors whose values a node computes with; the others are constant or tell shapes."""
    if node.name in network._specs:
        return [network._specs[node.name].input]
    if node.op_type in PARTS and node.op_type not in SYMMETRIC:
        return list(node.input[:1])
    return sorted(reads(node))


def _after(network: Network, source: str) -> set[str]:
    """The tensors that depend on one, and that one."""
    found = {source}
    for node in network._graph.nodes.values():
        if found & set(_data(network, node)):
            found |= set(node.output)
    return found


def _kind_problem(network: Network, node: NodeProto) -> str:
    """Why nodes of a kind cannot be trained, or an empty string."""
    where = f"node {node.name!r} ({node.op_type}) cannot be trained here"
    if node.name in network._specs:
        return ""
    if node.op_type in MULTIPLIES and not node.domain:
        return f"{where}: {network._reasons[node.name]}"
    return "" if node.op_type in PARTS and not node.domain else where


def feature_shape(network: Network, tensor: str) -> tuple[int, ...] | None:
    """Shape of one sample of a tensor, if the network fixes it."""
    shape = network._graph.shape(tensor)
    if shape is not None and (known := _known(shape[1:])):
        return known
    feeds = {}
    for info in network.inputs:
        sizes = None if info.shape is None else _known(info.shape[1:])
        if sizes is None or not info.per_sample:
            return None
        feeds[info.name] = np.zeros((network._graph.batch or 1, *sizes), info.dtype)
    found = network.features(feeds, tensor).shape[1:]
    return tuple(int(size) for size in found)


def _known(sizes: Iterable[Any]) -> tuple[int, ...] | None:
    found = tuple(size for size in sizes if isinstance(size, int))
    return found if len(found) == len(tuple(sizes)) else None


def _additions(spec: LayerSpec) -> tuple[Absorbed, ...]:
    """The additions of constants that follow a layer at once."""
    added = itertools.takewhile(lambda item: item.is_addition, spec.absorbed)
    return tuple(added)


def _with_bias(spec: LayerSpec) -> LayerSpec:
    """The layer with what is added to its outputs as part of its bias, which is trained."""
    if not (added := _additions(spec)):
        return spec
    bias = added[-1].shift if spec.bias is None else spec.bias + added[-1].shift
    return replace(spec, bias=bias)


def _new(spec: LayerSpec, classes: int) -> LayerSpec:
    """A layer in the place of another, all weights 0."""
    shape = (classes, spec.weight.shape[1] * spec.groups, *spec.weight.shape[2:])
    zeros = np.zeros(shape, np.float32)
    return replace(spec, weight=zeros, bias=zeros.reshape(classes, -1)[:, 0], groups=1)


class Tail(nn.Module):
    """The nodes of a cut, with the network's own weights or a new last layer.

    Parameters
    ----------
    cut : Cut
        What to compute.
    shape : tuple of int
        Shape of one sample of the features.
    classes : int or None
        Outputs of a new last layer, all of whose weights are 0; None keeps the network's own.

    Attributes
    ----------
    parts : nn.ModuleList
        A module for each node, in order.
    layers : dict of str to int
        Where the layers are among them, by the nodes' names.
    """

    def __init__(self, cut: Cut, shape: tuple[int, ...], classes: int | None) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        self.layers: dict[str, int] = {}
        self._shape, self._source, self._target = shape, cut.source, cut.target
        self._wires: list[tuple[tuple[str, ...], str]] = []
        # Why: nodes are built on what reaches them, which tells sizes that the graph leaves open.
        known = {cut.source: torch.zeros((2, *shape), dtype=torch.float32, device="cpu")}
        with torch.no_grad():
            for node in cut.nodes:
                self._append(cut, node, known, classes)
        self.outputs = tuple(known[cut.target].shape[1:])

    def _append(
        self, cut: Cut, node: NodeProto, known: dict[str, Tensor], classes: int | None
    ) -> None:
        where = f"node {node.name!r} ({node.op_type})"
        inputs = tuple(name for name in _data(cut.network, node) if name in known)
        written: tuple[str, ...] = (node.output[0],)
        if written[0] in known:  # an addition that became the bias of its layer
            return
        try:
            if spec := cut.network._specs.get(node.name):
                is_last = spec is cut.layers[-1]
                made = _with_bias(spec) if not is_last or classes is None else _new(spec, classes)
                part = layer_module(made, known[inputs[0]])
                written = spec.tensors[: 1 + len(_additions(spec))]
                self.layers[node.name] = len(self.parts)
            else:
                part = PARTS[node.op_type](cut.network._graph, node, known[inputs[0]])
            example = part.eval()(*(known[name] for name in inputs))
        except NotTrainableError as reason:
            raise ValueError(f"{where} cannot be trained here: {reason}") from None
        except (RuntimeError, ValueError) as error:
            new = "" if classes is None else f" with {classes} classes"
            raise ValueError(f"{where} does not fit the features{new}: {error}") from error
        if len(example) != 2:
            raise ValueError(f"{where} cannot be trained here: it changes the number of samples")
        self.parts.append(part)
        self._wires.append((inputs, written[-1]))
        known |= dict.fromkeys(written, example)

    def standardise(self, x: Tensor) -> None:
        """Let the layers that the features enter see them standardised; answers stay."""
        features = x.reshape(len(x), *self._shape)
        for place in self.layers.values():
            if self._wires[place][0] == (self._source,):
                self.parts[place] = Standardised(self.parts[place], features)

    def forward(self, x: Tensor) -> Tensor:
        values = {self._source: x.reshape(len(x), *self._shape)}
        for part, (inputs, output) in zip(self.parts, self._wires, strict=True):
            values[output] = part(*(values[name] for name in inputs))
        return values[self._target]
