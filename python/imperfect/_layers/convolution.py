# SPDX-License-Identifier: BSD-3-Clause
"""Convolutions of one to three dimensions on arrays; patches are formed while inputs are packed."""

from __future__ import annotations

from typing import Any, Literal

from imperfect import _core
from imperfect._layers.description import Epilogue
from imperfect._layers.spatial import SpatialLayer
from imperfect.hardware import Hardware


class _AnalogConv(SpatialLayer):
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
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        kernels = self._read_weight(weight, "out, in/groups")
        kernel = kernels.shape[2:]
        self._set_geometry(kernel, stride, padding, dilation, groups)
        channels = kernels.shape[1] * self._groups
        shape = _core.LayerShape(channels, len(kernels), self._groups, *self._places(kernel))
        super().__init__(shape, kernels, bias, hardware, seed, layer_id, epilogue, precision)

    @property
    def _channels(self) -> int:
        return int(self._weight.shape[1]) * self._groups


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
    hardware, seed, layer_id, epilogue, precision
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
    >>> layer = im.AnalogConv2d(np.ones((4, 3, 3, 3)), padding="same", hardware=hardware)
    >>> layer(np.ones((1, 3, 8, 8))).shape
    (1, 4, 8, 8)
    """

    _axes = 2


class AnalogConv3d(_AnalogConv):
    """Three-dimensional convolution on analog arrays.

    Rows of an array are the elements of one patch in the order (channel, depth, vertical,
    horizontal); patches are formed while inputs are packed, never in memory.

    Parameters
    ----------
    weight : array of shape (out, in/groups, depth, height, width)
        Finite real numbers; kept as float32.
    bias : array of shape (out,), or None
        Added digitally.
    stride, dilation : int or (depth, vertical, horizontal)
        As in ``torch.nn.Conv3d``.
    padding : int, one for each axis, a pair (before, after) for each axis, or "same"
        Zeros around the volume. "same" keeps its size and needs stride 1; the extra zero of an
        even kernel comes last.
    groups : int
        Groups of channels that do not mix.
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
    >>> layer = im.AnalogConv3d(np.ones((4, 2, 3, 3, 3)), stride=(1, 2, 2), padding=1)
    >>> layer(np.ones((1, 2, 5, 8, 8))).shape
    (1, 4, 5, 4, 4)
    """

    _axes = 3
