# SPDX-License-Identifier: BSD-3-Clause
"""Nonlinear cells; the property tests compare them with cells evaluated one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import imperfect as im
from imperfect.testing import ReferenceLayer, assert_outputs_match

CURVE = im.device.CurveTable(g=[20e-6, 80e-6], a2=[2e-6, 1e-5], a3=[-3e-6, 4e-5])


def cell(**fields: Any) -> im.Cell:
    known = {"g_max": 100e-6, "on_off_ratio": 10.0, "v_read": 0.4, "nonlinearity": CURVE}
    return im.Cell(**(known | fields))


def current(g: float, volt: float, law: Any, v_read: float = 0.4, g_max: float = 100e-6) -> float:
    """Ampere of one cell at one voltage, from a layer with one weight."""
    weight = np.array([[2 * (g / g_max - 0.25) / 0.75 - 1]])
    hardware = im.Hardware(
        scheme="offset",
        offset_removal="unit_column",
        weight_range=1.0,
        cell=cell(g_max=g_max, v_read=v_read, on_off_ratio=4.0, nonlinearity=law),
        dac=im.DAC(range=1.0),
    )
    layer = im.AnalogLinear(weight, hardware=hardware)
    unit = (0.25 + 0.75 / 2) * g_max
    a2, a3 = coefficients(unit, law)
    read = float(layer([[volt / v_read]])[0, 0]) * 0.75 / 2 * g_max * v_read
    return read + unit * volt + a2 * volt**2 + a3 * volt**3


def coefficients(g: float, law: Any) -> tuple[float, float]:
    if law is CURVE:
        part = g / min(max(g, 20e-6), 80e-6)
        at = g / part
        return np.interp(at, law.g, law.a2) * part, np.interp(at, law.g, law.a3) * part
    log = np.log10(g)
    a2 = np.polyval([1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3], log)
    return a2, np.polyval([8.871e-5, 6.7919e-4, 1.2968e-3], log)


@pytest.mark.parametrize("volt", [-0.4, -0.1, 0.05, 0.4])
@pytest.mark.parametrize("g", [60e-6, 75e-6, 95e-6])
def test_the_current_of_one_cell(g: float, volt: float) -> None:
    for law in (CURVE, im.device.RRAMMiloCurve()):
        if law is not CURVE:
            expected_g = g * 2  # from 120 to 190 microsiemens
            found = current(expected_g, volt, law, g_max=220e-6)
        else:
            expected_g, found = g, current(g, volt, law)
        a2, a3 = coefficients(expected_g, law)
        expected = expected_g * volt + a2 * volt**2 + a3 * volt**3
        assert found == pytest.approx(expected, rel=2e-6)


def test_one_bit_inputs_take_one_product_and_look_up_tables() -> None:
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(9, 40)), np.abs(rng.normal(size=(5, 40)))
    dac = im.DAC(bits=4, slice_bits=1, signed=False, range=2.0)
    hardware = im.Hardware(
        weight_bits=5, cell=cell(bits=2), array=im.Array(rows=16), dac=dac, adc=im.ADC(bits=9)
    )
    layer = im.AnalogLinear(weight, hardware=hardware)
    assert layer.plan.kind == "bit_serial"
    expected, slack = ReferenceLayer(weight, hardware=hardware).forward(x, return_slack=True)
    assert_outputs_match(layer(x), expected, slack)
    linear = hardware.with_field("cell.nonlinearity", None)
    assert np.abs(im.AnalogLinear(weight, hardware=linear)(x) - expected).max() > 0.1


def test_offsets_of_curved_cells_reach_converters_of_single_lines() -> None:
    """Both lines of a pair carry the offset of cells at g_min; a range takes it into account."""
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(9, 40)), np.abs(rng.normal(size=(5, 40)))
    hardware = im.Hardware(
        weight_bits=5, cell=cell(bits=2), array=im.Array(rows=16), subtract="digital",
        dac=im.DAC(bits=4, slice_bits=1, signed=False, range=2.0), adc=im.ADC(bits=9),
    )  # fmt: skip
    expected, slack = ReferenceLayer(weight, hardware=hardware).forward(x, return_slack=True)
    assert_outputs_match(im.AnalogLinear(weight, hardware=hardware)(x), expected, slack)


@pytest.mark.parametrize(
    "dac", [im.DAC(range=2.0), im.DAC(bits=4, slice_bits=2, signed=True, range=2.0)]
)
def test_small_kernels_of_curved_cells(dac: im.DAC) -> None:
    rng = np.random.default_rng(3)
    weight, x = rng.normal(size=(8, 2, 3, 3)), rng.normal(size=(2, 2, 6, 6))
    hardware = im.Hardware(weight_bits=5, cell=cell(bits=4), dac=dac)
    expected, slack = ReferenceLayer(weight, hardware=hardware).forward(x, return_slack=True)
    assert_outputs_match(im.AnalogConv2d(weight, hardware=hardware)(x), expected, slack)


def test_two_sided_one_bit_inputs_keep_an_offset() -> None:
    """With inputs of -1 and 1 squares do not cancel between + and - inputs."""
    dac = im.DAC(bits=2, slice_bits=1, signed=True, range=1.0)
    hardware = im.Hardware(
        cell=cell(nonlinearity=im.device.CurveTable(g=[1e-6], a2=[1e-7], a3=[0.0])), dac=dac
    )
    y = im.AnalogLinear([[1.0, 1.0]], hardware=hardware)([[1.0, -1.0]])
    # a2/G = 0.1/V: each input adds 0.1/V * 0.4 V of the linear term's difference.
    assert_allclose(y, [[2 * 0.04]], rtol=1e-5)


def test_no_curve_and_a_flat_one_are_the_same() -> None:
    rng = np.random.default_rng(1)
    weight, x = rng.normal(size=(6, 30)), rng.normal(size=(5, 30))
    flat = im.device.CurveTable(g=[1e-6], a2=[0.0], a3=[0.0])
    hardware = im.Hardware(cell=cell(nonlinearity=flat), dac=im.DAC(range=1.0))
    straight = im.Hardware(cell=cell(nonlinearity=None), dac=im.DAC(range=1.0))
    y = im.AnalogLinear(weight, hardware=straight)(x)
    assert_allclose(im.AnalogLinear(weight, hardware=hardware)(x), y, atol=1e-5)


def test_the_plan_counts_a_product_for_each_power() -> None:
    hardware = im.Hardware(cell=cell(), dac=im.DAC(range=1.0))
    plan = im.AnalogLinear(np.ones((9, 9)), hardware=hardware).plan
    assert (plan.kind, plan.products) == ("folded", 3)
    assert "each power" in plan.reason
