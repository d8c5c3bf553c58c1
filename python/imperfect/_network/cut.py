# SPDX-License-Identifier: BSD-3-Clause
"""Cuts a graph into analog layers and the ONNX Runtime sessions between them.

The stage of a tensor is the number of analog layers on the longest path to it. All digital nodes
of one stage form one session; a path cannot leave a stage and come back, so branches, tensors
read twice and several outputs need no special case. Operator set and IR version are copied into
every piece. Sessions run in the caller's thread, on one shared memory arena.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imperfect._network.graph import Graph
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.normalise import needed_nodes
from imperfect._network.proto import reads
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import NodeProto, ValueInfoProto


@dataclass(frozen=True, slots=True, eq=False)
class DigitalStep:
    """One session: ``inputs`` and ``outputs`` are tensor names, ``release`` is not needed after."""

    session: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    release: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AnalogStep:
    """One analog layer, or its first part: ``spec`` ends where the step ends.

    ``is_whole``: the step ends where the layer ends. ``keeps_affine``: it has all of the
    layer's scale and shift, but maybe not its limits.
    """

    spec: LayerSpec
    is_whole: bool
    keeps_affine: bool
    release: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.spec.inputs


Step = DigitalStep | AnalogStep


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Steps in order, ending when every tensor of ``targets`` is there."""

    steps: tuple[Step, ...]
    targets: tuple[str, ...]


def make_plan(graph: Graph, layers: Mapping[str, LayerSpec], targets: Sequence[str]) -> Plan:
    """Plan the shortest way to some tensors.

    Parameters
    ----------
    graph
        The network.
    layers
        The layers that are to be analog, by node name.
    targets
        Names of the tensors wanted. A tensor inside a layer's epilogue must be the only one.

    Returns
    -------
    Plan
        Sessions are built; digital nodes and layers that no target needs are left out.
    """
    nodes = needed_nodes(graph.model.graph.node, targets)
    kept = {node.name for node in nodes}
    heads = {}
    for name in kept & layers.keys():
        spec = layers[name]
        ends = [spec.array_output]
        ends += [item.output for item in spec.absorbed if item.node in kept]
        heads[name] = spec.until(ends[-1])
    absorbed = {item.node for spec in heads.values() for item in spec.absorbed}
    stages = _stages([node for node in nodes if node.name not in absorbed], heads)
    steps: list[Step] = []
    builder = _SessionBuilder(graph, set(targets))
    for digital, analog in stages:
        if digital:
            steps.append(builder.build(digital, nodes))
        for part, whole in ((heads[name], layers[name]) for name in analog):
            keeps_affine = part.num_affine == whole.num_affine
            steps.append(AnalogStep(part, part.output == whole.output, keeps_affine))
    return Plan(_with_release(steps, targets), tuple(targets))


def _stages(
    nodes: Iterable[NodeProto], heads: Mapping[str, LayerSpec]
) -> list[tuple[list[NodeProto], list[str]]]:
    """Digital nodes and names of analog layers of every stage; layers run after the nodes."""
    stage: dict[str, int] = {}
    stages: list[tuple[list[NodeProto], list[str]]] = []
    for node in nodes:
        level = max((stage.get(name, 0) for name in reads(node)), default=0)
        while len(stages) <= level:
            stages.append(([], []))
        if node.name in heads:
            stages[level][1].append(node.name)
            stage |= dict.fromkeys(heads[node.name].outputs, level + 1)
        else:
            stages[level][0].append(node)
            stage |= dict.fromkeys(node.output, level)
    return stages


class _SessionBuilder:
    """Builds the sessions of one plan, in order: each session tells the types of its outputs."""

    def __init__(self, graph: Graph, targets: set[str]) -> None:
        self._graph = graph
        self._targets = targets
        self._types: dict[str, int] = {}

    def build(self, nodes: Sequence[NodeProto], everything: Sequence[NodeProto]) -> DigitalStep:
        """One session of ``nodes``; its outputs are what other nodes or the caller need."""
        helper = require("onnx.helper")
        graph = self._graph
        own = {node.name for node in nodes}
        made = [name for node in nodes for name in node.output if name]
        elsewhere = {name for node in everything if node.name not in own for name in reads(node)}
        outputs = [name for name in made if name in elsewhere | self._targets]
        wanted = sorted({name for node in nodes for name in reads(node)} - set(made))
        inputs = [name for name in wanted if name not in graph.constants]
        piece = helper.make_graph(
            list(nodes),
            "piece",
            [self._input(name) for name in inputs],
            [require("onnx").ValueInfoProto(name=name) for name in outputs],
            [graph.constants[name] for name in wanted if name in graph.constants],
        )
        model = helper.make_model(
            piece, opset_imports=graph.model.opset_import, ir_version=graph.model.ir_version
        )
        session = make_session(model.SerializeToString())
        for name, value in zip(outputs, session.get_outputs(), strict=True):
            self._types[name] = _element_type(value.type)
        return DigitalStep(session, tuple(inputs), tuple(outputs))

    def _input(self, name: str) -> ValueInfoProto:
        onnx = require("onnx")
        known = self._graph.types.get(name)
        if known is not None and not known.HasField("tensor_type"):
            other: ValueInfoProto = onnx.ValueInfoProto(name=name, type=known)
            return other
        kind = known.tensor_type.elem_type if known is not None else 0
        # Why: inference knows nothing about the operators of other vendors; sessions do.
        kind = kind or self._types.get(name, onnx.TensorProto.FLOAT)
        value: ValueInfoProto = onnx.helper.make_tensor_value_info(name, kind, None)
        return value


def _element_type(text: str) -> int:
    """ONNX's number of a type that ONNX Runtime writes as "tensor(float)"."""
    onnx = require("onnx")
    names: dict[str, int] = dict(onnx.TensorProto.DataType.items())
    inner = text.removeprefix("tensor(").removesuffix(")").upper()
    return names.get(inner, names["FLOAT"])


def _with_release(steps: Sequence[Step], targets: Iterable[str]) -> tuple[Step, ...]:
    """Let every step release the tensors that no later step reads."""
    seen = set(targets)
    result: list[Step] = []
    for step in reversed(steps):
        release = tuple(name for name in step.inputs if name not in seen)
        seen |= set(step.inputs)
        result.append(replace(step, release=release))
    return tuple(result[::-1])


def make_session(model: bytes) -> Any:
    """A session of one thread with all optimisations, on the shared arena.

    Why one thread: chunks of samples already keep every core busy, and a pool per session
    spins while others compute (measured: ten times slower). Why one arena: a session keeps its
    peak memory for life (measured on EfficientNet-Lite0: 105 MB shared, 596 MB apart).
    """
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if _register_arena():
        options.add_session_config_entry("session.use_env_allocators", "1")
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@functools.cache
def _register_arena() -> bool:
    """Register one arena for all sessions of the process that ask for it; once.

    The environment variable ``IMPERFECT_SHARED_ARENA=0``, read when the first network runs,
    leaves every session its own arena, for programs that register an arena themselves.
    """
    if os.environ.get("IMPERFECT_SHARED_ARENA", "1") == "0":
        return False
    runtime = require("onnxruntime")
    place = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    # Why: growing by what is asked for (strategy 1) keeps the arena near the real peak.
    runtime.create_and_register_allocator(
        place, runtime.OrtArenaCfg({"max_mem": 0, "arena_extend_strategy": 1})
    )
    return True
