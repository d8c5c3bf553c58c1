# SPDX-License-Identifier: BSD-3-Clause
"""What the reference writes to cells: every law against its formula at 5 sigma and golden data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from golden_cases import GOLDEN
from imperfect import device
from imperfect.hardware import Array, Cell, Hardware
from imperfect.testing import (
    Kind,
    ReferenceLayer,
    assert_fraction_within_sigma,
    assert_mean_within_sigma,
    assert_std_within_sigma,
    assert_within_sigma,
    normals,
    programming_sigma,
    stream_key,
)

NUM_CELLS = 40_000


# ---- programming laws ----------------------------------------------------------------------


def programmed(g: Any, *, on_off_ratio: float = np.inf, **cell: Any) -> np.ndarray:
    """NUM_CELLS cells written at each target g, shape (targets, NUM_CELLS)."""
    targets = np.asarray(g, np.float64)
    g_min = 1.0 / on_off_ratio
    hardware = Hardware(weight_range=1.0, cell=Cell(on_off_ratio=on_off_ratio, **cell))
    weight = np.repeat((targets[:, None] - g_min) / (1.0 - g_min), NUM_CELLS, axis=1)
    return ReferenceLayer(weight, hardware=hardware, seed=11).conductances()[0, 0]


def test_laws_without_units() -> None:
    targets = np.array([0.4, 0.7, 1.0])
    for law, sigma, kurtosis in [
        (device.Gaussian(0.03), 0.03 + 0 * targets, 3.0),
        (device.Proportional(0.1), 0.1 * targets, 3.0),
        (device.Uniform(0.2), 0.2 / np.sqrt(12) + 0 * targets, 1.8),
        (device.Table(g=(0.2, 0.6, 0.9), sigma=(0.01, 0.05, 0.02)), [0.03, 0.04, 0.02], 3.0),
    ]:
        g = programmed(targets, programming=law)
        assert_mean_within_sigma(g, targets, sigma)
        assert_std_within_sigma(g, sigma, kurtosis=kurtosis)
    width = programmed([0.5], programming=device.Uniform(0.2))
    assert 0.4 <= width.min() < 0.401
    assert 0.599 < width.max() <= 0.6


def test_log_normal_keeps_the_mean() -> None:
    g = programmed([0.1, 0.5, 1.0], programming=device.LogNormal(0.3))
    mean = np.array([0.1, 0.5, 1.0])
    assert_mean_within_sigma(g, mean, mean * np.sqrt(np.exp(0.09) - 1))
    log = np.log(g)
    assert_mean_within_sigma(log, np.log(mean) - 0.045, 0.3)
    assert_std_within_sigma(log, 0.3 + 0 * mean)


@pytest.mark.parametrize(
    ("law", "microsiemens", "on_off_ratio", "sigma"),
    [
        # sigma in microsiemens at G = g_max / 2, worked out from the law's source.
        (device.PCM(), 25.0, np.inf, 0.26348 + 0.98250 - 0.293275),
        (device.PCM(), 50.0, np.inf, 2 * (0.26348 + 0.98250 - 0.293275)),
        (device.PCMJoshi(), 25.0, 100.0, 0.28638599 + 0.9482155 - 0.2793234375),
        (device.RRAMMilo(), 225.0, 4.5, 4.782321 - 1.0245375),
        (device.RRAMWan(), 20.0, np.inf, 1.053 + 2.374 - 1.167 + 0.1536),
        (device.RRAMWan2022(), 40.0, np.inf, 0.348 + 8.015 - 10.96325 + 5.674125 - 1.0509375),
        (device.RRAMWan2022(), 20.0, np.inf, 0.5 * 2.0229375),
        (device.SONOS(1600.0), 1600.0, np.inf, 19.88665 * (1 - np.exp(-800 / 176.3115))),
        (device.RRAMCMO("0.2%"), 80.0, 8.0, 0.00081107 + 0.0427516),
        (device.RRAMCMO("2%"), 80.0, 8.0, 0.0112185391 + 0.4516109672),
    ],
)
def test_laws_in_microsiemens(
    law: Any, microsiemens: float, on_off_ratio: float, sigma: float
) -> None:
    g_max = microsiemens * 1e-6
    np.testing.assert_allclose(
        programming_sigma(law, np.array([0.5]), g_max) * microsiemens, sigma, rtol=1e-9
    )
    g = programmed([0.5], programming=law, g_max=g_max, on_off_ratio=on_off_ratio)
    assert_mean_within_sigma(g * microsiemens, [0.5 * microsiemens], sigma)
    assert_std_within_sigma(g * microsiemens, [sigma])


def test_sigma_is_never_negative() -> None:
    law = device.PCM()
    np.testing.assert_array_equal(programming_sigma(law, np.array([2.5, -0.3]), 25e-6), 0.0)


def test_laws_of_a_tuple_act_in_order_with_their_own_draws() -> None:
    laws = (device.Gaussian(0.05), device.Gaussian(0.05), device.Proportional(0.1))
    g = programmed([0.5], programming=laws)
    sigma = np.sqrt((1 + 0.1**2) * (0.5**2 + 2 * 0.05**2) - 0.5**2)
    assert_mean_within_sigma(g, [0.5], sigma)
    assert_std_within_sigma(g, [sigma], kurtosis=3.5)
    z = normals(stream_key(11, Kind.PROGRAMMING, 0), np.arange(NUM_CELLS), 0, 2)
    first = (g[0] / (1 + 0.1 * z) - 0.5) / 0.05
    assert_std_within_sigma(first, np.sqrt(2.0))


def assert_same_statistics(g: np.ndarray, mean: Any, std: Any, n: float) -> None:
    """Samples along the last axis against mean and deviation of n draws of another program."""
    own, size = g.std(axis=-1), g.shape[-1]
    kurtosis = ((g - g.mean(axis=-1, keepdims=True)) ** 4).mean(axis=-1) / own**4
    error_of_mean = own * np.sqrt(1 / size + 1 / n)
    error_of_std = own * np.sqrt((kurtosis - 1) / 4) * np.sqrt(1 / size + 1 / n)
    assert_within_sigma(g.mean(axis=-1), mean, error_of_mean, 1)
    assert_within_sigma(own, std, error_of_std, 1)


STATISTICS = json.loads((GOLDEN / "device" / "programming_stats.json").read_text())
LAWS_BY_MODEL = {
    "NormalIndependentDevice": device.Gaussian(0.05),
    "NormalProportionalDevice": device.Proportional(0.05),
    "PCMJoshi": device.PCMJoshi(),
    "RRAMMilo": device.RRAMMilo(),
}


@pytest.mark.parametrize("model", LAWS_BY_MODEL)
def test_crosssim_programming(model: str) -> None:
    rows = [
        row
        for row in STATISTICS["device"]
        if row["model"] == model and row["kind"] == "programming_error"
    ]
    assert len(rows) == 6
    g = programmed(
        [row["G"] for row in rows],
        programming=LAWS_BY_MODEL[model],
        on_off_ratio=rows[0]["Rmax"] / rows[0]["Rmin"],
        g_max=1.0 / rows[0]["Rmin"],
    )
    mean, std = ([row[name] for row in rows] for name in ("mean", "std"))
    assert_same_statistics(g, mean, std, rows[0]["n"])


def test_aihwkit_pcm_programming() -> None:
    data = np.load(GOLDEN / "device" / "stat_PCMLike.npz")
    g_max = float(data["g_max"])
    g = programmed(data["g_target"] / g_max, programming=device.PCM(), g_max=g_max * 1e-6)
    assert_same_statistics(g * g_max, data["prog_mean"], data["prog_std"], float(data["n"]))


@pytest.mark.parametrize("style", ["BALANCED", "OFFSET", "BITSLICED"])
def test_crosssim_whole_weights(style: str) -> None:
    """Recombined 8-bit weights of cells with sigma = 2 % of g_max; the file has no n."""
    rows = [row for row in STATISTICS["effective_weight"] if row["style"] == style]
    # 0.5 is a rounding tie, 63.5: the program took 63 in a differential pair.
    weight = [
        63 / 127 if (style, row["weight"]) == ("BALANCED", 0.5) else row["weight"] for row in rows
    ]
    hardware = Hardware(
        weight_bits=8,
        weight_range=1.0,
        scheme="offset" if style == "OFFSET" else "differential",
        cell=Cell(
            bits={"BALANCED": 7, "OFFSET": 8, "BITSLICED": 2}[style],
            on_off_ratio=100,
            programming=device.Gaussian(0.02),
        ),
    )
    cells = np.repeat(weight, NUM_CELLS // 2)[:, None]
    layer = ReferenceLayer(cells, hardware=hardware, seed=12)
    effective = layer.forward([[1.0]]).reshape(len(rows), -1)
    mean, std = ([row[name] for row in rows] for name in ("mean", "std"))
    assert_same_statistics(effective, mean, std, NUM_CELLS // 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"weight_bits": 8, "bits": 2},
        {"weight_bits": 8, "bits": 3, "scheme": "offset"},
        {"weight_bits": None},
        {"weight_bits": None, "two_sided": True},
        {"weight_bits": None, "scheme": "offset"},
    ],
)
def test_weight_gaussian_acts_on_recombined_weights(fields: dict[str, Any]) -> None:
    fields = dict(fields)
    cell = Cell(
        bits=fields.pop("bits", None), on_off_ratio=7, programming=device.WeightGaussian(0.1)
    )
    weight = np.repeat([[1.0], [-0.25], [0.0]], 20_000, axis=1) * np.array([[1.0], [2.0], [1.0]])
    layer = ReferenceLayer(weight, hardware=Hardware(cell=cell, per="channel", **fields), seed=3)
    ideal_cell = Cell(bits=cell.bits, on_off_ratio=7)
    ideal = ReferenceLayer(weight, hardware=Hardware(cell=ideal_cell, per="channel", **fields))
    slice_weight = layer.encoding.slice_weight / (1 - 1 / 7)
    change = np.einsum("s,spnk->pnk", slice_weight, layer.conductances() - ideal.conductances())
    error = change[0] - change[1] if len(change) == 2 else change[0]
    assert_mean_within_sigma(error, 0.0, 0.1)
    assert_std_within_sigma(error, np.full(3, 0.1))


def test_weight_gaussian_spares_unit_columns() -> None:
    hardware = Hardware(
        scheme="offset",
        offset_removal="unit_column",
        cell=Cell(programming=device.WeightGaussian(0.1)),
    )
    (tile,) = ReferenceLayer(np.ones((3, 4)), hardware=hardware).tiles
    np.testing.assert_array_equal(tile.unit_g, 0.5)


# ---- spread and faults ---------------------------------------------------------------------


def test_spread_moves_both_ends() -> None:
    g = programmed([0.2, 0.6, 1.0], on_off_ratio=5, g_min_sigma=0.02, g_max_sigma=0.05)
    sigma = np.array([0.02, np.hypot(0.01, 0.025), 0.05])
    assert_mean_within_sigma(g, [0.2, 0.6, 1.0], sigma)
    assert_std_within_sigma(g, sigma)
    # Every cell has its own ends: draws of target rows differ, those of the two ends are unrelated.
    assert_within_sigma(np.mean((g[0] - 0.2) * (g[2] - 1.0)), 0.0, 0.02 * 0.05, NUM_CELLS)


def test_spread_of_g_min_stops_at_zero_and_g_max_at_g_min() -> None:
    off = programmed([0.0], g_min_sigma=0.1)
    assert_fraction_within_sigma(np.sum(off == 0.0), 0.5, off.size)
    on = programmed([1.0], on_off_ratio=1.25, g_max_sigma=0.4)
    assert on.min() == 0.8
    assert_fraction_within_sigma(np.sum(on == 0.8), 0.3085375, on.size)


def test_stuck_cells_sit_at_their_own_ends() -> None:
    g = programmed(
        [0.5],
        on_off_ratio=5,
        programming=device.Gaussian(0.01),
        faults=device.StuckAt(p_on=0.1, p_off=0.2),
    )
    assert_fraction_within_sigma(np.sum(g == 1.0), 0.1, g.size)
    assert_fraction_within_sigma(np.sum(g == 0.2), 0.2 * 0.9, g.size)
    spread = programmed([0.5], faults=device.StuckAt(p_on=1.0), g_max_sigma=0.1)
    assert_std_within_sigma(spread, [0.1])


def test_fault_laws_of_a_tuple_are_drawn_independently() -> None:
    laws = (device.StuckAt(p_on=0.3), device.StuckAt(p_off=0.3))
    g = programmed([0.5], faults=laws)
    assert_fraction_within_sigma(np.sum(g == 0.0), 0.3, g.size)
    assert_fraction_within_sigma(np.sum(g == 1.0), 0.3 * 0.7, g.size)


# ---- what a write draws --------------------------------------------------------------------


def test_writes_change_programming_but_not_devices() -> None:
    hardware = Hardware(cell=Cell(g_max_sigma=0.1, faults=device.StuckAt(p_off=0.1)))
    layer = ReferenceLayer(np.ones((1, 1000)), hardware=hardware)
    first = layer.conductances()
    layer.program(write=1)
    np.testing.assert_array_equal(layer.conductances(), first)
    noisy = ReferenceLayer(
        np.ones((1, 1000)), hardware=Hardware(cell=Cell(programming=device.PCM(), g_max=25e-6))
    )
    first = noisy.conductances()
    noisy.program(write=1)
    assert not np.any(noisy.conductances()[0, 0] == first[0, 0])
    noisy.program(write=0)
    np.testing.assert_array_equal(noisy.conductances(), first)


def test_draws_do_not_depend_on_how_arrays_are_cut() -> None:
    """Nor does adding faults or spread shift the programming draws."""
    weight = np.random.default_rng(8).normal(size=(6, 5, 2))
    cell = Cell(bits=2, programming=device.Gaussian(0.05))
    whole = Hardware(weight_bits=6, cell=cell)
    cut = whole.with_field("array", Array(rows=3, cols=2)).with_field("groups", "block_diagonal")
    layers = [ReferenceLayer(weight, hardware=h, groups=3, layer_id="a") for h in (whole, cut)]
    np.testing.assert_array_equal(layers[0].conductances(), layers[1].conductances())
    faulty = whole.with_field("cell.faults", device.StuckAt(p_on=0.1))
    g = ReferenceLayer(weight, hardware=faulty, groups=3, layer_id="a").conductances()
    healthy = g != 1.0
    assert 0 < healthy.mean() < 1
    np.testing.assert_array_equal(g[healthy], layers[0].conductances()[healthy])


def test_every_cell_has_an_index_of_its_own() -> None:
    hardware = Hardware(
        weight_bits=6,
        scheme="offset",
        offset_removal="unit_column",
        groups="block_diagonal",
        cell=Cell(bits=2),
        array=Array(rows=12, cols=8),  # two groups: 2 x (2 + 1) bit lines fit, 3 x 3 do not
    )
    layer = ReferenceLayer(np.ones((10, 3)), hardware=hardware, groups=5)
    assert [tile.own.shape for tile in layer.tiles] == [(4, 6), (4, 6), (2, 3)]
    items = np.concatenate([tile.items.ravel() for tile in layer.tiles])
    units = np.concatenate([tile.unit_items.ravel() for tile in layer.tiles])
    both = np.concatenate([items, units])
    assert len(np.unique(both)) == both.size
    weights = np.concatenate([tile.items[:, :, tile.own].ravel() for tile in layer.tiles])
    np.testing.assert_array_equal(np.sort(weights), np.arange(3 * 10 * 3))
    # Five units of three slices and six rows, two of them in an array of three rows only.
    assert units.min() == 90
    assert units.size == 4 * 3 * 6 + 1 * 3 * 3
    assert items[items >= 90].min() == 90 + 5 * 3 * 6 + 3
