# SPDX-License-Identifier: BSD-3-Clause
"""Figures of sweeps: what their lines, bands, cells and markers stand for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from imperfect import plot
from imperfect.sweep import Results
from made_sweeps import BITS, GRID, SIGMA, accuracies, band, by_label, made, results
from test_plot import texts_overlap

HOSTILE = "$\\frac$ \x01 <b>" + "long " * 40


def test_lines_are_means_over_machines_and_bands_go_from_worst_to_best_chip() -> None:
    ax = plot.sweep_lines(made(), BITS)
    line = by_label(ax, "Refitted head")
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 4])
    mean = np.array([0.66, 0.70, 0.78])
    np.testing.assert_allclose(line.get_ydata(), mean)
    low, high = band(ax, 2)
    np.testing.assert_allclose(low, mean - 0.02)
    np.testing.assert_allclose(high, mean + 0.02)
    assert [own.get_label() for own in ax.lines] == [
        "Float network", "Own head", "Refitted head", "Control: shuffled weights",
        "Control: raw inputs",
    ]  # fmt: skip
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()) == (BITS, "Test accuracy", (0, 1))


def test_every_machine_counts_alike_however_many_chips_it_has() -> None:
    table = made().table
    more = (table[SIGMA] == 0.1) | (table["trial"] < 2)
    ax = plot.sweep_lines(Results(table[more], (BITS, SIGMA), ("refitted",)), BITS)
    # Machines with sigma 0 and 0.05 have chips 0 and 1 only, whose mean is 0.015 lower.
    wanted = np.array([0.66, 0.70, 0.78]) - 2 / 3 * 0.015
    np.testing.assert_allclose(ax.lines[0].get_ydata(), wanted)


def test_a_chip_that_two_tasks_are_about_counts_once() -> None:
    table = made().table
    twice = Results(table.loc[[*table.index, *table.index[table["trial"] == 4]]],
                    (BITS, SIGMA), ("refitted",))  # fmt: skip
    np.testing.assert_allclose(
        plot.sweep_lines(twice, BITS).lines[0].get_ydata(), [0.66, 0.70, 0.78]
    )


def test_chips_of_their_own_show_their_own_distances() -> None:
    rows = [
        {"machine": f"m{m}", "bits": 1, "trial": t, "seed": 10 * m + t, "x": m + (-1) ** m * t}
        for m in range(2)
        for t in range(3)
    ]
    ax = plot.sweep_lines(results(rows, ("bits",)), "bits", "x")
    assert ax.lines[0].get_ydata() == [0.5]
    assert band(ax, 0) == ([-0.5], [1.5])


@pytest.mark.parametrize(
    ("values", "places", "scale"),
    [
        ([0.02, 0.01, 0.1], [0.01, 0.02, 0.1], "linear"),
        ([0.1, 0.001, 0.01], [0.001, 0.01, 0.1], "log"),
        ([0.0, 0.001, 0.1], [0, 1, 2], "linear"),
        (["None", 8, 2], [0, 1, 2], "linear"),
        ([float("inf"), 100.0, 10.0], [0, 1, 2], "linear"),
    ],
)
def test_where_values_stand(values: list[Any], places: list[float], scale: str) -> None:
    rows = [
        {"machine": str(value), "k": value, "trial": 0, "seed": 1, "refitted": i / 4}
        for i, value in enumerate(values)
    ]
    ax = plot.sweep_lines(results(rows, ("k",)), "k")
    np.testing.assert_allclose(ax.lines[0].get_xdata(), places)
    assert ax.get_xscale() == scale
    if places == [0, 1, 2]:
        shown = [label.get_text() for label in ax.get_xticklabels()]
        numbers = sorted(v for v in values if isinstance(v, int | float) and np.isfinite(v))
        texts = [str(v) for v in values if v not in numbers]
        assert shown == [f"{v:g}" for v in numbers] + texts
    assert not texts_overlap(ax.figure)


def test_machines_without_a_knob_are_left_out() -> None:
    rows = [
        {"machine": str(i), "k": k, "trial": 0, "seed": 1, "x": float(i)}
        for i, k in enumerate([1.0, None, 2.0])
    ]
    np.testing.assert_allclose(
        plot.sweep_lines(results(rows, ("k",)), "k").lines[0].get_ydata(), [0, 2]
    )


def test_none_is_a_text_and_a_gap_is_none() -> None:
    """Columns of text hold gaps as None."""
    values = ["None", None, 8, float("nan"), "8x"]
    rows = [
        {"machine": str(i), "k": k, "j": str(k), "trial": 0, "seed": 1, "x": float(i)}
        for i, k in enumerate(values)
    ]
    given = results(rows, ("k", "j"))
    assert given.table["k"].dtype == object
    ax = plot.sweep_lines(given, "k")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8", "None", "8x"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2, 0, 4])
    assert len(plot.sweep_panels(given, "j", "k")) == 3
    cells = plot.sweep_heat_map(given, "k", "j", "x").collections[0].get_array()
    assert sorted(np.ma.compressed(cells)) == [0, 2, 4]


def test_many_numbers_are_cut_into_groups() -> None:
    rows = [
        {"machine": str(i), "k": float(i), "trial": 0, "seed": 1, "x": 10.0 * i} for i in range(30)
    ]
    ax = plot.sweep_lines(results(rows, ("k",)), "k")
    middle = np.arange(2, 30, 5)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), middle)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 10.0 * middle)


def test_costs_have_units_and_own_measures_their_names() -> None:
    ax = plot.sweep_lines(made(), BITS, ["energy"])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 2, 4])
    assert ax.get_ylabel() == "Energy of an inference (µJ)"
    own = made(measured=lambda knobs, chip: {"error of conv1": 1.0, "error of conv2": 2.0})
    ax = plot.sweep_lines(own, BITS, own.measures)
    assert [line.get_label() for line in ax.lines] == list(own.measures)
    assert ax.get_ylabel() == "Mean over chips"


def test_panels_have_a_common_axis_and_each_its_machines() -> None:
    panels = plot.sweep_panels(made(), BITS, SIGMA)
    assert [ax.get_title() for ax in panels] == [f"{SIGMA} = {value}" for value in (0, 0.05, 0.1)]
    for ax, sigma in zip(panels, GRID[SIGMA], strict=True):
        wanted = 0.72 + 0.04 * np.array([1, 2, 4]) - 2 * sigma
        np.testing.assert_allclose(by_label(ax, "Refitted head").get_ydata(), wanted)
        assert ax.get_shared_y_axes().joined(ax, panels[0])
    assert not texts_overlap(panels[0].figure)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "sigmas",
    [
        [0.0005, 0.001, 0.0013, 0.02, 0.05],
        [0.005, 0.011, 0.012, 0.013, 0.2],
        [1e-12, 1.1e-12, 1e-3, 2e-3, 1e4],
        [0.0123, 0.0124, 0.0125, 0.2, 0.3],
    ],
)
def test_ticks_of_logarithmic_axes_have_room(sigmas: list[float], count: int) -> None:
    def drawn(knobs: Any, chip: int) -> dict[str, Any]:
        return {"refitted": 0.5}

    vary = {SIGMA: sigmas, BITS: list(range(1, count + 1))}
    panels = plot.sweep_panels(made(vary, 1, drawn), SIGMA, BITS)
    assert panels[0].get_xscale() == "log"
    assert not texts_overlap(panels[0].figure)
    low, high = min(sigmas), max(sigmas)
    for panel in panels:
        ticks = [tick for tick in panel.get_xticks() if low <= tick <= high]
        assert len(ticks) > (count < 4)


def test_legends_of_panels_fit() -> None:
    for count in (1, 2, 3, 4):
        vary = {SIGMA: [0.0, 0.1], BITS: list(range(1, count + 1))}
        figure = plot.sweep_panels(made(vary), SIGMA, BITS)[0].figure
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_many_panels_stand_in_rows() -> None:
    panels = plot.sweep_panels(made({SIGMA: [0.0, 0.1], BITS: [1, 2, 3, 4, 5, 6]}), SIGMA, BITS)
    assert len(panels) == len(panels[0].figure.axes) == 6
    assert not texts_overlap(panels[0].figure)


def test_heat_map_holds_means_and_leaves_cells_without_machines_empty() -> None:
    table = made().table
    kept = table[(table[BITS] != 4) | (table[SIGMA] != 0.1)]
    ax = plot.sweep_heat_map(Results(kept, (BITS, SIGMA), ("refitted",)), BITS, SIGMA)
    cells = ax.collections[0].get_array()
    wanted = 0.72 + 0.04 * np.array([[1, 2, 4]]) - 2 * np.array([[0.0], [0.05], [0.1]])
    np.testing.assert_allclose(np.ma.compressed(cells), wanted.ravel()[:-1])
    assert np.ma.getmaskarray(cells).ravel().tolist() == [False] * 8 + [True]
    texts = [text.get_text() for text in ax.texts]
    assert texts == [f"{value:.2f}" for value in wanted.ravel()[:-1]]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "0.05", "0.1"]
    assert ax.collections[0].get_clim() == (0, 1)
    assert not texts_overlap(ax.figure)


def test_text_stands_out_from_its_cell() -> None:
    vary = {BITS: list(range(1, 13)), SIGMA: [0.0]}
    spread = made(vary, 1, lambda knobs, chip: {"x": float(knobs[BITS])})
    ax = plot.sweep_heat_map(spread, BITS, SIGMA, "x")
    mesh = ax.collections[0]
    for text, value in zip(ax.texts, mesh.get_array().ravel(), strict=True):
        light = sorted(luminance(c) for c in (text.get_color(), mesh.to_rgba(value)[:3]))
        assert (light[1] + 0.05) / (light[0] + 0.05) > 4.3


def luminance(color: Any) -> float:
    parts = np.array(to_rgb(color))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def drawings() -> dict[str, Any]:
    found = made()
    return {
        "lines": lambda ax: plot.sweep_lines(found, BITS, ax=ax),
        "panels": lambda ax: plot.sweep_panels(found, SIGMA, BITS, ax=[ax] * 3)[0],
        "map": lambda ax: plot.sweep_heat_map(found, BITS, SIGMA, ax=ax),
        "frontier": lambda ax: plot.sweep_frontier(found, ax=ax),
        "effects": lambda ax: plot.sweep_effects(found, ax=ax),
    }


@pytest.mark.parametrize("name", drawings())
def test_axes_may_be_given_and_nothing_global_changes(name: str) -> None:
    before = str(matplotlib.rcParams.copy())
    figure = Figure()
    ax = figure.subplots()
    assert drawings()[name](ax) is ax
    assert not figure.legends and ax.has_data()
    assert str(matplotlib.rcParams.copy()) == before


@pytest.mark.parametrize("draw", [
    lambda found: plot.sweep_lines(found, BITS),
    lambda found: plot.sweep_panels(found, BITS, SIGMA)[0],
    lambda found: plot.sweep_heat_map(found, BITS, SIGMA),
    lambda found: plot.sweep_frontier(found),
    lambda found: plot.sweep_effects(found),
])  # fmt: skip
def test_a_figure_fits_columns_of_a_paper(draw: Any) -> None:
    width = draw(made()).figure.get_figwidth() / plot.COLUMN_INCHES
    assert width in (1, pytest.approx(1.5))


def test_names_are_no_formulas_and_not_too_long() -> None:
    def own(knobs: Any, chip: int) -> dict[str, Any]:
        return {HOSTILE: accuracies(knobs, chip)["refitted"], "energy": 1e-6 * knobs[BITS]}

    grid = made(measured=own)
    table = grid.table.rename(columns={SIGMA: HOSTILE[::-1]})
    table[BITS] = [f"{HOSTILE}{value}" for value in table[BITS]]
    found = Results(table, (BITS, HOSTILE[::-1]), grid.measures)
    for ax in (
        plot.sweep_lines(found, BITS, HOSTILE),
        plot.sweep_panels(found, HOSTILE[::-1], BITS, measures=HOSTILE)[0],
        plot.sweep_heat_map(found, BITS, HOSTILE[::-1], HOSTILE),
        plot.sweep_frontier(found, "energy", HOSTILE),
        plot.sweep_effects(found, HOSTILE),
    ):
        ax.figure.draw_without_rendering()
        labels = [ax.get_xlabel(), ax.get_ylabel(), ax.get_title()]
        lines = "\n".join(labels).split("\n")
        assert 20 < max(map(len, lines)) < 80
        assert not any("\x01" in line for line in lines)


def test_files_are_written_without_pyplot() -> None:
    code = (
        "import sys; from imperfect import plot; from made_sweeps import made\n"
        "plot.sweep_frontier(made()).figure.savefig(sys.stdout.buffer, format='png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    own = os.environ | {"PYTHONPATH": TESTS}
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=own)
    assert run.stdout.startswith(b"\x89PNG")


TESTS = __file__.rpartition("/")[0]
LOST = made()
GAPS = Results(LOST.table.assign(refitted=np.nan), LOST.knobs, LOST.measures)
PERCENT = made(measured=lambda knobs, chip: {"refitted": 80.0, "energy": 1e-6})
NO_VALUE = results([{"machine": "m", "k": None, "trial": 0, "seed": 1, "x": 1.0}], ("k",))
APART = results(
    [
        {"machine": m, "a": a, "b": b, "trial": 0, "seed": 1, "x": 1.0}
        for m, a, b in (("m", 1.0, None), ("n", None, 2.0))
    ],
    ("a", "b"),
)


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: plot.sweep_lines(made().table, BITS), TypeError, "must be what sweep.run"),
        (lambda: plot.sweep_lines(made(), "cell.bit"), ValueError, "knob='cell.bit'.*did you mean"),
        (lambda: plot.sweep_lines(made(), 3), TypeError, "knob=3: must be one of"),
        (lambda: plot.sweep_lines(made(), BITS, "speed"), ValueError, "measures='speed': must be"),
        (lambda: plot.sweep_lines(made(), BITS, []), ValueError, "measures=.*one measure or more"),
        (lambda: plot.sweep_lines(made(), BITS, 3), TypeError, "measures=3: must be the name"),
        (
            lambda: plot.sweep_lines(made(), BITS, ["refitted", "energy"]),
            ValueError, "measures=.*: have different units",
        ),
        (lambda: plot.sweep_lines(made(), BITS, ["float"] * 2), ValueError, "none of them twice"),
        (lambda: plot.sweep_lines(made(), BITS, ax=3), TypeError, "ax=3: must be matplotlib Axes"),
        (lambda: plot.sweep_lines(GAPS, BITS, "refitted"), ValueError, "no machine has .'refitted"),
        (lambda: plot.sweep_panels(made(), BITS, BITS), ValueError, "by='cell.bits': must be ano"),
        (lambda: plot.sweep_panels(made(), BITS, "x"), ValueError, "by='x': must be one of"),
        (
            lambda: plot.sweep_panels(made(), BITS, SIGMA, [Figure().subplots()]),
            ValueError, "ax: 1 axes for 3 values of 'cell.programming.sigma'",
        ),
        (lambda: plot.sweep_panels(made(), BITS, SIGMA, [3] * 3), TypeError, r"ax\[0\]=3"),
        (lambda: plot.sweep_panels(made(), BITS, SIGMA, 3), TypeError, "ax=3: must be a seq"),
        (lambda: plot.sweep_heat_map(made(), BITS, BITS), ValueError, "y='cell.bits': must be ano"),
        (lambda: plot.sweep_heat_map(made(), BITS, "y"), ValueError, "y='y': must be one of"),
        (lambda: plot.sweep_heat_map(made(), BITS, SIGMA, "x"), ValueError, "measure='x': must"),
        (lambda: plot.sweep_heat_map(APART, "a", "b", "x"), ValueError, "no machine that has both"),
        (lambda: plot.sweep_heat_map(made(), BITS, SIGMA, ax=3), TypeError, "ax=3"),
        (lambda: plot.sweep_frontier(made(), "price"), ValueError, "cost='price': must be one of"),
        (lambda: plot.sweep_frontier(made(), "energy", "x"), ValueError, "qualities='x'"),
        (
            lambda: plot.sweep_frontier(made(), "energy", ["refitted", "energy"]),
            ValueError, "qualities=.*different units",
        ),
        (lambda: plot.sweep_frontier(made(), ax=3), TypeError, "ax=3"),
        (lambda: plot.sweep_frontier(made().table), TypeError, "must be what sweep.run"),
        (lambda: plot.sweep_effects(PERCENT), ValueError, "refitted=80 of .*: must be from 0 to 1"),
        (lambda: plot.sweep_lines(PERCENT, BITS), ValueError, "refitted=80 of .*: must be from"),
        (lambda: plot.sweep_frontier(PERCENT), ValueError, "refitted=80 of .*: must be from"),
        (lambda: plot.sweep_heat_map(PERCENT, BITS, SIGMA), ValueError, "refitted=80 of .*"),
        (lambda: plot.sweep_lines(NO_VALUE, "k", "x"), ValueError, "knob='k': no machine"),
        (lambda: plot.sweep_effects(made(), "x"), ValueError, "quality='x': must be one of"),
        (lambda: plot.sweep_effects(made(), ax=3), TypeError, "ax=3"),
        (lambda: plot.sweep_effects(made({BITS: [1], SIGMA: [0.1]})), ValueError, "2 or more"),
    ],
)  # fmt: skip
def test_bad_input(make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()
