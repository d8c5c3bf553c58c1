# SPDX-License-Identifier: BSD-3-Clause
"""From the description of a layer in a network to a programmed layer, and how to call it.

A layer takes samples first; tensors of a network may have them elsewhere, need padding that
depends on their size, or be transposed. ``call_layer`` also tells the layer which samples it
computes: rows of one sample take consecutive numbers in random draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Samples
from imperfect._checks import integer
from imperfect._network.layer_spec import LayerSpec
from imperfect.hardware import Hardware
from imperfect.layers import (
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
    AnalogLinear,
    Epilogue,
)

Convolution = AnalogConv1d | AnalogConv2d | AnalogConv3d
Transposed = AnalogConvTranspose1d | AnalogConvTranspose2d | AnalogConvTranspose3d
Layer = AnalogLinear | Convolution | Transposed
CONVOLUTIONS: dict[str, type[Convolution | Transposed]] = {
    "conv1d": AnalogConv1d,
    "conv2d": AnalogConv2d,
    "conv3d": AnalogConv3d,
    "conv_transpose1d": AnalogConvTranspose1d,
    "conv_transpose2d": AnalogConvTranspose2d,
    "conv_transpose3d": AnalogConvTranspose3d,
}
SAMPLE_RANGE = 2**64


@dataclass(frozen=True, slots=True)
class Place:
    """Which samples a chunk holds, in random draws.

    ``first`` is the number of its first one, unless ``samples`` gives the number of each.
    """

    first: int
    count: int
    read: int
    num_threads: int | None
    samples: Samples | None = None


def as_chunk(value: Any) -> int | None:
    """The number of samples that one thread computes at once, or None."""
    return integer("chunk", value, 1, none="chosen by size")


def build_layer(
    spec: LayerSpec, hardware: Hardware, seed: int, precision: str = "float32"
) -> Layer:
    """Program one layer of a network."""
    given: dict[str, Any] = {"hardware": hardware, "seed": seed, "layer_id": spec.name}
    given["precision"] = precision
    if spec.absorbed:
        scale, shift = spec.affine
        low, high = spec.limits
        given["epilogue"] = Epilogue(scale=scale, shift=shift, low=low, high=high)
    if spec.kind == "linear":
        return AnalogLinear(spec.weight, spec.bias, **given)
    given |= {"dilation": spec.dilation, "groups": spec.groups, "stride": spec.stride}
    # Why: padding that depends on the size of the input is added before the layer is called.
    padding = spec.padding if spec.padding is not None else ((0, 0),) * len(spec.stride)
    if spec.is_transposed:
        given["output_padding"] = spec.output_padding
    return CONVOLUTIONS[spec.kind](spec.weight, spec.bias, padding=padding, **given)


def with_affine(spec: LayerSpec, layer: Layer, affine: tuple[NDArray[Any], NDArray[Any]]) -> Layer:
    """The layer with another scale and shift in its epilogue, and the limits of ``spec``."""
    scale, shift = (values.astype(np.float32) for values in affine)
    low, high = spec.limits
    return layer.with_epilogue(Epilogue(scale=scale, shift=shift, low=low, high=high))


def layer_input(spec: LayerSpec, x: NDArray[Any]) -> NDArray[np.float32]:
    """The tensor in the layer's own form: samples first, padded, features last if linear."""
    if spec.kind != "linear":
        if spec.padding is None:
            pads = spec.explicit_padding(x.shape[2:])
            x = np.pad(x, ((0, 0), (0, 0), *pads))
        return np.ascontiguousarray(x)
    x = x.swapaxes(-1, -2) if spec.swap_input else x
    return np.ascontiguousarray(np.moveaxis(x, spec.sample_axis, 0))


def layer_output(spec: LayerSpec, y: NDArray[Any]) -> NDArray[np.float32]:
    if spec.kind == "linear":
        y = np.moveaxis(y, 0, spec.sample_axis)
        y = y.swapaxes(-1, -2) if spec.swap_output else y
    return np.ascontiguousarray(y)


def call_layer(spec: LayerSpec, layer: Layer, x: NDArray[Any], place: Place) -> NDArray[np.float32]:
    """Call a layer on one chunk; rows of a sample take consecutive numbers in random draws."""
    rows = math.prod(x.shape[:-1]) if spec.kind == "linear" else len(x)
    if rows % place.count:
        raise ValueError(
            f"layer {spec.name!r} gets {rows} rows for {place.count} samples, which cannot be "
            f"told apart: keep it digital (digital=[{spec.name!r}])"
        )
    per_sample = rows // place.count
    first, samples = place.first * per_sample % SAMPLE_RANGE, place.samples
    if per_sample > 1 and (samples is not None or spec.rows_after_sample):
        samples = _row_numbers(place, per_sample, spec.rows_after_sample or per_sample)
    try:
        y: NDArray[np.float32] = layer(
            x,
            first_sample=first,
            read=place.read,
            samples=samples,
            num_threads=place.num_threads,
        )
    except ValueError as error:
        # Why: ``x`` of this layer is not what the caller gave to the network.
        raise ValueError(f"layer {spec.name!r}: {error}") from error
    return y


def _row_numbers(place: Place, per_sample: int, after: int) -> Samples:
    """The number of each row, of which ``after`` of one sample come before those of the next."""
    own = place.samples
    if own is None:
        own = np.uint64(place.first % SAMPLE_RANGE) + np.arange(place.count, dtype=np.uint64)
    within = np.arange(per_sample, dtype=np.uint64).reshape(-1, 1, after)
    return (own[:, None] * np.uint64(per_sample) + within).ravel()
