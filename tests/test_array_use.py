# SPDX-License-Identifier: BSD-3-Clause
"""Arrays of a layer against the reference's cells, counted one by one; summaries of networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

import imperfect as im
import networks
from imperfect.testing import ReferenceLayer
from strategies import Workload, workloads
from test_layers import make_layer

SMALL = im.Array(rows=4, cols=6)


def counted(reference: ReferenceLayer) -> dict[str, int]:
    """What the cells of the reference add up to, laid out array by array."""
    array = reference.hardware.array
    found = dict.fromkeys(("arrays", "weight_cells", "unit_cells", "off_block_cells", "cells"), 0)
    for tile in reference.tiles:
        slices, polarities, outputs, rows = tile.items.shape
        units = len(tile.unit_items)
        planes = slices * polarities
        interleaved = array.layout == "interleaved"
        lines = (outputs + units) * (planes if interleaved else 1)
        holding = {"weight_cells": tile.own.sum(), "unit_cells": tile.unit_own.sum()}
        for name, count in holding.items():
            found[name] += planes * int(count)
        everything = (outputs + units) * rows
        found["off_block_cells"] += planes * (everything - int(sum(holding.values())))
        number = 1 if interleaved else planes
        found["arrays"] += number
        assert rows <= (array.rows or math.inf) and lines <= (array.cols or math.inf)
        found["cells"] += number * (array.rows or rows) * (array.cols or lines)
    return found


@settings(max_examples=200, deadline=None)
@given(workloads())
def test_arrays_of_random_machines_are_those_of_the_reference(work: Workload) -> None:
    reference = work.reference()
    layer, _ = make_layer(work)
    use, expected = layer.arrays, counted(reference)
    assert {name: getattr(use, name) for name in expected} == expected
    assert (use.rows, use.cols) == (work.hardware.array.rows, work.hardware.array.cols)
    assert use.arrays == layer.plan.arrays and use.weight_cells == layer.conductances().size
    assert use.weight_cells + use.unit_cells == use.used_cells <= use.cells
    assert use.utilisation == use.used_cells / use.cells


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        # 10 × 9 weights: 2 column blocks of 5, 3 row blocks of 3, 2 polarities.
        (im.Hardware(array=SMALL), (12, 4, 6, 180, 0, 0, 12 * 24)),
        # 7 bits in cells of 2: 4 slices.
        (im.Hardware(weight_bits=8, cell=im.Cell(bits=2), array=SMALL),
         (48, 4, 6, 720, 0, 0, 48 * 24)),
        # A pair lies in two bit lines: 3 outputs an array, 4 column blocks.
        (im.Hardware(array=im.Array(rows=4, cols=6, layout="interleaved")),
         (12, 4, 6, 180, 0, 0, 12 * 24)),
        # One of six bit lines is the unit column: 2 column blocks; 9 unit cells in each.
        (im.Hardware(scheme="offset", offset_removal="unit_column", array=SMALL),
         (6, 4, 6, 90, 18, 0, 6 * 24)),
        # Without limits an array is as large as the layer.
        (None, (2, None, None, 180, 0, 0, 180)),
    ],
)  # fmt: skip
def test_known_counts(hardware: im.Hardware | None, expected: tuple[int | None, ...]) -> None:
    layer = im.AnalogLinear(np.ones((10, 9)), hardware=hardware)
    assert layer.arrays == im.layers.ArrayUse(*expected)  # type: ignore[arg-type]


def test_groups_that_share_arrays_leave_cells_between_their_blocks() -> None:
    array = im.Array(rows=18, cols=3)
    shared = im.Hardware(groups="block_diagonal", array=array)
    layer = im.AnalogConv2d(np.ones((5, 1, 3, 3)), groups=5, hardware=shared)
    # Two groups of 9 rows in an array, the fifth alone: 3 pairs of arrays.
    assert layer.arrays == im.layers.ArrayUse(6, 18, 3, 90, 0, 2 * 2 * 18, 6 * 54)
    apart = im.AnalogConv2d(np.ones((5, 1, 3, 3)), groups=5, hardware=im.Hardware(array=array))
    assert apart.arrays == im.layers.ArrayUse(10, 18, 3, 90, 0, 0, 10 * 54)


def test_summary_counts_what_the_chip_has() -> None:
    net = im.Network.from_onnx(networks.small_cnn())
    machine = im.Hardware(weight_bits=6, cell=im.Cell(bits=2), array=im.Array(rows=16, cols=8))
    chip = im.AnalogNetwork(net, machine)
    uses = [layer.arrays for layer in chip.layers.values()]
    arrays, cells = sum(use.arrays for use in uses), sum(use.cells for use in uses)
    line = f"{arrays:,} arrays of 16 × 8 cells, {sum(u.used_cells for u in uses):,} of {cells:,}"
    planned, programmed = net.summary(machine).splitlines(), chip.summary().splitlines()
    assert planned[1:] == programmed[1:] and line in planned[-2]
    assert any("stem" in text and "analog" in text for text in planned)
    assert "arrays of any × any cells" in net.summary()


def test_summary_of_a_chip_names_other_arrays_and_digital_layers() -> None:
    net = im.Network.from_onnx(networks.small_cnn())
    other = im.Hardware(array=im.Array(rows=32, cols=32))
    chip = im.AnalogNetwork(net, overrides={"block*": other}, digital=["stem"])
    text = chip.summary()
    assert "digital: by choice" in text
    assert "arrays of 32 × 32 cells" in text and "arrays of any × any cells" in text


def test_summary_needs_a_hardware() -> None:
    net = im.Network.from_onnx(networks.small_cnn())
    with pytest.raises(TypeError, match="hardware='isaac': must be a Hardware"):
        net.summary("isaac")  # type: ignore[arg-type]
