# SPDX-License-Identifier: BSD-3-Clause
"""Transposed convolutions of one to three dimensions on arrays.

Every input position drives the arrays once, a row for each input channel, and gives one product
for each output channel and kernel element; products are added digitally where they overlap in the
output. The other way, a convolution over inputs with zeros between them, has prod(kernel) times as
many rows, of which all but about one in prod(stride) are driven with nothing: Fan et al., "RED: A
ReRAM-based deconvolution accelerator", DATE 2019, whose pixel-wise mapping this is.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from imperfect import _core
from imperfect._geometry import axis_values
from imperfect._layers.description import Epilogue
from imperfect._layers.spatial import SpatialLayer, three
from imperfect.hardware import Hardware


class _AnalogConvTranspose(SpatialLayer):
    def __init__(
        self,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        hardware: Hardware | None = None,
        seed: int = 0,
        layer_id: int | str = 0,
        epilogue: Epilogue | None = None,
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        kernels = self._read_weight(weight, "in, out/groups")
        kernel = kernels.shape[2:]
        self._set_geometry(kernel, stride, padding, dilation, groups)
        self._output_padding = axis_values("output_padding", output_padding, self._axes, 0)
        outputs = kernels.shape[1] * self._groups
        shape = _core.LayerShape(
            len(kernels), outputs, self._groups, *self._places(kernel), True,
            three(self._output_padding, 0),
        )  # fmt: skip
        super().__init__(shape, kernels, bias, hardware, seed, layer_id, epilogue, precision)

    @property
    def _channels(self) -> int:
        return len(self._weight)

    @property
    def _outputs(self) -> int:
        return int(self._weight.shape[1]) * self._groups

    @property
    def _lines(self) -> int:
        return self._outputs * math.prod(self._weight.shape[2:])

    @property
    def output_padding(self) -> tuple[int, ...]:
        """What is added at the end of each spatial axis of the output."""
        return self._output_padding

    def _constructor_arguments(self) -> dict[str, Any]:
        return super()._constructor_arguments() | {"output_padding": self._output_padding}


class AnalogConvTranspose1d(_AnalogConvTranspose):
    """One-dimensional transposed convolution on analog arrays.

    See ``AnalogConvTranspose2d`` for what the arrays hold and compute.

    Parameters
    ----------
    weight : array of shape (in, out/groups, width)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation, groups : int
        As in ``torch.nn.ConvTranspose1d``.
    padding : int, ((before, after),) or "same"
        What is cut off the output, before and after.
    output_padding : int
        What is added at the end of the output; it may have any size.
    hardware, seed, layer_id, epilogue, precision
        As in ``AnalogLinear``.

    Raises
    ------
    ValueError, TypeError
        As in ``AnalogLinear``.

    Examples
    --------
    >>> import imperfect as im
    >>> layer = im.AnalogConvTranspose1d([[[1.0, 2.0]]])
    >>> layer([[[3.0, 1.0]]])
    array([[[3., 7., 2.]]], dtype=float32)
    """

    _axes = 1


class AnalogConvTranspose2d(_AnalogConvTranspose):
    """Two-dimensional transposed convolution on analog arrays.

    Rows of an array are the input channels of a group; columns are its output channels and kernel
    elements, in the order (output, vertical, horizontal), which is that of ``conductances``. Each
    input position is one read: read noise and conversions are those of its products, which the
    digital side then scales and adds up in float32 before bias and epilogue. With
    ``Hardware.per="channel"`` all columns of an output channel share a weight range; with
    ``drift_compensation="column"`` each has a gain of its own. Besides inputs and outputs a call
    holds the products of as many images as have a million of them, at least of one.

    Parameters
    ----------
    weight : array of shape (in, out/groups, height, width)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation : int or (vertical, horizontal)
        As in ``torch.nn.ConvTranspose2d``.
    groups : int
        Groups of channels that do not mix.
    padding : int, (vertical, horizontal), ((top, bottom), (left, right)) or "same"
        What is cut off the output, before and after.
    output_padding : int, or (vertical, horizontal)
        What is added at the end of the output; it may have any size.
    hardware, seed, layer_id, epilogue, precision
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
    >>> layer = im.AnalogConvTranspose2d(
    ...     np.ones((3, 4, 4, 4)), stride=2, padding=1, hardware=hardware
    ... )
    >>> layer(np.ones((1, 3, 8, 8))).shape, layer.conductances().shape
    ((1, 4, 16, 16), (4, 2, 64, 3))
    """

    _axes = 2


class AnalogConvTranspose3d(_AnalogConvTranspose):
    """Three-dimensional transposed convolution on analog arrays.

    See ``AnalogConvTranspose2d`` for what the arrays hold and compute.

    Parameters
    ----------
    weight : array of shape (in, out/groups, depth, height, width)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation : int or (depth, vertical, horizontal)
        As in ``torch.nn.ConvTranspose3d``.
    groups : int
        Groups of channels that do not mix.
    padding : int, one for each axis, a pair for each axis, or "same"
        What is cut off the output, before and after.
    output_padding : int, or (depth, vertical, horizontal)
        What is added at the end of the output; it may have any size.
    hardware, seed, layer_id, epilogue, precision
        As in ``AnalogLinear``.

    Raises
    ------
    ValueError, TypeError
        As in ``AnalogLinear``.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> layer = im.AnalogConvTranspose3d(np.ones((2, 1, 2, 2, 2)), stride=2)
    >>> layer(np.ones((1, 2, 2, 3, 3))).shape
    (1, 1, 4, 6, 6)
    """

    _axes = 3
