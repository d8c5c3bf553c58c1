# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps: the same rows however they are run, stopped, killed and put together."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imperfect as im
import networks
from imperfect import _core, sweep
from imperfect.network import AnalogNetwork, Network
from imperfect.study import collapse_and_recover
from imperfect.sweep._store import Store

# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

BASE = im.Hardware(weight_bits=8, cell=im.Cell(programming=im.device.Gaussian(0.1)))
BITS = {"cell.bits": [1, 2, 4]}
VARIES = {"version", "simd", "host", "started", "seconds"}


def numbers(subject: sweep.Subject) -> dict[str, float]:
    rng = np.random.default_rng(subject.seed)
    return {"x": float(rng.normal()) + (subject.hardware.cell.bits or 0), "odd": subject.trial % 2}


def tasks(fn: Any = numbers, bits: Any = BITS, **options: Any) -> list[sweep.Task]:
    measure = sweep.Measure("numbers", 1, fn)
    return sweep.tasks(sweep.Space.grid(BASE, bits), measures=measure, **options)


def same(a: sweep.Results, b: sweep.Results) -> None:
    """The same rows, but for when, where and how fast they were measured."""
    kept = [name for name in a.table.columns if name not in VARIES]
    pd.testing.assert_frame_equal(a.table[kept], b.table[kept])


def problem() -> sweep.Problem:
    net = Network.from_onnx(networks.small_cnn(classes=3))
    x, y = networks.images(90, height=8)["x"], np.arange(90) % 3
    return sweep.Problem(net, x[:60], y[:60], x[60:], y[60:])


def test_table_has_a_row_for_each_trial() -> None:
    found = sweep.run(tasks(seed=3), stop=4)
    assert len(found) == 12 and found.knobs == ("cell.bits",) and found.measures == ("x", "odd")
    names = ["task", "machine", "cell.bits", "trial", "seed", "x", "odd"]
    assert list(found.table.columns) == [*names, "version", "simd", "host", "started", "seconds"]
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
        {"measures": sweep.Measure("n", 1, numbers, {"a": 1})},
    ]  # fmt: skip
    ids = [sweep.Task(**base | change).id for change in changes]
    assert len(set(ids)) == len(ids)
    assert sweep.Task(**base, name="other", knobs={"a": 1}).id == ids[0]


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


def test_stopping_does_not_depend_on_what_was_there_before(tmp_path: Path) -> None:
    stop = sweep.Stop(trials=40, measure="x", half_width=0.5, at_least=4)
    alone = sweep.run(tasks(noisy), stop=stop)
    for _ in range(2):
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
        ({"x": np.nan}, "x=nan: must be a finite number or text"),
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


# --- the store -----------------------------------------------------------------------------------

KILLED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import test_sweep
from imperfect import sweep
def slow(subject):
    time.sleep(0.004)
    return test_sweep.numbers(subject)
