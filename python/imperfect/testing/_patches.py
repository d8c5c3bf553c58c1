# SPDX-License-Identifier: BSD-3-Clause
"""Explicit im2col: the input rows that every output position of a convolution sees.

x has shape (n, channels, *size); the result (n * positions, channels * kernel cells), positions in
row-major order, rows ordered (channel, ky, kx). Values outside x are 0.
"""

from __future__ import annotations

import itertools

import numpy as np

from imperfect.testing._random import Floats

Lengths = tuple[int, ...]


def per_dimension(name: str, value: int | tuple[int, ...], num_dimensions: int) -> Lengths:
    """One number for every spatial dimension."""
    lengths = (value,) * num_dimensions if isinstance(value, int) else tuple(value)
    if len(lengths) != num_dimensions:
        raise ValueError(f"{name} must have {num_dimensions} numbers, got {value!r}")
    return lengths


def paddings(
    padding: int | tuple[int, ...] | str, kernel: Lengths, stride: Lengths, dilation: Lengths
) -> list[tuple[int, int]]:
    """Zeros before and after each dimension.

    "same" adds d (k - 1) zeros, half of them (rounded down) before and the rest after, and needs
    stride 1.
    """
    if padding != "same":
        if isinstance(padding, str):
            raise ValueError(f'padding must be numbers or "same", got {padding!r}')
        return [(p, p) for p in per_dimension("padding", padding, len(kernel))]
    if any(s != 1 for s in stride):
        raise ValueError(f'padding="same" needs stride 1, got stride={stride}')
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def extract_patches(
    x: Floats,
    kernel: Lengths,
    stride: Lengths,
    padding: int | tuple[int, ...] | str,
    dilation: Lengths,
) -> tuple[Floats, Lengths]:
    """Rows (n * positions, channels * kernel cells) and the number of positions per dimension."""
    zeros = paddings(padding, kernel, stride, dilation)
    padded = np.pad(x, [(0, 0), (0, 0), *zeros])
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    counts = tuple(
        (size - span) // s + 1
        for size, span, s in zip(padded.shape[2:], spans, stride, strict=True)
    )
    if min(counts) < 1:
        raise ValueError(f"input of size {x.shape[2:]} is smaller than the kernel {kernel}")
    patches = []
    for position in itertools.product(*(range(count) for count in counts)):
        window = tuple(
            slice(i * s, i * s + span, d)
            for i, s, span, d in zip(position, stride, spans, dilation, strict=True)
        )
        patches.append(padded[(slice(None), slice(None), *window)].reshape(len(x), -1))
    return np.stack(patches, axis=1).reshape(len(x) * len(patches), -1), counts
