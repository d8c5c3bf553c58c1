# SPDX-License-Identifier: BSD-3-Clause
"""Layers and chips at later times: statistics of other programs, one chip at all times, gains."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from golden_cases import GOLDEN
from imperfect import device
from imperfect.testing import assert_mean_within_sigma, assert_std_within_sigma
from networks import small_cnn
from test_reference_programming import assert_same_statistics

CELLS = 40_000
TIMES = (1.0, 3600.0, 86400.0, 31536000.0)
PCM = dict(g_max=25e-6, programming=device.PCM(), drift=device.PCM())
WAN = dict(g_max=40e-6, programming=device.RRAMWan2022(), drift=device.RRAMWan2022())


def cells(targets: Any, *, seed: int = 5, count: int = CELLS, **cell: Any) -> im.AnalogLinear:
    """A layer that holds each target g in the + cells of a line of its own."""
    weight = np.repeat(np.asarray(targets, np.float64)[:, None], count, axis=1)
    hardware = im.Hardware(weight_range=1.0, cell=im.Cell(**cell))
    return im.AnalogLinear(weight, hardware=hardware, seed=seed)


def plus(layer: im.AnalogLinear) -> np.ndarray[Any, Any]:
    return layer.conductances()[0, 0].astype(np.float64)


# ---- statistics ----------------------------------------------------------------------------


def test_pcm_drift_of_aihwkit() -> None:
    """Its drifted conductances carry one read's 1/f noise and are clipped at 0."""
    data = np.load(GOLDEN / "device" / "stat_PCMLike.npz")
    layer = cells(data["g_target"] / 25.0, **PCM)
    rng = np.random.default_rng(0)
    x = plus(layer)
    assert_same_statistics(x * 25.0, data["prog_mean"], data["prog_std"], float(data["n"]))
    q = np.minimum(0.0088 / np.maximum(x**0.65, 1e-3), 0.2)
    for column, t in enumerate(data["times"]):
        growth = np.sqrt(np.log((t + 20.0 + 250e-9) / (2 * 250e-9)))
        drifted = plus(layer.at(float(t)))
        read = drifted * (1.0 + q * growth * rng.normal(size=drifted.shape))
        mean, std = data["drift_mean"][:, column], data["drift_std"][:, column]
        assert_same_statistics(np.maximum(read, 0.0) * 25.0, mean, std, float(data["n"]))


def test_pcm_exponents_of_aihwkit() -> None:
    data = np.load(GOLDEN / "device" / "stat_PCMLike.npz")
    layer = cells(data["g_target"][1:] / 25.0, **PCM)
    before, after = plus(layer), plus(layer.at(1e7))
    for i, (mean, std) in enumerate(zip(data["nu_mean"][1:], data["nu_std"][1:], strict=True)):
        written = before[i] > 1e-3
        nu = -np.log(after[i][written] / before[i][written]) / np.log(1e7 / 20.0 + 1.0)
        assert_same_statistics(nu[None], [mean], [std], float(data["n"]))


def test_three_times_of_wan_2022() -> None:
    data = np.load(GOLDEN / "device" / "stat_Wan2022_gmax40.npz")
    layer = cells(data["g_target"] / 40.0, **WAN)
    assert_same_statistics(plus(layer) * 40, data["prog_mean"], data["prog_std"], float(data["n"]))
    for column, t in enumerate(data["times"]):
        g = plus(layer.at(float(t))) * 40.0
        mean, std = data["drift_mean"][:, column], data["drift_std"][:, column]
        assert_same_statistics(g, mean, std, float(data["n"]))


def test_tile_of_aihwkit_that_collapses_its_pairs() -> None:
    """That program maps the programmed G+ - G- anew, as one weight, before cells drift.

    Exponents are those of the cells' first targets; a leak of 1e-7 makes those of empty cells seen.
    """
    data = np.load(GOLDEN / "device" / "tile_pcm_drift.npz")
    weight = np.repeat(data["w"][:, None], CELLS, axis=1)
    layer = im.AnalogLinear(
        weight, hardware=im.Hardware(weight_range=1.0, cell=im.Cell(**PCM)), seed=6
    )
    effective = layer.effective_weight().astype(np.float64)
    assert_same_statistics(effective, data["prog_mean"], data["prog_std"], float(data["N"]))
    scale = np.abs(effective).max()
    x = np.stack([np.maximum(effective, 0.0), np.maximum(-effective, 0.0)]) / scale
    q = np.minimum(0.0088 / np.maximum(x**0.65, 1e-3), 0.2)
    cell = im.Cell(g_max=25e-6, on_off_ratio=1e7, drift=device.PCM())
    drifting = im.AnalogLinear(weight, hardware=im.Hardware(weight_range=1.0, cell=cell), seed=7)
    rng = np.random.default_rng(1)
    for t in (1, 3600, 86400, 31536000):
        growth = np.sqrt(np.log((t + 20.0 + 250e-9) / (2 * 250e-9)))
        g = x * drifting.at(float(t)).conductances()[0] / drifting.conductances()[0]
        read = np.maximum(g * (1.0 + q * growth * rng.normal(size=g.shape)), 0.0)
        w = (read[0] - read[1]) * scale
        mean, std = data[f"drift_mean_{t}"], data[f"drift_std_{t}"]
        assert_same_statistics(w, mean, std, float(data["N"]))


