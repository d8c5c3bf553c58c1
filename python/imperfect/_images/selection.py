# SPDX-License-Identifier: BSD-3-Clause
"""Chooses images by their labels: nothing is drawn at random, so a choice can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# One of so many images of a class is a test image.
EVERY = 4


def split_by_class(labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of training images and of test images: every fourth of each class."""
    order: dict[str, int] = {}
    train: list[int] = []
    test: list[int] = []
    for place, label in enumerate(labels):
        order[label] = order.get(label, 0) + 1
        (train if order[label] % EVERY else test).append(place)
    if not test:
        raise ValueError(
            f"path: no class has {EVERY} images or more, so that there are no test images"
        )
    return train, test


def balanced(name: str, labels: NDArray[Any], count: int | None) -> NDArray[np.intp]:
    """Places of ``count`` images, as evenly from the classes as they allow, in their order.

    Within a class they are at even distances.
    """
    if count is None:
        return np.arange(len(labels))
    if count > len(labels):
        raise ValueError(f"{name}={count}: must be at most {len(labels)}, the images there are")
    classes, inverse = np.unique(labels, return_inverse=True)
    sizes = np.bincount(inverse, minlength=len(classes))
    shares = _shares(sizes, count)
    chosen = []
    for number, share in enumerate(shares):
        own = np.flatnonzero(inverse == number)
        chosen.append(own[(np.arange(share) * len(own)) // max(share, 1)])
    return np.sort(np.concatenate(chosen))


def _shares(sizes: NDArray[Any], count: int) -> NDArray[np.intp]:
    """How many of each class: equal, but never more than there are, the first classes first."""
    shares = np.zeros(len(sizes), np.intp)
    while shares.sum() < count:
        open_ = np.flatnonzero(shares < sizes)
        each = (count - shares.sum()) // len(open_)
        if each:
            shares[open_] = np.minimum(shares[open_] + each, sizes[open_])
        else:
            shares[open_[: count - shares.sum()]] += 1
    return shares
