# SPDX-License-Identifier: BSD-3-Clause
"""Closed-loop programming and faults of whole lines, in compiled layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import imperfect as im
from imperfect import device
from imperfect.testing import (
    assert_fraction_within_sigma,
    assert_mean_within_sigma,
    assert_std_within_sigma,
)


def layer_of(cell: im.Cell, shape: tuple[int, int] = (200, 200), **fields: Any) -> im.AnalogLinear:
    """A layer of weights 0.5, so that + cells hold 0.5 and - cells 0."""
    hardware = im.Hardware(weight_range=1.0, cell=cell, **fields)
    return im.AnalogLinear(np.full(shape, 0.5), hardware=hardware, seed=8)


# ---- write and verify ----------------------------------------------------------------------


def test_cells_stop_within_tolerance_and_pulses_are_counted() -> None:
    law = device.WriteVerify(tolerance=0.02, max_pulses=6, pulse_sigma=0.05)
    layer = layer_of(im.Cell(programming=law))
    pulses, error = layer.pulses()[0, 0], layer.conductances()[0, 0] - 0.5
    assert pulses.min() == 1
    assert pulses.max() == 6
    assert np.all(np.abs(error[pulses < 6]) <= 0.02 + 1e-7)
    hit = math.erf(0.02 / 0.05 / math.sqrt(2))
    for count in range(1, 6):
        share = (1 - hit) ** (count - 1) * hit
        assert_fraction_within_sigma(np.sum(pulses == count), share, pulses.size)
    assert_fraction_within_sigma(np.sum(np.abs(error) > 0.02), (1 - hit) ** 6, error.size)


def test_one_pulse_is_a_gaussian_law_with_the_same_draws() -> None:
    once = device.WriteVerify(tolerance=0.0, max_pulses=1, pulse_sigma=0.05)
    layer, gaussian = (layer_of(im.Cell(programming=law)) for law in (once, device.Gaussian(0.05)))
    np.testing.assert_array_equal(layer.conductances(), gaussian.conductances())
    assert np.all(layer.pulses() == 1)


def test_later_pulses_have_draws_of_their_own() -> None:
    laws = [
        device.WriteVerify(tolerance=0.0, max_pulses=count, pulse_sigma=0.05) for count in (1, 2, 3)
    ]
    errors = [layer_of(im.Cell(programming=law)).conductances()[0, 0] - 0.5 for law in laws]
    assert_std_within_sigma(np.stack(errors).reshape(3, -1), np.full(3, 0.05))
    for other in errors[1:]:
        assert_mean_within_sigma((errors[0] * other / 0.05**2).ravel(), 0.0, 1.0)


def test_pulses_do_not_depend_on_faults_or_time() -> None:
    law = device.WriteVerify(tolerance=0.02, max_pulses=9, pulse_sigma=0.05)
    plain = layer_of(im.Cell(programming=law))
    cell = im.Cell(programming=law, faults=device.StuckAt(p_on=0.5), drift=device.PowerLaw(0.1))
    np.testing.assert_array_equal(layer_of(cell).at(100.0).pulses(), plain.pulses())
    plain.program(write=1)
    assert np.any(plain.pulses() != layer_of(cell).pulses())


# ---- clustered faults ----------------------------------------------------------------------


@pytest.mark.parametrize("cluster", ["row", "column"])
def test_whole_lines_of_one_array_stick(cluster: Any) -> None:
    faults = device.StuckAt(p_on=0.1, p_off=0.2, cluster=cluster)
    array = im.Array(rows=50, cols=40)
    g = layer_of(im.Cell(faults=faults), (200, 200), array=array).conductances()[0, 0]
    blocks = g.reshape(5, 40, 4, 50)  # (column block, bit line, row block, word line)
    lines = np.moveaxis(blocks, 1 if cluster == "row" else 3, -1)
    assert np.all(lines == lines[..., :1])
    state = lines[..., 0]
    assert_fraction_within_sigma(np.sum(state == 1.0), 0.1, state.size)
    assert_fraction_within_sigma(np.sum(state == 0.0), 0.2 * 0.9, state.size)
    other = np.moveaxis(blocks, 3 if cluster == "row" else 1, -1)
    assert np.any(other != other[..., :1])


def test_clustered_faults_shift_no_other_draw() -> None:
    cell = im.Cell(programming=device.Gaussian(0.02))
    plain = layer_of(cell).conductances()
    faults = device.StuckAt(p_on=0.1, cluster="row")
    faulty = layer_of(im.Cell(programming=cell.programming, faults=faults)).conductances()
    healthy = faulty != 1.0
    assert 0.8 < healthy.mean() < 1.0
    np.testing.assert_array_equal(faulty[healthy], plain[healthy])
    both = layer_of(im.Cell(faults=(faults, device.StuckAt(p_off=0.1)))).conductances()
    single = layer_of(im.Cell(faults=(device.StuckAt(), device.StuckAt(p_off=0.1)))).conductances()
    np.testing.assert_array_equal(both[0, 0] == 0.0, single[0, 0] == 0.0)
