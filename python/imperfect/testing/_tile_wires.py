# SPDX-License-Identifier: BSD-3-Clause
"""The wires of a tile: what the ends of the bit lines see of its cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from imperfect._hardware.array import RESISTANCES
from imperfect.hardware import Hardware
from imperfect.testing._circuits import Circuit, TileCircuits, solves_circuits
from imperfect.testing._mapping import Tile
from imperfect.testing._wires import admittances, noise_shares


def solve_wires(tile: Tile, hardware: Hardware) -> None:
    """Solve a tile's arrays; those that are not linear are kept, to be solved for every drive."""
    array, g_max = hardware.array, hardware.cell.g_max
    tile.seen = tile.share = tile.unit_seen = tile.unit_share = tile.circuits = None
    if not array._has_wires:
        return
    assert g_max is not None
    wires: dict[str, Any] = {name: getattr(array, name) * g_max for name in RESISTANCES}
    wires["corner"] = array.corner
    # With nonlinear arrays, the cells themselves tell the size of currents.
    tile.seen, tile.share = tile.g.copy(), np.empty_like(tile.g)
    tile.unit_seen, tile.unit_share = tile.unit_g.copy(), np.empty_like(tile.unit_g)
    data: dict[tuple[int, int], tuple[Circuit, Any]] = {}
    units: dict[int, tuple[Circuit, Any]] = {}
    for planes in planes_of_arrays(tile, array.layout):
        lines, places = lines_of(tile, planes)
        g = np.stack(lines).T
        share = noise_shares(g, wires).T
        if solves_circuits(hardware):
            _keep_circuit(Circuit(g, wires, hardware), places, data, units)
            seen = g.T
        else:
            seen = -admittances(g, **wires)[: len(g), len(g) :].T
        for line, (is_unit, i, p, n) in enumerate(places):
            if is_unit:
                tile.unit_seen[n, i], tile.unit_share[n, i] = seen[line], share[line]
            else:
                tile.seen[i, p, n], tile.share[i, p, n] = seen[line], share[line]
    if data:
        tile.circuits = TileCircuits(data, units)


def planes_of_arrays(tile: Tile, layout: str) -> list[list[tuple[int, int]]]:
    """Slices and polarities of each array of a tile."""
    slices, polarities = tile.g.shape[:2]
    planes = [(i, p) for i in range(slices) for p in range(polarities)]
    return [planes] if layout == "interleaved" else [[plane] for plane in planes]


def lines_of(tile: Tile, planes: list[tuple[int, int]]) -> tuple[list[Any], list[Any]]:
    """Bit lines, output by output and unit columns last; (is unit, slice, polarity, number)."""
    data = [(False, i, p, n) for n in range(len(tile.outputs)) for i, p in planes]
    units = [(True, i, p, u) for u in range(len(tile.unit_g)) for i, p in planes]
    lines = [tile.g[i, p, n] for _, i, p, n in data] + [tile.unit_g[u, i] for _, i, _, u in units]
    return lines, data + units


def _keep_circuit(
    circuit: Circuit,
    places: list[Any],
    data: dict[tuple[int, int], tuple[Circuit, Any]],
    units: dict[int, tuple[Circuit, Any]],
) -> None:
    for i, p in {(i, p) for _, i, p, _ in places}:
        lines = [k for k, place in enumerate(places) if place[:3] == (False, i, p)]
        data[i, p] = circuit, lines
        units[i] = circuit, [k for k, place in enumerate(places) if place[:3] == (True, i, p)]
