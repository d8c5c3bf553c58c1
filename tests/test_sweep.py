# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps: the same rows however they are run; ids, spaces, rules that end them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imperfect as im
import networks
from imperfect import _core, sweep
from imperfect.network import AnalogNetwork, Network
from imperfect.study import collapse_and_recover
from sweeps import BASE, numbers, problem, same, tasks

# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def test_table_has_a_row_for_each_trial() -> None:
    found = sweep.run(tasks(seed=3), stop=4)
    assert len(found) == 12 and found.knobs == ("cell.bits",) and found.measures == ("x", "odd")
    names = ["task", "machine", "cell.bits", "trial", "seed", "x", "odd"]
    facts = ["version", "simd", "host", "started", "seconds"]
    digests = ["hardware_digest", "network_digest", "data_digest"]
    assert list(found.table.columns) == [*names, *facts, *digests]
    seeds = [_core.trial_seed(3, trial) for trial in range(4)]
    assert found.table["seed"].tolist() == seeds * 3
    assert found.table["trial"].tolist() == [0, 1, 2, 3] * 3
    assert set(found.table["simd"]) == {im.simd_level()}
    for _, row in found.table.iterrows():
        expected = np.random.default_rng(int(row["seed"])).normal() + row["cell.bits"]
        assert row["x"] == expected


def test_own_seeds_differ_between_tasks() -> None:
    found = sweep.run(tasks(seeds="own"), stop=3)
    assert found.table["seed"].nunique() == 9


def test_accuracies_are_those_of_the_study() -> None:
    work = problem()
    study = work.study
    machine = BASE.with_fields({"cell.bits": 2, "adc": im.ADC(bits=6), "dac": im.DAC(bits=8)})
    machine = machine.with_field("adc.range", "calibrated")
    task = sweep.Task(machine, work, ("accuracy", "controls", "rivals"), seed=5)
    found = sweep.run([task], stop=3).table
    arrays = (study.x_train, study.y_train, study.x_test, study.y_test)
    alone = collapse_and_recover(study.network, *arrays, machine, chips=3, seed=5)
    for method, rows in alone.groupby("method"):
        assert found[method].tolist() == rows["accuracy"].tolist(), method


def test_what_a_problem_needs_is_found_for_all_its_tasks() -> None:
    """Rivals keep the head of the transfer, whatever another task of the problem measures."""
    net, (x, y) = Network.from_onnx(networks.small_cnn(classes=4)), (
        networks.images(90, height=8)["x"], np.arange(90) % 3,
    )  # fmt: skip
    work = sweep.Problem(net, x[:60], y[:60], x[60:], y[60:], transfer=True)
    given = [sweep.Task(BASE, work, "rivals"), sweep.Task(BASE, work, "layer_errors")]
    found = sweep.run(given, stop=1).table
    alone = collapse_and_recover(net, x[:60], y[:60], x[60:], y[60:], BASE, chips=1, transfer=True)
    expected = alone.set_index("method")["accuracy"]
    assert found["affine"][0] == expected["affine"]
    assert found["bn_reestimated"][0] == expected["bn_reestimated"]


