# SPDX-License-Identifier: BSD-3-Clause
"""What convolutions of one to three dimensions share, transposed or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imperfect._arrays import Floats, as_float32
from imperfect._geometry import Pairs, axis_values, paddings
from imperfect._layers.base import AnalogLayer

Places = tuple[list[int], list[int], list[int], list[int], list[int]]
SIZES = {1: "width", 2: "height, width", 3: "depth, height, width"}


class SpatialLayer(AnalogLayer):
    """Layers of images with ``_axes`` spatial axes, the horizontal one last."""

    _axes: int

    def _set_geometry(
        self, kernel: tuple[int, ...], stride: Any, padding: Any, dilation: Any, groups: Any
    ) -> None:
        self._stride = axis_values("stride", stride, self._axes, 1)
        self._dilation = axis_values("dilation", dilation, self._axes, 1)
        self._groups = axis_values("groups", groups, 1, 1)[0]
        self._padding = paddings(padding, kernel, self._stride, self._dilation)

    def _read_weight(self, weight: Any, channels: str) -> Floats:
        """Weights of two axes of channels and the kernel's axes."""
        kernels = as_float32("weight", weight)
        if kernels.ndim != 2 + self._axes or kernels.size == 0:
            sizes = ", ".join(f"kernel {size}" for size in SIZES[self._axes].split(", "))
            raise ValueError(
                f"weight has shape {kernels.shape}: must be ({channels}, {sizes}), not empty"
            )
        return kernels

    def _places(self, kernel: tuple[int, ...]) -> Places:
        """Kernel, stride, dilation, zeros before and after, as the core takes them."""
        before, after = zip(*self._padding, strict=True)
        size, step, spacing = (three(v, 1) for v in (kernel, self._stride, self._dilation))
        return size, step, spacing, three(before, 0), three(after, 0)

    @property
    def _channels(self) -> int:
        """Channels of the inputs."""
        raise NotImplementedError

    @property
    def stride(self) -> tuple[int, ...]:
        """Steps along each spatial axis."""
        return self._stride

    @property
    def padding(self) -> Pairs:
        """Zeros before and after each spatial axis; of a transposed convolution, what is cut."""
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
        samples: Any = None,
        out: Floats | None = None,
        num_threads: int | None = None,
    ) -> Floats:
        """Compute y for images of shape (n, in, …).

        Parameters
        ----------
        x : array of shape (n, in, size...)
            The size is (width,), (height, width) or (depth, height, width).
            Finite real numbers; converted to float32 if they are not.
        first_sample, read : int
            Number of the first sample and of the read: the key of whatever is drawn fresh at
            each read. Calls with the same numbers repeat their bits; a batch split in two gives
            the same numbers as the whole.
        samples : array of n integers, or None
            The number of each sample, in place of those that follow ``first_sample``.
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
        batch = self._to_batch(x)
        shape = self._output_shape(batch)
        self._check_out(out, shape)
        if self._axes > 1:
            return self._forward(batch, out, (first_sample, read, samples), num_threads)
        if out is not None:
            out = out[:, :, None, :]
        y = self._forward(batch, out, (first_sample, read, samples), num_threads)
        return y.reshape(shape)

    def output_shape(self, x: Any) -> tuple[int, ...]:
        """The shape of what a call returns for inputs ``x``, which must fit."""
        return self._output_shape(self._to_batch(x))

    def _output_shape(self, batch: Floats) -> tuple[int, ...]:
        shape = tuple(self._compiled.output_shape(batch))
        return shape if self._axes > 1 else (*shape[:2], shape[3])

    def _to_batch(self, x: Any) -> Floats:
        batch = as_float32("x", x)
        if batch.ndim != 2 + self._axes or batch.shape[1] != self._channels:
            sizes = SIZES[self._axes]
            raise ValueError(f"x has shape {batch.shape}: must be (n, {self._channels}, {sizes})")
        return batch if self._axes > 1 else batch[:, :, None, :]

    def _constructor_arguments(self) -> dict[str, Any]:
        geometry = {
            "stride": self._stride,
            "padding": self._padding,
            "dilation": self._dilation,
            "groups": self._groups,
        }
        return super()._constructor_arguments() | geometry


def three(values: Iterable[int], fill: int) -> list[int]:
    """Values for (depth, vertical, horizontal); axes that are missing come first."""
    given = list(values)
    return [fill] * (3 - len(given)) + given
