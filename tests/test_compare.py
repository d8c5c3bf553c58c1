# SPDX-License-Identifier: BSD-3-Clause
"""Machines compared: accuracies are those of the study, costs those of a chip; the frontier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import imperfect as im
import networks
from imperfect import _core, comparison, plot, report
from imperfect._study.trial import Study
from imperfect.network import AnalogNetwork, Network
from imperfect.study import METHODS, collapse_and_recover, default_head, recovered

COSTED = {
    "weight_bits": 8,
    "array": im.Array(rows=128, cols=128, adc_share=4),
    "dac": im.DAC(bits=8, slice_bits=1),
    "adc": im.ADC(bits=8, range="calibrated"),
}
MACHINES = {
    f"{bits} bits": im.Hardware(cell=im.Cell(bits=bits, g_max=1e-4, v_read=0.2), **COSTED)
    for bits in (2, 4)
}


def problem() -> tuple[Network, tuple[Any, ...]]:
    """A small network, and images with labels of no meaning."""
    net = Network.from_onnx(networks.small_cnn(classes=3))
    x, y = networks.images(90, height=8)["x"], np.arange(90) % 3
    return net, (x[:60], y[:60], x[60:], y[60:])


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    net, arrays = problem()
    return im.compare(MACHINES, net, *arrays, chips=2, seed=4)


def test_accuracies_are_those_of_the_study(compared: pd.DataFrame) -> None:
    net, arrays = problem()
    columns = ["chip", "seed", "method", "accuracy"]
    assert set(compared["knob"]) == {"machine"} and len(compared) == 2 * 2 * len(METHODS)
    for name, hardware in MACHINES.items():
        own = compared.loc[compared["value"] == name, columns].reset_index(drop=True)
        alone = collapse_and_recover(net, *arrays, hardware, chips=2, seed=4)
        pd.testing.assert_frame_equal(own, alone[columns])


def test_costs_are_those_of_the_first_chip(compared: pd.DataFrame) -> None:
    net, arrays = problem()
    study = Study(net, *arrays, default_head())
    for name, hardware in MACHINES.items():
        chip = AnalogNetwork(net, hardware, _core.trial_seed(4, 0))
        chip.calibrate(study.spread(64))
        alone = chip.cost(study.spread(16))
        own = compared[compared["value"] == name].iloc[:, 8:].drop_duplicates()
        assert own.shape[0] == 1
        for figure in comparison.FIGURES:
            assert own[figure].item() == getattr(alone, figure), figure
        assert own["energy_without"].item() == "" and own["latency_without"].item() == ""
        assert own["area_without"].item() == "word_line, multiply_add, buffer"


def test_tables_and_figures_take_it(compared: pd.DataFrame) -> None:
    assert "machine" in report.summary(compared)
    assert list(recovered(compared)["value"]) == list(MACHINES)
    assert plot.collapse_and_recover(compared).axes


def test_what_an_entry_does_not_cover_is_named() -> None:
    net, arrays = problem()
    library = im.cost.components("generic").without("adc")
    nothing = im.cost.Components("nothing", {})
    machine = MACHINES["2 bits"]
    found = im.compare([machine], net, *arrays, chips=1, components=library)
    assert set(found["value"]) == {"machine 1"} and set(found["energy_without"]) == {"adc"}
    found = im.compare([machine], net, *arrays, chips=1, components=nothing)
    assert set(found["energy"]) == {"not modelled"}
    with pytest.raises(ValueError, match="results: energy is not modelled for any machine"):
        comparison.pareto(found)


def test_schedules_and_progress() -> None:
    net, arrays = problem()
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    together = im.cost.Schedule(pipelined=True)
    found = im.compare(MACHINES, net, *arrays, chips=1, schedule=together, progress=note)
    assert (found["interval"] < found["latency"]).all()
    assert seen == [(i, 7) for i in range(1, 8)]  # two costs, the inputs, two tasks per chip


def test_what_was_measured_is_kept(tmp_path: Path, compared: pd.DataFrame) -> None:
    net, arrays = problem()
    for jobs in (1, 2):
        again = im.compare(MACHINES, net, *arrays, chips=2, seed=4, cache=tmp_path, jobs=jobs)
        pd.testing.assert_frame_equal(again, compared)


def table(*machines: tuple[str, list[float], Any, str], method: str = "refitted") -> pd.DataFrame:
    """Results of machines: name, accuracies of chips, energy, what that leaves out."""
    rows = [
        ("machine", name, chip, method, accuracy, energy, without)
        for name, accuracies, energy, without in machines
        for chip, accuracy in enumerate(accuracies)
    ]
    columns = ["knob", "value", "chip", "method", "accuracy", "energy", "energy_without"]
    return pd.DataFrame(rows, columns=columns)


def frontier(results: pd.DataFrame) -> list[str]:
    points = comparison.pareto(results)
    return list(points.loc[points["on_frontier"], "machine"])


def test_the_frontier_by_hand() -> None:
    results = table(
        ("dear", [0.9, 0.8], 4e-6, ""), ("cheap", [0.5, 0.6], 1e-6, ""),
        ("beaten", [0.6, 0.4], 2e-6, ""), ("level", [0.85, 0.85], 5e-6, ""),
        ("same cost", [0.2, 0.2], 1e-6, ""),
    )  # fmt: skip
    points = comparison.pareto(results)
    assert list(points["machine"]) == ["cheap", "same cost", "beaten", "dear", "level"]
    assert frontier(results) == ["cheap", "dear"]
    cheap = points.iloc[0]
    assert (cheap["accuracy"], cheap["low"], cheap["high"]) == (0.55, 0.5, 0.6)
    assert cheap["energy"] == 1e-6


def test_every_machine_of_the_frontier_is_beaten_by_none() -> None:
    rng = np.random.default_rng(0)
    accuracy, energy = rng.random(40).round(1), rng.integers(1, 9, 40) * 1e-6
    results = table(
        *((f"m{i}", [a], e, "") for i, (a, e) in enumerate(zip(accuracy, energy, strict=True)))
    )
    best = set(frontier(results))
    for i in range(40):
        better = (accuracy >= accuracy[i]) & (energy <= energy[i])
        strictly = better & ((accuracy > accuracy[i]) | (energy < energy[i]))
        # Of machines that are level in both, one stands for all.
        level = {f"m{j}" for j in range(40) if (accuracy[j], energy[j]) == (accuracy[i], energy[i])}
        assert (len(level & best) == 1) == (not strictly.any())


def test_methods_have_frontiers_of_their_own() -> None:
    first = table(("a", [0.5], 1e-6, ""), ("b", [0.7], 2e-6, ""))
    second = table(("a", [0.4], 1e-6, ""), ("b", [0.3], 2e-6, ""), method="collapsed")
    points = comparison.pareto(pd.concat([first, second]))
    chosen = points[points["on_frontier"]]
    assert [*zip(chosen["method"], chosen["machine"], strict=True)] == [
        ("refitted", "a"), ("refitted", "b"), ("collapsed", "a"),
    ]  # fmt: skip


def test_totals_that_leave_more_out_do_not_lead() -> None:
    results = table(
        ("without its converters", [0.9], 1e-7, "adc, buffer"), ("whole", [0.8], 1e-6, "buffer"),
        ("unknown", [0.95], "not modelled", "adc"),
    )  # fmt: skip
    assert frontier(results) == ["whole"]
    assert "unknown" not in set(comparison.pareto(results)["machine"])


def test_tables_survive_a_file(tmp_path: Path) -> None:
    results = table(("a", [0.5], 1e-6, ""), ("b", [0.5], "not modelled", "adc"))
    results.to_csv(tmp_path / "results.csv", index=False)
    assert frontier(pd.read_csv(tmp_path / "results.csv", keep_default_na=False)) == ["a"]
    with pytest.raises(ValueError, match=r"'energy_without' has no value.*keep_default_na"):
        comparison.pareto(pd.read_csv(tmp_path / "results.csv"))


GOOD = table(("a", [0.5], 1e-6, ""))


@pytest.mark.parametrize("make", [comparison.pareto, plot.pareto])
@pytest.mark.parametrize(
    ("results", "options", "error", "reason"),
    [
        (None, {}, TypeError, "results=None: must be a pandas.DataFrame"),
        (GOOD[:0], {}, ValueError, "results: has no rows"),
        (GOOD.drop(columns="energy"), {}, ValueError, "has no columns .'energy'"),
        (GOOD.drop(columns="energy_without"), {}, ValueError, "no columns .'energy_without'"),
        (GOOD, {"cost": "area"}, ValueError, "has no columns .'area', 'area_without'"),
        (GOOD, {"cost": "watts"}, ValueError, "cost='watts': must be"),
        (GOOD.assign(energy=-1.0), {}, ValueError, "energy=-1.0 in row 0: must be a positive"),
        (GOOD.assign(energy="high"), {}, ValueError, "energy='high' in row 0"),
        (GOOD.assign(energy=np.inf), {}, ValueError, "energy=inf in row 0"),
        (GOOD.assign(accuracy=50.0), {}, ValueError, "accuracy=50.0 in row 0"),
    ],
)
def test_bad_results(
    make: Any, results: Any, options: dict[str, str], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        make(results, **options)


MACHINE = MACHINES["2 bits"]


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"machines": MACHINE}, TypeError, "machines: must be a sequence of Hardware, or a dict"),
        ({"machines": "isaac"}, TypeError, "machines: must be a sequence of Hardware"),
        ({"machines": 3}, TypeError, "machines: must be .*not int"),
        ({"machines": []}, ValueError, "machines: is empty"),
        ({"machines": ["isaac"]}, TypeError, "machines.'machine 1'.*must be a Hardware"),
        ({"machines": {3: MACHINE}}, TypeError, "machines: a name=3: must be a string"),
        ({"components": "isac"}, ValueError, "components='isac': must be one of .*'isaac'"),
        ({"components": 3}, TypeError, "components=3"),
        ({"schedule": "pipelined"}, TypeError, "schedule='pipelined': must be a Schedule or None"),
        ({"chips": 0}, ValueError, "chips=0"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"jobs": 0}, ValueError, "jobs=0"),
        ({"transfer": 2}, TypeError, "transfer=2"),
        ({"progress": 3}, TypeError, "progress=3"),
        ({"head": "svm"}, TypeError, "head='svm'"),
        ({"network": "lite0"}, TypeError, "network='lite0': must be a Network"),
        ({"y_test": np.full(30, 7)}, ValueError, "y_test: has classes"),
        (
            {"schedule": im.cost.Schedule(copies={"conv": 2})},
            ValueError, "machines.'machine 1'.: .*'conv'",
        ),
    ],
)  # fmt: skip
def test_bad_input(change: dict[str, Any], error: type[Exception], reason: str) -> None:
    net, arrays = problem()
    names = ("X_train", "y_train", "X_test", "y_test")
    given = dict(zip(names, arrays, strict=True)) | {"machines": [MACHINE], "network": net}
    with pytest.raises(error, match=reason):
        im.compare(**given | {"chips": 1} | change)
