# SPDX-License-Identifier: BSD-3-Clause
"""Analog layers: linear maps and convolutions computed by simulated arrays.

A layer maps its weights to cells, programs them once, and then computes
y = W x + b as its hardware would: quantised inputs, imperfect conductances, converted sums.
Arrays are float32 throughout; inputs have shape (n, channels, …), or (…, in) for a linear layer.
Programmed state is never changed in place: ``program`` and ``calibrate`` replace it as a whole,
so a layer may be used from several threads, and copies share it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from imperfect import _core
from imperfect._arrays import Floats, as_float32, as_layer_id, as_seed
from imperfect._geometry import Pairs, axis_values, paddings
from imperfect.hardware import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class Epilogue:
    """A digital step after the arrays: y = clip(scale y + shift, low, high).

    It holds what follows a layer in a network, such as batch normalisation and ReLU.

    Parameters
    ----------
    scale, shift : array of shape (outputs,), or None
        One number for each output; None means 1 and 0.
    low, high : float
        Limits; infinite by default.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> relu = im.Epilogue(low=0.0)
    >>> layer = im.AnalogLinear(np.array([[1.0], [-1.0]]), epilogue=relu)
    >>> layer(np.array([[2.0]]))
    array([[2., 0.]], dtype=float32)
    """

    scale: Floats | None = None
    shift: Floats | None = None
    low: float = -math.inf
    high: float = math.inf

    def _arguments(self) -> tuple[list[float], list[float], float, float]:
        arrays = {"scale": self.scale, "shift": self.shift}
        lists = []
        for name, values in arrays.items():
            array = np.empty(0, np.float32) if values is None else as_float32(name, values)
            if array.ndim != 1:
                raise ValueError(f"{name} has shape {array.shape}: must be (outputs,)")
            lists.append(array.tolist())
        return lists[0], lists[1], float(self.low), float(self.high)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a layer is computed.

    Attributes
    ----------
    kind : str
        "folded": one product stands for all slices, cycles and blocks, because nothing between
        them is nonlinear. "fused": one product for each, converted in registers. "bit_serial": the
        same with one bit a cycle, by tables of the sums of every subset of a few word lines.
        "uncalibrated": not known until ``calibrate`` has been called.
    reason : str
        Why this plan and no cheaper one.
    products : int
        Products of the layer's size that one forward pass stands for.
    slices, cycles, passes : int
        Weight slices, conversions of one pass, passes over the inputs.
    arrays, cells, row_blocks : int
        Arrays and cells in use; blocks of word lines that one output is spread over.
    """

    kind: Literal["folded", "fused", "bit_serial", "uncalibrated"]
    reason: str
    products: int
    slices: int
    cycles: int
    passes: int
    arrays: int
    cells: int
    row_blocks: int


@dataclass(frozen=True, slots=True)
class Clipping:
    """Fractions of values outside the converters' ranges.

    Attributes
    ----------
    dac : float
        Of the inputs.
    adc : tuple of float
        Of the currents, one for each slice (and polarity, where each is converted on its own);
        empty where nothing is converted.
    """

    dac: float
    adc: tuple[float, ...] = field(default=())


