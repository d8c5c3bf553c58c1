# SPDX-License-Identifier: BSD-3-Clause
"""Figures of frontiers and effects: what their markers, steps and bars stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imperfect import plot
from imperfect.sweep import Results, effects
from made_sweeps import BITS, GRID, SIGMA, accuracies, band, by_label, made, results
from test_plot import texts_overlap


def test_frontier_has_a_marker_for_each_machine_and_its_controls() -> None:
    ax = plot.sweep_frontier(made())
    markers = [line for line in ax.lines if line.get_marker() == "s" and len(line.get_xdata())]
    points = sorted(zip(*markers[0].get_data(), strict=True))
    wanted = [(b, 0.72 + 0.04 * b - 2 * s) for b in GRID[BITS] for s in reversed(GRID[SIGMA])]
    np.testing.assert_allclose(points, wanted)
    x, y = by_label(ax, "Refitted head").get_data()
    np.testing.assert_allclose(x, [1, 2, 4, 4])
    np.testing.assert_allclose(y, [0.76, 0.80, 0.88, 0.88])
    assert set(by_label(ax, "Control: shuffled weights").get_ydata()) == {0.2}
    np.testing.assert_allclose(by_label(ax, "Control: raw inputs").get_ydata(), [0.6, 0.6])
    np.testing.assert_allclose(by_label(ax, "Float network").get_ydata(), [0.95, 0.95])
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "Energy of an inference (µJ)")
    assert not texts_overlap(ax.figure)


def test_a_control_of_other_machines_is_left_out() -> None:
    table = made().table
    table.loc[table[BITS] < 4, ["shuffled", "pixels"]] = np.nan
    table.loc[table[BITS] == 4, "energy"] = np.nan
    ax = plot.sweep_frontier(Results(table, (BITS, SIGMA), made().measures))
    labels = [line.get_label() for line in ax.lines]
    assert "Control: raw inputs" in labels and "Control: shuffled weights" not in labels


def test_totals_that_leave_out_more_are_hollow() -> None:
    def partly(knobs: Any, chip: int) -> dict[str, Any]:
        missing = "adc" if knobs[BITS] == 1 else ""
        return {"x": accuracies(knobs, chip)["refitted"], "area": 1e-6 * knobs[BITS],
                "area_without": missing}  # fmt: skip

    ax = plot.sweep_frontier(made(measured=partly), "area", "x")
    full, hollow = (line for line in ax.lines if line.get_linestyle() == "None")
    assert set(hollow.get_xdata()) == {1.0} and hollow.get_markerfacecolor() == "none"
    assert set(full.get_xdata()) == {2.0, 4.0}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Area (mm²)", "x")


def test_what_no_total_includes_is_wrapped() -> None:
    def partly(knobs: Any, chip: int) -> dict[str, Any]:
        return accuracies(knobs, chip) | {"energy_without": "dac, array, word_line, sram, adc"}

    found = made(measured=partly)
    ax = plot.sweep_frontier(found)
    words = "Energy of an inference (µJ, without adc, array, dac, sram, word_line)"
    assert ax.get_xlabel().replace("\n", " ") == words and "\n" in ax.get_xlabel()
    assert not texts_overlap(ax.figure)


def test_bands_and_intervals_of_accuracies_end_at_0_and_1() -> None:
    rows = [
        {"machine": name, "k": 1, "trial": t, "seed": s, "refitted": x, "energy": 1e-6}
        for name, t, s, x in (("a", 0, 1, 0.1), ("b", 0, 2, 0.0), ("b", 1, 3, 1.0))
    ]
    given = results(rows, ("k",))
    assert band(plot.sweep_lines(given, "k"), 0) == ([0], [0.8])
    (bar,) = plot.sweep_frontier(given).collections[0].get_segments()
    assert bar[:, 1].tolist() == [0, 1]


def test_effects_are_bars_from_the_lowest_to_the_highest_mean() -> None:
    found = effects(made(), "refitted")
    ax = plot.sweep_effects(made())
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == found["knob"].tolist() == [SIGMA, BITS]
    for bar, row in zip(ax.patches, found.to_dict("records"), strict=True):
        assert bar.get_x() == pytest.approx(row["lowest"])
        assert bar.get_x() + bar.get_width() == pytest.approx(row["highest"])
    assert [text.get_text() for text in ax.texts] == [f"{100 * s:.0f} %" for s in found["share"]]
    assert not texts_overlap(ax.figure)


def test_knobs_of_one_row_are_shortened() -> None:
    def tied(knobs: Any, chip: int) -> dict[str, Any]:
        return accuracies(knobs | {BITS: int(knobs[BITS])}, chip)

    grid = made(measured=tied)
    names = [f"array.a_rather_long_name_{i}" for i in range(5)]
    table = grid.table.assign(**{name: grid.table[BITS] * (i + 2) for i, name in enumerate(names)})
    ax = plot.sweep_effects(Results(table, (BITS, SIGMA, *names), ("refitted",)))
    assert [label.get_text() for label in ax.get_yticklabels()] == [SIGMA, f"{BITS} +\n5 more"]
    assert not texts_overlap(ax.figure)


def test_both_of_two_knobs_of_one_row_are_named() -> None:
    table = made().table.assign(twin=made().table[BITS] * 2)
    ax = plot.sweep_effects(Results(table, (BITS, SIGMA, "twin"), ("refitted",)))
    assert [label.get_text() for label in ax.get_yticklabels()] == [SIGMA, f"{BITS} +\ntwin"]


def test_effects_that_cannot_be_told_are_said_to_be_so() -> None:
    rows = [
        {"machine": str(i), "k": f"x{i}", "trial": 0, "seed": 1, "refitted": 0.1 * i}
        for i in range(5)
    ]
    ax = plot.sweep_effects(results(rows, ("k",)))
    assert [text.get_text() for text in ax.texts] == ["–"]
    words = ax.get_xlabel().replace("\n", " ")
    assert "(these machines are too few, or were chosen so, that knobs cannot be told" in words
    assert not texts_overlap(ax.figure)
    # One of two others tells what the third is: their shares are gaps, that of the last is not.
    vary = {"a": [0, 1], "b": [0, 1], SIGMA: [0.0, 0.1]}
    table = made(
        vary, measured=lambda knobs, chip: accuracies(knobs | {BITS: knobs["a"]}, chip)
    ).table
    some = Results(
        table.assign(both=table["a"] + table["b"]), ("a", "b", SIGMA, "both"), ("refitted",)
    )
    ax = plot.sweep_effects(some)
    assert [text.get_text()[-1] for text in ax.texts] == ["%", "–", "–", "–"]
    assert "(%: share of the variance, –: cannot be told)" in ax.get_xlabel()
    assert not texts_overlap(ax.figure)
