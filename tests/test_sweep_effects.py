# SPDX-License-Identifier: BSD-3-Clause
"""Which knobs of a sweep matter: against functions whose parts are known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imperfect import sweep
from imperfect.sweep._intervals import RESAMPLES
from sweep_tables import changed, results, shuffled

FIVE_SIGMA = 5.0


def grid(function: Any, **knobs: Any) -> sweep.Results:
    """Machines of a full grid, whose chips all have the quality that a function gives."""
    points = list(itertools.product(*knobs.values()))
    quality = [[float(function(*point))] * 2 for point in points]
    columns = {knob: [point[i] for point in points] for i, knob in enumerate(knobs)}
    return results(quality, knobs=columns)


def shares(table: pd.DataFrame, *names: str) -> dict[Any, float]:
    return table.set_index(list(names))["share"].to_dict()


def test_terms_that_add_up_have_the_shares_of_their_variances() -> None:
    a, b, c = np.array([1.0, 2, 5, 9]), np.array([0.0, 3, 4]), np.array([2.0, 7])
    given = grid(lambda i, j, k: a[i] + b[j] + c["xy".index(k)], a=range(4), b=range(3), c="xy")
    found = sweep.effects(shuffled(given))
    total = a.var() + b.var() + c.var()
    assert found["knob"].tolist() == ["a", "c", "b"]
    expected = {"a": a.var() / total, "b": b.var() / total, "c": c.var() / total}
    assert shares(found, "knob") == pytest.approx(expected, abs=1e-12)
    rows = found.set_index("knob")
    assert rows["spread"].to_dict() == pytest.approx({"a": 8, "b": 4, "c": 5})
    assert rows.loc["b", "lowest"] == pytest.approx(a.mean() + c.mean())
    assert rows.loc["b", "highest"] == pytest.approx(a.mean() + c.mean() + 4)
    assert rows["values"].to_dict() == {"a": 4, "b": 3, "c": 2}
    assert found.attrs == pytest.approx({"machines": 24, "explained": 1, "noise": 0}, abs=1e-12)
    assert found["by_chance"].to_numpy() == pytest.approx(0, abs=1e-12)
    pairs = sweep.interactions(given)
    assert len(pairs) == 3 and pairs["share"].to_numpy() == pytest.approx(0, abs=1e-12)


def test_products_of_centred_knobs_are_interactions() -> None:
    given = grid(lambda a, b, c: a * b + 2 * c, a=[-1, 0, 1], b=[-2, 2], c=[-1, 1])
    product, alone = 8 / 3, 4
    found = shares(sweep.effects(given), "knob")
    expected = {"a": 0, "b": 0, "c": alone / (product + alone)}
    assert found == pytest.approx(expected, abs=1e-12)
    pairs = shares(sweep.interactions(shuffled(given)), "knob", "other")
    expected = {("a", "b"): product / (product + alone), ("a", "c"): 0, ("b", "c"): 0}
    assert pairs == pytest.approx(expected, abs=1e-12)
    two = sweep.interactions(grid(lambda a, b: a * b, a=[-1, 1], b=[-2, 2]))
    assert two["share"].tolist() == pytest.approx([1])
    assert np.isnan(two["by_chance"]).all()


def test_shares_are_those_of_least_squares() -> None:
    """On an uneven choice of machines, against numpy's solver."""
    rng = np.random.default_rng(12)
    knobs = {"a": rng.integers(0, 3, 70), "b": rng.integers(0, 4, 70) ** 2, "c": rng.choice(3, 70)}
    quality = rng.random(70) + knobs["a"] * knobs["b"]
    cells = knobs["a"] * 100 + knobs["b"]

    def explained(*columns: Any) -> float:
        design = np.hstack([np.equal.outer(own, np.unique(own)) for own in columns]).astype(float)
        rest = quality - design @ np.linalg.lstsq(design, quality, rcond=None)[0]
        return float(1 - rest.var() / quality.var())

    whole = explained(*knobs.values())
    given = results(quality[:, None], knobs=knobs)
    found = sweep.effects(given)
    assert found.attrs["explained"] == pytest.approx(whole)
    expected = {
        name: whole - explained(*[own for other, own in knobs.items() if other != name])
        for name in knobs
    }
    assert shares(found, "knob") == pytest.approx(expected)
    pair = shares(sweep.interactions(given), "knob", "other")["a", "b"]
    assert pair == pytest.approx(explained(*knobs.values(), cells) - whole) and pair > 0.05


