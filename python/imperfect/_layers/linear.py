# SPDX-License-Identifier: BSD-3-Clause
"""Linear layers: matrix products on arrays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from imperfect import _core
from imperfect._arrays import Floats, as_float32
from imperfect._layers.base import AnalogLayer
from imperfect._layers.description import Epilogue
from imperfect.hardware import Hardware


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
    precision : {"float32", "fixed16"}
        "fixed16" rounds the cells of each bit line and array to 16-bit integers where inputs come
        one bit a cycle and cells are not ideal levels: faster with AVX-512, and a conversion's sum
        of digits is wrong by at most n s / (65534 - rows), where n word lines are driven and s is
        the sum of the magnitudes of the bit line's digits. Elsewhere it changes nothing.

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
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        matrix = as_float32("weight", weight)
        if matrix.ndim != 2 or matrix.size == 0:
            raise ValueError(f"weight has shape {matrix.shape}: must be (out, in), not empty")
        shape = _core.LayerShape(matrix.shape[1], matrix.shape[0])
        super().__init__(shape, matrix, bias, hardware, seed, layer_id, epilogue, precision)

    def __call__(
        self,
        x: Any,
        *,
        first_sample: int = 0,
        read: int = 0,
        samples: Any = None,
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
        samples : array of n integers, or None
            The number of each sample, in place of those that follow ``first_sample``.
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
        batch = self._to_batch(x)
        shape = (*np.shape(x)[:-1], len(self._weight))
        self._check_out(out, shape)
        if out is not None:
            out = out.reshape(len(batch), -1, 1, 1)
        return self._forward(batch, out, (first_sample, read, samples), num_threads).reshape(shape)

    def _to_batch(self, x: Any) -> Floats:
        batch = as_float32("x", x)
        size = self._weight.shape[1]
        if batch.ndim == 0 or batch.shape[-1] != size:
            raise ValueError(f"x has shape {batch.shape}: must be (…, {size})")
        return batch.reshape(-1, size, 1, 1)
