# SPDX-License-Identifier: BSD-3-Clause
"""Machines put together by the value of a knob: a group for each value, or for neighbours of many.

More numbers than ``MOST_VALUES`` are cut at their quantiles into ``GROUPS`` groups of about equally
many machines, or into fewer where many machines have one number.
"""

from __future__ import annotations

import numpy as np

from imperfect._arrays import Doubles

MOST_VALUES, GROUPS = 12, 6


def upper_ends(numbers: Doubles, most: int = MOST_VALUES, groups: int = GROUPS) -> Doubles:
    """The largest number of each group but the last, one number for each machine given.

    Group i holds the numbers above end i - 1, up to end i:
    ``np.searchsorted(ends, numbers)``.

    Examples
    --------
    >>> upper_ends(np.array([3.0, 1.0, 2.0, 2.0])).tolist()
    [1.0, 2.0]
    >>> upper_ends(np.arange(100.0), groups=4).tolist()
    [24.75, 49.5, 74.25]
    """
    different = np.unique(numbers)
    if len(different) <= most:
        return different[:-1]
    return np.unique(np.quantile(numbers, np.arange(1, groups) / groups))