def test_power_law_and_cmo_and_table_and_sonos() -> None:
    g = plus(cells([0.5], drift=device.PowerLaw(0.05, 0.01, t0=1.0)).at(99.0))
    nu = -np.log(g / 0.5) / np.log(100.0)
    assert_mean_within_sigma(nu, [0.05], 0.01)
    assert_std_within_sigma(nu, [0.01])

    cmo = dict(g_max=80e-6, on_off_ratio=8, drift=device.RRAMCMO())
    g = plus(cells([0.5], **cmo).at(86400.0)) * 80.0
    start, log_t = (0.125 + 0.5 * 0.875) * 80.0, np.log(86400.0)
    assert_mean_within_sigma(g, [start - 0.08900206 * log_t], 0.04201137 * log_t + 0.41183342)
    assert_std_within_sigma(g, [0.04201137 * log_t + 0.41183342])

    table = device.DriftTable(
        seconds=[10, 1000],
        g=[0.2, 0.6],
        mean=[[0.2, 0.6], [0.3, 0.5]],
        sigma=[[0, 0], [0.02, 0.04]],
    )
    layer = cells([0.1, 0.4, 0.9], drift=table)
    g = plus(layer.at(100.0))  # half way in ln t
    assert_mean_within_sigma(g, [0.15, 0.4, 0.85], np.array([0.01, 0.015, 0.02]))
    assert_std_within_sigma(g, np.array([0.01, 0.015, 0.02]))
    assert_allclose(plus(layer.at(5.0)), plus(layer), atol=1e-6)

    sonos = device.SONOS(i_max=1600)
    layer = cells([0.25], programming=sonos, drift=sonos)
    for t, a, b in [
        (0.0, 19.88665, 176.3115),
        (1.5 * 86400, (25.59102 + 28.72753) / 2, (186.85544 + 193.56834) / 2),
        (5 * 86400.0, 34.57909, 207.34309),
    ]:
        sigma = a * (1 - np.exp(-400 / b)) / 1600
        assert_mean_within_sigma(plus(layer.at(t)), [0.25], sigma)
        assert_std_within_sigma(plus(layer.at(t)), [sigma])


# ---- one chip at all times -----------------------------------------------------------------


def test_every_cell_keeps_its_exponent() -> None:
    layer = cells([0.3, 1.0], count=500, **PCM)
    before = plus(layer)
    exponents = [
        -np.log(plus(layer.at(t)) / before) / np.log1p(t / 20.0) for t in (3600.0, *TIMES[2:])
    ]
    for other in exponents[1:]:
        assert_allclose(other, exponents[0], rtol=1e-5)
    assert_allclose(plus(layer.at(1.0)), before * (21 / 20) ** -exponents[0], rtol=1e-6)
    assert_array_equal(plus(layer), before)
    assert (layer.seconds, layer.at(7.0).seconds) == (0.0, 7.0)


def test_every_cell_keeps_the_draw_that_its_spread_replaces() -> None:
    layer = cells([0.5], count=500, **WAN)
    sigma = [0.348, 0.701, 0.782]
    for i, row in enumerate(((16.030, -43.853, 45.393, -16.815),
                             (22.086, -50.773, 47.095, -16.458),
                             (20.274, -43.507, 37.062, -11.934))):  # fmt: skip
        sigma[i] += sum(c * 0.5 ** (k + 1) for k, c in enumerate(row))
    z = [
        (plus(layer.at(t)) * 40 - 20) / s
        for t, s in zip((1.0, 86400.0, 172800.0), sigma, strict=True)
    ]
    assert_allclose(z[1], z[0], atol=1e-5)
    assert_allclose(z[2], z[0], atol=1e-5)


