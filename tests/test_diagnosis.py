# SPDX-License-Identifier: BSD-3-Clause
"""The report on a chip's layers, against the same numbers computed another way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imperfect as im
import networks
from chips import NOISY, WRONG_WEIGHTS, noisy_chip, small
from imperfect.diagnosis import MAX_SAMPLES, Errors, layer_report
from imperfect.network import AnalogNetwork


def decibels(y: NDArray[Any], reference: NDArray[Any]) -> float:
    signal, error = (
        np.square(reference, dtype=np.float64),
        np.square(y - reference, dtype=np.float64),
    )
    return float(10 * np.log10(signal.sum() / error.sum()))


def test_one_row_per_layer_in_order() -> None:
    chip, x = noisy_chip()
    report = layer_report(chip, x)
    assert report["layer"].tolist() == list(chip.layers)
    assert report["position"].tolist() == [1, 2, 3, 4]
    assert report["weights"].tolist() == [8 * 3 * 9, 8 * 9, 64, 32]
    assert report["plan"].tolist() == [layer.plan.kind for layer in chip.layers.values()]
    assert report["arrays"].tolist() == [layer.plan.arrays for layer in chip.layers.values()]
    names = ["snr_db", "own_snr_db", "relative_error", "dac_clipped", "adc_clipped"]
    assert report.columns.tolist() == ["layer", "position", *names, "weights", "arrays", "plan"]
    assert np.isfinite(report[names].to_numpy()).all()


def test_ratio_inside_the_chip_is_that_of_its_outputs() -> None:
    chip, x = noisy_chip()
    report = layer_report(chip, x).set_index("layer")
    for outputs in chip.layer_outputs(x):
        row = report.loc[outputs.name]
        assert row["snr_db"] == pytest.approx(decibels(outputs.chip, outputs.reference))
        error = outputs.chip.astype(np.float64) - outputs.reference
        relative = error.std() / outputs.reference.std()
        assert row["relative_error"] == pytest.approx(relative, rel=1e-4)


def test_a_layers_own_ratio_has_no_part_in_the_others_errors() -> None:
    net, x = small()
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 4)
    report = layer_report(chip, x).set_index("layer")
    for name in chip.layers:
        others = [other for other in chip.layers if other != name]
        alone = AnalogNetwork(net, WRONG_WEIGHTS, 4, digital=others)
        (only,) = (out for out in alone.layer_outputs(x) if out.name == name)
        wanted = decibels(only.chip, only.reference)
        assert report.loc[name, "own_snr_db"] == pytest.approx(wanted, rel=1e-3)
    first = report.iloc[0]
    assert first["snr_db"] == first["own_snr_db"]
    assert report["snr_db"].iloc[-1] < report["own_snr_db"].iloc[-1]


def test_ideal_hardware_has_no_error() -> None:
    net, x = small()
    report = layer_report(AnalogNetwork(net), x)
    assert (report["snr_db"] == math.inf).all()
    assert (report["own_snr_db"] == math.inf).all()
    for column in ("relative_error", "dac_clipped", "adc_clipped"):
        assert (report[column] == 0).all()


def test_clipped_inputs_and_currents_are_counted() -> None:
    net, x = small()
    narrow = im.Hardware(
        dac=im.DAC(bits=8, signed=True, range=0.5), adc=im.ADC(bits=8, range=(-0.5, 0.5))
    )
    chip = AnalogNetwork(net, narrow)
    first = layer_report(chip, x).iloc[0]
    assert first["dac_clipped"] == pytest.approx(np.mean(np.abs(x) > 0.5), abs=1e-6)
    clipping = chip.layers["stem"].clipping(x)
    assert first["adc_clipped"] == np.mean(clipping.adc) > 0


def test_of_many_samples_some_at_even_distances_are_used() -> None:
    net, _ = small()
    x = networks.images(3 * MAX_SAMPLES - 2, height=8)["x"]
    chip = AnalogNetwork(net, WRONG_WEIGHTS)
    whole, chosen = layer_report(chip, x), layer_report(chip, x[::3])
    assert len(x[::3]) == MAX_SAMPLES
    assert whole.equals(chosen)


def test_errors_of_silent_layers() -> None:
    zeros, ones = np.zeros((2, 3)), np.ones((2, 3))
    errors = Errors()
    errors.add(zeros, zeros)
    assert (errors.snr_db, errors.relative) == (math.inf, 0.0)
    errors.add(ones, zeros)
    assert (errors.snr_db, errors.relative) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("x", "error", "reason"),
    [
        (np.zeros((0, 3, 8, 8)), ValueError, r"x: has shape \(0, 3, 8, 8\)"),
        (np.zeros((2, 3, 8, 9)), ValueError, "does not fit"),
        (np.full((2, 3, 8, 8), np.nan), ValueError, "value nan"),
        (np.full((2, 3, 8, 8), "a"), TypeError, "x has dtype"),
    ],
)
def test_bad_input(x: Any, error: type[Exception], reason: str) -> None:
    chip, _ = noisy_chip()
    with pytest.raises(error, match=reason):
        layer_report(chip, x)


def test_only_calibrated_chips() -> None:
    net, x = small()
    with pytest.raises(ValueError, match="calibrate"):
        layer_report(AnalogNetwork(net, NOISY), x)
    with pytest.raises(TypeError, match="chip: must be an AnalogNetwork, not Network"):
        layer_report(net, x)  # type: ignore[arg-type]