def test_names_of_machines_do_not_matter() -> None:
    given = grid(lambda a, b: a + a * b, a=[1, 2, 5], b=[0, 1])
    names = given.table["machine"].map(lambda name: f"z{99 - int(name[1:])}")
    renamed = changed(given, machine=names)
    for answer in (sweep.effects, sweep.interactions):
        columns = ["knob", "share"]
        pd.testing.assert_frame_equal(answer(given)[columns], answer(renamed)[columns])


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, "x"), (2, "y"), (3, "z")],
        [(8, 4), (5, 4), (4, 2)],  # one tells the other
        [(8, 2), (8, 4), (5, 4), (4, 3)],  # 4 and 3 come only together
        [("x", None), ("y", None), (None, 1), (None, 2)],  # spaces added together
    ],
)
def test_knobs_that_go_together_are_one_row(pairs: Any) -> None:
    value = {pair: i**2 for i, pair in enumerate(pairs)}
    points = list(itertools.product(pairs, [0, 10]))
    quality = [[float(value[pair] + more)] for pair, more in points]
    knobs = {"a": [p[0] for p, _ in points], "more": [m for _, m in points]}
    given = results(quality, knobs=knobs | {"b": [p[1] for p, _ in points]})
    found = sweep.effects(given)
    variance = np.var(list(value.values()))
    expected = {"a + b": variance / (variance + 25), "more": 25 / (variance + 25)}
    assert shares(found, "knob") == pytest.approx(expected)
    assert found.set_index("knob").loc["a + b", "values"] == len(pairs)


def test_gaps_are_values_of_their_own() -> None:
    effect = {None: 0.0, 4.0: 1.0, 8.0: 5.0}
    found = sweep.effects(grid(lambda a, b: effect[a] + b, a=[None, 4.0, 8.0], b=[0, 1]))
    variance = np.var([0, 1, 5])
    assert found.set_index("knob").loc["a", "values"] == 3
    expected = {"a": variance / (variance + 0.25), "b": 0.25 / (variance + 0.25)}
    assert shares(found, "knob") == pytest.approx(expected)


