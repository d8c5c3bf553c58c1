# SPDX-License-Identifier: BSD-3-Clause
"""Arrays with wires solved for given voltages: gated word lines and curved cells.

Compared with one sparse system of all nodes: of the array without the cells of idle word lines,
and, for curved cells, in plain Newton steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import spsolve

from imperfect import circuit
from nodal import admittances, edges

GOLDEN = sorted((Path(__file__).parent / "golden" / "circuit").glob("*.npz"))
CORNERS = list(circuit.CORNERS)
WIRES: dict[str, Any] = {"r_row": 2.0, "r_col": 0.5, "r_driver": 5.0, "r_sense": 7.0}


def cells(seed: int, *shape: int, opens: float = 0.0) -> Any:
    rng = np.random.default_rng(seed)
    return np.exp(rng.uniform(np.log(1e-6), np.log(1e-3), shape)) * (rng.random(shape) >= opens)


def drives(seed: int, count: int, rows: int, *, idle: float = 0.0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, (count, rows)) * (rng.random((count, rows)) >= idle)


def by_all_nodes(g: Any, v: Any, gated: bool, **wires: Any) -> Any:
    """Currents of linear cells, one drive at a time."""
    m = len(g)
    on = [(drive != 0)[:, None] | (not gated) for drive in v]
    return np.stack(
        [-drive @ admittances(g * rows, **wires)[:m, m:] for drive, rows in zip(v, on, strict=True)]
    )


def wire_matrix(g: Any, wires: dict[str, Any]) -> tuple[Any, Any]:
    """Admittances of the wires between nodes, and the node of each end of `edges`."""
    m, n = g.shape
    # The wires only: cells are taken from `edges` in its own order of nodes.
    resistors = edges(np.zeros_like(g), wires)
    size = m + n + 2 * m * n
    a, b, ohm = (np.array(x) for x in zip(*resistors, strict=True))
    zero = ohm == 0
    joined = sparse.coo_array((np.ones(zero.sum()), (a[zero], b[zero])), (size, size))
    label = csgraph.connected_components(joined, directed=False)[1]
    count = label.max() + 1
    p, q, y = label[a[~zero]], label[b[~zero]], 1 / ohm[~zero]
    entries = np.r_[y, y, -y, -y], (np.r_[p, q, p, q], np.r_[p, q, q, p])
    return sparse.coo_array(entries, (count, count)).tocsc(), label


def by_newton(g: Any, v: Any, a2: Any, a3: Any, **wires: Any) -> Any:
    """Currents of curved cells for one drive: Newton steps for the voltages of all free nodes."""
    m, n = g.shape
    wire, label = wire_matrix(g, wires)
    count = wire.shape[0]
    word = label[m + n + np.arange(m * n)]
    bit = label[m + n + m * n + np.arange(m * n)]
    fixed = np.unique(label[: m + n])
    free = np.setdiff1d(np.r_[word, bit], fixed)
    voltage = np.zeros(count)
    voltage[label[:m]] = v
    cell = sparse.coo_array(
        (np.r_[np.ones(m * n), -np.ones(m * n)], (np.tile(np.arange(m * n), 2), np.r_[word, bit])),
        (m * n, count),
    ).tocsc()
    g, a2, a3 = g.ravel(), a2.ravel(), a3.ravel()
    for _ in range(100):
        u = cell @ voltage
        current = u * (g + u * (a2 + u * a3))
        slope = g + u * (2 * a2 + 3 * u * a3)
        leaving = wire @ voltage + cell.T @ current
        if not len(free):
            break
        matrix = (wire + cell.T @ sparse.diags_array(slope) @ cell).tocsc()[free][:, free]
        step = spsolve(matrix, leaving[free])
        voltage[free] -= step
        # The error left is of the order of the square of the last step.
        if np.abs(step).max() <= 1e-9 * np.abs(v).max():
            break
    else:
        raise AssertionError("the reference did not converge")
    # Ends joined to others without resistance share a node: sum what their own cells pass on.
    u = cell @ voltage
    return (u * (g + u * (a2 + u * a3))).reshape(m, n).sum(axis=0)


def check(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """The largest error of each drive relative to its largest current."""
    largest = np.maximum(np.abs(expected).max(axis=-1, keepdims=True), 1e-30)
    assert (np.abs(found - expected) / largest).max() <= tolerance


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_known_answers(path: Path) -> None:
    with np.load(path) as case:
        g = case["g"].astype(np.float64)
        found = circuit.read_currents(g, case["V"].T, float(case["r_wl"]), float(case["r_bl"]))
        error = np.abs(found - case["I_out"]).max() / np.abs(case["I_out"]).max()
    assert error < 1e-9


def test_known_answers_are_there() -> None:
    assert len(GOLDEN) == 21


ohms = st.sampled_from([0.0, 0.01, 0.35, 1.0, 20.0, 300.0])
shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))
wirings = st.fixed_dictionaries(
    {name: ohms for name in ("r_row", "r_col", "r_driver", "r_sense")}
    | {"corner": st.sampled_from(CORNERS)}
)


@settings(max_examples=30, deadline=None)
@given(shapes, wirings, st.sampled_from([0.0, 0.3, 1.0]), st.booleans(), st.integers(0, 99))
def test_linear_arrays_agree_with_all_nodes(
    shape: tuple[int, int], wires: dict[str, Any], opens: float, gated: bool, seed: int
) -> None:
    g, v = cells(seed, *shape, opens=opens), drives(seed, 3, shape[0], idle=0.4)
    check(circuit.read_currents(g, v, gated=gated, **wires), by_all_nodes(g, v, gated, **wires))


@settings(max_examples=30, deadline=None)
@given(shapes, wirings, st.sampled_from([0.0, 0.3, 1.0]), st.booleans(), st.integers(0, 99))
def test_curved_cells_agree_with_newton_steps(
    shape: tuple[int, int], wires: dict[str, Any], opens: float, gated: bool, seed: int
) -> None:
    g, v = cells(seed, *shape, opens=opens), drives(seed, 2, shape[0], idle=0.4)
    rng = np.random.default_rng(seed)
    a2, a3 = g * rng.uniform(-0.5, 0.5, shape), g * rng.uniform(0.2, 3, shape)
    found = circuit.read_currents(g, v, gated=gated, a2=a2, a3=a3, **wires)
    for drive, currents in zip(v, found, strict=True):
        on = (drive != 0)[:, None] | (not gated)
        check(currents, by_newton(g * on, drive, a2 * on, a3 * on, **wires))


@pytest.mark.parametrize("zero", [(), ("r_row",), ("r_col",), ("r_row", "r_col")])
@pytest.mark.parametrize("series", [(0.0, 0.0), (5.0, 0.0), (0.0, 7.0), (5.0, 7.0)])
@pytest.mark.parametrize("corner", CORNERS)
def test_every_way_of_wiring(
    zero: tuple[str, ...], series: tuple[float, float], corner: str
) -> None:
    wires: dict[str, Any] = {"r_row": 2.0, "r_col": 0.5} | dict.fromkeys(zero, 0.0)
    wires |= {"corner": corner, "r_driver": series[0], "r_sense": series[1]}
    g, v = cells(2, 7, 9, opens=0.2), drives(2, 1, 7, idle=0.3)
    check(circuit.read_currents(g, v, gated=True, **wires), by_all_nodes(g, v, True, **wires))
    expected = by_newton(g, v[0], 0 * g, 2 * g, **wires)
    check(circuit.read_currents(g, v[0], a3=2 * g, **wires), expected)


@pytest.mark.parametrize("shape", [(1, 130), (130, 1), (9, 100), (100, 9), (65, 66)])
@pytest.mark.parametrize("gated", [False, True])
def test_long_and_odd_arrays(shape: tuple[int, int], gated: bool) -> None:
    g, v = cells(1, *shape, opens=0.1), drives(1, 2, shape[0], idle=0.5)
    check(circuit.read_currents(g, v, gated=gated, **WIRES), by_all_nodes(g, v, gated, **WIRES))


def test_strong_drop() -> None:
    # Most of the voltage is lost in the wires.
    g, v = np.full((60, 50), 1e-2), drives(3, 3, 60, idle=0.5) + 0.1
    wires = {"r_row": 30.0, "r_col": 40.0}
    expected = by_all_nodes(g, v, True, **wires)
    assert np.abs(expected).max() < 0.05 * np.abs(v @ g).max()
    check(circuit.read_currents(g, v, gated=True, **wires), expected)
    check(
        circuit.read_currents(g, v[0], a3=9 * g, **wires),
        by_newton(g, v[0], 0 * g, 9 * g, **wires),
    )


def test_one_curved_cell_by_hand() -> None:
    # 1 S in series with 1 ohm, I = u + u³: u + u + u³ = 3 V at u = 1 V.
    found = circuit.read_currents([[1.0]], [3.0], 1.0, 0.0, a3=[[1.0]])
    np.testing.assert_allclose(found, [2.0], rtol=1e-13)


@pytest.mark.parametrize("gated", [False, True])
def test_tiny_resistances_change_nothing(gated: bool) -> None:
    g, v = cells(4, 40, 33), drives(4, 2, 40, idle=0.5)
    ideal = v @ g + v**3 @ g
    for ohm in (0.0, 1e-9, 1e-14, 1e-25):
        found = circuit.read_currents(g, v, ohm, ohm, gated=gated, a3=g)
        check(found, ideal, 1e-12 + 1e3 * ohm)


def test_gating_matters_only_where_wires_and_idle_lines_are() -> None:
    g, v = cells(5, 20, 10), drives(5, 4, 20, idle=0.5)
    passive = circuit.read_currents(g, v, **WIRES)
    gated = circuit.read_currents(g, v, gated=True, **WIRES)
    assert np.abs(gated - passive).max() > 1e-4 * np.abs(passive).max()
    v[v == 0] = -0.1
    passive = circuit.read_currents(g, v, **WIRES)
    assert np.array_equal(circuit.read_currents(g, v, gated=True, **WIRES), passive)
    check(passive, v @ circuit.transfer_matrix(g, **WIRES))


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("curved", [False, True])
def test_threads_and_batches_give_the_same_bits(gated: bool, curved: bool) -> None:
    g, v = cells(6, 30, 26, opens=0.1), drives(6, 37, 30, idle=0.3)
    v[3] = 0.0
    v[11] *= 1e-3
    arguments: dict[str, Any] = {"gated": gated, **WIRES}
    if curved:
        arguments |= {"a2": -0.2 * g, "a3": 3 * g}
    whole = circuit.read_currents(g, v, num_threads=1, **arguments)
    assert not whole[3].any()
    for threads in (2, 7):
        assert np.array_equal(circuit.read_currents(g, v, num_threads=threads, **arguments), whole)
    single = np.stack([circuit.read_currents(g, drive, **arguments) for drive in v])
    assert np.array_equal(single, whole)
    parts = np.concatenate([circuit.read_currents(g, p, **arguments) for p in (v[:5], v[5:])])
    assert np.array_equal(parts, whole)


def test_shapes_and_layouts() -> None:
    g, v = np.asfortranarray(cells(8, 9, 10)), drives(8, 6, 9)
    expected = circuit.read_currents(g.copy(order="C"), v, 1, 1)
    assert circuit.read_currents(g, v[0], 1, 1).shape == (10,)
    assert np.array_equal(
        circuit.read_currents(g, v.reshape(2, 3, 9), 1, 1).reshape(6, 10), expected
    )
    assert circuit.read_currents(g, v[:0], 1, 1).shape == (0, 10)
    assert np.array_equal(circuit.read_currents(g, v, 1, 1, a2=0 * g), expected)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (dict(g=np.ones(3)), ValueError, r"g has shape \(3,\)"),
    (dict(g=np.ones((1, 2, 2))), ValueError, r"g has shape \(1, 2, 2\)"),
    (dict(g=np.ones((0, 3))), ValueError, r"g has shape \(0, 3\)"),
    (dict(g=[[1.0, -1e-6]]), ValueError, "g holds -1e-06: must be 0 or from"),
    (dict(g=[[np.nan]]), ValueError, "g holds nan"),
    (dict(g=[["a"]]), TypeError, "g has dtype"),
    (dict(v=1.0), ValueError, r"v has shape \(\): must be \(..., 1\)"),
    (dict(v=[1.0, 2.0]), ValueError, r"v has shape \(2,\)"),
    (dict(v=[np.nan]), ValueError, "v holds nan: must be finite"),
    (dict(v=[np.inf]), ValueError, "v holds inf"),
    (dict(v=[1j]), TypeError, "v has dtype complex128"),
    (dict(a2=[1.0]), ValueError, r"a2 has shape \(1,\): must be \(1, 1\) like g"),
    (dict(a3=[[1.0, 1.0]]), ValueError, r"a3 has shape \(1, 2\)"),
    (dict(a2=[[np.nan]]), ValueError, "a2 holds nan"),
    (dict(a3=[[np.inf]]), ValueError, "a3 holds inf"),
    (dict(a3=[["a"]]), TypeError, "a3 has dtype"),
    (dict(r_row=-1), ValueError, "r_row=-1: must be a finite number >= 0"),
    (dict(r_col=np.nan), ValueError, "r_col=nan"),
    (dict(r_driver=np.inf), ValueError, "r_driver=inf"),
    (dict(r_sense=1e-40), ValueError, "r_sense=1e-40"),
    (dict(r_row="1"), TypeError, "r_row='1'"),
    (dict(corner="bottom_left"), ValueError, "corner='bottom_left'"),
    (dict(gated=1), TypeError, "gated=1"),
    (dict(gated=None), TypeError, "gated=None"),
    (dict(num_threads=-1), ValueError, "num_threads=-1"),
    (dict(num_threads=1.5), TypeError, "num_threads=1.5"),
]


@pytest.mark.parametrize(("changes", "kind", "message"), BAD, ids=lambda v: str(v)[:40])
def test_bad_input(changes: dict[str, Any], kind: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {"g": [[1e-4]], "v": [0.1], "r_row": 1.0, "r_col": 1.0} | changes
    with pytest.raises(kind, match=message):
        circuit.read_currents(**arguments)


def test_falling_cells_are_refused_by_place() -> None:
    g = np.full((3, 4), 1e-4)
    a3 = np.zeros((3, 4))
    a3[1, 2] = -1e-4
    for corner in CORNERS:
        with pytest.raises(ValueError, match=r"word line 1 and bit line 2 takes 0.9.* negative"):
            circuit.read_currents(g, np.full(3, 1.0), 1.0, 1.0, a3=a3, corner=corner)
        found = circuit.read_currents(g, np.full(3, 0.2), 1.0, 1.0, a3=a3, corner=corner)
        expected = by_newton(g, np.full(3, 0.2), 0 * g, a3, r_row=1.0, r_col=1.0, corner=corner)
        check(found, expected)
    # A falling cell that a gate disconnects does no harm.
    circuit.read_currents(g, [1.0, 0.0, 1.0], 1.0, 1.0, a3=a3, gated=True)


def test_currents_that_are_not_found_are_refused() -> None:
    with pytest.raises(ValueError, match="were not found in"):
        circuit.read_currents([[1e-4]], [1e99], 1.0, 1.0, a3=[[1e-4]])
