# SPDX-License-Identifier: BSD-3-Clause
"""The reference's random numbers: Philox known answers, keys, normal and uniform draws, faults.

Philox vectors: the file ``tests/kat_vectors`` of Random123 (D. E. Shaw Research), philox4x32 with
10 rounds; words are in the order counter, key, output.
"""

from __future__ import annotations

import numpy as np
import pytest

from imperfect.testing import (
    Kind,
    assert_fraction_within_sigma,
    assert_mean_within_sigma,
    assert_std_within_sigma,
    assert_within_sigma,
    fault_positions,
    layer_number,
    normals,
    philox,
    stream_key,
    trial_seed,
    uniforms,
)

KNOWN_ANSWERS = """
00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1
"""


def test_philox_known_answers() -> None:
    words = np.array(
        [[int(w, 16) for w in line.split()] for line in KNOWN_ANSWERS.split("\n")[1:4]]
    )
    np.testing.assert_array_equal(philox(words[:, :4], words[:, 4:6]), words[:, 6:])


def test_keys_depend_on_every_argument() -> None:
    keys = {
        tuple(stream_key(s, k, n)) for s in (0, 1, 2**40) for k in (1, 2) for n in (0, 1, 2**40)
    }
    assert len(keys) == 18
    assert len({trial_seed(s, t) for s in (0, 1, 2**40) for t in (0, 1, 2**40)}) == 9
    assert layer_number("conv1") == layer_number("conv1") != layer_number("conv2")
    assert layer_number(5) == 5
    with pytest.raises(ValueError, match="seed"):
        stream_key(-1, 1, 0)
    with pytest.raises(ValueError, match="layer"):
        stream_key(0, 1, 2**64)


def test_normals_by_hand() -> None:
    """Items 4 to 7 are the lanes of the block with counter (1, 0, write, slot)."""
    key = stream_key(3, Kind.PROGRAMMING, 9)
    w = [float(word) for word in philox([1, 0, 2, 5], key)]
    expected = []
    for even, odd in ((w[0], w[1]), (w[2], w[3])):
        radius = np.sqrt(-2 * np.log((even + 0.5) / 2**32))
        expected += [radius * np.cos(2 * np.pi * odd / 2**32)]
        expected += [radius * np.sin(2 * np.pi * odd / 2**32)]
    np.testing.assert_allclose(normals(key, [4, 5, 6, 7], 2, 5), expected, rtol=1e-6)
    u = [(int(word) // 256 + 0.5) / 2**24 for word in w]
    np.testing.assert_array_equal(uniforms(key, [4, 5, 6, 7], 2, 5), u)


def test_item_numbers_have_64_bits() -> None:
    key = stream_key(0, 1, 0)
    far = 2**40 + np.arange(4)
    even, odd = (float(w) for w in philox([2**38 % 2**32, 2**38 // 2**32, 0, 0], key)[:2])
    radius = np.sqrt(-2 * np.log((even + 0.5) / 2**32))
    z = radius * np.cos(2 * np.pi * odd / 2**32)
    np.testing.assert_allclose(normals(key, far)[0], z, rtol=1e-6)


def test_draws_follow_their_laws() -> None:
    z = normals(stream_key(1, 1, 0), np.arange(400_000))
    assert_mean_within_sigma(z, 0.0, 1.0)
    assert_std_within_sigma(z, 1.0)
    assert_within_sigma(np.mean(z**3), 0.0, np.sqrt(15.0), z.size)
    assert_within_sigma(np.mean(z**4), 3.0, np.sqrt(96.0), z.size)
    for shift in (1, 2, 3, 4, 8):
        assert_within_sigma(np.mean(z[:-shift] * z[shift:]), 0.0, 1.0, z.size - shift)
    u = uniforms(stream_key(1, 1, 0), np.arange(400_000))
    assert_mean_within_sigma(u, 0.5, np.sqrt(1 / 12))
    assert_std_within_sigma(u, np.sqrt(1 / 12), kurtosis=1.8)


def test_streams_are_independent() -> None:
    items = np.arange(100_000)
    reference = normals(stream_key(1, 1, 0), items)
    others = [
        normals(stream_key(2, 1, 0), items),
        normals(stream_key(1, 2, 0), items),
        normals(stream_key(1, 1, 1), items),
        normals(stream_key(1, 1, 0), items, 1, 0),
        normals(stream_key(1, 1, 0), items, 0, 1),
    ]
    for other in others:
        assert_within_sigma(np.mean(reference * other), 0.0, 1.0, items.size)


@pytest.mark.parametrize(("p_on", "p_off"), [(0.01, 0.03), (0.3, 0.4), (1e-4, 0.0), (1.0, 1.0)])
def test_fault_rates(p_on: float, p_off: float) -> None:
    n = 600_000
    positions, is_on = fault_positions(stream_key(5, Kind.FAULTS, 0), n, p_on, p_off)
    assert np.all(np.diff(positions.astype(np.int64)) > 0)
    assert positions.max() < n
    assert_fraction_within_sigma(is_on.sum(), p_on, n)
    assert_fraction_within_sigma((~is_on).sum(), p_off * (1 - p_on), n)
    p = 1 - (1 - p_on) * (1 - p_off)
    in_thirds = np.histogram(positions, bins=3, range=(0, n))[0]
    assert_fraction_within_sigma(in_thirds, p, n // 3)


def test_neighbours_fail_independently() -> None:
    faulty = np.zeros(1_000_000, bool)
    faulty[fault_positions(stream_key(6, Kind.FAULTS, 0), faulty.size, 0.0, 0.2)[0]] = True
    assert_fraction_within_sigma(np.sum(faulty[:-1:2] & faulty[1::2]), 0.04, faulty.size // 2)


def test_faults_cover_their_first_and_last_cells() -> None:
    positions, _ = fault_positions(stream_key(0, Kind.FAULTS, 0), 65_540, 1.0, 0.0)
    np.testing.assert_array_equal(positions, np.arange(65_540))
    assert fault_positions(stream_key(0, Kind.FAULTS, 0), 65_540, 0.0, 0.0)[0].size == 0


def test_seeds_keep_their_meaning() -> None:
    """Values of the first release: a chip stored by its seed must come back the same."""
    layer = layer_number("conv1")
    key = stream_key(7, Kind.PROGRAMMING, layer)
    assert layer == 0x8854C97F58980E7B
    assert [int(word) for word in key] == [0xC3B0A1AF, 0x6C98A123]
    assert trial_seed(7, 1) == 14813078525221800322
    z = [0.0048478324, -0.7193491889, 0.7828097175, -2.1381234037]
    np.testing.assert_allclose(normals(key, range(4), 2, 1), z, rtol=1e-6)
    u = [0.77202114462852, 0.75107255578041, 0.07485654950142, 0.80585744976997]
    np.testing.assert_allclose(uniforms(key, range(4), 2, 1), u, rtol=1e-12)
    positions, is_on = fault_positions(stream_key(7, Kind.FAULTS, 0), 200_000, 2e-5, 2e-5)
    assert positions.tolist() == [18143, 56061, 62028, 87686, 111500, 115336, 190894]
    assert is_on.tolist() == [True, True, False, True, False, False, True]