LAWS: list[dict[str, Any]] = [
    PCM,
    WAN,
    dict(g_max=80e-6, on_off_ratio=8, programming=device.RRAMCMO(), drift=device.RRAMCMO()),
    dict(drift=(device.PowerLaw(0.1, 0.02), device.PowerLaw(0.05, 0.02))),
    dict(PCM, faults=device.StuckAt(p_on=0.1, p_off=0.1)),
    dict(WAN, faults=device.StuckAt(p_on=0.1, cluster="column")),
]


@pytest.mark.parametrize("cell", LAWS, ids=repr)
def test_views_share_one_chip(cell: dict[str, Any]) -> None:
    layer = cells([0.3, 0.8], count=300, **cell)
    day = layer.at(86400.0)
    assert_array_equal(layer.at(1.0).at(86400.0).conductances(), day.conductances())
    assert_array_equal(day.at(0).conductances(), layer.conductances())
    assert np.any(day.conductances() != layer.conductances())
    for other in (copy.copy(day), copy.deepcopy(day), pickle.loads(pickle.dumps(day))):
        assert other.seconds == 86400.0
        assert_array_equal(other.conductances(), day.conductances())
        assert_array_equal(other.at(0.0).conductances(), layer.conductances())
    again = copy.copy(day)
    again.program()
    assert again.seconds == 0.0
    assert_array_equal(again.conductances(), layer.conductances())
    again.program(write=1)
    assert np.any(again.at(86400.0).conductances() != day.conductances())


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_matter(threads: int) -> None:
    weight = np.random.default_rng(0).normal(size=(300, 300))
    cell = im.Cell(**PCM, faults=device.StuckAt(p_on=0.01, cluster="row"))
    layer = im.AnalogLinear(weight, hardware=im.Hardware(cell=cell)).at(3600.0)
    before = im.get_num_threads()
    try:
        im.set_num_threads(threads)
        other = im.AnalogLinear(weight, hardware=im.Hardware(cell=cell)).at(3600.0)
    finally:
        im.set_num_threads(before)
    assert_array_equal(other.conductances(), layer.conductances())


def test_switching_an_effect_on_shifts_no_other_draw() -> None:
    plain = cells([0.3, 0.8], count=400, **PCM)
    ratio = plus(plain.at(1e5)) / plus(plain)
    no_drift = cells([0.3, 0.8], count=400, g_max=25e-6, programming=device.PCM())
    assert_array_equal(no_drift.conductances(), plain.conductances())
    for more in (
        dict(faults=device.StuckAt(p_off=0.2)),
        dict(faults=device.StuckAt(p_on=0.2, cluster="row")),
        dict(g_max_sigma=0.1),
        dict(programming=device.Gaussian(0.01)),
        dict(programming=device.WriteVerify(tolerance=0.1, max_pulses=3, pulse_sigma=0.1)),
        dict(read_noise=device.Gaussian(0.1)),
        dict(drift=(device.PCM(), device.PowerLaw(0.0))),
    ):
        other = cells([0.3, 0.8], count=400, **PCM | more)
        alive = plus(other) > 1e-3
        drifted = plus(other.at(1e5))[alive] / plus(other)[alive]
        assert_allclose(drifted, ratio[alive], rtol=1e-5)
    faulty = cells([0.3, 0.8], count=400, **PCM, faults=device.StuckAt(p_on=0.2))
    healthy = plus(faulty) != 1.0
    assert_array_equal(plus(faulty)[healthy], plus(plain)[healthy])
    noisy = cells([0.3], count=40, read_noise=device.Gaussian(0.1))
    later = cells([0.3], count=40, read_noise=device.Gaussian(0.1), drift=device.PowerLaw(0.0))
    x = np.ones((4, 40))
    assert_allclose(later.at(100.0)(x), noisy(x), rtol=1e-5)


def test_slices_and_pairs_are_never_collapsed() -> None:
    """Every cell of a sliced pair drifts by its own factor, those at g_min too."""
    cell = im.Cell(bits=2, on_off_ratio=20, drift=device.PowerLaw(0.1, 0.03))
    layer = im.AnalogLinear(
        np.random.default_rng(1).normal(size=(4, 5)), hardware=im.Hardware(weight_bits=7, cell=cell)
    )
    factor = layer.at(1e4).conductances() / layer.conductances()
    assert factor.shape == (3, 2, 4, 5)
    assert len(np.unique(factor)) == factor.size


# ---- chips ---------------------------------------------------------------------------------


