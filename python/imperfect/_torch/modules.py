# SPDX-License-Identifier: BSD-3-Clause
"""Linear maps and convolutions of PyTorch, computed by simulated arrays.

Each module keeps its float weights as parameters and holds a programmed layer of
``imperfect.layers`` made of them. Tensors are float32 on the CPU; torch is used through its public
Python functions alone.
"""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import grad as gradients

from imperfect import layers
from imperfect._arrays import Floats, Samples, as_seed
from imperfect._checks import choice
from imperfect._layers.saved import LARGEST_WRITE, as_write
from imperfect._torch import state as saved
from imperfect._torch.straight_through import StraightThrough, padded, unpadded
from imperfect.hardware import Hardware

Layer = layers.AnalogLinear | layers.AnalogConv1d | layers.AnalogConv2d
REWRITE = ("next", "same", "manual")


def float32_view(name: str, tensor: Any) -> Floats:
    """The memory of a tensor as an array; refuses other types, devices and layouts by name."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: must be a torch.Tensor, not {type(tensor).__name__}")
    if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        have = f"{tensor.dtype} on {tensor.device}"
        raise TypeError(f"{name} is {have}: must be torch.float32 on cpu")
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} has layout {tensor.layout}: must be torch.strided")
    values: Floats = tensor.detach().numpy()
    return values


def _equal(a: Floats | None, b: Floats | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


class AnalogModule(nn.Module):
    """What the analog modules share. Not made directly."""

    _replaces: ClassVar[type[nn.Module]]
    _kind: ClassVar[type[Any]]
    _axes: ClassVar[int]
    weight: nn.Parameter
    bias: nn.Parameter | None
    _layer: Layer

    def __init__(
        self,
        module: Any,
        hardware: Hardware | None = None,
        *,
        seed: int = 0,
        layer_id: int | str = 0,
        rewrite: Literal["next", "same", "manual"] = "next",
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        super().__init__()
        if reason := self.refusal(module):
            raise ValueError(f"module: {reason}")
        self.rewrite = choice("rewrite", rewrite, REWRITE)
        self.read = 0
        self._samples: Samples | None = None
        self.training = module.training
        self.register_parameter("weight", module.weight)
        self.register_parameter("bias", module.bias)
        arguments: dict[str, Any] = {"hardware": hardware, "seed": seed, "layer_id": layer_id}
        arguments |= {"precision": precision} | self._geometry(module)
        self._layer = self._kind(*self._values(), **arguments)
        self._effective: tuple[Layer, Tensor] | None = None

    @classmethod
    def refusal(cls, module: nn.Module) -> str:
        """Why this class cannot stand for a module, or an empty string."""
        if type(module) is not cls._replaces:
            return f"is a {type(module).__name__}: must be a {cls._replaces.__name__}"
        if getattr(module, "padding_mode", "zeros") != "zeros":
            return f"padding_mode={module.padding_mode!r}: must be 'zeros'"
        hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        if any(getattr(module, name, None) for name in hooks):
            return "has hooks, which would be lost"
        return ""

    def _geometry(self, module: Any) -> dict[str, Any]:
        """Further arguments of the layer; kept as attributes for whoever looks at them."""
        raise NotImplementedError

    def _output_shape(self, x: Floats) -> tuple[int, ...]:
        raise NotImplementedError

    def _values(self) -> tuple[Floats, Floats | None]:
        """Weight and bias as arrays on the parameters' own memory."""
        weight = float32_view("weight", self.weight)
        return weight, None if self.bias is None else float32_view("bias", self.bias)

    @property
    def analog(self) -> Layer:
        """The programmed layer as the next call would use it."""
        self._update()
        return self._layer

    @property
    def hardware(self) -> Hardware:
        """The machine that computes this module."""
        return self._layer.hardware

    @property
    def seed(self) -> int:
        """Key of every draw of this module."""
        return self._layer.seed

    @property
    def write(self) -> int:
        """Number of the last write of the cells."""
        return self._layer.write

    def program(self, seed: int | None = None, *, write: int | None = None) -> None:
        """Write the weights of now into the cells.

        Parameters
        ----------
        seed : int or None
            Key of the draws; None keeps the present one.
        write : int or None
            Number of the write, 0 to 2**32 - 1; None is the one after the last.

        Raises
        ------
        ValueError, TypeError
            If a number is out of range, or a weight is not finite.
        """
        seed = self.seed if seed is None else as_seed("seed", seed)
        number = (self.write + 1) % (LARGEST_WRITE + 1) if write is None else as_write(write)
        self._layer = self._layer.with_weights(*self._values(), seed=seed, write=number)

    def calibrate(self, x: Tensor) -> None:
        """Set every range that the hardware leaves open from inputs of this module.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty, not finite, or does not fit.
        """
        layer = copy.copy(self.analog)
        layer.calibrate(float32_view("x", self._batched(x)))
        self._layer = layer

    def _update(self) -> None:
        """Write the cells again if the weights are no longer those that were written."""
        weight, bias = self._values()
        if self.rewrite != "manual" and not np.array_equal(weight, self._layer.weight):
            self.program(write=self.write if self.rewrite == "same" else None)
        elif not _equal(bias, self._layer.bias):
            # Why: the bias is added digitally, so a new one leaves the cells alone.
            self._layer = self._layer.with_bias(bias)

    def _next_read(self) -> int:
        read = as_seed("read", self.read)
        self.read = (read + 1) % 2**64
        return read

    def _row_numbers(self, x: Floats) -> Samples | None:
        """Numbers of the rows in draws, where samples have some: of a sample they follow up."""
        if self._samples is None:
            return None
        rows = len(x) if self._axes else math.prod(x.shape[:-1])
        each = rows // len(self._samples)
        within = np.arange(each, dtype=np.uint64)
        return (self._samples[:, None] * np.uint64(each) + within).ravel()

    def _effective_weight(self, layer: Layer) -> Tensor:
        """The weights that the cells stand for; found once for each write."""
        if self._effective is None or self._effective[0] is not layer:
            self._effective = layer, torch.from_numpy(layer.effective_weight())
        return self._effective[1]

    def _batched(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Compute on the arrays; each call is a new read of them."""
        float32_view("x", x)
        self._update()
        batch = self._batched(x)
        y: Tensor = StraightThrough.apply(batch, self.weight, self.bias, self)
        return y if batch.dim() == x.dim() else y.squeeze(0)

    def get_extra_state(self) -> dict[str, Any]:
        """Cells, calibration and numbers of draws; part of ``state_dict``."""
        return saved.pack(self)

    def set_extra_state(self, state: Any) -> None:
        """Take over what ``get_extra_state`` of an equal module returned."""
        self._layer = saved.unpack(self, state)

    def extra_repr(self) -> str:
        sizes = " × ".join(str(size) for size in self.weight.shape)
        numbers = f"seed={self.seed}, rewrite={self.rewrite!r}"
        return f"<{sizes} weights>, {self.hardware!r}, {numbers}"


class AnalogLinear(AnalogModule):
    """``nn.Linear`` on analog arrays, trainable with straight-through gradients.

    Parameters
    ----------
    module : nn.Linear
        The float layer; its parameters become those of this module.
    hardware : Hardware or None
        The machine; None is ideal.
    seed : int
        Key of every draw.
    layer_id : int or str
        Tells the layers of one seed apart; ``to_analog`` gives the module's dotted name.
    rewrite : {"next", "same", "manual"}
        What happens when the weights are no longer those in the cells, for example after an
        optimizer's step: the next call first writes the cells anew, as the "next" write, which
        draws new programming errors, or as the "same" one, where every cell repeats the error of
        its first write (as if errors belonged to cells, which favours training). "manual": cells
        stay until ``program`` is called. Spread and faults belong to the devices and stay in any
        case; so do the converters' ranges. A new bias acts at once: it is digital.
    precision : {"float32", "fixed16"}
        As in ``imperfect.AnalogLinear``.

    Attributes
    ----------
    weight, bias : nn.Parameter
        The float parameters, in float32 on the CPU.
    analog : imperfect.AnalogLinear
        The programmed layer; never changed in place.
    read : int
        Number of the next read, which keys read noise. Every call, in training and evaluation, is
        a new read and adds 1; set it to repeat a call's bits.

    Raises
    ------
    ValueError, TypeError
        If the module is of another class, not float32 on the CPU, or its weights are not finite.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> linear = torch.nn.Linear(2, 1)
    >>> _ = torch.nn.init.ones_(linear.weight), torch.nn.init.zeros_(linear.bias)
    >>> analog = im.torch.AnalogLinear(linear, im.Hardware(weight_bits=4))
    >>> y = analog(torch.tensor([[1.0, 2.0]]))
    >>> y.shape, y.requires_grad
    (torch.Size([1, 1]), True)
    """

    _replaces, _kind, _axes = nn.Linear, layers.AnalogLinear, 0

    def _geometry(self, module: Any) -> dict[str, Any]:
        self.in_features, self.out_features = module.in_features, module.out_features
        return {}

    def _output_shape(self, x: Floats) -> tuple[int, ...]:
        return (*x.shape[:-1], self.out_features)

    def _input_gradient(self, shape: torch.Size, weight: Tensor, grad: Tensor) -> Tensor:
        return (grad @ weight).reshape(shape)

    def _weight_gradient(self, x: Tensor, grad: Tensor) -> Tensor:
        rows = grad.reshape(-1, self.out_features)
        return rows.T @ x.reshape(-1, self.in_features)

    def _bias_gradient(self, grad: Tensor) -> Tensor:
        return grad.reshape(-1, self.out_features).sum(0)


class _AnalogConv(AnalogModule):
    """Convolutions of one or two dimensions."""

    _layer: Any

    def _geometry(self, module: Any) -> dict[str, Any]:
        for name in ("in_channels", "out_channels", "kernel_size"):
            setattr(self, name, getattr(module, name))
        self.stride, self.dilation, self.groups = module.stride, module.dilation, module.groups
        self.padding = module.padding
        padding = 0 if module.padding == "valid" else module.padding
        names = ("stride", "dilation", "groups")
        return {"padding": padding} | {name: getattr(module, name) for name in names}

    def _batched(self, x: Tensor) -> Tensor:
        return x.unsqueeze(0) if x.dim() == self._axes + 1 else x

    def _output_shape(self, x: Floats) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._layer.output_shape(x)
        return shape

    def _input_gradient(self, shape: torch.Size, weight: Tensor, grad: Tensor) -> Tensor:
        pairs = self._layer.padding
        like, padding = padded(torch.empty(shape, device="meta"), pairs)
        gradient = gradients.conv1d_input if self._axes == 1 else gradients.conv2d_input
        place = (self.stride, padding, self.dilation, self.groups)
        found: Tensor = gradient(like.shape, weight, grad, *place)
        return found if like.shape == shape else unpadded(found, pairs)

    def _weight_gradient(self, x: Tensor, grad: Tensor) -> Tensor:
        x, padding = padded(x, self._layer.padding)
        gradient = gradients.conv1d_weight if self._axes == 1 else gradients.conv2d_weight
        place = (self.stride, padding, self.dilation, self.groups)
        found: Tensor = gradient(x, self.weight.shape, grad, *place)
        return found

    def _bias_gradient(self, grad: Tensor) -> Tensor:
        return grad.sum((0, *range(2, grad.dim())))


class AnalogConv1d(_AnalogConv):
    """``nn.Conv1d`` on analog arrays; parameters and attributes as in ``AnalogLinear``.

    Groups, strides, dilations and every padding with zeros are supported.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> analog = im.torch.AnalogConv1d(torch.nn.Conv1d(2, 3, 3, padding=1))
    >>> analog(torch.ones(4, 2, 9)).shape
    torch.Size([4, 3, 9])
    """

    _replaces, _kind, _axes = nn.Conv1d, layers.AnalogConv1d, 1


class AnalogConv2d(_AnalogConv):
    """``nn.Conv2d`` on analog arrays; parameters and attributes as in ``AnalogLinear``.

    Groups, strides, dilations and every padding with zeros are supported.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> analog = im.torch.AnalogConv2d(torch.nn.Conv2d(2, 4, 3, stride=2, groups=2))
    >>> analog(torch.ones(4, 2, 9, 9)).shape
    torch.Size([4, 4, 4, 4])
    """

    _replaces, _kind, _axes = nn.Conv2d, layers.AnalogConv2d, 2


ANALOG = (AnalogLinear, AnalogConv1d, AnalogConv2d)