class AnalogLayer:
    """What linear and convolutional layers share. Not made directly."""

    _compiled: _core.Layer

    def __init__(
        self,
        shape: _core.LayerShape,
        weight: Floats,
        bias: Any,
        hardware: Hardware | None,
        seed: int,
        layer_id: int | str,
        epilogue: Epilogue | None,
    ) -> None:
        if hardware is not None and not isinstance(hardware, Hardware):
            raise TypeError(f"hardware={hardware!r}: must be a Hardware or None (ideal)")
        self._weight = weight.copy()
        self._weight.flags.writeable = False
        self._bias = None if bias is None else as_float32("bias", bias).copy()
        if self._bias is not None and self._bias.ndim != 1:
            raise ValueError(f"bias has shape {self._bias.shape}: must be ({len(weight)},)")
        self._hardware = Hardware() if hardware is None else hardware
        self._layer_id = as_layer_id(layer_id)
        seed = as_seed("seed", seed)
        core = _core.Layer(shape, self._weight, self._bias, self._hardware, seed, self._layer_id)
        self._set_epilogue(core, epilogue)

    def _set_epilogue(self, core: _core.Layer, epilogue: Epilogue | None) -> None:
        self._epilogue = Epilogue() if epilogue is None else epilogue
        self._compiled = core.with_epilogue(*self._epilogue._arguments())

    @property
    def weight(self) -> Floats:
        """The weights the layer was made of, as float32; read-only."""
        return self._weight

    @property
    def bias(self) -> Floats | None:
        """The bias, added digitally; shape (outputs,) or None."""
        return self._bias

    @property
    def hardware(self) -> Hardware:
        """The machine that computes this layer."""
        return self._hardware

    @property
    def seed(self) -> int:
        """The seed of the present programming."""
        return self._compiled.seed

    @property
    def layer_id(self) -> int:
        """The number that keys this layer's draws."""
        return self._layer_id

    @property
    def epilogue(self) -> Epilogue:
        """The digital step after the arrays."""
        return self._epilogue

    @property
    def plan(self) -> Plan:
        """How a forward pass is computed, and what it costs."""
        return Plan(**self._compiled.plan)

    @property
    def uses_calibration(self) -> bool:
        """Whether the hardware leaves a converter's range or sign to ``calibrate``."""
        return self._compiled.uses_calibration

    @property
    def needs_calibration(self) -> bool:
        """Whether ``calibrate`` must be called before the layer can compute."""
        return self._compiled.needs_calibration

    def program(self, seed: int | None = None, *, write: int = 0) -> None:
        """Write all cells again.

        Parameters
        ----------
        seed : int or None
            Key of the draws; None keeps the present one.
        write : int
            Number of the write, 0 to 2**32 - 1: the same seed and number give the same bits.

        Raises
        ------
        ValueError, TypeError
            If a number is out of range.

        Examples
        --------
        >>> import imperfect as im
        >>> noisy = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1)))
        >>> layer = im.AnalogLinear([[1.0, 2.0]], hardware=noisy, seed=1)
        >>> layer.program(seed=2)
        >>> layer.seed
        2
        """
        if as_seed("write", write) >= 2**32:
            raise ValueError(f"write={write}: must be an integer from 0 to {2**32 - 1}")
        self._compiled.program(self.seed if seed is None else as_seed("seed", seed), write)

    def calibrate(self, x: Any) -> None:
        """Set every range and sign that the hardware leaves open, from data.

        Full scale X and sign come from ``x``; output ranges from the currents that ``x`` causes
        in the programmed arrays, one range for each slice. Nothing happens where nothing is open.

        Parameters
        ----------
        x : array
            Inputs as in a call, at least one sample.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty, not finite, or does not fit the layer.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
        >>> layer = im.AnalogLinear([[1.0, 2.0]], hardware=hardware)
        >>> layer.calibrate([[0.5, -1.0], [1.0, 0.25]])
        >>> layer.needs_calibration
        False
        """
        self._compiled.calibrate(self._to_batch(x))

    def clipping(self, x: Any) -> Clipping:
        """Fractions of inputs and currents that the converters' ranges clip, for these inputs.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(dac=im.DAC(bits=8, range=1.0, signed=True))
        >>> im.AnalogLinear([[1.0, 2.0]], hardware=hardware).clipping([[0.5, -3.0]])
        Clipping(dac=0.5, adc=())
        """
        dac, adc = self._compiled.clipping_rates(self._to_batch(x))
        return Clipping(dac, tuple(adc))

    def with_epilogue(self, epilogue: Epilogue) -> Self:
        """A layer with the same cells and calibration, and another digital step."""
        other = self.__copy__()
        other._set_epilogue(self._compiled, epilogue)
        return other

    def conductances(self) -> Floats:
        """Programmed conductances, relative to g_max.

        Returns
        -------
        array of shape (slices, polarities, outputs, rows), float32
            Polarities: +, then - (differential), or one (offset). Rows run over (channel,
            kernel…) of the output's own group. Unit columns and the cells between the blocks of
            block-diagonal arrays are not included.

        Examples
        --------
        >>> import imperfect as im
        >>> im.AnalogLinear([[1.0, -0.5]]).conductances()
        array([[[[1. , 0. ]],
        <BLANKLINE>
                [[0. , 0.5]]]], dtype=float32)
        """
        return self._compiled.conductances()

    def effective_weight(self) -> Floats:
        """The weights that the programmed cells stand for, in the shape of ``weight``.

        Examples
        --------
        >>> import imperfect as im
        >>> im.AnalogLinear([[1.0, -0.5]]).effective_weight()
        array([[ 1. , -0.5]], dtype=float32)
        """
        return self._compiled.effective_weight().reshape(self._weight.shape)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Programmed cells and calibration as plain arrays, for saving; see ``restore``."""
        weights, units, off_block = self._compiled.cells
        state: dict[str, np.ndarray[Any, Any]] = {
            "cells": weights,
            "unit_cells": units,
            "off_block_cells": off_block,
            "seed": np.array(self._compiled.seed, np.uint64),
            "write": np.array(self._compiled.write, np.uint32),
        }
        if (found := self._compiled.calibration) is not None:
            full_scale, is_signed, ranges = found
            state["input_range"] = np.array([full_scale, is_signed], np.float64)
            state["output_ranges"] = np.array(ranges, np.float64).reshape(-1, 2)
        return state

    def restore(self, state: dict[str, np.ndarray[Any, Any]]) -> None:
        """Take over cells and calibration from ``state()`` of an equal layer.

        Raises
        ------
        ValueError
            If an array is missing, of a wrong size, or not finite.
        """
        names = ("cells", "unit_cells", "off_block_cells", "seed", "write")
        if missing := [name for name in names if name not in state]:
            raise ValueError(f"state has no {missing[0]!r}: must be what state() returned")
        weights, units, off_block = (as_float32(name, state[name]).ravel() for name in names[:3])
        core = self._compiled.copy()
        core.set_cells(weights, units, off_block, int(state["seed"]), int(state["write"]))
        if "input_range" in state:
            full_scale, is_signed = (float(value) for value in state["input_range"])
            ranges = [(float(low), float(high)) for low, high in state["output_ranges"]]
            core.set_calibration(full_scale, bool(is_signed), ranges)
        self._compiled = core

    def _to_batch(self, x: Any) -> Floats:
        """``x`` as the (n, channels, height, width) batch that the core takes."""
        raise NotImplementedError

    def _forward(self, batch: Floats, out: Floats | None, num_threads: int | None) -> Floats:
        threads = 0 if num_threads is None else num_threads
        return self._compiled.forward(batch, out, threads)

    def __copy__(self) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._compiled = self._compiled.copy()
        return other

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._constructor_arguments(), self.state())

    def _constructor_arguments(self) -> dict[str, Any]:
        return {
            "weight": self._weight,
            "bias": self._bias,
            "hardware": self._hardware,
            "seed": self.seed,
            "layer_id": self._layer_id,
            "epilogue": self._epilogue,
        }

    def __repr__(self) -> str:
        shape = " × ".join(str(size) for size in self._weight.shape)
        details = "".join(
            f", {name}={value!r}" for name, value in self._constructor_arguments().items()
            if name not in ("weight", "bias", "epilogue", "layer_id")
        )  # fmt: skip
        return f"{type(self).__name__}(<{shape} weights>{details})"


def _check_numbers(first_sample: int, read: int) -> None:
    as_seed("first_sample", first_sample)
    as_seed("read", read)


def _rebuild(kind: type[AnalogLayer], arguments: dict[str, Any], state: dict[str, Any]) -> Any:
    layer = kind(**arguments)
    layer.restore(state)
    return layer


class AnalogLinear(AnalogLayer):
    """y = W x + b on analog arrays.

    Parameters
    ----------
    weight : array of shape (out, in)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    hardware : Hardware or None
        The machine; None is ideal.
    seed : int
        Key of every draw of this layer.
    layer_id : int or str
        Tells the layers of one seed apart; a network gives its node's name.
    epilogue : Epilogue or None
        A digital step after the arrays.

    Raises
    ------
    ValueError, TypeError
        If an array is empty, not finite or of a wrong shape, or the layer cannot be built on
        this hardware.

    Examples
    --------
    >>> import imperfect as im
    >>> hardware = im.Hardware(weight_bits=4, cell=im.Cell(bits=2))
    >>> layer = im.AnalogLinear([[7.0, -3.0]], hardware=hardware)
    >>> layer([[1.0, 2.0]])
    array([[1.]], dtype=float32)
    """

    def __init__(
        self,
        weight: Any,
        bias: Any = None,
        *,
        hardware: Hardware | None = None,
        seed: int = 0,
        layer_id: int | str = 0,
        epilogue: Epilogue | None = None,
    ) -> None:
        matrix = as_float32("weight", weight)
        if matrix.ndim != 2 or matrix.size == 0:
            raise ValueError(f"weight has shape {matrix.shape}: must be (out, in), not empty")
        shape = _core.LayerShape(matrix.shape[1], matrix.shape[0])
        super().__init__(shape, matrix, bias, hardware, seed, layer_id, epilogue)

    def __call__(
        self,
        x: Any,
        *,
        first_sample: int = 0,
        read: int = 0,
        out: Floats | None = None,
        num_threads: int | None = None,
    ) -> Floats:
        """Compute y for inputs of shape (…, in).

        Parameters
        ----------
        x : array of shape (…, in)
            Finite real numbers; converted to float32 if they are not.
        first_sample, read : int
            Number of the first sample and of the read: the key of whatever is drawn fresh at
            each read. Calls with the same numbers repeat their bits; a batch split in two gives
            the same numbers as the whole.
        out : float32 array of shape (…, out), or None
            Where to write y.
        num_threads : int or None
            Threads for this call; None: the default of ``set_num_threads``.

        Returns
        -------
        array of shape (…, out), float32

        Raises
        ------
        ValueError, TypeError
            If ``x`` does not fit, is not finite, or the layer still needs ``calibrate``.
        """
        _check_numbers(first_sample, read)
        batch = self._to_batch(x)
        shape = (*np.shape(x)[:-1], len(self._weight))
        if out is not None:
            if out.shape != shape:
                raise ValueError(f"out has shape {out.shape}: must be {shape}")
            out = out.reshape(len(batch), -1, 1, 1)
        return self._forward(batch, out, num_threads).reshape(shape)

    def _to_batch(self, x: Any) -> Floats:
        batch = as_float32("x", x)
        size = self._weight.shape[1]
        if batch.ndim == 0 or batch.shape[-1] != size:
            raise ValueError(f"x has shape {batch.shape}: must be (…, {size})")
        return batch.reshape(-1, size, 1, 1)


class _AnalogConv(AnalogLayer):
    """Convolutions of one or two dimensions; ``_axes`` spatial axes, vertical first."""

    _axes: int

    def __init__(
        self,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        hardware: Hardware | None = None,
        seed: int = 0,
        layer_id: int | str = 0,
        epilogue: Epilogue | None = None,
    ) -> None:
        kernels = as_float32("weight", weight)
        if kernels.ndim != 2 + self._axes or kernels.size == 0:
            sizes = ", kernel height, kernel width" if self._axes == 2 else ", kernel width"
            raise ValueError(
                f"weight has shape {kernels.shape}: must be (out, in/groups{sizes}), not empty"
            )
        self._stride = axis_values("stride", stride, self._axes, 1)
        self._dilation = axis_values("dilation", dilation, self._axes, 1)
        self._groups = axis_values("groups", groups, 1, 1)[0]
        kernel = kernels.shape[2:]
        self._padding = paddings(padding, kernel, self._stride, self._dilation)
        shape = _core.LayerShape(
            kernels.shape[1] * self._groups, kernels.shape[0], self._groups,
            *(self._two(values) for values in (kernel, self._stride, self._dilation)),
            *(self._two(side, 0) for side in zip(*self._padding, strict=True)),
        )  # fmt: skip
        super().__init__(shape, kernels, bias, hardware, seed, layer_id, epilogue)

    @staticmethod
    def _two(values: tuple[int, ...], fill: int = 1) -> list[int]:
        """Values for (vertical, horizontal); one dimension is an image of height 1."""
        return [fill, *values] if len(values) == 1 else list(values)

    @property
    def stride(self) -> tuple[int, ...]:
        """Steps along each spatial axis."""
        return self._stride

    @property
    def padding(self) -> Pairs:
        """Zeros before and after each spatial axis."""
        return self._padding

    @property
    def dilation(self) -> tuple[int, ...]:
        """Distance between kernel elements along each spatial axis."""
        return self._dilation

    @property
    def groups(self) -> int:
        """Groups of channels that do not mix."""
        return self._groups

    def __call__(
        self,
        x: Any,
        *,
        first_sample: int = 0,
        read: int = 0,
        out: Floats | None = None,
        num_threads: int | None = None,
    ) -> Floats:
        """Compute y for images of shape (n, in, …).

        Parameters
        ----------
        x : array of shape (n, in, height, width) or, in one dimension, (n, in, width)
            Finite real numbers; converted to float32 if they are not.
        first_sample, read : int
            Number of the first sample and of the read: the key of whatever is drawn fresh at
            each read. Calls with the same numbers repeat their bits; a batch split in two gives
            the same numbers as the whole.
        out : float32 array in the shape of y, or None
            Where to write y.
        num_threads : int or None
            Threads for this call; None: the default of ``set_num_threads``.

        Returns
        -------
        array of shape (n, out, …), float32

        Raises
        ------
        ValueError, TypeError
            If ``x`` does not fit, is not finite, or the layer still needs ``calibrate``.
        """
        _check_numbers(first_sample, read)
        batch = self._to_batch(x)
        if self._axes == 2:
            return self._forward(batch, out, num_threads)
        if out is not None:
            if out.ndim != 3:
                raise ValueError(f"out has shape {out.shape}: must have 3 dimensions")
            out = out[:, :, None, :]
        y = self._forward(batch, out, num_threads)
        return y.reshape(len(y), y.shape[1], y.shape[3])

    def _to_batch(self, x: Any) -> Floats:
        batch = as_float32("x", x)
        channels = self._weight.shape[1] * self._groups
        if batch.ndim != 2 + self._axes or batch.shape[1] != channels:
            sizes = "height, width" if self._axes == 2 else "width"
            raise ValueError(f"x has shape {batch.shape}: must be (n, {channels}, {sizes})")
        return batch if self._axes == 2 else batch[:, :, None, :]

    def _constructor_arguments(self) -> dict[str, Any]:
        geometry = {
            "stride": self._stride,
            "padding": self._padding,
            "dilation": self._dilation,
            "groups": self._groups,
        }
        return super()._constructor_arguments() | geometry


class AnalogConv1d(_AnalogConv):
    """One-dimensional convolution on analog arrays.

    Parameters
    ----------
    weight : array of shape (out, in/groups, width)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation, groups : int
        As in ``torch.nn.Conv1d``.
    padding : int, ((before, after),) or "same"
        Zeros around the input. "same" keeps the length and needs stride 1; the extra zero of an
        even kernel comes last.
    hardware, seed, layer_id, epilogue
        As in ``AnalogLinear``.

    Raises
    ------
    ValueError, TypeError
        As in ``AnalogLinear``.

    Examples
    --------
    >>> import imperfect as im
    >>> layer = im.AnalogConv1d([[[1.0, 0.0, -1.0]]], padding=1)
    >>> layer([[[1.0, 2.0, 4.0]]])
    array([[[-2., -3.,  2.]]], dtype=float32)
    """

    _axes = 1


class AnalogConv2d(_AnalogConv):
    """Two-dimensional convolution on analog arrays.

    Rows of an array are the elements of one patch in the order (channel, vertical, horizontal);
    patches are formed while inputs are packed, never in memory.

    Parameters
    ----------
    weight : array of shape (out, in/groups, height, width)
        Finite real numbers; kept as float32. groups = in makes a depthwise convolution.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation : int or (vertical, horizontal)
        As in ``torch.nn.Conv2d``.
    padding : int, (vertical, horizontal), ((top, bottom), (left, right)) or "same"
        Zeros around the image. "same" keeps its size and needs stride 1; the extra zero of an
        even kernel comes last.
    groups : int
        Groups of channels that do not mix.
    hardware, seed, layer_id, epilogue
        As in ``AnalogLinear``.

    Raises
    ------
    ValueError, TypeError
        As in ``AnalogLinear``.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> hardware = im.Hardware(weight_bits=8, cell=im.Cell(bits=2))
    >>> layer = im.AnalogConv2d(np.ones((4, 3, 3, 3)), padding="same", hardware=hardware)
    >>> layer(np.ones((1, 3, 8, 8))).shape
    (1, 4, 8, 8)
    """

    _axes = 2
