# SPDX-License-Identifier: BSD-3-Clause
"""The report on a chip's layers, against the same numbers computed another way."""

from __future__ import annotations

import math
from dataclasses import replace
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


def everything() -> tuple[AnalogNetwork, Any]:
    net, x = small()
    hardware = im.Hardware(
        weight_bits=6,
        cell=im.Cell(
            bits=2,
            g_max=1e-4,
            on_off_ratio=20,
            programming=im.device.Gaussian(0.03),
            faults=im.device.StuckAt(p_off=0.02),
            drift=im.device.PowerLaw(0.05, t0=1.0),
            read_noise=im.device.Gaussian(0.02),
        ),
        array=im.Array(rows=32, r_row=2.0, r_col=2.0),
        dac=im.DAC(bits=6),
        adc=im.ADC(bits=7, range="calibrated"),
    )
    chip = AnalogNetwork(net, hardware, 4)
    chip.calibrate(x)
    return chip.at(100.0), x


def test_every_source_has_a_row_for_every_layer() -> None:
    chip, x = everything()
    found = im.diagnose(chip, x)
    sources = ["weights", "programming", "faults", "drift", "read noise", "wires", "DAC", "ADC"]
    assert found.sources["source"].tolist() == sources * len(chip.layers)
    assert found.layers.equals(layer_report(chip, x))
    assert found.sources.drop(columns=["layer", "source"]).notna().all(axis=None)
    # With everything off but the weights, only these are left.
    only = found.sources.groupby("source")["relative_error_alone"].mean()
    assert (only > 0).all()
    assert "Most of the layers' own errors" in str(found)


def test_a_source_switched_off_leaves_the_draws_of_the_others() -> None:
    net, x = small()
    cell = im.Cell(programming=im.device.Gaussian(0.03), faults=im.device.StuckAt(p_off=0.05))
    chip = AnalogNetwork(net, im.Hardware(cell=cell), 4)
    without = AnalogNetwork(net, im.Hardware(cell=im.Cell(faults=cell.faults)), 4)
    found = im.diagnose(chip, x).sources.set_index(["layer", "source"])
    wanted = layer_report(without, x).set_index("layer")["own_snr_db"]
    own = layer_report(chip, x).set_index("layer")["own_snr_db"]
    for name in chip.layers:
        share = 1 - 10 ** ((own[name] - wanted[name]) / 10)
        assert found.loc[(name, "programming"), "share"] == pytest.approx(share, rel=1e-6)


def test_one_source_takes_all_of_the_error_away() -> None:
    net, x = small()
    chip = AnalogNetwork(net, im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.05))), 4)
    found = im.diagnose(chip, x).sources
    assert found["source"].unique().tolist() == ["programming"]
    assert (found["share"] > 1 - 1e-9).all()
    assert (found["relative_error_alone"] == found["relative_error"]).all()


def test_an_ideal_chip_has_no_source_of_error() -> None:
    net, x = small()
    found = im.diagnose(AnalogNetwork(net), x)
    assert len(found.sources) == 0
    assert found.accuracy is None
    assert found.kept_digital == ()


def test_points_back_are_accuracies_of_chips_with_a_digital_layer() -> None:
    net, x = small()
    labels = net(x).argmax(1)
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 4)
    found = im.diagnose(chip, x, labels, keep=2)
    assert found.accuracy == (chip(x).argmax(1) == labels).mean()
    for row in found.layers.itertuples():
        digital = AnalogNetwork(net, WRONG_WEIGHTS, 4, digital=[row.layer])
        wanted = 100 * ((digital(x).argmax(1) == labels).mean() - found.accuracy)
        assert row.points_back == pytest.approx(wanted)
    (first, points), (both, _) = found.kept_digital
    assert points == found.layers["points_back"].max()
    assert set(first) < set(both)
    assert len(both) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(3, int)}, "y: is int64 of shape"),
        ({"y": np.zeros(8)}, "y: is float64"),
        ({"keep": 0}, "keep=0"),
        ({"y": np.full(len(noisy_chip()[1]), 99)}, "y: holds 99; must be classes from 0 to"),
    ],
)
def test_bad_labels_are_refused(arguments: dict[str, Any], message: str) -> None:
    chip, x = noisy_chip()
    with pytest.raises(ValueError, match=message):
        im.diagnose(chip, x, **arguments)


def test_the_figure_shows_both_panels() -> None:
    chip, x = everything()
    figure = im.diagnose(chip, x).plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["Relative error", "Share of own error"]


def test_the_figure_has_no_negative_zero() -> None:
    chip, x = noisy_chip()
    found = im.diagnose(chip, x)
    points = np.resize([-0.4, 0.4, -0.6], len(found.layers))
    figure = replace(found, layers=found.layers.assign(points_back=points)).plot()
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert texts == np.resize(["+0", "+0", "-1"], len(points)).tolist()
