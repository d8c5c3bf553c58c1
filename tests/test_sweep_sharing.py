# SPDX-License-Identifier: BSD-3-Clause
"""What trials share changes no bit: layers that stay digital, equal chips, chips of any age."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import imperfect as im
import networks
from imperfect import _core, sweep
from imperfect._network.tail import tail_of
from imperfect.network import AnalogNetwork, Network
from imperfect.sweep._subject import draws_nothing
from strategies import Workload, workloads
from sweeps import BASE, numbers, problem, tasks
from test_layers import make_layer

ALL = ("accuracy", "controls", "rivals", "logit_error", "layer_errors", "cost")
MACHINE = im.Hardware(
    weight_bits=5,
    cell=im.Cell(bits=4, g_max=1e-4, v_read=0.2, programming=im.device.Gaussian(0.05)),
    array=im.Array(rows=16, cols=16),
    dac=im.DAC(bits=8),
    adc=im.ADC(bits=6, range="calibrated"),
)


def digital_problem(**options: Any) -> sweep.Problem:
    net = Network.from_onnx(networks.small_cnn(classes=3))
    x, y = networks.images(90, height=8)["x"], np.arange(90) % 3
    first = next(iter(net.layers)).name
    return sweep.Problem(net, x[:60], y[:60], x[60:], y[60:], digital=[first], **options)


# --- layers that stay digital --------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"transfer": True}], ids=["own head", "transfer"])
def test_a_digital_beginning_is_computed_once_and_changes_no_bit(
    options: dict[str, Any],
) -> None:
    shared, alone = digital_problem(**options), digital_problem(**options)
    vars(alone)["study"] = alone.whole
    assert len(shared.study.network.nodes) < len(shared.whole.network.nodes)
    assert shared.study.x_train.shape != shared.whole.x_train.shape
    for seed in (1, 2):
        rows = [
            sweep.run([sweep.Task(MACHINE, work, ALL, seed=seed)], stop=3).table
            for work in (shared, alone)
        ]
        for name in set(rows[0].columns) - {"started", "seconds"}:
            assert rows[0][name].tolist() == rows[1][name].tolist(), name


def test_a_digital_beginning_gives_what_the_chip_gives() -> None:
    work = digital_problem()
    study = work.whole
    rows = sweep.run([sweep.Task(MACHINE, work, ("accuracy", "cost"), seed=5)], stop=2).table
    for trial in range(2):
        seed = _core.trial_seed(5, trial)
        chip = AnalogNetwork(study.network, MACHINE, seed, digital=study.digital)
        chip.calibrate(study.spread(64))
        answers = chip(study.x_test, first_sample=len(study.x_train)).argmax(axis=1)
        assert rows["collapsed"][trial] == np.mean(answers == study.y_test)
        assert rows["energy"][trial] == chip.cost(study.spread(16)).energy
        assert rows["arrays"][trial] == chip.cost(study.spread(16)).arrays


def test_subjects_show_the_whole_chip() -> None:
    def shape(subject: sweep.Subject) -> dict[str, Any]:
        study = subject.problem.whole
        found = subject.chip(study.x_test)
        assert list(subject.chip.layers) == list(subject.chip.network._specs)[1:]
        return {"classes": found.shape[1], "collapsed": study.accuracy(found.argmax(axis=1))}

    measures = [sweep.Measure("shape", 1, shape)]
    found = sweep.run([sweep.Task(BASE, digital_problem(), measures)], stop=1)
    assert not found.about["failures"]
    assert found.table["classes"][0] == 3


def test_where_a_network_is_cut() -> None:
    net = Network.from_onnx(networks.small_cnn(classes=3))
    names = ["stem", "block.dw", "block.pw", "head.fc"]
    assert list(net._specs) == names
    for first, expected in enumerate([None, "r1", None, "pool"]):
        found = tail_of(net, names[first:])
        # The input itself is no cut, and past the first layer of the block there are two tensors.
        assert (None if found is None else found[1]) == expected
        if found is not None:
            tail, name = found
            assert list(tail._specs) == names[first:]
            x = networks.images(5, height=8)["x"]
            assert np.array_equal(tail(net._run(x, (name,), {})[name]), net(x))


def test_digital_layers_are_checked() -> None:
    net = Network.from_onnx(networks.small_cnn(classes=3))
    x, y = networks.images(90, height=8)["x"], np.arange(90) % 3
    with pytest.raises(ValueError, match="digital: pattern 'trunk' fits no layer"):
        sweep.Problem(net, x, y, x, y, digital=["trunk"])
    with pytest.raises(ValueError, match=r"leaves no layer of .* analog"):
        sweep.Problem(net, x, y, x, y, digital=["*"])
    with pytest.raises(TypeError, match="digital='a'"):
        sweep.Problem(net, x, y, x, y, digital="a")


def test_ids_depend_on_digital_layers_however_they_are_named() -> None:
    work, first = digital_problem(), digital_problem()
    ids = {sweep.Task(BASE, own).id for own in (work, first, problem())}
    assert len(ids) == 2


# --- machines that draw nothing ------------------------------------------------------------------


def test_equal_chips_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MACHINE.with_field("cell.programming", None)
    runs = 0
    run = AnalogNetwork._run

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal runs
        runs += 1
        return run(*arguments, **options)

    work = problem()
    alone = [sweep.run([sweep.Task(machine, work, ALL, seed=s)], stop=1).table for s in range(4)]
    monkeypatch.setattr(AnalogNetwork, "_run", counted)
    found = sweep.run([sweep.Task(machine, work, "accuracy")], stop=4).table
    assert runs == 2  # training and test images, of the first chip
    assert found["refitted"].nunique() == 1 and found["seed"].nunique() == 4
    for own in alone:
        assert own["collapsed"][0] == found["collapsed"][0]
        assert own["refitted"][0] == found["refitted"][0]


@settings(max_examples=60, deadline=None)
@given(workloads())
def test_machines_that_draw_nothing_have_equal_chips(work: Workload) -> None:
    plain = replace(
        work.hardware,
        cell=replace(work.hardware.cell, programming=None, faults=None, drift=None,
                     read_noise=None, g_min_sigma=0, g_max_sigma=0),
        adc=replace(work.hardware.adc, gain_sigma=0, offset_sigma=0, inl=None, noise=0),
    )  # fmt: skip
    assert draws_nothing(plain)
    outputs = []
    for seed in (1, 2):
        own = replace(work, hardware=plain, arguments=work.arguments | {"seed": seed})
        layer, extra = make_layer(own)
        layer.calibrate(work.calibration.reshape(*work.calibration.shape, *extra))
        outputs.append(layer(work.x.reshape(*work.x.shape, *extra)))
    assert np.array_equal(*outputs)


@pytest.mark.parametrize(
    "change",
    [
        {"cell.programming": im.device.Gaussian(0.1)},
        {"cell.faults": im.device.StuckAt(p_off=0.1)},
        {"cell.drift": im.device.PowerLaw(nu=0.05, nu_sigma=0.01)},
        {"cell.read_noise": im.device.Gaussian(0.1)},
        {"cell.g_min_sigma": 0.1},
        {"cell.g_max_sigma": 0.1},
        {"adc.gain_sigma": 0.1},
        {"adc.offset_sigma": 0.1},
        {"adc.noise": 0.1},
        {"adc.inl": im.converters.Ramp(0.1)},
    ],
    ids=str,
)
def test_whatever_is_drawn_counts(change: dict[str, Any]) -> None:
    assert not draws_nothing(im.Hardware(adc=im.ADC(bits=6)).with_fields(change))


# --- the age of chips ----------------------------------------------------------------------------


def test_time_is_a_knob() -> None:
    machine = MACHINE.with_fields({"cell.drift": im.device.PowerLaw(nu=0.1, nu_sigma=0.05, t0=20)})
    work = problem()
    study = work.study
    space = sweep.Space.grid(machine, {"time": [0, 3600, 1e8]})
    assert space.knobs == ("time",) and [m.time for m in space] == [0.0, 3600.0, 1e8]
    found = sweep.run(sweep.tasks(space, work, ("accuracy", "controls", "rivals")), stop=2)
    for trial in range(2):
        chip = AnalogNetwork(study.network, machine, _core.trial_seed(0, trial))
        chip.calibrate(study.spread(64))
        for time in (0, 3600, 1e8):
            answers = chip.at(time)(study.x_test, first_sample=len(study.x_train)).argmax(axis=1)
            rows = found.table[(found.table["time"] == time) & (found.table["trial"] == trial)]
            assert rows["collapsed"].tolist() == [np.mean(answers == study.y_test)]
    shuffled = found.table.groupby("time")["shuffled"].apply(list)
    assert shuffled[0] != shuffled[1e8]  # controls are as old as what they stand beside
    assert found.machine("time=3600").time == 3600.0
    ids = {task.id for task in sweep.tasks(space, work)}
    assert sweep.Task(machine, work, ("accuracy", "controls")).id in ids and len(ids) == 3


@pytest.mark.parametrize("time", [-1, np.nan, np.inf, "now", None, 0.5])
def test_times_are_checked_before_anything_runs(time: Any) -> None:
    cell = im.Cell(g_max=88.2e-6, on_off_ratio=9.8, drift=im.device.RRAMCMO())
    with pytest.raises((ValueError, TypeError), match=r"vary: time=.*time="):
        sweep.Space.grid(im.Hardware(cell=cell), {"time": [time]})
    with pytest.raises((ValueError, TypeError), match=r"Task.time="):
        sweep.Task(im.Hardware(cell=cell), time=time)


# --- what a store knows of machines --------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True])
def test_results_give_machines_back(stored: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    found = sweep.run(tasks(), path, stop=1)
    found = sweep.load(path) if stored else found
    assert found.machine("cell.bits=2").hardware == BASE.with_field("cell.bits", 2)
    assert found.machine("cell.bits=2").knobs == {"cell.bits": 2}
    with pytest.raises(ValueError, match=r"no 'cell.bits=3'; did you mean"):
        found.machine("cell.bits=3")
    by_hand = sweep.Results(found.table, found.knobs, found.measures)
    with pytest.raises(ValueError, match="hold no machines"):
        by_hand.machine("cell.bits=2")


def test_machines_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    others = sweep.Space.grid(BASE.with_field("weight_bits", 6), {"cell.bits": [1, 2]})
    measure = sweep.Measure("numbers", 1, numbers)
    sweep.run(tasks(), path, stop=1)
    sweep.run(tasks(measures_name="again"), path, stop=2)
    sweep.run(sweep.tasks(others, measures=measure), path, stop=1)
    found = sweep.load(path)
    names = set(found.table["machine"])
    assert len(names) == 5 and "cell.bits=4" in names
    same_name = sorted(name for name in names if name.startswith("cell.bits=2 #"))
    assert len(same_name) == 2
    bits = {found.machine(name).hardware.weight_bits for name in same_name}
    assert bits == {6, 8}


def test_rows_hold_digests() -> None:
    work = problem()
    row = sweep.run([sweep.Task(BASE, work)], stop=1).table.iloc[0]
    assert row["hardware_digest"] == BASE.digest()[:16]
    assert row["network_digest"] == work.study.network.digest()[:16]
    assert row["data_digest"] == work.digests["data"][:16]
    assert sweep.run(tasks(), stop=1).table["data_digest"][0] == ""


def test_components_from_a_file(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "examples" / "several_bits.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text)
    measure = sweep.measure("cost", components=str(path))
    path.unlink()  # what it says is part of the measure
    machine = MACHINE.with_field("clock", 1e7)
    row = sweep.run([sweep.Task(machine, problem(), measure)], stop=1).table.iloc[0]
    assert row["energy"] > 0 and row["energy_without"] == ""
    assert json.loads(json.dumps(measure.options)) == {"components": text}
    for wrong, reason in (
        ("nothing.toml", "components='nothing.toml'"),
        ("a = 1\n", "a=1: must be a table"),
    ):
        with pytest.raises((ValueError, TypeError), match=reason):
            sweep.measure("cost", components=wrong)