def test_errors_and_costs_are_those_of_the_chip() -> None:
    work = problem()
    machine = BASE.with_fields({"cell.g_max": 1e-4, "cell.v_read": 0.2})
    task = sweep.Task(machine, work, ("cost", "layer_errors", "logit_error"), seed=5)
    rows = sweep.run([task], stop=2).table
    study = work.study
    for trial in range(2):
        chip = AnalogNetwork(study.network, machine, _core.trial_seed(5, trial))
        row, exact = rows.iloc[trial], study.network(study.x_test)
        error = np.sqrt(np.mean((chip(study.x_test) - exact) ** 2) / np.mean(exact**2))
        assert np.isclose(row["logit_error"], error, rtol=1e-5)
        assert row["energy"] == chip.cost(study.spread(16)).energy
        assert row["energy_without"] == "dac, array, adc"
        report = im.diagnosis.layer_report(chip, study.spread(32)).set_index("layer")
        for layer in report.index:
            assert row[f"error of {layer}"] == report.loc[layer, "relative_error"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_stored_is_not_measured_again(jobs: int, tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    first = sweep.run(tasks(), path, stop=2, jobs=jobs)
    assert len(first) == 6
    fresh = list(sweep.iter_run(tasks(), path, stop=4, jobs=jobs))
    assert sorted({trial.trial for trial in fresh}) == [2, 3] and len(fresh) == 6
    assert not list(sweep.iter_run(tasks(), path, stop=4, jobs=jobs))
    same(sweep.load(path), sweep.run(tasks(), stop=4))


def test_order_of_tasks_is_that_of_the_table() -> None:
    given = tasks()[::-1]
    assert sweep.run(given, stop=1).table["task"].tolist() == [task.id for task in given]


# --- spaces --------------------------------------------------------------------------------------


def test_grids_have_every_combination() -> None:
    vary = {("weight_bits", "cell.bits"): [(8, 4), (5, 4)], "cell.programming.sigma": [0.0, 0.1]}
    space = sweep.Space.grid(BASE, vary)
    assert space.knobs == ("weight_bits", "cell.bits", "cell.programming.sigma") and len(space) == 4
    found = [(m.hardware.weight_bits, m.knobs["cell.programming.sigma"]) for m in space]
    assert found == [(8, 0.0), (8, 0.1), (5, 0.0), (5, 0.1)]
    for machine in space:
        assert machine.hardware == BASE.with_fields(machine.knobs)
    assert len(space + sweep.Space.listed({"mine": BASE})) == 5


@pytest.mark.parametrize("make", [sweep.Space.random, sweep.Space.sobol])
def test_draws_fill_their_ranges(make: Any) -> None:
    vary = {
        "cell.bits": sweep.Range(1, 4, whole=True), "adc.bits": [None, 8],
        "cell.programming.sigma": sweep.Range(0.001, 0.1, log=True),
    }  # fmt: skip
    space = make(BASE, vary, 512, seed=1)
    assert len(space) == 512 and [m.name for m in space] == [
        m.name for m in make(BASE, vary, 512, 1)
    ]
    assert [m.name for m in space] != [m.name for m in make(BASE, vary, 512, 2)]
    sigmas = np.log10([m.knobs["cell.programming.sigma"] for m in space])
    assert sigmas.min() >= -3 and sigmas.max() <= -1
    # Four levels, two converters: counts within five standard deviations of independent draws.
    for values, share in (
        ([m.knobs["cell.bits"] for m in space], 0.25),
        ([m.knobs["adc.bits"] for m in space], 0.5),
    ):
        names, counts = np.unique(np.array(values, str), return_counts=True)
        assert len(names) == round(1 / share)
        assert np.abs(counts - 512 * share).max() < 5 * np.sqrt(512 * share * (1 - share))
    assert abs(sigmas.mean() + 2) < 5 * 2 / np.sqrt(12 * 512)
    assert len(make(BASE, {"cell.bits": [1, 2]}, 50)) == 2


def test_machines_given_tell_how_they_differ() -> None:
    other = BASE.with_fields({"cell.bits": 2, "cell.programming": None})
    space = sweep.Space.listed({"a": BASE, "b": other})
    assert space.knobs == ("cell.bits", "cell.programming")
    assert [m.knobs["cell.bits"] for m in space] == ["None", 2]
    with pytest.raises(ValueError, match="the name 'a' is given twice"):
        space + space


# --- ids -----------------------------------------------------------------------------------------

FIELDS = {
    "weight_bits": [None, 4, 8], "scheme": ["differential", "offset"], "cell.bits": [1, 2],
    "cell.on_off_ratio": [np.inf, 10, 10.0, 50.5], "adc.bits": [None, 8], "array.rows": [None, 64],
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({name: st.sampled_from(own) for name, own in FIELDS.items()}), st.data()
)
def test_ids_do_not_depend_on_spelling(chosen: dict[str, Any], data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(chosen)))
    default = im.Hardware(weight_bits=8)
    one = default.with_fields(chosen)
    # Written in another order, with numbers of other types, with all defaults or none of them.
    other = default.with_fields({
        name: np.float64(chosen[name]) if isinstance(chosen[name], float) else chosen[name]
        for name in order
    })  # fmt: skip
    again = im.Hardware.from_json(one.to_json())
    ids = {
        sweep.Task(machine, measures=sweep.Measure("n", 1, numbers)).id
        for machine in (one, other, again)
    }
    assert len(ids) == 1


def test_ids_depend_on_everything_that_decides_a_number() -> None:
    work = problem()
    measure = sweep.Measure("n", 1, numbers)
    base: dict[str, Any] = {"hardware": BASE, "problem": None, "measures": measure}
    changes: list[dict[str, Any]] = [
        {}, {"seed": 1}, {"seeds": "own"}, {"hardware": BASE.with_field("cell.bits", 2)},
        {"problem": work}, {"measures": sweep.Measure("m", 1, numbers)},
        {"measures": sweep.Measure("n", 2, numbers)},
        {"measures": sweep.Measure("n", 1, numbers, {"a": 1})}, {"time": 1.0},
        {"measures": "cost"}, {"measures": sweep.measure("cost", components="isaac")},
    ]  # fmt: skip
    ids = [sweep.Task(**base | change).id for change in changes]
    assert len(set(ids)) == len(ids)
    assert sweep.Task(**base, name="other", knobs={"a": 1}).id == ids[0]
    written = sweep.measure("cost", components="generic")
    assert sweep.Task(BASE, measures=written).id == sweep.Task(BASE, measures="cost").id


# --- stopping ------------------------------------------------------------------------------------


def noisy(subject: sweep.Subject) -> dict[str, float]:
    bits = subject.hardware.cell.bits or 0
    return {
        "x": bits + float(np.random.default_rng(subject.seed).normal()) * (0.01 if bits == 1 else 1)
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_narrow_intervals_end_a_task(jobs: int) -> None:
    stop = sweep.Stop(trials=40, measure="x", half_width=0.3, at_least=4)
    found = sweep.run(tasks(noisy), stop=stop, jobs=jobs)
    counts = found.table.groupby("cell.bits")["trial"].count()
    assert counts[1] == 4 and counts[2] > 10
    for _, rows in found.table.groupby("cell.bits"):
        assert rows["trial"].tolist() == list(range(len(rows)))


def test_machines_near_a_target_get_more_chips() -> None:
    stop = sweep.Stop(trials=60, measure="x", target=2.0, at_least=5)
    counts = sweep.run(tasks(noisy), stop=stop).table.groupby("cell.bits")["trial"].count()
    assert counts[2] > counts[4] and counts[2] > counts[1] == 5


@pytest.mark.parametrize("total", [1, 7, 12, 17, 20, 40, 1000])
def test_a_total_is_kept_and_spent_in_turn(total: int, tmp_path: Path) -> None:
    """However often a sweep is interrupted, the same trials are measured."""
    stop = sweep.Stop(trials=12, measure="x", half_width=0.3, at_least=4, total=total)
    alone = sweep.run(tasks(noisy), stop=stop)
    most = 4 + 12 + 12  # the first machine is narrow at once
    assert len(alone) == min(total, most)
    counts = alone.table.groupby("cell.bits")["trial"].count().to_dict()
    assert counts == {7: {1: 4, 2: 3}, 12: {1: 4, 2: 4, 4: 4}}.get(total, counts)
    path, rng = tmp_path / "a.db", np.random.default_rng(total)
    while True:
        fresh = itertools.islice(sweep.iter_run(tasks(noisy), path, stop=stop), rng.integers(1, 6))
        if not list(fresh):
            break
    same(sweep.load(path), alone)
    assert len(sweep.run(tasks(), stop=sweep.Stop(trials=5, total=7))) == 7


def test_stopping_does_not_depend_on_what_was_there_before(tmp_path: Path) -> None:
    stop = sweep.Stop(trials=40, measure="x", half_width=0.5, at_least=4)
    alone = sweep.run(tasks(noisy), stop=stop)
    sweep.run(tasks(noisy), tmp_path / "a.db", stop=sweep.Stop(trials=40, total=7))
    found = sweep.run(tasks(noisy), tmp_path / "a.db", stop=stop)
    kept = found.table.merge(alone.table[["task", "trial"]])
    assert len(kept) == len(alone)


def test_totals_and_times_end_a_sweep(tmp_path: Path) -> None:
    assert len(sweep.run(tasks(), stop=sweep.Stop(trials=10, total=13))) == 13
    found = sweep.run(tasks(), tmp_path / "a.db", stop=sweep.Stop(trials=10**5, seconds=0.3))
    assert 0 < len(found) < 10**5
    stop = sweep.Stop(trials=10**5, task_seconds=1e-9, at_least=3)
    assert len(sweep.run(tasks(), stop=stop)) == 9


# --- failures ------------------------------------------------------------------------------------


def fails_sometimes(subject: sweep.Subject) -> dict[str, float]:
    if subject.trial == 1:
        raise RuntimeError("no such chip")
    return {"x": 1.0}


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_are_told_and_stop_nothing(jobs: int, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    found = sweep.run(tasks(fails_sometimes), path, stop=3, jobs=jobs)
    assert len(found) == 6
    failures = found.about["failures"]
    assert failures[0] == "cell.bits=1, trial 1: RuntimeError: no such chip" and len(failures) == 3
    assert sweep.load(path).about["failures"] == failures


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"x": np.nan}, r"x=nan: must be a finite number \(whole ones below 2\*\*63\) or text"),
        ({"x": np.inf}, "x=inf"),
        ({"x": [1]}, "x=.1.: must be a finite number"),
        ({3: 1.0}, "names a result 3"),
        (3, "gave int, must give a dictionary"),
    ],
)
def test_measures_that_give_no_numbers_fail(value: Any, reason: str) -> None:
    found = list(sweep.iter_run(tasks(lambda subject: value), stop=1))
    assert not found
    with pytest.raises(ValueError, match=reason):
        sweep.Measure("n", 1, lambda subject: value)(sweep.Subject(BASE, None, 0, 0))


def test_rows_are_measured_again_bit_for_bit() -> None:
    given = tasks()
    found = sweep.run(given, stop=2)
    for _, row in found.table.iterrows():
        again = sweep.replay(row, given)
        assert again.values == {"x": row["x"], "odd": row["odd"]}
    other = found.table.iloc[0].copy()
    other["x"] += 1e-15
    with pytest.raises(ValueError, match=r"trial 0 gives x="):
        sweep.replay(other, given)
    other["simd"] = level = "avx2" if im.simd_level() == "base" else "base"
    with pytest.raises(ValueError, match=rf"was measured on SIMD level '{level}'.*IMPERFECT_SIMD"):
        sweep.replay(other, given)
    with pytest.raises(ValueError, match=r"row: its task .* is none of those given"):
        sweep.replay(found.table.iloc[0], given[1:])
    with pytest.raises(TypeError, match="row=3"):
        sweep.replay(3, given)