def test_many_numbers_are_cut_into_groups_of_equal_size() -> None:
    rng = np.random.default_rng(6)
    order, other = rng.permutation(60), rng.random(60)
    step = np.array([3.0, 1, 4, 1.5, 9, 2])[order // 10]
    given = results(step[:, None], knobs={"a": 1e-3 * 1.2**order, "b": other})
    found = sweep.effects(given).set_index("knob")
    assert found["values"].to_dict() == {"a": 6, "b": 6}
    assert found.attrs["explained"] == pytest.approx(1) and found.loc["a", "share"] > 0.8
    assert found.loc["a", "spread"] == pytest.approx(8)
    mixed = ["None"] * 30 + list(np.arange(30.0))
    steps = np.array([5.0] * 30 + list(np.arange(30) // 5))
    found = sweep.effects(results(steps[:, None], knobs={"a": mixed}))
    assert found["values"].tolist() == [7] and found["share"].tolist() == pytest.approx([1])


def test_shares_by_chance_are_those_of_knobs_without_effect() -> None:
    rng = np.random.default_rng(7)
    knobs = {f"k{i}": rng.integers(0, 3, 400) for i in range(30)}
    found = sweep.effects(results(rng.normal(0, 1, (400, 1)), knobs=knobs))
    # Each is chi-squared with two degrees of freedom over 399: as wide as its mean.
    error = FIVE_SIGMA * (2 / 399) / np.sqrt(30)
    assert abs(found["share"].mean() - 2 / 399) < error
    assert found["by_chance"].to_numpy() == pytest.approx(2 / 399, rel=0.5)


def test_what_cannot_be_told_apart_is_a_gap() -> None:
    """Half of a grid; as many terms as machines; a knob that others make up for; five machines."""
    half = grid(lambda a, b: 1.0 + a + b * 7, a=[0, 1], b=[0, 1])
    either = changed(half, c=half.table["a"] ^ half.table["b"])
    three = sweep.Results(either.table, ("a", "b", "c"), either.measures)
    assert sweep.interactions(three)["share"].isna().all()
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
    five = results(np.arange(5.0)[:, None] ** 2, knobs=dict(zip("abc", points.T, strict=True)))
    assert sweep.interactions(five)["share"].isna().all()
    assert sweep.effects(five)["share"].notna().all()
    table = grid(lambda a, b, d: a + 2 * d, a=[0, 1], b=[0, 1], d=[0, 1]).table
    total = sweep.Results(table.assign(c=table["a"] + table["b"]), tuple("abcd"), ("refitted",))
    found = shares(sweep.effects(total), "knob")
    assert found.pop("d") == pytest.approx(0.8) and np.isnan(list(found.values())).all()
    rng = np.random.default_rng(8)
    many = {name: rng.integers(0, 2, 5) for name in "abcdefghijk"}
    found = sweep.effects(results(rng.random((5, 1)), knobs=many))
    known = found["share"].notna() & (found["values"] > 1)
    assert not (known & ~found["knob"].str.contains("+", regex=False)).any()


def test_as_many_values_as_machines_explain_nothing() -> None:
    """Any numbers would be explained by a number for each machine."""
    rng = np.random.default_rng(21)
    names = [f"x{i}" for i in range(12)]
    for knobs in (
        {"a": names},
        {"a": [*names[:11], "x0"]},  # one machine is left to judge ten terms by
        {"a": list("aabbccddeeff"), "b": list("xyzuvwrstopq")},
    ):
        found = sweep.effects(results(rng.random((12, 1)), knobs=knobs))
        assert found["share"].isna().all() and found["by_chance"].isna().all()
        assert np.isnan(found.attrs["explained"]) and found["spread"].notna().all()
    two = sweep.effects(results([[0.3], [0.8]], knobs={"a": [1, 2]}))
    assert two["share"].isna().all() and two["spread"].tolist() == pytest.approx([0.5])


@pytest.mark.parametrize("machines", [8, 10, 12, 30])
def test_few_machines_drawn_at_random_are_told_apart_by_groups(machines: int) -> None:
    """The knob that does everything stands out; one that does nothing has a share by chance."""
    rng = np.random.default_rng(machines)
    runs, share, chance = 60, [], []
    for _ in range(runs):
        knobs = {name: rng.random(machines) for name in "abc"}
        step = (knobs["a"] > np.median(knobs["a"])) + rng.normal(0, 0.2, machines)
        found = sweep.effects(results(step[:, None], knobs=knobs)).set_index("knob")
        if set(found.index) != set("abc"):  # the same halves by chance
            continue
        assert found["share"].notna().all()
        assert found["values"].max() < machines / 2 and found["share"].idxmax() == "a"
        share.append(found.loc["b", "share"])
        chance.append(found.loc["b", "by_chance"])
    apart = np.subtract(share, chance)
    assert len(apart) > 0.75 * runs
    assert abs(apart.mean()) < FIVE_SIGMA * apart.std() / np.sqrt(len(apart))


def test_a_small_grid_is_not_cut() -> None:
    found = sweep.effects(grid(lambda a, b: a + b, a=range(5), b=[0, 1])).set_index("knob")
    assert found["values"].to_dict() == {"a": 5, "b": 2}
    assert found["share"].to_dict() == pytest.approx({"a": 2 / 2.25, "b": 0.25 / 2.25})


def test_a_grid_and_machines_drawn_at_random_are_told_apart() -> None:
    """As in examples/sweep.toml: what stands between them is the gap of a knob of the second."""
    rng = np.random.default_rng(22)
    points = [(b, s, a, None) for b in (2, 4) for s in (0.02, 0.1) for a in (8, 5)]
    points += [(3, 0.005, 6, 4), (4, 0.15, 4, 5), (3, 0.01, 7, 4), (4, 0.2, 8, 5)]
    columns = dict(zip(("bits", "sigma", "adc", "weight"), zip(*points, strict=True), strict=True))
    quality = np.array([0.9 - 4 * s for _, s, _, _ in points]) + rng.normal(0, 0.01, 12)
    found = sweep.effects(results(quality[:, None], knobs=columns))
    assert found["knob"].iloc[0] == "sigma"
    assert found["share"].iloc[0] > 5 * found["by_chance"].iloc[0] > 0
    assert set(found["knob"]) == set(columns) and found["share"].notna().all()
    assert found.attrs["explained"] < 1


def test_none_is_a_text_and_a_gap_is_none() -> None:
    values = ["None", "None", None, None, 8, 8, float("nan"), float("nan")]
    level = np.array([0, 0, 5, 5, 1, 1, 5, 5]) + np.tile([0, 1], 4)
    knobs = {"a": values, "b": [0, 1] * 4}
    found = sweep.effects(results(level[:, None], knobs=knobs)).set_index("knob")
    assert found.loc["a", "values"] == 3 and found.attrs["explained"] == pytest.approx(1)


def test_what_does_not_vary_explains_nothing() -> None:
    given = grid(lambda a, b: a // 2, a=[0, 1, 2, 3], b=[3])
    found = sweep.effects(given).set_index("knob")
    assert found["share"].to_dict() == pytest.approx({"a": 1, "b": 0})
    assert sweep.interactions(given).empty
    equal = sweep.effects(grid(lambda a, b: 0.7, a=[1, 2], b=[3, 4]))
    assert equal["share"].isna().all() and equal["spread"].tolist() == [0, 0]
    assert np.isnan(equal.attrs["explained"]) and np.isnan(equal.attrs["noise"])


def test_noise_is_what_finite_numbers_of_chips_add() -> None:
    rng = np.random.default_rng(9)
    chips = rng.normal(0, 1, (80, 6))
    given = results(chips, own=True, knobs={"a": np.arange(80) % 2})
    expected = (chips.var(axis=1, ddof=1).mean() / 6) * (1 - 1 / 80) / chips.mean(axis=1).var()
    noise = sweep.effects(given).attrs["noise"]
    # A variance of 80 independent numbers, averaged over the resamples.
    assert abs(noise / expected - 1) < FIVE_SIGMA * np.sqrt(2 / 80 / RESAMPLES) * 2
    shifted = rng.normal(0, 1, 6) + np.arange(80)[:, None]
    given = results(shifted, knobs={"a": np.arange(80) % 2})
    assert sweep.effects(given).attrs["noise"] == pytest.approx(0, abs=1e-12)
    alone = results(chips[:, :1], knobs={"a": np.arange(80) % 2})
    assert np.isnan(sweep.effects(alone).attrs["noise"])
