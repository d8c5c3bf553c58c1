# SPDX-License-Identifier: BSD-3-Clause
"""Reports on converters' ranges, against the codes of the reference, and known answers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from chips import noisy_chip
from imperfect._layers.calibration import entropy
from imperfect.network import AnalogNetwork
from imperfect.testing import ReferenceLayer
from imperfect.testing._conversions import Conversion, all_conversions
from imperfect.testing._converter_errors import ConverterErrors, converter_errors
from imperfect.testing._converters import num_codes
from strategies import Workload, workloads
from test_layers import make_layer

Floats = np.ndarray[Any, np.dtype[np.float64]]


def positions(
    conversion: Conversion, lo: float, hi: float, bits: int, errors: ConverterErrors | None
) -> tuple[Floats, float]:
    """Where a conversion's currents lie among the codes, and its step."""
    n, lines = num_codes(lo, hi, bits), conversion.lines
    lsb = (hi - lo) / (n - 1)
    if errors is None:
        return (conversion.current - lo) / lsb, lsb
    e = errors.of_lines(lines.row_block, lines.slice, lines.polarity, lines.numbers, 0, n)
    p = (conversion.current * (1 + e.gain) - lo) / lsb + e.offset
    inl = [np.interp(p[:, i], np.arange(n), line[:n]) for i, line in enumerate(e.inl)]
    return p + np.stack(inl, axis=1), lsb


@dataclasses.dataclass
class Expected:
    """What the reference counts for one slice and polarity, and how much of it may be off."""

    codes: Floats
    low: int = 0
    high: int = 0
    close: int = 0
    count: int = 0
    total: float = 0.0
    slack: float = 0.0


def count_codes(reference: ReferenceLayer, x: Any) -> dict[tuple[int, int], Expected]:
    adc = dataclasses.replace(reference.hardware.adc, noise=0.0)
    assert adc.bits is not None
    rows, _ = reference._input_rows(x)
    samples = np.arange(len(rows), dtype=np.uint64)
    lines = len(reference.weight) + reference.layout.num_units
    numbers = reference.encoding.num_slices, lines, reference.seed, reference.layer, 0
    errors = converter_errors(adc, *numbers, samples)
    found: dict[tuple[int, int], Expected] = {}
    for tile in reference.tiles:
        drive = reference._drive(tile, rows, 1e-5)
        for one in all_conversions(tile, drive, reference.hardware, reference.encoding):
            lo, hi = reference.adc_range(tile, one.lines.slice, one.lines.polarity)
            p, lsb = positions(one, lo, hi, adc.bits, errors)
            n, place = num_codes(lo, hi, adc.bits), (one.lines.slice, one.lines.polarity)
            counted = found.setdefault(place, Expected(np.zeros(n)))
            codes = np.clip(np.rint(p), 0, n - 1).astype(np.int64)
            counted.codes += np.bincount(codes.ravel(), minlength=n)
            counted.low += int((p < -0.5).sum())
            counted.high += int((p > n - 0.5).sum())
            distance = np.abs(p - np.floor(p) - 0.5)
            near = 1e-3 + 2 * (1e-6 * one.gross + one.flip) / lsb
            counted.close += int((distance <= near).sum())
            counted.count += one.current.size
            counted.total += float(one.current.sum())
            counted.slack += float((1e-5 * one.gross + one.flip).sum())
    return found


@settings(max_examples=120, deadline=None)
@given(workloads())
def test_codes_are_those_of_the_reference(work: Workload) -> None:
    assume(work.hardware.adc.bits is not None)
    reference = work.reference()
    layer, extra = make_layer(work)
    layer.calibrate(work.calibration.reshape(*work.calibration.shape, *extra))
    found = layer.state()
    if "input_range" in found and reference.input_range is not None:
        reference.input_range = float(found["input_range"][0])
    if reference.adc_ranges is not None:
        reference.adc_ranges = found["output_ranges"].reshape(reference.adc_ranges.shape)
    report = layer._conversions(work.x.reshape(*work.x.shape, *extra))
    expected = count_codes(reference, work.x)
    assert len(report.converters) == len(expected)
    for use in report.converters:
        wanted = expected[use.slice, max(use.polarity, 0)]
        assert use.conversions == wanted.count == use.codes.sum() == use.currents.sum()
        assert np.abs(use.codes.astype(np.float64) - wanted.codes).sum() <= 2 * wanted.close
        assert abs(use.clipped_low - wanted.low) <= wanted.close
        assert abs(use.clipped_high - wanted.high) <= wanted.close
        assert abs(use.mean * wanted.count - wanted.total) <= wanted.slack + 1e-9


RANGE_ONE = im.Hardware(
    dac=im.DAC(bits=8, range=1.0, signed=True), adc=im.ADC(bits=4, range=(-1.0, 1.0))
)


def test_known_answer() -> None:
    layer = im.AnalogLinear([[1.0, 1.0]], hardware=RANGE_ONE)
    report = layer.calibration_report([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [-2.0, -1.0]])
    assert len(report) == 1
    row = report.iloc[0]
    assert (row["slice"], row["polarity"], row["codes"], row["conversions"]) == (0, "", 15, 4)
    assert_allclose([row["lo"], row["hi"], row["lsb"]], [-1, 1, 1 / 7])
    assert (row["clipped_low"], row["clipped_high"], row["input_clipped"]) == (0.25, 0.25, 1 / 8)
    # Codes 7, 14, 14 and 0.
    assert row["codes_used"] == 3 / 15
    assert row["bits_used"] == 1.5
    assert (row["current_mean"], row["input_range"], row["lines_limited"]) == (0.25, 1.0, 0.0)
    assert row["current_std"] == pytest.approx(np.std([0, 1, 2, -2]))


