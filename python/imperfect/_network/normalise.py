# SPDX-License-Identifier: BSD-3-Clause
"""Brings a checked ONNX model to the normal form that the rest of the package relies on.

Local functions are inlined, every node gets a name of its own, nodes that read constants only
are computed once (weights often arrive through Identity, Transpose, Cast or DequantizeLinear; those
of PyTorch's LSTM are cut by sizes that a Shape node gives, which is one of them where no sample
changes what it gives),
what no output needs is dropped, and shapes are inferred. The sample axis of the inputs, where its
size is free, is named ``SAMPLES`` so that inference shows where it goes. Never computed in
advance: random operators, operators with bodies, and initializers that are also graph inputs,
which a caller may override.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from imperfect._network.classical import expand_linear_models
from imperfect._network.propagation import inferred
from imperfect._network.proto import bodies, every_node, reads, refusing, to_tensor
from imperfect._network.sizes import known_sizes
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

SAMPLES = "__samples__"

RANDOM = {
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike",
    "RandomUniform", "RandomUniformLike",
}  # fmt: skip

# Why: a few bytes of a file can ask for any amount of memory (ConstantOfShape, Expand, Resize).
LARGEST_TENSOR = 2**32
LARGEST_FOLDED = 2**24

# Nodes of a network, its functions inlined; the networks of today have thousands.
LARGEST_INLINED = 100_000

# Why: each round may let inference see shapes that were computed in the round before.
MAX_ROUNDS = 8


def normalise(model: ModelProto) -> ModelProto:
    """Return the model in normal form.

    Parameters
    ----------
    model
        A model that passed onnx's checker; it may be changed.

    Returns
    -------
    ModelProto
        The normal form, with ``value_info`` for every tensor whose type could be inferred.

    Raises
    ------
    ValueError
        If the first input has no sample axis, or a tensor would take an absurd amount of memory.
    """
    if model.functions:
        _check_functions(model)
        with refusing("its functions cannot be inlined"):
            model = require("onnx.inliner").inline_local_functions(model)
    _name_nodes(model)
    _fix_old_initializers(model)
    expand_linear_models(model)
    _name_samples(model)
    _forget_old_shapes(model)
    for _ in range(MAX_ROUNDS):
        with refusing("its shapes cannot be inferred"):
            model = inferred(model)
        _check_activations(model)
        if not _fold(model):
            break
    prune(model)
    return model


def _check_functions(model: ModelProto) -> None:
    """Refuse functions that inlining would make too much of: each may call others many times."""
    bodies = {(f.domain, f.name, f.overload): f.node for f in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}

    def size_of(nodes: Iterable[NodeProto]) -> int:
        keys = [(node.domain, node.op_type, node.overload) for node in every_node(nodes)]
        for key in keys:
            if key in bodies and key not in sizes:
                sizes[key] = LARGEST_INLINED  # as long as it is open: what calls itself is endless
                sizes[key] = size_of(bodies[key])
        return sum(sizes.get(key, 1) for key in keys)

    with refusing("its functions call each other too deeply"):
        size = size_of(model.graph.node)
    if size > LARGEST_INLINED:
        allowed = f"at most {LARGEST_INLINED}"
        raise ValueError(f"its functions stand for {size:g} nodes: must be {allowed}")


def required_inputs(model: ModelProto) -> list[ValueInfoProto]:
    """The graph's inputs that have no default value."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in stored]


def _name_nodes(model: ModelProto) -> None:
    """Give every node a name of its own: its own, else that of its first output."""
    taken: set[str] = set()
    for node in model.graph.node:
        wanted = node.name or next(filter(None, node.output), node.op_type)
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{wanted}_{count}"
        taken.add(name)
        node.name = name
        node.domain = "" if node.domain == "ai.onnx" else node.domain


def _fix_old_initializers(model: ModelProto) -> None:
    """Before IR version 4 every initializer had to be listed as an input; none is one."""
    if model.ir_version >= 4:
        return
    inputs = required_inputs(model)
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = 4


def _name_samples(model: ModelProto) -> None:
    """Name the free first axis of the inputs ``SAMPLES`` wherever its old name stands."""
    inputs = required_inputs(model)
    if not inputs:
        raise ValueError("the network has no inputs")
    first = inputs[0].type.tensor_type.shape.dim
    if not first:
        raise ValueError(f"input {inputs[0].name!r} is a scalar: it has no sample axis")
    if first[0].HasField("dim_value"):
        return
    old: set[str] = set()
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            old.add(dims[0].dim_param)
            dims[0].dim_param = SAMPLES
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param and size.dim_param in old:
                size.dim_param = SAMPLES


