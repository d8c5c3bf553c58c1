# SPDX-License-Identifier: BSD-3-Clause
"""Counter-based random numbers in plain NumPy: Philox4x32-10 and the fixed draws made of it.

One draw is a pure function of (key, item, write, slot); nothing is kept between calls. A key is 64
bits derived from (seed, kind, layer). Four neighbouring items share one counter, ``(lo(item >> 2),
hi(item >> 2), write, slot)``, and each takes its own lane, ``item & 3``. Arrays are uint32 words;
draws are float64, dimensionless. Source of the generator: Salmon, Moraes, Dror, Shaw, "Parallel
random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

from __future__ import annotations

import hashlib
import math
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint32]
Integers: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

FAULT_SEGMENT = 65536
_DOMAIN = 0x494D5046
_LOW = 0xFFFFFFFF


class Kind(IntEnum):
    """What a stream of draws is for; the first word of the key derivation."""

    PROGRAMMING = 1
    SPREAD_G_MIN = 2
    SPREAD_G_MAX = 3
    FAULTS = 4
    READ = 5
    DRIFT = 6
    CONVERTERS = 7
    CONVERTER_NOISE = 8


def philox(counter: npt.ArrayLike, key: npt.ArrayLike) -> Words:
    """Philox4x32-10: ten rounds of two 32-bit multiplications on a 128-bit counter.

    Parameters
    ----------
    counter : array of shape (..., 4), uint32
        Counter words, least significant first.
    key : array of shape (..., 2), uint32
        Key words; broadcast against the counters.

    Returns
    -------
    array of shape (..., 4), uint32

    Notes
    -----
    Multipliers 0xD2511F53 and 0xCD9E8D57, key increments 0x9E3779B9 and 0xBB67AE85 (Salmon et al.
    2011).

    Examples
    --------
    >>> [f"{word:08x}" for word in philox([0, 0, 0, 0], [0, 0])]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    words = np.asarray(counter, np.uint64)
    keys = np.asarray(key, np.uint64)
    low = np.uint64(_LOW)
    shift = np.uint64(32)
    c0, c1, c2, c3 = (words[..., i] for i in range(4))
    k0, k1 = keys[..., 0], keys[..., 1]
    for _ in range(10):
        product0 = c0 * np.uint64(0xD2511F53)
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (product1 >> shift) ^ c1 ^ k0,
            product1 & low,
            (product0 >> shift) ^ c3 ^ k1,
            product0 & low,
        )
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1).astype(np.uint32)


def _halves(value: int, name: str) -> tuple[int, int]:
    """Split a 64-bit unsigned integer into its low and high words."""
    if not 0 <= value < 2**64:
        raise ValueError(f"{name} must be in [0, 2**64), got {value}")
    return value & _LOW, value >> 32


def layer_number(layer_id: int | str) -> int:
    """The 64-bit id of a layer: an integer itself, or a name's 8-byte BLAKE2b, little endian."""
    if isinstance(layer_id, str):
        return int.from_bytes(hashlib.blake2b(layer_id.encode(), digest_size=8).digest(), "little")
    return layer_id


def stream_key(seed: int, kind: int, layer: int) -> Words:
    """Key of the draws of one kind in one layer, shape (2,), uint32.

    Words 0 and 1 of the Philox block of (seed, layer) under the key (kind, 0x494D5046).

    Raises
    ------
    ValueError
        If the seed or the layer does not fit in 64 unsigned bits.

    Examples
    --------
    >>> stream_key(0, 1, 0).shape
    (2,)
    """
    counter = (*_halves(seed, "seed"), *_halves(layer, "layer"))
    return philox(counter, (kind, _DOMAIN))[:2]


def trial_seed(seed: int, trial: int) -> int:
    """Seed of one trial of a study, a 64-bit integer.

    Words 0 and 1 of the Philox block of (seed, trial) under the key (0, 0x494D5046).

    Raises
    ------
    ValueError
        If the seed or the trial does not fit in 64 unsigned bits.

    Examples
    --------
    >>> trial_seed(0, 1) != trial_seed(0, 2)
    True
    """
    words = philox((*_halves(seed, "seed"), *_halves(trial, "trial")), (0, _DOMAIN))
    return int(words[0]) | int(words[1]) << 32


