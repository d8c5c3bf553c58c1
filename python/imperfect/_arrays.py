# SPDX-License-Identifier: BSD-3-Clause
"""Arrays at the boundary of the package: one explicit conversion to C-contiguous floats.

Real numbers of any width are accepted and rounded; anything else is refused by name.
Whether the values are finite is checked where they are used, in the compiled core.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import integer

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Samples = NDArray[np.uint64]
LARGEST_SEED = 2**64 - 1
LARGEST_THREADS = 4096


def as_float32(name: str, values: Any) -> Floats:
    """``values`` as a C-contiguous float32 array; the array itself if it is one already."""
    array = _as_real(name, values)
    # Why: numbers beyond float32 become infinite here and are refused as such by the core.
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float32, order="C")


def as_float64(name: str, values: Any) -> Doubles:
    """``values`` as a C-contiguous float64 array; the array itself if it is one already."""
    return np.asarray(_as_real(name, values), np.float64, order="C")


def _as_real(name: str, values: Any) -> NDArray[Any]:
    """An array of real numbers."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is not an array: {error}") from None
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise TypeError(f"{name} is a masked array: fill its gaps first")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}: must be real numbers")
    return array


def as_num_threads(name: str, value: Any) -> int:
    """A number of threads from 0 (the default) to 4096."""
    return cast(int, integer(name, value, 0, LARGEST_THREADS))


def threads_of(num_threads: int | None) -> int:
    """The threads of one call, 0 for the default."""
    return 0 if num_threads is None else as_num_threads("num_threads", num_threads)


def as_seed(name: str, value: Any) -> int:
    """A seed or number of draws: an integer from 0 to 2**64 - 1."""
    return cast(int, integer(name, value, 0, LARGEST_SEED))


def as_samples(samples: Any, count: int) -> Samples | None:
    """Numbers of ``count`` samples, or None."""
    if samples is None:
        return None
    array = np.asarray(samples)
    if array.dtype.kind not in "iu":
        raise TypeError(f"samples has dtype {array.dtype}: must be integers")
    if array.shape != (count,):
        raise ValueError(f"samples has shape {array.shape}: must be ({count},)")
    if array.size and array.min() < 0:
        raise ValueError(f"samples holds {array.min()}: must be from 0 to {LARGEST_SEED}")
    return np.ascontiguousarray(array, np.uint64)


def row_numbers(rows: NDArray[Any]) -> Samples:
    """One number for the content of each row of a numeric array: equal rows, equal numbers.

    Multilinear hashing of the rows' 32-bit words (Lemire & Kaser, Comput. J. 57, 2014), mixed by
    the finaliser of SplitMix64; rows that differ collide with a probability of about 2**-32.
    """
    words = np.ascontiguousarray(rows, np.float32).reshape(len(rows), -1).view(np.uint32)
    # Why: 0.0 and -0.0 are the same input.
    words = np.where(words == 0x80000000, np.uint32(0), words)
    keys = np.random.default_rng(0x494D5046).integers(2**64, size=words.shape[1], dtype=np.uint64)
    with np.errstate(over="ignore"):
        h = np.einsum("ij,j->i", words, keys | np.uint64(1), dtype=np.uint64)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(h ^ (h >> np.uint64(31)), np.uint64)


def as_layer_id(value: Any) -> int:
    """The 64-bit number that keys a layer's draws: a number itself, or the hash of a name."""
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return as_seed("layer_id", value)
