# SPDX-License-Identifier: BSD-3-Clause
"""A network's graph, ready to be asked: inputs, outputs, constants, readers, shapes.

Built from a model in normal form (see ``imperfect.onnx``). A shape is a tuple whose sizes are
integers, or None where unknown, or ``SAMPLES`` on the axis along which samples are stacked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._network.normalise import SAMPLES, required_inputs
from imperfect._network.propagation import inferred
from imperfect._network.proto import reads, to_array
from imperfect._optional import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TypeProto, ValueInfoProto

Size = int | str | None
Shape = tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of a network.

    Attributes
    ----------
    name
        The tensor's name.
    shape
        Its sizes: an integer, a name where the size is free (``"n"`` for the number of samples),
        or None where it is unknown. None in place of the tuple: not even the rank is known.
    dtype
        Name of its NumPy type.
    per_sample
        Whether the first axis counts samples. An input without samples is passed whole.
    """

    name: str
    shape: tuple[int | str | None, ...] | None
    dtype: str
    per_sample: bool = True


class Graph:
    """A model in normal form with look-up tables.

    Parameters
    ----------
    model
        The model; it is kept, not copied, and must not be changed.
    """

    def __init__(self, model: ModelProto) -> None:
        self.model = model
        graph = model.graph
        self.nodes = {node.name: node for node in graph.node}
        overridable = {value.name for value in graph.input}
        stored = {tensor.name: tensor for tensor in graph.initializer}
        self.constants = {k: v for k, v in stored.items() if k not in overridable}
        self.defaults = {k: to_array(v) for k, v in stored.items() if k in overridable}
        known = (*graph.value_info, *graph.output, *graph.input)
        self.types: dict[str, TypeProto] = {value.name: value.type for value in known}
        self.output_names = tuple(value.name for value in graph.output)
        self.readers: dict[str, list[NodeProto]] = {}
        self.writers: dict[str, NodeProto] = {}
        for node in graph.node:
            for name in reads(node):
                self.readers.setdefault(name, []).append(node)
            self.writers |= {name: node for name in node.output if name}

    @cached_property
    def batch(self) -> int | None:
        """The fixed number of samples of one run, or None where it is free."""
        size = self.shape(required_inputs(self.model)[0].name)
        return size[0] if size and isinstance(size[0], int) else None

    @cached_property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What a caller must give."""
        return tuple(self._info(value) for value in required_inputs(self.model))

    @cached_property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What a run gives."""
        return tuple(self._info(value) for value in self.model.graph.output)

    def _info(self, value: ValueInfoProto) -> TensorInfo:
        shape, kind = self.shape(value.name), value.type.tensor_type.elem_type
        dtype = np.dtype(require("onnx").helper.tensor_dtype_to_np_dtype(kind)).name
        dims = value.type.tensor_type.shape.dim
        free = {axis: size.dim_param for axis, size in enumerate(dims) if size.dim_param}
        named = shape and tuple(
            "n" if size == SAMPLES else size if size is not None else free.get(axis)
            for axis, size in enumerate(shape)
        )
        lead = SAMPLES if self.batch is None else self.batch
        per_sample = shape is None or shape[:1] in ((lead,), (None,))
        return TensorInfo(value.name, named, dtype, per_sample)

    def shape(self, name: str) -> Shape | None:
        """What is known of a tensor's shape; None if not even its rank is."""
        if name in self.constants:
            return tuple(self.constants[name].dims)
        kind = self.types[name].tensor_type if name in self.types else None
        if kind is None or not kind.HasField("shape"):
            return None
        return tuple(
            dim.dim_value if dim.HasField("dim_value")
            else SAMPLES if dim.dim_param == SAMPLES else None
            for dim in kind.shape.dim
        )  # fmt: skip

    def constant(self, name: str) -> NDArray[Any] | None:
        """The values of a tensor that no input can change, else None."""
        tensor = self.constants.get(name)
        return None if tensor is None else to_array(tensor)

    def tensor_names(self) -> list[str]:
        """Inputs and the outputs of every node: what can be asked for by name."""
        return [value.name for value in self.model.graph.input] + list(self.writers)

    def only_reader(self, name: str) -> NodeProto | None:
        """The one node that reads a tensor, if nothing else needs that tensor."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.output_names else None

    def largest_activation(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        """Bytes per sample of the largest float tensor, for inputs of these shapes, if known."""
        inputs = [self.shape(name) or (None,) for name in shapes]
        free = any(None in shape for shape in inputs)
        types = _infer_types(self.model, shapes) if free else self.types
        sizes = [_bytes_per_sample(kind) for kind in types.values()]
        return max((size for size in sizes if size is not None), default=None)


def _infer_types(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, TypeProto]:
    """Types of all tensors once the sizes of the inputs are known (their samples stay free)."""
    onnx = require("onnx")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    for value in copy.graph.input:
        for axis, size in enumerate(shapes.get(value.name, ())):
            dim = value.type.tensor_type.shape.dim[axis]
            if dim.dim_param != SAMPLES:
                dim.dim_value = size
    return {value.name: value.type for value in inferred(copy).graph.value_info}


def _bytes_per_sample(kind: TypeProto) -> int | None:
    tensor = kind.tensor_type
    if tensor.elem_type != require("onnx").TensorProto.FLOAT or not tensor.HasField("shape"):
        return None
    known = [dim.HasField("dim_value") or dim.dim_param == SAMPLES for dim in tensor.shape.dim]
    return 4 * math.prod(dim.dim_value or 1 for dim in tensor.shape.dim) if all(known) else None