def test_polarities_that_are_converted_apart_have_rows_of_their_own() -> None:
    hardware = im.Hardware(
        weight_bits=5, subtract="digital", cell=im.Cell(bits=2), dac=im.DAC(bits=4),
        adc=im.ADC(bits=5, range="calibrated"),
    )  # fmt: skip
    layer = im.AnalogLinear(np.random.default_rng(0).normal(size=(6, 9)), hardware=hardware)
    x = np.random.default_rng(1).normal(size=(20, 9))
    layer.calibrate(x)
    report = layer.calibration_report(x)
    assert report["slice"].tolist() == [0, 0, 1, 1]
    assert report["polarity"].tolist() == ["+", "-"] * 2
    ranges = layer.state()["output_ranges"]
    assert_allclose(report[["lo", "hi"]].to_numpy(), ranges, rtol=1e-12)
    clipped = report["clipped_low"] + report["clipped_high"]
    assert_allclose(clipped, layer.clipping(x).adc)


@pytest.mark.parametrize("accumulate", ["digital", "analog"])
@pytest.mark.parametrize("adc", [im.ADC(), im.ADC(bits=6)])
def test_limited_bit_lines_are_counted(accumulate: Any, adc: im.ADC) -> None:
    hardware = im.Hardware(
        array=im.Array(column_current_max=1.5),
        dac=im.DAC(bits=2, slice_bits=1, signed=False, range=1.0, accumulate=accumulate),
        adc=adc,
    )
    layer = im.AnalogLinear([[1.0, 1.0], [-1.0, 1.0]], hardware=hardware)
    # The first sample drives both word lines in both cycles: 2 unit currents in the + line of
    # the first output.
    report = layer.calibration_report([[1.0, 1.0], [1.0, 0.0], [0.0, 2 / 3]])
    # Eight currents of each sample: two outputs, two polarities, two cycles.
    assert report["lines_limited"].tolist() == [2 / 24]
    as_large = im.AnalogLinear(
        [[1.0, 1.0], [-1.0, 1.0]], hardware=hardware.with_field("array.column_current_max", 2.0)
    )
    assert as_large.calibration_report([[1.0, 1.0]])["lines_limited"].tolist() == [0.0]
    assert report["conversions"].tolist() == [12 if accumulate == "digital" else 6]


def test_ideal_converters_have_gaps() -> None:
    report = im.AnalogLinear([[1.0, 2.0]]).calibration_report([[1.0, 2.0]])
    assert len(report) == 1
    assert report.loc[0, "input_clipped"] == 0.0
    assert report[["slice", "lo", "codes", "bits_used", "current_std"]].isna().all(axis=None)
    assert report.dtypes.equals(
        im.AnalogLinear([[1.0]], hardware=RANGE_ONE).calibration_report([[1.0]]).dtypes
    )


def test_bins_follow_currents_beyond_the_range() -> None:
    layer = im.AnalogLinear([[1.0] * 50], hardware=RANGE_ONE)
    x = np.eye(50)[:1].repeat(3, axis=0)
    x[1] = 1.0
    x[2] = -1.0
    (use,) = layer._conversions(x).converters
    places = np.nonzero(use.currents)[0] - len(use.currents) // 2
    assert_array_equal(use.currents[use.currents > 0], [1, 1, 1])
    low, high = places * use.bin_width, (places + 1) * use.bin_width
    assert (low <= np.array([-50.0, 1.0, 50.0]) + 1e-4).all()
    assert (high >= np.array([-50.0, 1.0, 50.0]) - 1e-4).all()
    assert use.bin_width == 64 / 1024


def test_entropy() -> None:
    assert entropy(np.array([0, 7, 0], np.uint64)) == 0.0
    assert entropy(np.array([5, 5, 5, 5], np.uint64)) == 2.0
    assert entropy(np.array([2, 1, 1, 0], np.uint64)) == 1.5


def test_report_of_a_chip() -> None:
    chip, x = noisy_chip()
    report = chip.calibration_report(x)
    assert report.columns[0] == "layer"
    assert report["layer"].drop_duplicates().tolist() == list(chip.layers)
    assert len(report) == 4 * len(chip.layers)
    first = chip.layers[report["layer"][0]].calibration_report(x)
    assert report["codes"].tolist() == [255] * len(report)
    same = ["slice", "lo", "hi", "conversions", "bits_used", "current_std", "input_clipped"]
    pd.testing.assert_frame_equal(report[same][:4], first[same])
    assert (report["bits_used"] > 1).all() and (report["clipped_high"] < 0.05).all()


def test_bad_input() -> None:
    layer = im.AnalogLinear([[1.0, 1.0]], hardware=RANGE_ONE)
    for bad, reason in (
        (np.empty((0, 2)), "empty"), ([[1.0, np.nan]], "x"), ([[1.0]], "x"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=reason):
            layer.calibration_report(bad)
    waiting = im.AnalogLinear([[1.0]], hardware=im.Hardware(dac=im.DAC(bits=3)))
    with pytest.raises(ValueError, match="calibrate"):
        waiting.calibration_report([[1.0]])
    chip, x = noisy_chip()
    open_chip = AnalogNetwork(chip.network, chip.hardware)
    with pytest.raises(ValueError, match="calibrate"):
        open_chip.calibration_report(x)
