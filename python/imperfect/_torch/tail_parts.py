# SPDX-License-Identifier: BSD-3-Clause
"""What nodes of ONNX become where the last layers of a network are trained by PyTorch.

Each builder of ``PARTS`` takes the graph, a node and an example of the tensor that enters it, and
returns a module that computes the node for any number of samples. Axes other than the first keep
their sizes. Layers themselves are built by ``layer_module``, from what the network knows of them.
Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imperfect._network.absorb import clip_limits
from imperfect._network.graph import Graph
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.proto import attributes

if TYPE_CHECKING:
    from onnx import NodeProto

CONVOLUTIONS = {"conv1d": nn.Conv1d, "conv2d": nn.Conv2d}
MAX_POOLS = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
AVERAGE_POOLS = {1: nn.AvgPool1d, 2: nn.AvgPool2d}


class NotTrainableError(Exception):
    """Why a node has no counterpart here."""


def frozen(values: NDArray[Any]) -> Tensor:
    """A tensor of its own with the values of an array, in float32."""
    return torch.from_numpy(np.array(values, np.float32, order="C"))


class BatchNorm(nn.Module):
    """Batch normalisation along axis 1 of tensors of any rank.

    In training it normalises by the batch's own statistics, and moves those of evaluation towards
    them by ``momentum``, from 0 to 1.
    """

    mean: Tensor
    variance: Tensor
    momentum = 1.0

    def __init__(self, vectors: list[NDArray[Any]], epsilon: float) -> None:
        super().__init__()
        gamma, beta, mean, variance = map(frozen, vectors)
        self.gamma, self.beta = nn.Parameter(gamma), nn.Parameter(beta)
        self.register_buffer("mean", mean)
        self.register_buffer("variance", variance)
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        rest = (self.gamma, self.beta, self.training, self.momentum, self.epsilon)
        return functional.batch_norm(x, self.mean, self.variance, *rest)


class Standardised(nn.Module):
    """A layer that takes x - mean, divided by scale, and computes of it what it did of x.

    Parameters
    ----------
    part : nn.Module
        What ``layer_module`` returned; its weights and bias are changed.
    x : Tensor
        Typical inputs. Each channel gets a mean of 0 and a deviation of 1; where zeros are added
        around the input, which a shift would change, a mean square of 1 alone.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, part: nn.Module, x: Tensor) -> None:
        super().__init__()
        layer: Any = layer_in(part)
        is_linear = isinstance(layer, nn.Linear)
        axis = (-2 if isinstance(part, nn.Sequential) else -1) if is_linear else 1
        others = [other for other in range(x.dim()) if other != axis % x.dim()]
        mean, square = x.mean(others, keepdim=True), x.square().mean(others, keepdim=True)
        padded = not is_linear and (isinstance(part, nn.Sequential) or any(layer.padding))
        if padded:
            mean = torch.zeros_like(mean)
        scale = (x - mean).square().mean(others, keepdim=True).sqrt()
        # Why: what hardly varies is no signal, and must not become one.
        scale = torch.where(scale > 1e-5 * square.sqrt(), scale, torch.ones_like(scale))
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        groups = 1 if is_linear else layer.groups
        per_output = [
            vector.reshape(groups, -1).repeat_interleave(len(layer.weight) // groups, 0)
            for vector in (mean, scale)
        ]
        weight = (
            layer.weight.detach().flatten(2) if not is_linear else layer.weight.detach()[..., None]
        )
        shift = (weight.sum(2) * per_output[0]).sum(1)
        bias = shift if layer.bias is None else layer.bias.detach() + shift
        layer.bias = None if padded and layer.bias is None else nn.Parameter(bias)
        scaled = weight * per_output[1][..., None]
        layer.weight = nn.Parameter(scaled.reshape(layer.weight.shape))
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return self.part((x - self.mean) / self.scale)


def layer_in(part: nn.Module) -> nn.Module:
    """The linear layer or convolution of a module that ``layer_module`` returned."""
    kinds = (nn.Linear, *CONVOLUTIONS.values())
    return next(module for module in part.modules() if isinstance(module, kinds))


class Clamp(nn.Module):
    """Values between two limits, either of which may be infinite."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(self.low, self.high)


class Mean(nn.Module):
    """Mean over some axes."""

    def __init__(self, axes: list[int], keepdim: bool) -> None:
        super().__init__()
        self.axes, self.keepdim = axes, keepdim

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.axes, keepdim=self.keepdim)


class Padded(nn.Module):
    """Zeros before and after the last axes, as ``functional.pad`` takes them."""

    def __init__(self, pads: tuple[int, ...]) -> None:
        super().__init__()
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.pads)


class Reshaped(nn.Module):
    """Another shape of each sample."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), *self.shape)


class Swapped(nn.Module):
    """The last two axes exchanged."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(-1, -2).contiguous()


class Combined(nn.Module):
    """Sum or product of tensors; a constant among them is not trained."""

    constant: Tensor | None

    def __init__(self, product: bool, constant: NDArray[Any] | None) -> None:
        super().__init__()
        self.product = product
        self.register_buffer("constant", None if constant is None else frozen(constant))

    def forward(self, *tensors: Tensor) -> Tensor:
        if self.constant is not None:
            tensors = (*tensors, self.constant)
        first, second = tensors
        return first * second if self.product else first + second


def layer_module(spec: LayerSpec, example: Tensor) -> nn.Module:
    """The layer with the network's weights; one nn.Linear or convolution is somewhere in it."""
    parts: list[nn.Module] = []
    if spec.kind == "linear":
        if spec.sample_axis:
            raise NotTrainableError("its samples do not stand on the first axis")
        layer: Any = nn.Linear(1, 1, device="meta")
        layer.out_features, layer.in_features = spec.weight.shape
        parts += [Swapped()] * spec.swap_input + [layer] + [Swapped()] * spec.swap_output
    elif spec.kind in CONVOLUTIONS:
        pads = spec.explicit_padding(tuple(example.shape[2:]))
        even = all(before == after for before, after in pads)
        geometry: dict[str, Any] = {
            "kernel_size": spec.weight.shape[2:],
            "stride": spec.stride,
            "padding": tuple(before for before, _ in pads) if even else 0,
            "dilation": spec.dilation,
            "groups": spec.groups,
        }
        outputs, inputs = len(spec.weight), spec.weight.shape[1] * spec.groups
        layer = CONVOLUTIONS[spec.kind](inputs, outputs, device="meta", **geometry)
        flat = tuple(size for pair in reversed(pads) for size in pair)
        parts += [] if even else [Padded(flat)]
        parts.append(layer)
    else:
        raise NotTrainableError(f"layers of kind {spec.kind} cannot be trained here")
    # Why: parameters are made here, because torch's own would draw from the global generator.
    layer.weight = nn.Parameter(frozen(spec.weight))
    layer.bias = None if spec.bias is None else nn.Parameter(frozen(spec.bias))
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)


