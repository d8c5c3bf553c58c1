# SPDX-License-Identifier: BSD-3-Clause
"""What a reference layer does for a batch, counted one by one, and the heat of its reads.

Lines, drives and conversions are those of the reference's own cells; nothing here knows a formula
for how many there are. Names are those of ``imperfect.cost.Counts``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from imperfect._hardware.array import RESISTANCES
from imperfect.testing._conversions import all_conversions, subtracts_analog
from imperfect.testing._curves import bend
from imperfect.testing._layer import ReferenceLayer
from imperfect.testing._mapping import Tile
from imperfect.testing._random import Floats
from imperfect.testing._tile_wires import lines_of, planes_of_arrays
from imperfect.testing._transposed import ReferenceConvTranspose
from imperfect.testing._wires import admittances


def count_events(layer: ReferenceLayer, x: npt.ArrayLike) -> dict[str, int]:
    """Every event of a batch: reads, charges, conversions, additions, bits moved, and lines.

    Parameters
    ----------
    layer : ReferenceLayer
        Calibrated, if its hardware needs that.
    x : array
        Inputs as for ``forward``.

    Returns
    -------
    dict
        From names of events to numbers.
    """
    events: Counter[str] = Counter()
    rows, shape = layer._input_rows(x)
    for tile in layer.tiles:
        _count_lines(layer, tile, events)
        drive = layer._drive(tile, rows, 0.0)
        driven = drive.driven(drive.v)
        for planes in planes_of_arrays(tile, layer.hardware.array.layout):
            lines = len(lines_of(tile, planes)[0])
            for v in (row for pulse in driven for cycle in pulse for row in cycle):
                _count_read(v, lines, events)
        for conversion in all_conversions(tile, drive, layer.hardware, layer.encoding):
            for _ in range(len(conversion.current)):
                events["adc_conversions"] += conversion.current.shape[1]
                events["shift_adds"] += len(conversion.columns)
        for _ in rows:
            events["buffer_reads"] += len(tile.rows) * _value_bits(layer)
    for _ in rows:
        _count_product(layer, events)
    outputs = layer.forward(x, noise=None).size
    events["buffer_writes"] = outputs * _value_bits(layer)
    if isinstance(layer, ReferenceConvTranspose):
        ones = np.ones((shape[0], len(layer.weight), *np.asarray(x).shape[2:]))
        events["shift_adds"] += round(float(layer._fold(ones).sum()))
    return dict(events)


def _value_bits(layer: ReferenceLayer) -> int:
    dac = layer.hardware.dac
    if dac.bits is None:
        return 32
    return dac.bits + 1 if dac.two_pass else dac.bits


def _count_read(v: Floats, lines: int, events: Counter[str]) -> None:
    """One array with so many bit lines, driven at v once."""
    events["array_reads"] += 1
    events["bit_line_charges"] += lines
    for volts in v:
        events["dac_conversions"] += 1
        if volts != 0.0:
            events["word_line_charges"] += 1
            events["cell_reads"] += lines


def _count_product(layer: ReferenceLayer, events: Counter[str]) -> None:
    """The digital side of one product, apart from codes."""
    layout, hardware = layer.layout, layer.hardware
    events["products"] += 1
    for _ in layer.weight:
        events["multiply_adds"] += layout.group_rows
        events["digital_multiply_adds"] += 1  # scale and bias
    if hardware.scheme != "offset" or layout.has_units:
        return
    for merged in layout.merged_groups():
        leaks = math.isfinite(hardware.cell.on_off_ratio) and len(merged) > 1
        for _ in merged:
            events["shift_adds"] += layout.group_rows + leaks  # of inputs, and of groups' sums
            for _ in range(layout.group_outputs):
                events["digital_multiply_adds"] += 1 + leaks


def _count_lines(layer: ReferenceLayer, tile: Tile, events: Counter[str]) -> None:
    """Arrays of a tile, with all their lines and converters."""
    array = layer.hardware.array
    pairs = subtracts_analog(layer.hardware)
    groups = planes_of_arrays(tile, array.layout)
    for planes in groups:
        used = len(lines_of(tile, planes)[0])
        cols = array.cols or used
        events["arrays"] += 1
        events["word_lines"] += array.rows or len(tile.rows)
        events["bit_lines"] += cols
        events["cells_written"] += used * len(tile.rows)
        # Why: of two arrays that are subtracted, the one of - cells has no converters.
        has_converters = not pairs or len(planes) > 1 or planes[0][1] == 0
        converted = cols // 2 if pairs and len(planes) > 1 else cols
        if has_converters:
            events["adcs"] += len(range(0, converted, array.adc_share))


def read_energy(layer: ReferenceLayer, x: npt.ArrayLike) -> float:
    """Energy of all reads of a batch, each for 1 s, in g_max V² (V at full-scale input).

    Sum of v i over word lines; with wires, v' Y v with the admittances Y between the drivers.
    Circuits that are not linear are not covered.
    """
    rows, _ = layer._input_rows(x)
    total = 0.0
    for tile in layer.tiles:
        drive = layer._drive(tile, rows, 0.0)
        v = drive.driven(drive.v).reshape(-1, len(tile.rows))
        for g in _arrays(layer, tile):
            total += _wired(layer, g, v) if layer.hardware.array._has_wires else _cells(layer, g, v)
    return total


def _arrays(layer: ReferenceLayer, tile: Tile) -> Iterator[Floats]:
    """Conductances (bit lines, word lines) of every array of a tile."""
    for planes in planes_of_arrays(tile, layer.hardware.array.layout):
        yield np.stack(lines_of(tile, planes)[0])


def _cells(layer: ReferenceLayer, g: Floats, v: Floats) -> float:
    total = 0.0
    for k in range(g.shape[1]):
        line, cells = v[:, k], g[:, [k]]
        currents = line[:, None] * cells[:, 0]
        if layer.hardware.cell.nonlinearity is not None:
            currents = currents + bend(layer.hardware.cell, cells, line[None, :, None])[0][0]
        total += float((line[:, None] * currents).sum())
    return total


def _wired(layer: ReferenceLayer, g: Floats, v: Floats) -> float:
    array, g_max = layer.hardware.array, layer.hardware.cell.g_max
    assert g_max is not None
    wires: dict[str, Any] = {name: getattr(array, name) * g_max for name in RESISTANCES}
    drivers = admittances(g.T, **wires, corner=array.corner)[: v.shape[1], : v.shape[1]]
    return float(np.einsum("mi,ij,mj->", v, drivers, v))
