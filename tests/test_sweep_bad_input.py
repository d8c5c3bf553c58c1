# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps refuse what they cannot use, before anything runs, and name it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import imperfect as im
from imperfect import sweep
from sweeps import BASE, BITS, numbers, tasks

SPACE = sweep.Space


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: SPACE.grid(BASE, {}), ValueError, "vary: names no field"),
        (lambda: SPACE.grid(BASE, {"cell.bit": [1]}), ValueError, "no 'bit'; did you mean 'bits'"),
        (lambda: SPACE.grid(BASE, {"cell.bits": [0]}), ValueError, "vary: cell.bits=0: Cell.bi"),
        (lambda: SPACE.grid(BASE, {"cell.bits": []}), ValueError, "has no values"),
        (lambda: SPACE.grid(BASE, {"cell.bits": 3}), TypeError, "must be a list of values"),
        (lambda: SPACE.grid(BASE, {"cell.bits": [1, 1]}), ValueError, "name 'cell.bits=1' is g"),
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
        (lambda: sweep.Range(-np.inf, 2, whole=True), ValueError, "Range.low=-inf: .*whole"),
        (lambda: sweep.Stop(trials=0), ValueError, "Stop.trials=0"),
        (lambda: sweep.Stop(half_width=0.1), ValueError, "Stop.measure=None: must be named"),
        (lambda: sweep.Stop(measure="x"), ValueError, "Stop.measure: is used with half_width"),
        (lambda: sweep.Stop(measure="x", half_width=-1), ValueError, "Stop.half_width=-1"),
        (lambda: sweep.Stop(measure="x", target=np.nan), ValueError, "Stop.target=nan"),
        (lambda: sweep.Stop(confidence=1.0), ValueError, "Stop.confidence=1.0"),
        (lambda: sweep.Stop(seconds=0), ValueError, "Stop.seconds=0"),
        (lambda: sweep.Measure("", 1, numbers), ValueError, "Measure.name=''"),
        (lambda: sweep.Measure("cost", 1, numbers), ValueError, "Measure.name='cost': must be"),
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
        (lambda: sweep.Task(BASE, knobs=None), TypeError, "Task.knobs=None: must be a dict"),
        (lambda: sweep.Task(BASE, knobs={"a": object()}), ValueError, "Task.knobs=.*not JSON"),
        (lambda: SPACE.grid(BASE, {"cell.bits": range(10**9)}), ValueError, "has more than 1,000"),
        (lambda: sweep.Results(pd.DataFrame({"a": [1]}), (), ("y",)), ValueError, "no columns .'t"),
        (lambda: sweep.replay(pd.Series({"a": 1}), tasks()), ValueError, "row: has no 'task'"),
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
def test_bad_input(make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()


def test_a_measure_that_needs_a_problem_says_so() -> None:
    found = sweep.run([sweep.Task(BASE, measures="accuracy")], stop=1)
    assert "this measure needs a Problem" in found.about["failures"][0]


@pytest.mark.parametrize("name", ["seed", "seconds", "cell.bits"])
def test_measures_do_not_hide_other_columns(name: str) -> None:
    found = sweep.run(tasks(lambda subject: {name: 1.0}), stop=1)
    assert not len(found)
    assert f"gives ['{name}'], which other columns are called" in found.about["failures"][0]