print("started", flush=True)
sweep.run(test_sweep.tasks(slow), sys.argv[2], stop=60)
"""


def test_runs_killed_at_random_end_with_the_same_rows(tmp_path: Path) -> None:
    path, rng, kills = tmp_path / "a.db", random.Random(0), 0
    here = str(Path(__file__).parent)
    while kills < 20:
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, here, str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout and process.stdout.readline() == b"started\n"
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        kills += 1
    assert 0 < len(sweep.load(path)) < 180
    same(sweep.run(tasks(), path, stop=60), sweep.run(tasks(), stop=60))


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    running = sweep.iter_run(tasks(), path, stop=5)
    next(running)
    with pytest.raises(OSError, match="another run is writing to it"):
        sweep.run(tasks(), path, stop=5)
    assert len(sweep.load(path)) == 1  # readers are welcome
    assert len(list(running)) == 14


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    with monkeypatch.context() as patch:

        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            made = sqlite3.connect(*arguments, **options)
            made.execute("PRAGMA max_page_count = 16")
            return made

        patch.setattr(Store, "connect", staticmethod(connect))
        with pytest.raises(OSError, match="database or disk is full"):
            sweep.run(tasks(), path, stop=1000)
    kept = len(sweep.load(path))
    assert 0 < kept < 3000
    same(sweep.run(tasks(), path, stop=1000), sweep.run(tasks(), stop=1000))


def test_stores_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sweep.run(tasks(), path, stop=1)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE tasks SET spec = '{}' WHERE number = 1")
    db.close()
    with pytest.raises(ValueError, match=r"task .* is damaged"):
        sweep.load(path)
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(OSError, match="file is not a database"):
        sweep.load(tmp_path / "text.db")
    sqlite3.connect(tmp_path / "other.db").executescript(
        "CREATE TABLE a (b); PRAGMA user_version=7"
    )
    with pytest.raises(ValueError, match="is no store of sweeps"):
        sweep.run(tasks(), tmp_path / "other.db")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        sweep.load(tmp_path / "nothing.db")
    with pytest.raises(TypeError, match="store=3"):
        sweep.load(3)  # type: ignore[arg-type]


def test_stores_are_combined(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.db" for name in ("a", "b")]
    sweep.run(tasks(), paths[0], stop=2)
    sweep.run(tasks(bits={"cell.bits": [2, 4]}), paths[1], stop=4)
    target = tmp_path / "all.db"
    assert sweep.combine(target, paths) == (10, 4)
    assert sweep.combine(target, paths) == (0, 14)
    expected = sweep.run(tasks(), stop=4).table
    found = sweep.load(target).table
    merged = found.merge(expected, on=["task", "trial", "seed", "x", "odd"])
    assert len(merged) == len(found) == 10
    with sqlite3.connect(paths[1]) as db:
        db.execute("""UPDATE trials SET measured = '{"x":9.0,"odd":0}' WHERE trial = 0""")
    db.close()
    with pytest.raises(ValueError, match="trial 0 has other results in another store"):
        sweep.combine(target, [paths[1]])
    with pytest.raises(TypeError, match="sources: must be a sequence"):
        sweep.combine(target, str(paths[0]))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_exported(ending: str, tmp_path: Path) -> None:
    found = sweep.run(tasks(), stop=2)
    path = tmp_path / f"a.{ending}"
    sweep.export(found, path)
    read = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert read["x"].tolist() == found.table["x"].tolist()
    assert read["seed"].tolist() == found.table["seed"].tolist()
    with pytest.raises(ValueError, match=r"must end with .parquet or .csv"):
        sweep.export(found, tmp_path / "a.txt")


# --- a cluster -----------------------------------------------------------------------------------


def test_a_cluster_gives_the_same_rows_though_a_worker_dies(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed (extra sweep)")
    code = KILLED_WORKER.format(path=str(tmp_path / "a.db"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True,
        timeout=240, env=os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    same(sweep.load(tmp_path / "a.db"), sweep.run(tasks(), stop=30))


KILLED_WORKER = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
import test_sweep
from imperfect import sweep
from distributed import LocalCluster

def slow(subject):
    import time
    import numpy as np
    time.sleep(0.02)
    rng = np.random.default_rng(subject.seed)
    bits = subject.hardware.cell.bits or 0
    return {{"x": float(rng.normal()) + bits, "odd": subject.trial % 2}}

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        trials = sweep.iter_run(
            test_sweep.tasks(slow), {path!r}, stop=30, cluster=cluster.scheduler_address
        )
        for count, trial in enumerate(trials):
            if count == 10:
                os.kill(pids[0], signal.SIGKILL)
"""


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
    other["simd"] = "base"
    with pytest.raises(ValueError, match=r"was measured on SIMD level 'base'.*IMPERFECT_SIMD"):
        sweep.replay(other, given)
    with pytest.raises(ValueError, match=r"row: its task .* is none of those given"):
        sweep.replay(found.table.iloc[0], given[1:])
    with pytest.raises(TypeError, match="row=3"):
        sweep.replay(3, given)


# --- bad input -----------------------------------------------------------------------------------

