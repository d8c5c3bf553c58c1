# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect cost``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imperfect as im
from commands import only_line, write_study
from imperfect import cli
from imperfect._cli.inputs import read_data
from imperfect.network import AnalogNetwork, Network


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network, photos, hardware and components in the working folder."""
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    machine = im.presets.isaac()
    Path("machine.json").write_text(machine.to_json())
    Path("mine.toml").write_text('[adc]\nmodel = "energy"\nenergy = 1e-12\nsource = "mine"\n')


def cost(**options: object) -> int:
    """Run the command, with the network and the photos unless they are given."""
    given = {"network": "net.onnx", "data": "photos.npz"} | options
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return cli.main(["cost", *(word.removesuffix("=True") for word in words)])


def test_table_is_that_of_a_chip_of_the_test_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(preset="isaac", seed=3, n_train=60, n_test=30) == 0
    library = im.cost.components("isaac")
    assert library.machine is not None
    net = Network.from_onnx("net.onnx")
    photos = np.load("photos.npz")
    x = (photos["x_test"].transpose(0, 3, 1, 2) / np.float32(127.5) - 1).astype(np.float32)
    found = pd.read_csv("imperfect-cost/cost.csv", keep_default_na=False)
    chip = AnalogNetwork(net, library.machine, 3)
    if any(layer.uses_calibration for layer in chip.layers.values()):
        chip.calibrate((photos["x_train"].transpose(0, 3, 1, 2) / 127.5 - 1).astype("f4"))
    alone = chip.cost(x, library)
    assert list(found["component"]) == list(alone.table["component"])
    assert list(found["count"]) == ["" if n is None else str(n) for n in alone.table["count"]]
    printed = capsys.readouterr()
    assert str(alone) in printed.out and "wrote cost.csv to imperfect-cost" in printed.out
    assert not printed.err


def test_a_machine_for_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(preset="isaac", vary="adc.bits=6,8", out="out") == 0
    found = pd.read_csv("out/cost.csv", keep_default_na=False)
    assert set(found["knob"]) == {"adc.bits"} and set(found["value"]) == {6, 8}
    printed = capsys.readouterr().out
    assert printed.index("adc.bits = 6\nCost of an inference") < printed.index("adc.bits = 8\n")


def test_components_and_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(hardware="machine.json", components="mine.toml", pipelined=True) == 0
    printed = capsys.readouterr().out
    assert "mine" in printed and "no entry" in printed
    found = pd.read_csv("imperfect-cost/cost.csv", keep_default_na=False)
    adc = found[found["component"] == "adc"]
    assert np.allclose(
        adc["energy"].astype(float), adc["count"].astype(float) * 1e-12 / 16
    )  # of an inference
    assert set(found.loc[found["component"] == "dac", "energy"]) == {"not modelled: no entry"}
    assert cost(preset="isaac", max_arrays=1000) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"network": "lite0"}, "--network 'lite0': must be an ONNX file, or one of"),
        ({"data": "nowhere"}, "path: there is no folder or file 'nowhere'"),
        ({"preset": "isac"}, "--preset 'isac': must be one of ideal, "),
        ({"hardware": "mine.toml"}, "--hardware 'mine.toml': "),
        ({"components": "isac"}, "--components 'isac': must be a TOML file, or one of generic"),
        ({"components": "machine.json"}, "not TOML"),
        ({"vary": "adc.bit=3"}, "has no 'bit'; did you mean 'bits'"),
        ({"max_arrays": 2, "preset": "isaac"}, "max_arrays=2"),
        ({"n_test": 1000}, "n_test=1000: must be at most 30"),
    ],
)
def test_wrong_options_are_one_line(
    change: dict[str, object], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cost(**change) == 1
    assert reason in only_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_arrays": 0}, "--max-arrays: '0': must be an integer from 1"),
        ({"seed": -1}, "--seed: '-1'"),
        ({"out": ""}, "--out: '': must be the name of a folder"),
        ({"preset": "isaac", "hardware": "machine.json"}, "not allowed with argument"),
    ],
)
def test_bad_usage(
    change: dict[str, object], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cost(**change)
    assert end.value.code == 2
    assert reason in capsys.readouterr().err


def test_few_bundled_images_are_balanced(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cost", "--network", "bundled", "--data", "bundled", "--preset", "isaac"]
    assert cli.main([*words, "--n-train", "3000"]) == 1
    assert "n_train=3000: must be at most 2000" in only_line(capsys.readouterr().err)
    data = read_data(argparse.Namespace(data="bundled", n_train=40, n_test=20), None, Path())  # type: ignore[arg-type]
    assert np.bincount(data.y_train).tolist() == [4] * 10
    assert np.bincount(data.y_test).tolist() == [2] * 10
