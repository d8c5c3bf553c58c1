# SPDX-License-Identifier: BSD-3-Clause
"""Answers to sweeps: the frontier, and the cheapest machine that is certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from imperfect import comparison, sweep
from imperfect.sweep._intervals import RESAMPLES, resampled, sample_of
from sweep_tables import changed, results, shuffled
from sweeps import BASE

FIVE_SIGMA = 5.0
NOT_EQUAL = [-1e-3, 0, 0, 0, 1e-3]  # of chips that hardly differ

# --- frontier ------------------------------------------------------------------------------------


def test_frontier_is_what_no_machine_beats() -> None:
    """Against the definition, pair by pair, with many ties."""
    rng = np.random.default_rng(1)
    cost = rng.integers(-3, 9, 120)
    quality = (cost + rng.integers(0, 6, 120)) / 16
    found = sweep.frontier(results(quality[:, None], cost))
    assert found["energy"].is_monotonic_increasing and found["energy"].min() < 0
    assert not found["low"].notna().any() and not found["support"].notna().any()
    for _, row in found.iterrows():
        no_worse = (cost <= row["energy"]) & (quality >= row["refitted"])
        better = (cost < row["energy"]) | (quality > row["refitted"])
        assert row["on_frontier"] == (not (no_worse & better).any())
    assert 12 < found["on_frontier"].sum() < 60  # equal ones lead together


def test_frontier_has_means_and_intervals_of_chips() -> None:
    rng = np.random.default_rng(2)
    quality, cost = rng.normal(0.8, 0.05, (6, 4)), rng.random((6, 4))
    given = results(quality, cost, knobs={"cell.bits": [1, 2, 3, 4, 5, 6]})
    found = sweep.frontier(given, confidence=0.9)
    names = ["machine", "cell.bits", "trials", "energy", "refitted", "low", "high", "without"]
    assert list(found.columns) == [*names, "on_frontier", "support"]
    pd.testing.assert_frame_equal(found, sweep.frontier(shuffled(given), confidence=0.9))
    for _, row in found.iterrows():
        own = quality[row["cell.bits"] - 1]
        ends = np.clip(stats.t.interval(0.9, 3, own.mean(), stats.sem(own)), 0, 1)
        assert np.allclose(row[["low", "high"]].astype(float), ends, rtol=1e-12)
        assert np.isclose(row["energy"], cost[row["cell.bits"] - 1].mean(), rtol=1e-12)
        assert row["trials"] == 4 and row["machine"] == f"m{row['cell.bits'] - 1:03}"


def test_totals_that_leave_out_more_never_lead() -> None:
    rng = np.random.default_rng(3)
    quality, cost = rng.random(40), rng.random(40) + 0.1
    without = rng.choice(["buffer", "adc, buffer", "buffer, dac"], 40)
    given = changed(results(quality[:, None], cost), energy_without=without)
    study = pd.DataFrame({
        "knob": "machine", "value": given.table["machine"], "chip": 0, "method": "refitted",
        "accuracy": quality, "energy": cost, "energy_without": without,
    })  # fmt: skip
    compared = comparison.pareto(study).set_index("machine")
    found = sweep.frontier(given).set_index("machine")
    assert found["on_frontier"].equals(compared["on_frontier"].reindex(found.index))
    assert found["without"].equals(compared["without"].reindex(found.index))
    assert set(found["without"][found["on_frontier"]]) == {"buffer"}
    apart = sweep.frontier(changed(given, energy_without=["adc", "dac"] * 20))
    assert not apart["on_frontier"].any()


def test_measures_may_come_from_several_tasks() -> None:
    """Costs of another task, chips measured twice, machines that lack one, gaps."""
    given = results([[0.8, 0.9], [0.7, 0.6], [0.5, 0.4], [0.3, 0.2]]).table
    cost = given[["machine", "trial", "seed"]].assign(task="cost", energy=[1, 1, 2, 2, 3, 3, 4, 4])
    cost = cost.astype({"energy": float})
    cost.loc[cost["machine"] == "m002", "energy"] = np.nan
    table = pd.concat([given, given.assign(task="again"), cost[cost["machine"] != "m003"]])
    found = sweep.frontier(sweep.Results(table, (), ("refitted", "energy")))
    assert found["machine"].tolist() == ["m000", "m001"] and found["trials"].tolist() == [2, 2]
    assert found["energy"].tolist() == [1, 2] and np.allclose(found["refitted"], [0.85, 0.65])


def test_support_compares_machines_on_the_same_chips() -> None:
    """A machine that is better on every chip always leads; chips of their own leave doubt."""
    rng = np.random.default_rng(4)
    n, apart = 200, 1.2
    chips = rng.normal(0, 1, (2, n))
    chips = (chips - chips.mean(axis=1, keepdims=True)) / chips.std(axis=1, ddof=1, keepdims=True)
    common = results(np.stack([chips[0], chips[0] + 0.01]), [1, 1])
    assert sweep.frontier(common)["support"].tolist() == [1, 0]
    better = chips + np.array([[0], [apart / np.sqrt(n / 2)]])
    support = sweep.frontier(results(better, [1, 1], own=True))["support"]
    expected = stats.norm.cdf(apart)
    error = FIVE_SIGMA * np.sqrt(expected * (1 - expected) / RESAMPLES)
    assert np.isclose(support.sum(), 1) and abs(support[0] - expected) < error


def test_support_counts_that_costs_scatter_too() -> None:
    cost = np.array([[1.0, 2.0, 2.5, 3.0, 4.0], [2.4, 2.4, 2.55, 2.6, 2.8]])
    quality = np.array([[0.8] * 5, [0.7] * 5])
    found = sweep.frontier(results(quality, cost)).set_index("machine")
    assert found.loc["m000", "support"] == 1 and 0.2 < found.loc["m001", "support"] < 0.8
    alone = sweep.frontier(results([[0.8] * 5, [0.7] * 5], [1, 1]))
    assert alone["support"].tolist() == [1, 0]


@pytest.mark.parametrize(("chips", "known"), [(1, False), (2, False), (4, False), (5, True)])
def test_few_chips_that_are_equal_may_be_so_by_chance(chips: int, known: bool) -> None:
    apart = 0.8 + np.array(NOT_EQUAL)[:chips]
    found = sweep.frontier(results([[0.9] * chips, apart], [1, 2])).set_index("machine")
    for column in ("low", "high", "support"):
        assert found[column].notna().tolist() == [known, chips > 1]
    assert found["on_frontier"].tolist() == [True, False]
    if known:
        assert found.loc["m000", ["low", "high", "support"]].tolist() == [0.9, 0.9, 1]


def test_intervals_of_accuracies_end_at_0_and_1() -> None:
    given = results([[0.1, 0.3], [0.7, 0.9], [0.5, 0.51]], [1, 2, 3])
    found = sweep.frontier(given)
    half = stats.t.ppf(0.975, 1) * 0.005
    assert found["low"].tolist() == pytest.approx([0, 0, 0.505 - half])
    assert found["high"].tolist() == pytest.approx([1, 1, 0.505 + half])
    table = given.table.rename(columns={"refitted": "score"})
    own = sweep.frontier(sweep.Results(table, (), ("score", "energy")), quality="score")
    assert own["low"].iloc[0] < 0 and own["high"].iloc[1] > 1
    percent = sweep.frontier(results([[80, 90], [-80, -90]], [1, 2]))
    assert (percent["low"] < percent["refitted"]).tolist() == [True, False]
    assert (
        (percent["low"] <= percent["refitted"]) & (percent["refitted"] <= percent["high"])
    ).all()
    least = sweep.minimum_spec(results([[0.1, 0.3], [0.1, 0.2]], [1, 2]), 0.9)
    assert least.closest_low == 0 and least.machine is None


@pytest.mark.parametrize("own", [False, True])
def test_resampled_means_scatter_like_means(own: bool) -> None:
    """Their variance is s²/n, and that of a difference is the one of pairs, or of two samples."""
    rng = np.random.default_rng(5)
    chips = rng.normal(0, 1, (1, 4)) + rng.normal(0, 0.3, (2, 4))
    sample = sample_of(results(chips, own=own), "quality", "refitted")
    means = np.concatenate([part[0] for part in resampled([sample], sample.machines.index)], axis=1)
    assert means.shape == (2, RESAMPLES)
    variance = chips.var(axis=1, ddof=1) / 4
    paired = np.var(chips[0] - chips[1], ddof=1) / 4
    for values, expected in (
        (means[0], variance[0]), (means[1], variance[1]),
        (means[0] - means[1], variance.sum() if own else paired),
    ):  # fmt: skip
        kurtosis = stats.kurtosis(values, fisher=False)
        error = FIVE_SIGMA * np.sqrt((kurtosis - 1) / RESAMPLES)
        assert abs(values.var() / expected - 1) < error < 0.4


# --- the cheapest machine ------------------------------------------------------------------------


def test_cheapest_machine_that_is_certain() -> None:
    rng = np.random.default_rng(10)
    true = np.array([0.95, 0.91, 0.94, 0.97, 0.80])
    chips = true[:, None] + rng.normal(0, 0.01, (5, 10))
    knobs = {"cell.bits": [1, 2, 3, 4, 5]}
    given = shuffled(results(chips, [5e-6, 1e-6, 4e-6, 9e-6, 0.5e-6], knobs=knobs))
    found = sweep.minimum_spec(given, 0.9)
    assert (found.machine, found.by_mean, found.looked_at) == ("m002", "m001", 5)
    assert found.knobs == {"cell.bits": 3} and found.trials == 10
    bound = chips[2].mean() - stats.t.ppf(1 - 0.05 / 5, 9) * stats.sem(chips[2])
    assert found.low == pytest.approx(bound, rel=1e-12) and bound > 0.9
    assert found.mean == pytest.approx(chips[2].mean()) and found.worst == chips[2].min()
    assert found.cost_value == pytest.approx(4e-6)
    assert found.hardware is None and found.time is None and found.closest is None
    lines = str(found).splitlines()
    assert lines[0] == "MinimumSpec: m002" and lines[1].startswith("  energy 4 µJ, the least")
    assert lines[3] == "  cheapest if means were exact: m001"


def test_confidence_is_kept_however_many_machines_are_looked_at() -> None:
    """Machines that all just miss the target: whichever is named is wrong."""
    rng, runs, machines, chips, confidence = np.random.default_rng(11), 200, 40, 5, 0.9
    wrong = naive = 0
    factor = stats.t.ppf(confidence, chips - 1)
    for _ in range(runs):
        sample = rng.normal(0.9 - 1e-9, 0.02, (machines, chips))
        given = results(sample, rng.random(machines), own=True)
        wrong += sweep.minimum_spec(given, 0.9, confidence=confidence).machine is not None
        alone = sample.mean(axis=1) - factor * sample.std(axis=1, ddof=1) / np.sqrt(chips)
        naive += (alone >= 0.9).any()
    limit = runs * 0.1 + FIVE_SIGMA * np.sqrt(runs * 0.1 * 0.9)
    assert 0 < wrong <= limit < naive


def test_no_machine_is_certain() -> None:
    chips = [[0.93, 0.95, 0.80], [0.91, 0.92, 0.90], [0.99, 0.99, 0.99], [0.5, 0.6, 0.4]]
    found = sweep.minimum_spec(results(chips, [2, 3, 4, 1]), 0.9)
    assert found.machine is found.hardware is found.mean is found.trials is found.knobs is None
    assert found.by_mean == "m001" and found.closest == "m001"
    bound = np.mean(chips[1]) - stats.t.ppf(1 - 0.05 / 4, 2) * stats.sem(chips[1])
    assert found.closest_low == pytest.approx(bound)
    assert f"highest lower bound: {bound:.4g}, m001" in str(found)
    alone = sweep.minimum_spec(results([[0.95], [0.99]], [1, 2]), 0.9)
    assert alone.machine is None and alone.closest is None and alone.by_mean == "m000"
    assert "measure more chips" in str(alone)


@pytest.mark.parametrize(("chips", "machine"), [(5, "m000"), (4, None)])
def test_chips_that_are_all_equal(chips: int, machine: str | None) -> None:
    """The bound is the mean, to the last bit; but few of them may be equal by chance."""
    found = sweep.minimum_spec(results([[0.9] * chips, [0.8] * chips], [1, 2]), 0.9)
    assert found.machine == machine
    if machine:
        assert found.low == found.mean == found.worst == 0.9


def test_costs_that_leave_out_more_are_not_the_least() -> None:
    given = changed(results([[0.95] * 5] * 2, [1, 2]), energy_without=["adc"] * 5 + [""] * 5)
    found = sweep.minimum_spec(given)
    assert (found.machine, found.by_mean, found.looked_at) == ("m001", "m001", 2)
    assert (found.not_considered, found.left_out) == (1, ("adc",))
    last = "  1 of 2 machines not considered: their energy leaves out adc"
    assert str(found).splitlines()[-1] == last
    differ = changed(given, energy_without=["adc, sram"] * 5 + ["dac, sram"] * 5)
    found = sweep.minimum_spec(differ)
    assert (found.machine, found.not_considered, found.left_out) == (None, 2, ("adc", "dac"))
    assert "2 of 2 machines not considered: their energy leaves out adc or dac" in str(found)
    alike = sweep.minimum_spec(changed(given, energy_without="adc"))
    assert (alike.not_considered, alike.left_out) == (0, ()) and "leaves" not in str(alike)


@pytest.mark.parametrize(
    ("cost", "value", "text"),
    [
        ("energy", 2.5e-6, "energy 2.5 µJ"), ("latency", 3e-4, "latency 300 µs"),
        ("area", 4e-6, "area 4 mm²"), ("arrays", 31, "arrays 31"), ("own", -0.25, "own -0.25"),
    ],
)  # fmt: skip
def test_costs_are_shown_with_their_units(cost: str, value: float, text: str) -> None:
    table = results([[0.95] * 5], [value]).table.rename(columns={"energy": cost})
    found = sweep.minimum_spec(sweep.Results(table, (), ("refitted", cost)), cost=cost)
    assert text in repr(found) and found.cost_value == value


def test_machines_of_a_sweep_come_with_their_hardware() -> None:
    def score(subject: sweep.Subject) -> dict[str, float]:
        bits = subject.hardware.cell.bits or 0
        return {"quality": bits + 1e-3 * (subject.seed % 7), "price": bits**2}

    space = sweep.Space.grid(BASE, {"cell.bits": [1, 2, 4]})
    found = sweep.run(sweep.tasks(space, measures=sweep.Measure("score", 1, score)), stop=6)
    least = sweep.minimum_spec(found, 1.9, quality="quality", cost="price")
    assert least.hardware == BASE.with_field("cell.bits", 2) and least.time == 0.0
    assert least.machine == "cell.bits=2" and least.knobs == {"cell.bits": 2}
    front = sweep.frontier(found, "price", "quality")
    assert front["cell.bits"].tolist() == [1, 2, 4] and front["support"].tolist() == [1, 1, 1]
    assert sweep.effects(found, "quality")["spread"].item() > 2


# --- bad input -----------------------------------------------------------------------------------

GOOD = results([[0.9, 0.8], [0.7, 0.6]], [1, 2], knobs={"a": [1, 2]})


def without(column: str) -> sweep.Results:
    return sweep.Results(GOOD.table.drop(columns=column), GOOD.knobs, GOOD.measures)


def test_gaps_are_no_text() -> None:
    """A gap is NaN, whatever holds it; the text None is a value."""
    knobs = {"a": ["None", None, "8"], "b": [1, None, "None"]}
    given = results([[0.95] * 5, [0.96] * 5, [0.5] * 5], [2, 1, 3], knobs=knobs)
    found = sweep.minimum_spec(given)
    assert (found.machine, found.knobs) == ("m001", {})
    front = sweep.frontier(given).set_index("machine")
    assert front["a"].isna().tolist() == [True, False, False]
    assert front.loc[["m000", "m002"], "b"].tolist() == [1, "None"]
    assert isinstance(front.loc["m001", "a"], float)


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: sweep.frontier(GOOD.table), TypeError, "results=.*sweep.run"),
        (lambda: sweep.frontier(GOOD, "enrgy"), ValueError, "cost='enrgy'.*did you mean 'energy'"),
        (lambda: sweep.frontier(GOOD, quality=3), TypeError, "quality=3: must be one of"),
        (lambda: sweep.frontier(GOOD, "refitted"), ValueError, "cost='refitted': must be another"),
        (lambda: sweep.frontier(GOOD, confidence=1), ValueError, "confidence=1: must be"),
        (lambda: sweep.frontier(GOOD, confidence=None), TypeError, "confidence=None"),
        (lambda: sweep.frontier(without("energy")), ValueError, "has no columns .'energy'"),
        (lambda: sweep.frontier(without("seed")), ValueError, "has no columns .'seed'"),
        (lambda: sweep.frontier(without("a")), ValueError, "has no columns .'a'"),
        (
            lambda: sweep.frontier(changed(GOOD, energy=[1, np.inf, 2, 2])),
            ValueError, r"energy=inf: must be a finite number.*row 1",
        ),
        (
            lambda: sweep.frontier(changed(GOOD, energy=[1, 1, "dear", 2])),
            ValueError, r"energy='dear'.*row 2",
        ),
        (
            lambda: sweep.frontier(changed(GOOD, energy=np.nan)),
            ValueError, "no machine has both 'refitted' and 'energy'",
        ),
        (
            lambda: sweep.frontier(changed(GOOD, seed=0)),
            ValueError, "'m000' has several values of 'refitted' for the chip of seed 0",
        ),
        (
            lambda: sweep.frontier(changed(GOOD, a=[1, 3, 2, 2])),
            ValueError, "'m000' has several values of 'a'",
        ),
        (
            lambda: sweep.frontier(
                sweep.Results(GOOD.table.assign(low=1), ("a",), ("refitted", "low")), "low"
            ),
            ValueError, ".'low'. would name two columns",
        ),
        (lambda: sweep.effects(GOOD, "accuracy"), ValueError, "quality='accuracy'"),
        (lambda: sweep.effects(results([[1], [2]])), ValueError, "have no knobs"),
        (lambda: sweep.effects(results([[1]], knobs={"a": [1]})), ValueError, "'refitted': 1; mus"),
        (lambda: sweep.interactions(results([[1], [2]])), ValueError, "have no knobs"),
        (
            lambda: sweep.effects(
                results(np.arange(2001.0)[:, None], knobs={"a": [f"x{i}" for i in range(2001)]})
            ),
            ValueError, "knobs have 2001 values; must be at most 2000",
        ),
        (lambda: sweep.minimum_spec(GOOD, 90), ValueError, "accuracy=90: must be a number from 0"),
        (lambda: sweep.minimum_spec(GOOD, "0.9"), TypeError, "accuracy='0.9'"),
        (
            lambda: sweep.minimum_spec(GOOD, np.nan, quality="energy", cost="refitted"),
            ValueError, "accuracy=nan: must be a finite number",
        ),
        (lambda: sweep.minimum_spec(GOOD, confidence=0), ValueError, "confidence=0"),
        (lambda: sweep.minimum_spec(GOOD, cost="area"), ValueError, "cost='area'"),
        (lambda: sweep.minimum_spec(3), TypeError, "results=3"),
    ],
)  # fmt: skip
def test_bad_input(make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()