Make = Any
SPACE = sweep.Space


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: SPACE.grid(BASE, {}), ValueError, "vary: names no field"),
        (lambda: SPACE.grid(BASE, {"cell.bit": [1]}), ValueError, "no 'bit'; did you mean 'bits'"),
        (lambda: SPACE.grid(BASE, {"cell.bits": [0]}), ValueError, "vary: cell.bits=0: Cell.bi"),
        (lambda: SPACE.grid(BASE, {"cell.bits": []}), ValueError, "has no values"),
        (lambda: SPACE.grid(BASE, {"cell.bits": 3}), TypeError, "must be a list of values"),
        (lambda: SPACE.grid(BASE, {"cell.bits": [1, 1]}), ValueError, "cell.bits=1 comes up twice"),
        (lambda: SPACE.grid(BASE, {3: [1]}), TypeError, "vary: a path=3"),
        (lambda: SPACE.grid(None, BITS), TypeError, "base=None: must be a Hardware"),
        (lambda: SPACE.grid(BASE, [1]), TypeError, "vary=.1.: must be a dictionary"),
        (
            lambda: SPACE.grid(BASE, {("weight_bits", "cell.bits"): [(8,)]}),
            ValueError, "must be 2 values",
        ),
        (
            lambda: SPACE.grid(BASE, {("weight_bits", "cell.bits"): [(8, 4)], "cell.bits": [2]}),
            ValueError, "names a field twice",
        ),
        (
            lambda: SPACE.grid(BASE, {"cell": [im.Cell()], "cell.bits": [2]}),
            ValueError, "'cell.bits' lies inside 'cell'",
        ),
        (lambda: SPACE.random(BASE, {"cell.bits": [1]}, 0), ValueError, "count=0"),
        (lambda: SPACE.random(BASE, {"cell.bits": [1]}, 2, -1), ValueError, "seed=-1"),
        (lambda: SPACE.sobol(BASE, {"cell.bits": "12"}, 2), TypeError, "a list of values or a"),
        (lambda: SPACE.listed([]), ValueError, "machines: is empty"),
        (lambda: SPACE.listed(BASE), TypeError, "machines: must be a sequence of Hardware"),
        (lambda: SPACE.listed([3]), TypeError, "machines.'machine 1'.=3"),
        (lambda: sweep.Range(1, 1), ValueError, "Range.high=1: must be above"),
        (lambda: sweep.Range(0, 1, log=True), ValueError, "Range.low=0: must be a finite"),
        (lambda: sweep.Range(0.5, 2, whole=True), ValueError, "Range.low=0.5: .*whole"),
        (lambda: sweep.Range(0, np.nan), ValueError, "Range.high=nan"),
        (lambda: sweep.Stop(trials=0), ValueError, "Stop.trials=0"),
        (lambda: sweep.Stop(half_width=0.1), ValueError, "Stop.measure=None: must be named"),
        (lambda: sweep.Stop(measure="x"), ValueError, "Stop.measure: is used with half_width"),
        (lambda: sweep.Stop(measure="x", half_width=-1), ValueError, "Stop.half_width=-1"),
        (lambda: sweep.Stop(measure="x", target=np.nan), ValueError, "Stop.target=nan"),
        (lambda: sweep.Stop(confidence=1.0), ValueError, "Stop.confidence=1.0"),
        (lambda: sweep.Stop(seconds=0), ValueError, "Stop.seconds=0"),
        (lambda: sweep.Measure("", 1, numbers), ValueError, "Measure.name=''"),
        (lambda: sweep.Measure("a", 1.5, numbers), TypeError, "Measure.version=1.5"),
        (lambda: sweep.Measure("a", 1, 3), TypeError, "Measure.fn=3"),
        (lambda: sweep.Measure("a", 1, numbers, {"b": object()}), ValueError, "Measure.options"),
        (lambda: sweep.measure("acuracy"), ValueError, "'acuracy'; did you mean 'accuracy'"),
        (lambda: sweep.measure("cost", library=1), ValueError, "has no 'library'"),
        (lambda: sweep.measure("cost", components="isac"), ValueError, "components='isac'"),
        (lambda: sweep.Problem.bundled(-5), ValueError, "train=-5: must be an integer f"),
        (lambda: sweep.Problem.bundled(10, 0), ValueError, "test=0: must be an integer from 1"),
        (lambda: sweep.tasks(BITS), TypeError, "space=.*must be a Space"),
        (lambda: tasks(seed=-1), ValueError, "seed=-1"),
        (lambda: tasks(seeds="same"), ValueError, "seeds='same'"),
        (lambda: sweep.Task(3), TypeError, "Task.hardware=3"),
        (lambda: sweep.Task(BASE, measures=[]), ValueError, "measures: is empty"),
        (lambda: sweep.Task(BASE, measures=["cost", "cost"]), ValueError, "'cost' is given twice"),
        (lambda: sweep.Task(BASE, measures=3), TypeError, "measures=3"),
        (lambda: sweep.run([]), ValueError, "tasks: is empty"),
        (lambda: sweep.run(tasks()[0]), TypeError, "tasks: must be a sequence of Task"),
        (lambda: sweep.run([3]), TypeError, r"tasks\[0\]=3"),
        (lambda: sweep.run(tasks() * 2), ValueError, "is the same task as"),
        (lambda: sweep.run(tasks(), stop=0), ValueError, "stop=0"),
        (lambda: sweep.run(tasks(), stop="5"), TypeError, "stop='5'"),
        (lambda: sweep.run(tasks(), jobs=0), ValueError, "jobs=0"),
        (lambda: sweep.run(tasks(), cluster=3), TypeError, "cluster=3"),
        (lambda: sweep.run(tasks(), progress=3), TypeError, "progress=3"),
        (lambda: sweep.run(tasks(), "/nowhere/a.db"), OSError, "store='/nowhere/a.db'"),
        (
            lambda: sweep.run(tasks(), stop=sweep.Stop(measure="y", half_width=1)),
            ValueError, "Stop.measure='y': the trials of Task.* give no number",
        ),
    ],
)  # fmt: skip
def test_bad_input(make: Make, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()


def test_a_measure_that_needs_a_problem_says_so() -> None:
    found = sweep.run([sweep.Task(BASE, measures="accuracy")], stop=1)
    assert "this measure needs a Problem" in found.about["failures"][0]


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "sweeps.md").read_text()
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    assert len(names["results"]) == 8 and Path("results.db").is_file()
