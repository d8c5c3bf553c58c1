# SPDX-License-Identifier: BSD-3-Clause
"""Strides, dilations and paddings as users write them, made explicit for each spatial axis.

"same" padding follows PyTorch: dilation·(kernel - 1) zeros in all, half of them before, the
extra one after; it needs stride 1.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from imperfect._checks import integer

Pairs = tuple[tuple[int, int], ...]
_LARGEST = 2**20


def _integer(name: str, value: Any, low: int, others: str = "") -> int:
    return cast(int, integer(name, value, low, _LARGEST, others=others))


def _as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def axis_values(name: str, value: Any, axes: int, low: int) -> tuple[int, ...]:
    """One integer for each axis: the same for all, or as given."""
    value = _as_list(value)
    if not isinstance(value, tuple | list):
        others = f"or {axes} of them" if axes > 1 else ""
        return (_integer(name, value, low, others),) * axes
    if len(value) != axes:
        raise ValueError(f"{name}={value!r}: must be an integer or have {axes} of them")
    return tuple(_integer(name, item, low) for item in value)


def paddings(
    padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Pairs:
    """Zeros before and after each axis, from an integer, integers, pairs or "same"."""
    axes = len(kernel)
    if isinstance(padding, str):
        if padding != "same":
            raise ValueError(f"padding={padding!r}: must be integers, pairs or 'same'")
        if any(step != 1 for step in stride):
            raise ValueError(f"padding='same' needs stride 1, not {stride}")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    padding = _as_list(padding)
    if not isinstance(padding, tuple | list):
        padding = (_integer("padding", padding, 0, "integers, pairs or 'same'"),) * axes
    if len(padding) != axes:
        raise ValueError(f"padding={padding!r}: must have one entry for each of {axes} axes")
    pairs = [item if isinstance(item, tuple | list) else (item, item) for item in padding]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"padding={padding!r}: each axis has one integer or (before, after)")
    return tuple(
        (_integer("padding", before, 0), _integer("padding", after, 0)) for before, after in pairs
    )