def test_chip_at_a_time_is_saved_with_its_file(tmp_path: Any) -> None:
    hardware = im.Hardware(
        cell=im.Cell(**PCM), adc=im.ADC(bits=8, range="calibrated"), drift_compensation="column"
    )
    x = np.random.default_rng(3).normal(size=(6, 3, 8, 8)).astype(np.float32)
    chip = im.AnalogNetwork(im.Network.from_onnx(small_cnn()), hardware, seed=3)
    chip.calibrate(x)
    before, later = chip(x), chip.at(86400.0)
    y = later(x)
    assert np.any(y != before)
    later.save(tmp_path / "later.npz")
    loaded = im.AnalogNetwork.load(tmp_path / "later.npz")
    assert_array_equal(loaded(x), y)
    assert_array_equal(loaded.at(0)(x), before)
    assert_array_equal(chip(x), before)


# ---- compensation --------------------------------------------------------------------------


@pytest.mark.parametrize("per", ["layer", "column"])
def test_compensation_restores_the_mean_read_out(per: Any) -> None:
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(6, 40)), rng.normal(size=(50, 40))
    hardware = im.Hardware(cell=im.Cell(**PCM), drift_compensation=per)
    layer = im.AnalogLinear(weight, rng.normal(size=6), hardware=hardware)
    with pytest.raises(ValueError, match="calibrate"):
        layer(x)
    layer.calibrate(x)
    before, after = np.abs(layer(x) - layer.bias), np.abs(layer.at(1e7)(x) - layer.bias)
    axis = None if per == "layer" else 0
    assert_allclose(after.mean(axis), before.mean(axis), rtol=1e-5)
    plain = im.AnalogLinear(weight, hardware=im.Hardware(cell=im.Cell(**PCM))).at(1e7)
    assert np.abs(plain(x)).mean() < 0.7 * before.mean()
    gain = after / np.abs(plain(x))
    assert_allclose(gain / gain.mean(0), 1.0, rtol=1e-3)
    spread = np.ptp(gain.mean(0)) / gain.mean()
    assert spread < 1e-3 if per == "layer" else spread > 1e-3
    epilogue = layer.at(1e7).with_epilogue(im.Epilogue(low=0.0))
    assert_allclose(epilogue(x), np.maximum(layer.at(1e7)(x), 0.0), rtol=1e-6)


@pytest.mark.parametrize("removal", ["digital", "unit_column"])
def test_arrays_are_read_out_without_read_noise(removal: Any) -> None:
    rng = np.random.default_rng(5)
    weight, x = rng.normal(size=(20, 30)), rng.normal(size=(40, 30))
    outputs = []
    for noise in (None, device.Gaussian(1e-9)):
        cell = im.Cell(drift=device.PowerLaw(0.1, 0.03), read_noise=noise)
        hardware = im.Hardware(
            scheme="offset", offset_removal=removal, cell=cell, drift_compensation="column"
        )
        layer = im.AnalogLinear(weight, hardware=hardware)
        layer.calibrate(x)
        outputs.append(layer.at(1e6)(x))
    assert_allclose(outputs[1], outputs[0], rtol=1e-4, atol=1e-4)


def test_a_view_may_be_calibrated_anew() -> None:
    """Ranges are then those of the drifted cells; gains still lead back to the written ones."""
    rng = np.random.default_rng(4)
    weight, x = rng.normal(size=(8, 60)), rng.normal(size=(40, 60))
    hardware = im.Hardware(
        cell=im.Cell(drift=device.PowerLaw(0.1)),
        adc=im.ADC(bits=8, range="calibrated"),
        drift_compensation="layer",
    )
    layer = im.AnalogLinear(weight, hardware=hardware)
    layer.calibrate(x)
    later = layer.at(1e7)
    before = later.state()["output_ranges"]
    later.calibrate(x)
    assert np.all(np.abs(later.state()["output_ranges"]) < 0.5 * np.abs(before))
    scale = np.abs(x @ weight.T).mean()
    assert np.abs(later(x) - x @ weight.T).mean() < 0.6 * scale
    assert np.abs(layer.at(1e7)(x) - x @ weight.T).mean() < 0.05 * scale


def test_compensation_of_nothing_is_one() -> None:
    hardware = im.Hardware(
        cell=im.Cell(drift=device.PowerLaw(0.1)), drift_compensation="column", weight_range=1.0
    )
    layer = im.AnalogLinear([[1.0], [0.0]], [0.5, 0.25], hardware=hardware)
    layer.calibrate([[1.0]])
    assert_allclose(layer.at(1e6)([[2.0]]), [[2.5, 0.25]], rtol=1e-6)