def _item_words(key: Words, items: npt.ArrayLike, write: int, slot: int) -> tuple[Words, Integers]:
    """The four words of the block each item lives in, shape (..., 4), and its lane in it."""
    index = np.asarray(items, np.uint64)
    block = index >> np.uint64(2)
    counter = np.empty((*index.shape, 4), np.uint64)
    counter[..., 0] = block & np.uint64(_LOW)
    counter[..., 1] = block >> np.uint64(32)
    counter[..., 2] = write
    counter[..., 3] = slot
    return philox(counter, key), index & np.uint64(3)


def uniforms(key: Words, items: npt.ArrayLike, write: int = 0, slot: int = 0) -> Floats:
    """Uniform draws in (0, 1), one per item: ``(word >> 8) * 2**-24 + 2**-25``.

    Parameters
    ----------
    key : array of shape (2,), uint32
        From `stream_key`.
    items : array of uint64
        Cell indices, any shape.
    write : int
        Number of the write, 32 bit.
    slot : int
        Place of the law in its tuple, 32 bit.

    Returns
    -------
    array of the shape of ``items``, float64

    Examples
    --------
    >>> u = uniforms(stream_key(0, 1, 0), range(1000))
    >>> bool((u > 0).all() and (u < 1).all())
    True
    """
    words, lane = _item_words(key, items, write, slot)
    own = np.take_along_axis(words, lane[..., None].astype(np.intp), axis=-1)[..., 0]
    return _uniform24(own)


def _uniform24(words: Words) -> Floats:
    return (words >> np.uint32(8)).astype(np.float64) * 2.0**-24 + 2.0**-25


def normals(key: Words, items: npt.ArrayLike, write: int = 0, slot: int = 0) -> Floats:
    """Standard normal draws, one per item, by the Box-Muller transform of a pair of words.

    Lanes 0 and 1 use words 0 and 1, lanes 2 and 3 use words 2 and 3. With ``even`` and ``odd`` the
    words of a pair, ``u = float32(even) * 2**-32 + 2**-33`` (both operations rounded to float32),
    ``r = sqrt(-2 ln u)`` and ``a = 2 pi odd / 2**32``; the even lane takes ``r cos a``, the odd
    lane ``r sin a``. Everything after ``u`` is float64 here; a float32 implementation differs in
    the last digits.

    Parameters
    ----------
    key, items, write, slot
        As in `uniforms`.

    Returns
    -------
    array of the shape of ``items``, float64

    Examples
    --------
    >>> z = normals(stream_key(0, 1, 0), range(10000))
    >>> bool(abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05)
    True
    """
    return _box_muller(*_item_words(key, items, write, slot))


def _box_muller(words: Words, lane: Integers) -> Floats:
    second_pair = lane >= 2
    even = np.where(second_pair, words[..., 2], words[..., 0])
    odd = np.where(second_pair, words[..., 3], words[..., 1])
    u = even.astype(np.float32) * np.float32(2.0**-32) + np.float32(2.0**-33)
    radius = np.sqrt(-2.0 * np.log(u.astype(np.float64)))
    angle = 2.0 * math.pi * odd.astype(np.float64) / 2.0**32
    wave = np.where(lane & np.uint64(1), np.sin(angle), np.cos(angle))
    return np.asarray(radius * wave, np.float64)


def read_key(seed: int, layer: int, read: int, kind: int = Kind.READ) -> Words:
    """Key of one read of a layer, shape (2,): words 0 and 1 of philox(read, 0, 0) under its stream.

    Raises
    ------
    ValueError
        If a number does not fit in 64 unsigned bits.

    Examples
    --------
    >>> bool((read_key(0, 0, 1) != read_key(0, 0, 2)).any())
    True
    """
    return philox((*_halves(read, "read"), 0, 0), stream_key(seed, kind, layer))[:2]