def _forget_old_shapes(model: ModelProto) -> None:
    """Drop what the file says of tensors inside where inference shows that it is wrong.

    Why: whoever frees the number of samples of an exported network leaves the old sizes there.
    """
    onnx = require("onnx")
    stored = {value.name: value for value in model.graph.value_info}
    fresh = onnx.ModelProto()
    fresh.CopyFrom(model)
    del fresh.graph.value_info[:]
    with refusing("its shapes cannot be inferred"):
        fresh = inferred(fresh)
    for value in fresh.graph.value_info:
        sizes = value.type.tensor_type.shape.dim
        old = stored[value.name].type.tensor_type.shape.dim if value.name in stored else ()
        for size, other in zip(sizes, old, strict=False):
            if size.dim_param == SAMPLES and other.HasField("dim_value"):
                del model.graph.value_info[:]
                return


def _check_activations(model: ModelProto) -> None:
    """Refuse a network one of whose tensors is larger than any real one."""
    for name, (kind, shape) in _known_types(model).items():
        size = _num_bytes(kind, shape)
        if size > LARGEST_TENSOR:
            raise ValueError(f"tensor {name!r} of shape {shape} would take {size} bytes")


def _known_types(model: ModelProto) -> dict[str, tuple[int, list[int]]]:
    """Element type and shape of the tensors whose shape is known but for the samples (then 1)."""
    known, types = {}, set(require("onnx").TensorProto.DataType.values()) - {0}
    for value in (*model.graph.value_info, *model.graph.output):
        kind = value.type.tensor_type
        dims = [1 if dim.dim_param == SAMPLES else dim.dim_value for dim in kind.shape.dim]
        fixed = [dim.dim_param == SAMPLES or dim.HasField("dim_value") for dim in kind.shape.dim]
        if kind.HasField("shape") and kind.elem_type in types and all(fixed):
            known[value.name] = kind.elem_type, dims
    return known


def _num_bytes(kind: int, shape: list[int]) -> int:
    return math.prod(shape) * int(require("onnx").helper.tensor_dtype_to_np_dtype(kind).itemsize)


def _fold(model: ModelProto) -> bool:
    """Replace nodes that read constants only by their values; say whether there was one."""
    overridable = {value.name for value in model.graph.input}
    constants = {t.name: t for t in model.graph.initializer if t.name not in overridable}
    outputs = {value.name for value in model.graph.output}
    known, budget = _known_types(model), LARGEST_FOLDED + 8 * model.ByteSize()
    kept: list[NodeProto] = []
    sizes = known_sizes(model, constants)
    for node in model.graph.node:
        names = {name for name in node.output if name}
        values: list[TensorProto] = []
        if node.name in sizes and not names & outputs:
            values = [to_tensor(sizes[node.name], node.output[0])]
        elif _is_foldable(node, constants) and names <= known.keys() and not names & outputs:
            budget -= sum(_num_bytes(*known[name]) for name in names)
            values = _compute(model, node, constants) if budget >= 0 else []
        if values and all(_has_type(known, value) for value in values):
            constants |= {value.name: value for value in values}
            model.graph.initializer.extend(values)
        else:
            kept.append(node)
    changed = len(kept) < len(model.graph.node)
    _keep_nodes(model, kept)
    return changed


def _has_type(known: dict[str, tuple[int, list[int]]], value: TensorProto) -> bool:
    return value.name not in known or known[value.name][0] == value.data_type


def _is_foldable(node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    plain = not node.domain and node.op_type not in RANDOM and not bodies(node)
    return plain and all(name in constants for name in node.input if name)


def _compute(
    model: ModelProto, node: NodeProto, constants: dict[str, TensorProto]
) -> list[TensorProto]:
    """Run one node on constants; an empty list if ONNX Runtime cannot."""
    helper, runtime = require("onnx.helper"), require("onnxruntime")
    names = [name for name in node.output if name]
    graph = helper.make_graph(
        [node],
        "constant",
        [],
        [require("onnx").ValueInfoProto(name=name) for name in names],
        [constants[name] for name in reads(node)],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    options: Any = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(
            alone.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [to_tensor(v, n) for n, v in zip(names, session.run(names, {}), strict=True)]
    except (MemoryError, ImportError):
        raise
    except Exception:
        # Why: what cannot be computed now stays a node, and the whole network is tried after.
        return []


def prune(model: ModelProto) -> None:
    """Drop the nodes and the initializers that no output needs."""
    kept = needed_nodes(model.graph.node, [value.name for value in model.graph.output])
    _keep_nodes(model, kept)
    used = {value.name for value in (*model.graph.output, *model.graph.input)}
    used |= {name for node in kept for name in reads(node)}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)


def needed_nodes(nodes: Iterable[NodeProto], targets: Iterable[str]) -> list[NodeProto]:
    """The nodes, in their order, that the tensors named in ``targets`` depend on."""
    wanted, kept = set(targets), []
    for node in reversed(list(nodes)):
        if wanted & set(node.output):
            wanted |= reads(node)
            kept.append(node)
    return kept[::-1]


def _keep_nodes(model: ModelProto, kept: list[NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(kept)
