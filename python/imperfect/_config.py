# SPDX-License-Identifier: BSD-3-Clause
"""What this installation runs with: version, SIMD level, threads."""

from __future__ import annotations

import platform

import numpy as np

from imperfect import _core
from imperfect._arrays import as_num_threads


def simd_level() -> str:
    """Name of the SIMD level in use: "base", "avx2" or "avx512".

    The best one the machine has, or a lower one named by the environment variable
    ``IMPERFECT_SIMD`` before the first computation.

    Examples
    --------
    >>> import imperfect as im
    >>> im.simd_level() in im.available_simd_levels()
    True
    """
    return _core.simd_level()


def available_simd_levels() -> tuple[str, ...]:
    """Levels this machine can run, lowest first.

    Examples
    --------
    >>> import imperfect as im
    >>> im.available_simd_levels()[0]
    'base'
    """
    return tuple(_core.available_simd_levels().split())


def get_num_threads() -> int:
    """Threads that a call uses when it does not say; 1 in a forked child process.

    Examples
    --------
    >>> import imperfect as im
    >>> im.get_num_threads() >= 1
    True
    """
    return _core.num_threads()


def set_num_threads(count: int) -> None:
    """Set the default number of threads; 0 returns to OpenMP's own (``OMP_NUM_THREADS``).

    Results do not depend on it.

    Raises
    ------
    ValueError, TypeError
        If ``count`` is no integer from 0 to 4096.

    Examples
    --------
    >>> import imperfect as im
    >>> im.set_num_threads(2)
    >>> im.get_num_threads()
    2
    >>> im.set_num_threads(0)
    """
    _core.set_num_threads(as_num_threads("count", count))


def show_config() -> None:
    """Print what a bug report should contain.

    Examples
    --------
    >>> import imperfect as im
    >>> im.show_config()  # doctest: +ELLIPSIS
    imperfect ...
    """
    rows = {
        "imperfect": _core.__version__,
        "simd level": f"{simd_level()} (available: {', '.join(available_simd_levels())})",
        "threads": f"{get_num_threads()} ({'OpenMP' if _core.has_openmp else 'without OpenMP'})",
        "numpy": np.__version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
    }
    for name, value in rows.items():
        print(f"{name} {value}")
