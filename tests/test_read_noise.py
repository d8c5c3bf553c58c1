# SPDX-License-Identifier: BSD-3-Clause
"""Read noise: one keyed draw per conversion has the law of one draw per cell, and its promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from imperfect.testing import CellNoise, ReferenceLayer, assert_within_sigma

GOLDEN = Path(__file__).parent / "golden"
G = im.device.Gaussian
P = im.device.Proportional


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def machine(
    read_noise: Any, adc_bits: int | None = None, slice_bits: int | None = 2, **fields: Any
) -> im.Hardware:
    cell = im.Cell(bits=2, on_off_ratio=20, read_noise=read_noise)
    accumulate, two_pass = fields.pop("accumulate", "digital"), fields.pop("two_pass", False)
    return im.Hardware(
        weight_bits=5,
        cell=cell,
        array=im.Array(rows=7),
        dac=im.DAC(
            bits=5, slice_bits=slice_bits, signed=not two_pass, range=2.0, accumulate=accumulate,
            two_pass=two_pass,
        ),
        adc=im.ADC(bits=adc_bits),
        **fields,
    )  # fmt: skip


MACHINES = {
    "one product": machine(G(0.1), slice_bits=None),
    "slices and cycles, folded": machine(P(0.2)),
    "cycles share draws, folded": machine(G(0.1, correlation="product")),
    "cycles, converted": machine(G(0.1), adc_bits=12),
    "cycles share draws, converted": machine(P(0.3, correlation="product"), adc_bits=12),
    "both, converted": machine([G(0.05), G(0.1, correlation="product")], adc_bits=12),
    "digital subtraction": machine(G(0.1), adc_bits=12, subtract="digital"),
    "analog accumulation": machine(G(0.1), adc_bits=12, accumulate="analog"),
    "shared, analog accumulation": machine(
        G(0.1, correlation="product"), adc_bits=12, accumulate="analog"
    ),
    "two passes, analog accumulation": machine(
        G(0.1), adc_bits=12, accumulate="analog", two_pass=True
    ),
    "unit column, folded": machine(G(0.1), scheme="offset", offset_removal="unit_column"),
    "unit column, converted": machine(
        G(0.1), adc_bits=14, scheme="offset", offset_removal="unit_column"
    ),
}


@pytest.mark.parametrize("hardware", MACHINES.values(), ids=MACHINES.keys())
def test_a_draw_per_conversion_has_the_law_of_a_draw_per_cell(hardware: im.Hardware) -> None:
    """Covariance over outputs (which share unit columns) of many reads of one input."""
    weight, x = normal(3, 10), normal(1, 10, seed=1)
    reads = 4000
    layer = im.AnalogLinear(weight, hardware=hardware, seed=2)
    reference = ReferenceLayer(weight, hardware=hardware, seed=2)
    noise = CellNoise(np.random.default_rng(3))
    ours = layer(np.repeat(x, reads, axis=0)).astype(np.float64)
    literal = reference.forward(np.repeat(x, reads, axis=0), noise=noise)
    deviation = literal.std(0)
    assert (deviation > 0.01).all()
    assert_within_sigma(ours.mean(0), literal.mean(0), deviation * np.sqrt(2), reads)
    # The covariance of n draws of unit deviation has an error of sqrt((1 + r^2) / n).
    difference = np.cov((ours / deviation).T) - np.cov((literal / deviation).T)
    assert np.abs(difference).max() < 5 * np.sqrt(2 * 2 / reads)


PCM = dict(g_max=25e-6, programming=im.device.PCM(), drift=im.device.PCM())
CMO = dict(g_max=80e-6, drift=im.device.RRAMCMO())
TIMED = {
    "pcm at once": (0.0, im.Cell(read_noise=im.device.PCMFlicker(), **PCM)),
    "pcm after a day": (86400.0, im.Cell(read_noise=im.device.PCMFlicker(), **PCM)),
    "pcm, fresh": (1e6, im.Cell(read_noise=im.device.PCMFlicker(correlation="cycle"), **PCM)),
    "cmo": (3600.0, im.Cell(on_off_ratio=8, read_noise=im.device.RRAMCMORead(), **CMO)),
    "sonos": (0.0, im.Cell(read_noise=im.device.SONOSRead(800.0))),
}


@pytest.mark.parametrize("adc_bits", [None, 14])
@pytest.mark.parametrize(("seconds", "cell"), TIMED.values(), ids=TIMED.keys())
def test_noise_at_a_time_has_the_law_of_a_draw_per_cell(
    seconds: float, cell: im.Cell, adc_bits: int | None
) -> None:
    hardware = machine(None, adc_bits=adc_bits).with_field("cell", cell)
    weight, x, reads = 5 * normal(3, 10), normal(1, 10, seed=1), 4000
    layer = im.AnalogLinear(weight, hardware=hardware, seed=2).at(seconds)
    reference = ReferenceLayer(weight, hardware=hardware, seed=2)
    reference.set_time(seconds)
    noise = CellNoise(np.random.default_rng(3))
    batch = np.repeat(x, reads, axis=0)
    ours, literal = layer(batch).astype(np.float64), reference.forward(batch, noise=noise)
    deviation = literal.std(0)
    assert (deviation > 0.01).all()
    assert_within_sigma(ours.mean(0), literal.mean(0), deviation * np.sqrt(2), reads)
    # The ratio of two deviations of n draws each has an error of 1 / sqrt(n).
    assert_allclose(ours.std(0) / deviation, 1.0, atol=5 / np.sqrt(reads))


def one_cell(law: Any, g: float, seconds: float, reads: int = 20_000, **cell: Any) -> float:
    """Deviation over reads of the conductance of one cell, relative to g_max."""
    ratio = cell.get("on_off_ratio", np.inf)
    filling = (g - 1 / ratio) / (1 - 1 / ratio)
    hardware = im.Hardware(scheme="offset", weight_range=1.0, cell=im.Cell(read_noise=law, **cell))
    layer = im.AnalogLinear([[2 * filling - 1]], hardware=hardware, seed=4).at(seconds)
    assert_allclose(layer.conductances().item(), g, rtol=1e-5)
    # One unit of current is worth two weights, of the range of a cell.
    return float(layer(np.ones((reads, 1))).std(dtype=np.float64)) * (1 - 1 / ratio) / 2


def test_laws_are_their_formulas() -> None:
    d = im.device
    cmo = 0.0277316483 * np.log10(40.0) * np.sqrt(np.log((3600 + 1e-6) / 2e-6)) / 80.0
    cells = dict(g_max=80e-6, on_off_ratio=8)
    flicker = [np.sqrt(np.log((t + 20 + 250e-9) / 500e-9)) for t in (0.0, 1e6)]
    sonos = 12.58037 * (1 - np.exp(-400 / 215.36557)) / 800
    expected = [
        (one_cell(d.PCMFlicker(), 0.5, 0.0), 0.5 * 0.0088 / 0.5**0.65 * flicker[0]),
        (one_cell(d.PCMFlicker(), 0.5, 1e6), 0.5 * 0.0088 / 0.5**0.65 * flicker[1]),
        (one_cell(d.PCMFlicker(), 0.004, 1e6), 0.004 * 0.2 * flicker[1]),
        (one_cell(d.RRAMCMORead(), 0.5, 3600.0, **cells), cmo),
        (one_cell(d.SONOSRead(800.0), 0.5, 0.0), sonos),
    ]
    for found, sigma in expected:
        assert_allclose(found, sigma, rtol=5 / np.sqrt(2 * 20_000))
    assert one_cell(d.RRAMCMORead(), 0.5, 1e-6, **cells) == 0.0
    assert one_cell(d.RRAMCMORead(), 0.5, 0.0, **cells) == 0.0


def test_flicker_is_in_proportion_to_the_drifted_conductance() -> None:
    """Q is that of the written conductance: drift scales signal and noise alike."""
    hardware = im.Hardware(
        weight_range=1.0,
        cell=im.Cell(drift=im.device.PowerLaw(0.1), read_noise=im.device.PCMFlicker()),
    )
    layer = im.AnalogLinear([[0.5]], hardware=hardware, seed=1).at(1e5)
    g = layer.conductances()[0, 0].item()
    assert g < 0.25
    q = 0.0088 / 0.5**0.65 * np.sqrt(np.log((1e5 + 20) / 500e-9))
    deviation = layer(np.ones((20_000, 1))).std(dtype=np.float64)
    assert_allclose(deviation, g * q, rtol=5 / np.sqrt(2 * 20_000))


def test_reads_are_keyed() -> None:
    layer = im.AnalogConv2d(
        normal(6, 2, 3, 3), padding=1, hardware=machine(G(0.1), adc_bits=8), seed=1
    )
    x = normal(7, 2, 5, 6)
    y = layer(x, num_threads=1)
    assert_array_equal(layer(x, num_threads=2), y)
    parts = [layer(x[:3]), layer(x[3:], first_sample=3)]
    assert_array_equal(np.concatenate(parts), y)
    for other in (
        layer(x, read=1),
        layer(x, first_sample=1),
        layer(x[:, :, ::-1].copy())[:, :, ::-1],
    ):
        assert (other != y).mean() > 0.5
    again = im.AnalogConv2d(layer.weight, padding=1, hardware=layer.hardware, seed=2)
    assert (again(x) != y).mean() > 0.5


def test_switching_noise_on_leaves_the_cells_alone() -> None:
    quiet = machine(None).with_field("cell.programming", G(0.05))
    noisy = quiet.with_field("cell.read_noise", P(0.1))
    layers = [im.AnalogLinear(normal(4, 9), hardware=hw, seed=3) for hw in (quiet, noisy)]
    assert_array_equal(layers[0].conductances(), layers[1].conductances())


def test_noise_of_zero_is_no_noise() -> None:
    x, weight = normal(5, 10), normal(3, 10)
    without, zero = (
        im.AnalogLinear(weight, hardware=machine(law, adc_bits=8))(x) for law in (None, G(0.0))
    )
    assert_allclose(zero, without, atol=1e-5)


def test_each_pass_has_the_noise_of_its_own_inputs() -> None:
    hardware = machine(G(0.1), adc_bits=12, accumulate="analog", two_pass=True)
    layer, x = im.AnalogLinear(normal(3, 10), hardware=hardware), np.full((2000, 10), 1.5)
    assert_allclose(layer(-x).std(0), layer(x).std(0), rtol=0.1)
    assert (layer(x).std(0) > 0.01).all()


def test_silent_inputs_have_no_noise() -> None:
    layer = im.AnalogLinear(normal(3, 10), hardware=machine(G(0.5)))
    assert_array_equal(layer(np.zeros((2, 10))), np.zeros((2, 3)))


def test_cells_outside_the_blocks_are_noisy_too() -> None:
    """Two groups in one array: driving one of them disturbs the outputs of the other."""
    hardware = im.Hardware(groups="block_diagonal", cell=im.Cell(read_noise=G(0.1)))
    layer = im.AnalogConv1d(normal(4, 3, 1), groups=2, hardware=hardware)
    x = np.zeros((2000, 6, 1), np.float32)
    x[:, 3:] = 1
    assert_allclose(layer(x)[:, :2].std() / np.abs(layer.weight).max(), 0.1 * np.sqrt(6), rtol=0.05)


def test_plan_counts_the_product_of_variances() -> None:
    plan = im.AnalogLinear(normal(3, 10), hardware=machine(G(0.1), adc_bits=8)).plan
    assert (plan.kind, plan.products) == ("fused", 2 * 2 * 2)
    assert "read noise" in plan.reason


def test_networks_pass_the_numbers_on() -> None:
    network = im.data.scattered_mobilenet()
    hardware = im.Hardware(cell=im.Cell(read_noise=G(0.02)))
    chip = im.AnalogNetwork(network, hardware, seed=4)
    x = im.data.scattered_fashion()[2][:6]
    y = chip(x)
    assert_array_equal(chip(x), y)
    assert_array_equal(np.concatenate([chip(x[:2]), chip(x[2:], first_sample=2)]), y)
    assert (chip(x, read=1) != y).all()


def test_samples_can_be_numbered_one_by_one() -> None:
    network = im.data.scattered_mobilenet()
    x = im.data.scattered_fashion()[2][:5]
    hardware = im.Hardware(cell=im.Cell(read_noise=G(0.02)))
    layer = im.AnalogConv2d(normal(3, 1, 3, 3), hardware=hardware)
    chip = im.AnalogNetwork(network, hardware, seed=4)
    order = np.array([4, 0, 3, 1, 2])
    for call in (layer, chip):
        assert_array_equal(call(x[order], samples=order), call(x)[order])
        with pytest.raises(ValueError, match="samples has shape"):
            call(x, samples=[1, 2])
        with pytest.raises(TypeError, match="samples has dtype"):
            call(x, samples=np.ones(5))
        with pytest.raises(ValueError, match="samples holds -1"):
            call(x, samples=[0, 1, 2, 3, -1])


def test_predictions_do_not_depend_on_the_rows_around() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 8)), rng.integers(3, size=60)
    noisy = im.Hardware(cell=im.Cell(read_noise=G(0.2)))
    model = im.AnalogLogisticRegression(hardware=noisy).fit(X, y)
    scores = model.decision_function(X)
    order = rng.permutation(60)
    assert_array_equal(model.decision_function(X[order]), scores[order])
    assert_array_equal(model.decision_function(X[7:8]), scores[7:8])
    quiet = im.AnalogLogisticRegression().fit(X, y).decision_function(X)
    assert (np.abs(scores - quiet) > 1e-3).any()


def test_pcm_read_noise_is_that_of_aihwkit() -> None:
    """Deviations over 20,000 reads of one product, within five standard errors of both sides."""
    known = np.load(GOLDEN / "device" / "mvm_w_noise_pcm_read.npz")
    weight, x, reads = known["W"], known["x"], int(known["m"])
    hardware = im.Hardware(cell=im.Cell(read_noise=im.device.PCMRead(0.0175)), weight_range=1.0)
    layer = im.AnalogLinear(weight, hardware=hardware, seed=3)
    y = layer(np.repeat(x[None], reads, axis=0)).astype(np.float64)
    assert_allclose(y.std(0, ddof=1), known["std"], rtol=5 * np.sqrt(2 / (2 * (reads - 1))))