def read_normals(key: Words, samples: Integers, outputs: npt.ArrayLike, code: int) -> Floats:
    """Standard normal draws of one conversion, shape (M, n), for sample and output numbers.

    Output o of a sample takes lane o mod 4 of counter (sample, o div 4, code); see `normals`.

    Examples
    --------
    >>> import numpy as np
    >>> read_normals(read_key(0, 0, 0), np.arange(3, dtype=np.uint64), [0, 5], code=0).shape
    (3, 2)
    """
    numbers = np.asarray(outputs, np.uint64)
    counter = np.empty((len(samples), len(numbers), 4), np.uint64)
    counter[..., 0] = (samples & np.uint64(_LOW))[:, None]
    counter[..., 1] = (samples >> np.uint64(32))[:, None]
    counter[..., 2] = numbers >> np.uint64(2)
    counter[..., 3] = code
    lane = np.broadcast_to(numbers & np.uint64(3), counter.shape[:2])
    return _box_muller(philox(counter, key), lane)


def fault_positions(
    key: Words, num_cells: int, p_on: float, p_off: float, slot: int = 0
) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Stuck cells among ``num_cells`` cells, drawn by geometric skipping.

    A cell is faulty with probability ``p = 1 - (1 - p_on)(1 - p_off)`` and then stuck on with
    probability ``p_on / p``. Cells are cut in segments of 65,536 consecutive indices. In a segment
    the position starts at -1; draw ``d = 0, 1, ...`` takes the words of counter ``(lo(segment),
    hi(segment), slot, d)`` and moves it by ``1 + floor(ln(u_a) / log1p(-p))``, until it leaves the
    segment, with ``u_a = ((word0 << 21 | word1 >> 11) + 1/2) * 2**-53``. The fault is "on" if
    ``(word2 >> 8) * 2**-24 + 2**-25`` is below ``p_on / p``.

    Parameters
    ----------
    key : array of shape (2,), uint32
        From ``stream_key(seed, Kind.FAULTS, layer)``.
    num_cells : int
        Number of cells.
    p_on, p_off : float
        Probabilities of a cell stuck on and stuck off.
    slot : int
        Place of the law in its tuple.

    Returns
    -------
    positions : array of shape (num_faults,), uint64
        Indices of the stuck cells, ascending.
    is_on : array of shape (num_faults,), bool
        True where the cell is stuck on.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1].

    Examples
    --------
    >>> positions, is_on = fault_positions(stream_key(0, 4, 0), 10, 1.0, 0.0)
    >>> positions.tolist(), bool(is_on.all())
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], True)
    """
    for name, value in (("p_on", p_on), ("p_off", p_off)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be in [0, 1], got {value}")
    p = 1.0 - (1.0 - p_on) * (1.0 - p_off)
    positions: list[int] = []
    is_on: list[bool] = []
    if p > 0.0:
        for segment in range(-(-num_cells // FAULT_SEGMENT)):
            for position, on in _segment_faults(key, segment, p, p_on / p, slot):
                if segment * FAULT_SEGMENT + position < num_cells:
                    positions.append(segment * FAULT_SEGMENT + position)
                    is_on.append(on)
    return np.array(positions, np.uint64), np.array(is_on, np.bool_)


def _segment_faults(
    key: Words, segment: int, p: float, share_on: float, slot: int
) -> list[tuple[int, bool]]:
    """Faults of one segment as (position, is_on)."""
    log_healthy = math.log1p(-p) if p < 1.0 else -math.inf
    faults: list[tuple[int, bool]] = []
    position = -1
    first_draw = 0
    while True:
        draws = np.arange(first_draw, first_draw + 1024, dtype=np.uint64)
        counter = np.empty((draws.size, 4), np.uint64)
        counter[:, 0], counter[:, 1] = segment & _LOW, segment >> 32
        counter[:, 2], counter[:, 3] = slot, draws
        words = philox(counter, key)
        high = words[:, 0].astype(np.uint64) << np.uint64(21)
        low = words[:, 1].astype(np.uint64) >> np.uint64(11)
        u_a = ((high | low).astype(np.float64) + 0.5) * 2.0**-53
        u_b = _uniform24(words[:, 2])
        for a, b in zip(u_a.tolist(), u_b.tolist(), strict=True):
            skip = math.log(a) / log_healthy
            if skip >= FAULT_SEGMENT - 1 - position:
                return faults
            position += 1 + math.floor(skip)
            faults.append((position, b < share_on))
        first_draw += draws.size
