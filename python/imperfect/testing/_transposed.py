# SPDX-License-Identifier: BSD-3-Clause
"""The reference of transposed convolutions: products of every input position, then their sum.

The arrays compute one product for each input position i, output channel o and kernel element k,

    p[o, k, i] = sum_c W[c, o, k] x[c, i]

and the digital side adds them up: y[o, j] = bias[o] + sum of all p[o, k, i] whose place along each
axis, i * stride + k * dilation - padding, is j. No zeros are inserted between inputs (Fan et al.,
RED, DATE 2019). A weight range per channel is shared by the kernel elements of an output channel.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from imperfect.hardware import Hardware
from imperfect.testing._layer import ReferenceLayer
from imperfect.testing._patches import per_dimension
from imperfect.testing._random import Floats


class ReferenceConvTranspose(ReferenceLayer):
    """A transposed convolution on imperfect arrays, the slow and literal way.

    Parameters
    ----------
    weight : array of shape (C, N/groups, kernel...)
        Weights, inputs first.
    bias : array of shape (N,), optional
        Added digitally.
    hardware, seed, layer_id, groups
        As in `ReferenceLayer`.
    stride, padding, output_padding, dilation : int or tuple of int
        As in PyTorch; output_padding may have any size.

    Raises
    ------
    ValueError
        If shapes or the hardware do not fit, or the hardware has a field not modelled here.

    Examples
    --------
    >>> import numpy as np
    >>> from imperfect.hardware import Hardware
    >>> from imperfect.testing import ReferenceConvTranspose
    >>> layer = ReferenceConvTranspose(np.array([[[1.0, 2.0]]]), hardware=Hardware())
    >>> layer.forward(np.array([[[3.0, 1.0]]])).tolist()
    [[[3.0, 7.0, 2.0]]]
    """

    def __init__(
        self,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        hardware: Hardware,
        seed: int = 0,
        layer_id: int | str = 0,
        groups: int = 1,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
    ) -> None:
        given = np.asarray(weight, np.float64)
        size = given.shape[2:]
        axes = len(size)
        elements = math.prod(size)
        inputs_last = given.reshape(groups, len(given) // groups, -1).swapaxes(1, 2)
        products = inputs_last.reshape(-1, len(given) // groups, *(1,) * axes)
        super().__init__(
            products, hardware=hardware, seed=seed, layer_id=layer_id, groups=groups,
            lines_per_channel=elements,
        )  # fmt: skip
        outputs = len(products) // elements
        self.bias = np.zeros(outputs) if bias is None else np.array(bias, np.float64)
        if self.bias.shape != (outputs,):
            raise ValueError(f"bias must have shape ({outputs},), got {self.bias.shape}")
        self.size = size
        self.step = per_dimension("stride", stride, axes)
        self.spacing = per_dimension("dilation", dilation, axes)
        self.crop = per_dimension("padding", padding, axes)
        self.extra = per_dimension("output_padding", output_padding, axes)

    def _combine(self, y: Floats, slack: Floats, rounding: float) -> tuple[Floats, Floats]:
        return self._fold(y), self._fold(slack) + rounding * self._fold(np.abs(y))

    def _fold(self, products: Floats) -> Floats:
        """Sums (n, N, *output) of products (n, N * kernel elements, *input)."""
        geometry = list(zip(self.size, self.step, self.spacing, strict=True))
        lengths = products.shape[2:]
        whole = [
            s * (length - 1) + d * (k - 1) + 1 + extra
            for length, (k, s, d), extra in zip(lengths, geometry, self.extra, strict=True)
        ]
        sums = np.zeros((len(products), len(self.bias), *whole))
        by_element = products.reshape(len(products), len(self.bias), *self.size, *lengths)
        for element in itertools.product(*map(range, self.size)):
            places = tuple(
                slice(e * d, e * d + s * (length - 1) + 1, s)
                for e, (_, s, d), length in zip(element, geometry, lengths, strict=True)
            )
            where: tuple[Any, ...] = (slice(None), slice(None), *places)
            one: tuple[Any, ...] = (slice(None), slice(None), *element)
            sums[where] += by_element[one]
        for axis, crop in enumerate(self.crop):
            sums = sums.take(range(crop, sums.shape[2 + axis] - crop), axis=2 + axis)
        return sums
