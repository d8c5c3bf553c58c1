# SPDX-License-Identifier: BSD-3-Clause
"""Counts of a batch against events counted one by one in the reference; heat of reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import imperfect as im
from imperfect import _core
from imperfect.testing import ReferenceLayer, ReferenceRecurrent, count_events, read_energy
from imperfect.testing._circuits import solves_circuits
from strategies import RecurrentWork, Workload, recurrent_works, workloads
from test_layers import make_layer


def with_share(work: Workload, share: int) -> Workload:
    return dataclasses.replace(work, hardware=work.hardware.with_field("array.adc_share", share))


def assert_counted(counts: im.cost.Counts, reference: ReferenceLayer, x: Any) -> None:
    """Equal numbers of every event, those of calibration taken over beforehand."""
    expected = count_events(reference, x)
    assert {name: getattr(counts, name) for name in expected} == expected


def take_over(reference: ReferenceLayer, state: dict[str, Any]) -> None:
    """Ranges as they were found, so that no input is rounded another way."""
    if "input_range" in state and reference.hardware.dac.range == "calibrated":
        reference.input_range = float(state["input_range"][0])


@settings(max_examples=200, deadline=None)
@given(workloads(), st.integers(1, 5))
def test_counts_of_random_machines_are_those_counted_one_by_one(work: Workload, share: int) -> None:
    work = with_share(work, share)
    reference = work.reference()
    layer, extra = make_layer(work)
    layer.calibrate(work.calibration.reshape(*work.calibration.shape, *extra))
    take_over(reference, layer.state())
    x = work.x.reshape(*work.x.shape, *extra)
    found = layer.cost(x)
    assert found.samples == len(work.x)
    assert_counted(found.totals, reference, work.x)
    converted = [use.conversions for use in layer._conversions(x).converters]
    if converted and work.hardware.adc.bits is not None:
        assert sum(converted) == found.totals.adc_conversions


@settings(max_examples=100, deadline=None)
@given(workloads())
def test_heat_of_random_machines_is_that_of_the_reference(work: Workload) -> None:
    assume(not solves_circuits(work.hardware))
    assume(work.hardware.dac.bits is not None or work.hardware.adc.bits is not None)
    reference = work.reference()
    layer, extra = make_layer(work)
    layer.calibrate(work.calibration.reshape(*work.calibration.shape, *extra))
    take_over(reference, layer.state())
    later = layer.at(work.seconds) if work.hardware.cell.drift else layer
    reference.set_time(work.seconds if work.hardware.cell.drift else 0.0)
    _, _, energy = later._compiled.read_activity(
        later._to_batch(work.x.reshape(*work.x.shape, *extra))
    )
    expected = read_energy(reference, work.x)
    # Cells are single precision; those that are written with an error may lie below zero.
    assert_allclose(energy, expected, rtol=2e-5, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(recurrent_works())
def test_arrays_of_recurrent_layers_are_counted_one_by_one(work: RecurrentWork) -> None:
    given_arguments = dict(work.arguments)
    clip = given_arguments.pop("clip")
    reference = ReferenceRecurrent(
        work.kind, **given_arguments, clip=np.inf if clip is None else clip
    )
    if work.kind == "lstm":
        layer: Any = im.AnalogLSTM(**work.arguments)
    else:
        layer = im.AnalogGRU(**work.arguments, reset_after=work.kind == "gru_reset_after")
    layer.calibrate(work.calibration)
    found = {item.work.name: item.work.counts for item in layer.cost(work.x)._placed}
    drives, cores = layer._driven(work.x, None, None)
    for role, rows in drives.items():
        core = reference.cores[role.split(".")[1]]
        core.calibrate(
            work.calibration.reshape(-1, work.calibration.shape[-1])
            if role.endswith("input")
            else rows
        )
        state = cores[role].state()
        take_over(core, state)
        if "input_range" in state and work.arguments["hardware"].dac.signed is None:
            core.signed = bool(state["input_range"][1])
        counts = found[role]
        assert counts is not None
        assert_counted(counts, core, rows)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (im.AnalogLSTM(np.ones((8, 3)), np.ones((8, 2))), (4, 3, 5)),
        (im.AnalogLSTM(np.ones((8, 3)), np.ones((8, 2)), peepholes=np.ones(6)), (4, 6, 5)),
        (im.AnalogLSTM(np.ones((8, 3)), np.ones((8, 2)), input_forget=True), (4, 3, 4)),
        (im.AnalogGRU(np.ones((6, 3)), np.ones((6, 2))), (4, 2, 3)),
    ],
)  # fmt: skip
def test_digital_work_of_recurrent_cells(layer: Any, expected: tuple[int, int, int]) -> None:
    gates = layer.cost(np.ones((5, 7, 3))).counts.loc["gates"]
    units = 5 * 7 * 2
    names = ["shift_adds", "digital_multiply_adds", "functions"]
    assert [gates[name] for name in names] == [number * units for number in expected]
    both = layer.cost(np.ones((5, 7, 3)), lengths=[7, 1, 1, 1, 1]).counts.loc["gates"]
    assert both["functions"] == expected[2] * 2 * 11


WIRES = {"r_row": 2.0, "r_col": 3.0, "r_driver": 50.0, "r_sense": 20.0}


@pytest.mark.parametrize("corner", ["left_bottom", "right_top"])
@pytest.mark.parametrize("scheme", ["differential", "offset"])
def test_heat_with_wires_is_the_circuit_solvers(corner: Any, scheme: Any) -> None:
    rng = np.random.default_rng(3)
    # Quarters of g_max are exact in single precision, as all of the layer's cells then are.
    weight = rng.integers(-4, 5, (20, 50)) / 4
    weight[0, 0] = 1.0
    hardware = im.Hardware(
        scheme=scheme,
        cell=im.Cell(g_max=2e-4, v_read=0.25),
        array=im.Array(rows=32, cols=16, corner=corner, **WIRES),
        dac=im.DAC(bits=4, slice_bits=2, range=1.0, signed=False),
    )
    layer = im.AnalogLinear(weight, hardware=hardware)
    x = rng.uniform(size=(9, 50))
    cells = layer.conductances().astype(np.float64) * 2e-4
    n = np.rint(np.clip(x.astype(np.float32), 0, 1).astype(np.float64) * 15).astype(int)
    expected = 0.0
    for digits in (n % 4, n // 4):
        for rows in (slice(0, 25), slice(25, 50)):
            for outputs in (slice(0, 10), slice(10, 20)):
                for plane in cells[0][:, outputs, rows]:
                    volts = digits[:, rows] / 3 * 0.25
                    power = im.circuit.read_power(plane.T, volts, corner=corner, **WIRES)
                    expected += power.sum() * 100e-9
    found = layer.cost(x).by_component.loc["array", "energy"] * 9
    assert found == pytest.approx(expected, rel=1e-9)


def test_heat_of_circuits_that_are_not_linear_is_the_solvers() -> None:
    rng = np.random.default_rng(4)
    weight = rng.integers(-4, 5, (6, 10)) / 4
    weight[0, 0] = 1.0
    curve = im.device.CurveTable(g=(4e-6, 20e-6), a2=(-5e-6, 1e-5), a3=(1e-5, 2e-5))
    wires = {"r_row": 100.0, "r_col": 50.0}
    hardware = im.Hardware(
        cell=im.Cell(g_max=2e-5, v_read=0.3, nonlinearity=curve),
        array=im.Array(gated=True, **wires),
        dac=im.DAC(bits=2, range=1.0, signed=False),
    )
    layer = im.AnalogLinear(weight, hardware=hardware)
    layer.calibrate(np.ones((1, 10)))
    x = rng.integers(0, 4, (5, 10)) / 3
    watt = 0.0
    for plane in layer.conductances()[0].astype(np.float64) * 2e-5:
        g = np.ascontiguousarray(plane.T)
        measured = np.clip(g, 4e-6, 20e-6)
        a2, a3 = (np.interp(measured, curve.g, a) * g / measured for a in (curve.a2, curve.a3))
        ends = (100.0, 50.0, 0.0, 0.0, "left_bottom")
        watt += _core.read_currents(g, x * 0.3, *ends, True, a2, a3, 0)[1].sum()
    found = layer.cost(x).by_component.loc["array", "energy"] * 5
    assert found == pytest.approx(watt * 100e-9, rel=1e-9)
