# SPDX-License-Identifier: BSD-3-Clause
"""Samples of shape (n, …), float32, that may be larger than memory: read piece by piece.

Either an array, or ``imperfect.images.Images``, which turns into float32 whatever is read of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imperfect._arrays import Floats
from imperfect._study.cache import digest_of_arrays
from imperfect.images import Images

Samples = Floats | Images

# Why: with the network's own activations it stays far below what features of all samples take.
PIECE_BYTES = 32 * 2**20
# The control on raw inputs sees at most so many rows and columns of an image.
LARGEST_SIDE = 64


def pieces(x: Samples, batch: int) -> Iterator[tuple[int, Floats]]:
    """Consecutive samples and the number of the first, ``batch`` or a multiple of it at a time."""
    per_sample = 4 * int(np.prod(x.shape[1:]))
    step = max(PIECE_BYTES // (per_sample * batch), 1) * batch
    for start in range(0, len(x), step):
        yield start, np.asarray(x[start : start + step])


def raw_inputs(x: Samples) -> Floats:
    """The inputs as rows of features; large images are averaged to at most 64 × 64 pixels.

    A linear classifier learns more of few coarse pixels than of many fine ones, and its memory
    stays bounded.
    """
    return np.concatenate([_coarse(part).reshape(len(part), -1) for _, part in pieces(x, 1)])


def _coarse(x: Floats) -> Floats:
    if x.ndim != 4 or max(x.shape[2:]) <= LARGEST_SIDE:
        return x
    for axis in (2, 3):
        starts = np.linspace(0, x.shape[axis], min(x.shape[axis], LARGEST_SIDE) + 1)[:-1].round()
        edges = starts.astype(int)
        counts = np.diff(np.append(edges, x.shape[axis])).astype(np.float32)
        shape = [1, 1, 1, 1]
        shape[axis] = len(edges)
        sums = np.add.reduceat(x, edges, axis=axis)
        x = (sums / counts.reshape(shape)).astype(np.float32)
    return x


def samples_digest(*samples: Any) -> str:
    """SHA-256 of everything that decides the values of samples and labels."""
    arrays = [part for x in samples for part in (x.parts() if isinstance(x, Images) else (x,))]
    return digest_of_arrays(*arrays)