def _batch_norm(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    given, vectors = attributes(node), [graph.constant(name) for name in node.input[1:]]
    if not given.get("spatial", 1) or any(node.output[1:]):
        raise NotTrainableError("it is not of the kind that inference uses")
    known = [values for values in vectors if values is not None]
    if len(known) < 4:
        raise NotTrainableError("its parameters are not all constant")
    return BatchNorm(known, float(given.get("epsilon", 1e-5)))


def _clip(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    limits = clip_limits(graph, node)
    if limits is None:
        raise NotTrainableError("its limits are not constant")
    return Clamp(*limits)


def _combined(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    constants = [graph.constant(name) for name in node.input if name in graph.constants]
    return Combined(node.op_type == "Mul", constants[0] if constants else None)


def _mean(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    given, rank = attributes(node), example.dim()
    if node.op_type == "GlobalAveragePool":
        return Mean(list(range(2, rank)), keepdim=True)
    axes = given.get("axes")
    if len(node.input) > 1 and node.input[1]:
        values = graph.constant(node.input[1])
        if values is None:
            raise NotTrainableError("its axes are not constant")
        axes = values.ravel().tolist()
    places = sorted(axis % rank for axis in axes or ())
    if not places or places[0] == 0:
        raise NotTrainableError(f"it takes the mean over the samples too (axes {axes})")
    return Mean(places, keepdim=bool(given.get("keepdims", 1)))


def _pool(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    given, axes = attributes(node), example.dim() - 2
    pads = list(given.get("pads", [0] * 2 * axes))
    plain = given.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    if axes not in MAX_POOLS or not plain or pads[:axes] != pads[axes:] or any(node.output[1:]):
        raise NotTrainableError("only pools of one output, one or two axes and equal padding are")
    rest: dict[str, Any] = {
        "kernel_size": tuple(given["kernel_shape"]),
        "stride": tuple(given.get("strides", [1] * axes)),
        "padding": tuple(pads[:axes]),
        "ceil_mode": bool(given.get("ceil_mode", 0)),
    }
    dilation = tuple(given.get("dilations", [1] * axes))
    if node.op_type == "MaxPool":
        return MAX_POOLS[axes](dilation=dilation, **rest)
    if set(dilation) != {1}:
        raise NotTrainableError("average pools with dilation are not")
    return AVERAGE_POOLS[axes](count_include_pad=bool(given.get("count_include_pad", 0)), **rest)


def _reshape(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    shape = graph.shape(node.output[0])
    # Why: whatever is put into two axes keeps its order, also where a size is not known.
    if shape is not None and len(shape) == 2:
        return nn.Flatten(1)
    if shape is None or not all(isinstance(size, int) for size in shape[1:]):
        raise NotTrainableError("its output has no fixed shape")
    return Reshaped(tuple(int(size or 0) for size in shape[1:]))


def _flatten(graph: Graph, node: NodeProto, example: Tensor) -> nn.Module:
    if (axis := attributes(node).get("axis", 1)) != 1:
        raise NotTrainableError(f"axis={axis}: only 1 is")
    return nn.Flatten(1)


def _plain(kind: Callable[[], nn.Module]) -> Callable[[Graph, NodeProto, Tensor], nn.Module]:
    return lambda graph, node, example: kind()


PARTS: dict[str, Callable[[Graph, NodeProto, Tensor], nn.Module]] = {
    "Add": _combined,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    # Why: at inference it does nothing, and it is inference whose layers are trained.
    "Dropout": _plain(nn.Identity),
    "Flatten": _flatten,
    "GlobalAveragePool": _mean,
    "HardSwish": _plain(nn.Hardswish),
    "Identity": _plain(nn.Identity),
    "MaxPool": _pool,
    "Mul": _combined,
    "ReduceMean": _mean,
    "Relu": _plain(nn.ReLU),
    "Reshape": _reshape,
    "Sigmoid": _plain(nn.Sigmoid),
    "Squeeze": _reshape,
}
# Operators all of whose inputs are data; of others only the first one is.
SYMMETRIC = {"Add", "Mul"}
