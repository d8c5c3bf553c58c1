# SPDX-License-Identifier: BSD-3-Clause
"""Reads ONNX files: checks everything a broken or hostile file can get wrong, then simplifies.

``load`` returns a model in a normal form that the rest of the package relies on: no external
data, no local functions, every node named, every computation on constants done, every tensor's
shape inferred as far as it can be. Whatever is wrong is a ``ValueError`` that names the file.
Nothing is allocated before a tensor's declared size was compared with the bytes that are there;
external data is opened by ``onnx``, which refuses paths that leave the model's folder, symbolic
links and hard links. Format: https://github.com/onnx/onnx/blob/main/docs/IR.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._network.classical import drop_zip_maps
from imperfect._network.normalise import normalise
from imperfect._network.proto import every_node, refusing, to_array
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto, ValueInfoProto

    Source = str | os.PathLike[str] | bytes | ModelProto

__all__ = ["load"]

# Why: protobuf holds no message of 2 GiB or more, and each piece of a network is one message.
LARGEST_MODEL = 2**31 - 1
OLDEST_OPSET = 7
MOST_AXES = 32  # of an array of NumPy

# Types that share bytes, and the bits of one value.
PACKED_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}

# ONNX type numbers of whole tensors that a network may take as input.
INPUT_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16",
    6: "int32", 7: "int64", 9: "bool", 12: "uint32", 13: "uint64",
}  # fmt: skip


def load(source: Source) -> ModelProto:
    """Read, check and simplify an ONNX network.

    Parameters
    ----------
    source
        Path of a file, the bytes of one, or a model already parsed (not changed).

    Returns
    -------
    ModelProto
        The network in normal form: self-contained, functions inlined, nodes named, constant
        parts computed, unused parts dropped, shapes inferred.

    Raises
    ------
    ValueError
        If the file is not ONNX, is damaged, needs operators that ONNX Runtime does not have, has
        inputs of an unsupported type, holds NaN, or refers to data outside its own folder.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> from onnx import helper
    >>> x, y = (helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy")
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    >>> [node.name for node in load(helper.make_model(graph)).graph.node]
    ['y']
    """
    with naming(source):
        model, folder = _parse(source)
        _check_header(model)
        _check_tensors(model, folder)
        _free_negative_sizes(model)
        drop_zip_maps(model)
        _check_structure(model)
        stored = {tensor.name for tensor in model.graph.initializer}
        for value in model.graph.input:
            if value.name not in stored:
                _check_input(value)
        model = normalise(model)
        _check_outputs(model)
        _check_runs(model)
    return model


@contextmanager
def naming(source: Source) -> Iterator[None]:
    """Put the name of the file before every refusal."""
    try:
        yield
    except ValueError as error:
        where = os.fspath(source) if isinstance(source, str | os.PathLike) else "ONNX model"
        raise ValueError(f"{where}: {error}") from error


def _parse(source: Source) -> tuple[ModelProto, Path | None]:
    """The model as it stands in the file, and the folder of its external data."""
    onnx = require("onnx")
    model = onnx.ModelProto()
    if isinstance(source, onnx.ModelProto):
        model.CopyFrom(source)
        return model, None
    folder = None
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.stat().st_size > LARGEST_MODEL:
            raise ValueError("a model of 2 GiB or more is not supported")
        source, folder = path.read_bytes(), path.absolute().parent
    if not isinstance(source, bytes):
        allowed = "a path, bytes or an onnx.ModelProto"
        raise TypeError(f"source: must be {allowed}, not {type(source).__name__}")
    if not source:
        raise ValueError("the file is empty")
    with refusing("is not an ONNX model, or is truncated"):
        model.ParseFromString(source)
    return model, folder


def _check_header(model: ModelProto) -> None:
    """Refuse what is plainly no network, before any library looks at it."""
    onnx = require("onnx")
    if not model.HasField("graph") or not model.ir_version:
        raise ValueError("is not an ONNX model: it has no graph")
    if not model.graph.output:
        raise ValueError("the network has no outputs")
    versions = {item.domain or "ai.onnx": item.version for item in model.opset_import}
    opset, newest = versions.get("ai.onnx", 0), onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ValueError(f"opset {opset}: must be from {OLDEST_OPSET} to {newest}")


def _check_tensors(model: ModelProto, folder: Path | None) -> None:
    """Check the declared size of every stored tensor, then read it if it is external."""
    onnx = require("onnx")
    total = 0
    for tensor in _every_tensor(model):
        num_bytes, num_entries = _sizes(tensor)
        total += num_bytes
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            if total > LARGEST_MODEL:
                raise ValueError(f"tensor {tensor.name!r}: weights of 2 GiB are not supported")
            _read_external(tensor, num_bytes, folder)
        _check_stored(tensor, num_bytes, num_entries)
        is_float = tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
        with refusing(f"tensor {tensor.name!r}"):
            has_nan = is_float and bool(np.isnan(to_array(tensor)).any())
        if has_nan:
            raise ValueError(f"tensor {tensor.name!r} holds NaN")


def _every_tensor(model: ModelProto) -> Iterator[TensorProto]:
    """Initializers and attributes of the graph, its bodies and its functions."""
    nodes = list(every_node(model.graph.node))
    nodes += [node for function in model.functions for node in every_node(function.node)]
    attributes = [attribute for node in nodes for attribute in node.attribute]
    graphs = [model.graph]
    for attribute in attributes:
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            raise ValueError(f"attribute {attribute.name!r}: sparse tensors are not supported")
        yield from [attribute.t] if attribute.HasField("t") else []
        yield from attribute.tensors
        graphs += [attribute.g] if attribute.HasField("g") else []
        graphs += attribute.graphs
    for graph in graphs:
        if graph.sparse_initializer:
            raise ValueError("sparse initializers are not supported")
        yield from graph.initializer


def _sizes(tensor: TensorProto) -> tuple[int, int]:
    """Bytes and entries that the declared shape and type need, by which way they are stored."""
    onnx = require("onnx")
    dims = list(tensor.dims)
    if any(size < 0 for size in dims):
        raise ValueError(f"tensor {tensor.name!r}: shape {dims} has a negative size")
    if len(dims) > MOST_AXES:
        allowed = f"must have at most {MOST_AXES}"
        raise ValueError(f"tensor {tensor.name!r}: has {len(dims)} axes, {allowed}")
    count = math.prod(dims)
    try:
        name = onnx.TensorProto.DataType.Name(tensor.data_type)
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise ValueError(f"tensor {tensor.name!r}: unknown type {tensor.data_type}") from None
    if name in PACKED_BITS:
        num_bytes = math.ceil(count * PACKED_BITS[name] / 8)
        return num_bytes, num_bytes
    return count * width, count * (2 if name.startswith("COMPLEX") else 1)


def _read_external(tensor: TensorProto, expected: int, folder: Path | None) -> None:
    """Read the bytes of one external tensor, no more than its shape needs."""
    helper = require("onnx.external_data_helper")
    if folder is None:
        raise ValueError(f"tensor {tensor.name!r} is in another file: load the model by its path")
    length = [entry for entry in tensor.external_data if entry.key == "length"]
    if not length:
        tensor.external_data.add(key="length", value=str(expected))
    elif length[-1].value != str(expected):
        raise ValueError(
            f"tensor {tensor.name!r}: {length[-1].value} external bytes, "
            f"but shape {list(tensor.dims)} needs {expected}"
        )
    with refusing(f"tensor {tensor.name!r}"):
        helper.load_external_data_for_tensor(tensor, str(folder))
    # Why: before onnx 1.23 the tensor still pointed to its file.
    tensor.data_location = tensor.DEFAULT
    del tensor.external_data[:]


def _check_stored(tensor: TensorProto, num_bytes: int, num_entries: int) -> None:
    """Compare the bytes or entries that are stored with those that the shape needs."""
    if tensor.HasField("raw_data"):
        have, need, unit = len(tensor.raw_data), num_bytes, "bytes"
    else:
        fields = ("float", "int32", "string", "int64", "double", "uint64")
        have = sum(len(getattr(tensor, f"{field}_data")) for field in fields)
        need, unit = num_entries, "entries"
    if have != need:
        raise ValueError(
            f"tensor {tensor.name!r}: shape {list(tensor.dims)} needs {need} {unit}, "
            f"the file holds {have}"
        )


def _check_structure(model: ModelProto) -> None:
    """onnx's own check: cycles, unknown operators, undefined names, wrong attributes."""
    onnx = require("onnx")
    with refusing("is not a valid ONNX model"):
        if any(not _has_shape(value) for value in model.graph.output):
            outputs = list(onnx.shape_inference.infer_shapes(model).graph.output)
            del model.graph.output[:]
            model.graph.output.extend(outputs)
        onnx.checker.check_model(model)
    for value in model.graph.output:
        if not value.type.HasField("tensor_type"):
            raise ValueError(f"output {value.name!r} is not a tensor")


def _free_negative_sizes(model: ModelProto) -> None:
    """Some exporters (PaddlePaddle's) write -1 for a size that varies, as ONNX Runtime allows."""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.HasField("dim_value") and size.dim_value == -1:
                size.ClearField("dim_value")


def _has_shape(value: ValueInfoProto) -> bool:
    return bool(value.type.HasField("tensor_type") and value.type.tensor_type.HasField("shape"))


def _check_input(value: ValueInfoProto) -> None:
    """A network takes tensors of known rank, of float32 or integers."""
    if not value.type.HasField("tensor_type"):
        raise ValueError(f"input {value.name!r} is not a tensor")
    kind = value.type.tensor_type.elem_type
    if kind not in INPUT_TYPES:
        name = require("onnx").TensorProto.DataType.Name(kind).lower()
        allowed = ", ".join(INPUT_TYPES.values())
        raise ValueError(f"input {value.name!r} has type {name}: must be one of {allowed}")
    if not _has_shape(value):
        raise ValueError(f"input {value.name!r} has no shape: its rank must be known")
    for axis, size in enumerate(value.type.tensor_type.shape.dim):
        if size.HasField("dim_value") and size.dim_value < 1:
            raise ValueError(
                f"input {value.name!r}: size {size.dim_value} along axis {axis} "
                "must be positive, or a name if it varies"
            )


def _check_outputs(model: ModelProto) -> None:
    """The type of every output is known by now, from the file or from what computes it."""
    types = set(require("onnx").TensorProto.DataType.values()) - {0}
    for value in model.graph.output:
        if (kind := value.type.tensor_type.elem_type) not in types:
            raise ValueError(f"output {value.name!r}: unknown type {kind}")


def _check_runs(model: ModelProto) -> None:
    """Let ONNX Runtime build the network once: types that differ, operators it does not have."""
    runtime: Any = require("onnxruntime")
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    with refusing("ONNX Runtime cannot run it"):
        runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
