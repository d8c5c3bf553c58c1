# SPDX-License-Identifier: BSD-3-Clause
"""The command line: exit codes, one line per failure, and the files of the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import imperfect as im
import networks
from commands import only_line, run, write_study
from imperfect import _core, cli, data, study
from imperfect._cli import demo
from imperfect.network import Network

FILES = ("results.csv", "collapse_and_recover.png", "layers.png")


def test_version_and_information() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"imperfect {im.__version__}\n")
    done = run("info")
    assert done.returncode == 0
    assert done.stdout.startswith(f"imperfect {im.__version__}\n")
    assert f"simd level {im.simd_level()}" in done.stdout


def test_cmake_dir_is_where_the_package_is_installed() -> None:
    done = run("--cmake-dir")
    folder = Path(only_line(done.stdout))
    assert done.returncode == 0
    assert folder == Path(_core.__file__).parent
    assert (folder / "lib" / "cmake" / "imperfect" / "imperfectConfig.cmake").is_file()


@pytest.mark.parametrize(
    "words",
    [["--help"], ["demo", "--help"], ["study", "--help"], ["cost", "--help"], ["info", "--help"]],
)
def test_help_has_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 0
    command = words[0] if len(words) > 1 else "demo"
    assert f"example:\n  imperfect {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "required: {demo,study,cost,sweep,info}"),
        (["train"], "invalid choice: 'train'"),
        (["demo", "--fast"], "unrecognized arguments: --fast"),
        (["demo", "--chips", "4"], "--chips: '4': must be an integer from 5"),
        (["demo", "--chips", "five"], "--chips: 'five'"),
        (["demo", "--chips", "10001"], "--chips: '10001': must be an integer from 5 to 10000"),
        (["demo", "--out", ""], "--out: '': must be the name of a folder"),
        (["demo", "--jobs", "0"], "--jobs: '0': must be an integer from 1"),
        (["demo", "--seed", "-1"], "--seed: '-1': must be an integer from 0"),
        (["demo", "--seed", str(2**64)], "--seed"),
        (["demo", "--out"], "expected one argument"),
    ],
)
def test_bad_usage(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "pandas", "matplotlib", "tqdm"])
def test_a_missing_package_is_one_line(package: str, tmp_path: Path) -> None:
    hide = f"import sys; sys.modules[{package!r}] = None"
    done = run("demo", "--out", str(tmp_path / "out"), code=hide)
    assert done.returncode == 1
    line = only_line(done.stderr)
    assert line.startswith(f"imperfect: {package} is not installed: pip install")
    assert "imperfect-cim[study]" in line
    assert not done.stdout


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        done = run("demo", "--out", str(folder))
        assert done.returncode == 1
        line = only_line(done.stderr)
        assert line == f"imperfect: --out '{folder}': {tmp_path / 'file'} is not a folder"
    done = run("demo", "--out", "/proc/nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert only_line(done.stderr) == "imperfect: /proc/nothing: No such file or directory"


def test_interruption_ends_with_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-m", "imperfect", "demo", "--out", str(out), "--jobs", "2"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not out.exists() and process.poll() is None:
            time.sleep(0.1)
        time.sleep(8)  # well inside the trials, which take a minute
        # Why: Ctrl-C reaches every process of the terminal's foreground group.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert only_line(errors) == "imperfect: interrupted"
    assert not output
    assert not list(out.iterdir())


# The signal comes while joblib starts the processes: before the first of them, or after it.
EARLY = """
import joblib, os, signal, time
start = joblib.Parallel.__call__
def interrupted(self, tasks):
    {before}
    results = start(self, tasks)
    {after}
    return results
joblib.Parallel.__call__ = interrupted
"""
CTRL_C = "time.sleep({}); os.killpg(0, signal.SIGINT)"


@pytest.mark.parametrize(
    ("before", "after"),
    [(CTRL_C.format(0), ""), *(("", CTRL_C.format(seconds)) for seconds in (0, 0.2, 0.6))],
)
def test_interruption_while_processes_start(before: str, after: str, tmp_path: Path) -> None:
    code = EARLY.format(before=before, after=after)
    program = f"{code}\nimport sys; from imperfect.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "demo", "--out", str(tmp_path), "--jobs", "2"]
    done = subprocess.run(words, capture_output=True, text=True, start_new_session=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    # Why: stopped this early, joblib may warn of files that it then removes.
    assert "imperfect: interrupted" in done.stderr.splitlines()
    assert "KeyboardInterrupt" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_interruption_that_a_library_takes_for_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loads(*arguments: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setitem(cli.COMMANDS, "demo", loads)
    assert cli.main(["demo"]) == 130
    assert only_line(capsys.readouterr().err) == "imperfect: interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def tiny_network() -> Network:
    return Network.from_onnx(networks.small_cnn(classes=3))


def tiny_data() -> data.Arrays:
    x = networks.images(90, height=8)["x"]
    y = np.arange(90) % 3
    return x[:60], y[:60], x[60:], y[60:]


def test_demo_prints_a_table_and_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "scattered_mobilenet", tiny_network)
    monkeypatch.setattr(data, "scattered_fashion", tiny_data)
    monkeypatch.setattr(study, "default_head", LogisticRegression)
    tiny = demo.Demo(50, 20, (0.1, 0.2), (2,), reported=(0.1,), num_reported=8)
    monkeypatch.setattr(demo, "FULL", tiny)
    for name in ("first", "again", "other"):
        seed = "2" if name == "other" else "1"
        words = ["demo", "--out", str(tmp_path / name / "in"), "--seed", seed, "--jobs", "1"]
        assert cli.main(words) == 0
    folder = tmp_path / "first" / "in"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    results = pd.read_csv(folder / "results.csv")
    assert len(results) == (2 + 1) * 5 * 7
    assert set(results["n_train"]) == {50} and set(results["n_test"]) == {20}
    assert set(results["seed"]) == {_core.trial_seed(1, chip) for chip in range(5)}
    for name in FILES[1:]:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    bits = [
        (tmp_path / name / "in" / FILES[0]).read_bytes() for name in ("first", "again", "other")
    ]
    assert bits[0] == bits[1] != bits[2]
    printed = capsys.readouterr()
    assert "on 20 test images; heads fitted on 50;" in printed.out
    assert "over 5 chips" in printed.out
    assert all(name in printed.out for name in FILES)
    assert not printed.err  # no progress bar where standard error is no terminal


def test_quick_demo_shows_collapse_and_recovery(tmp_path: Path) -> None:
    done = run("demo", "--quick", "--out", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    results = pd.read_csv(tmp_path / "results.csv")
    assert results.groupby(["knob", "value"])["chip"].nunique().min() >= 5
    means = results.groupby(["knob", "value", "method"])["accuracy"].mean().unstack()
    controls = means[["shuffled", "pixels"]].max(axis=1)
    real = (means["collapsed"] < 0.4) & (means["refitted"] >= controls + 0.1)
    assert real.any()
    assert means["float"].min() > 0.8
    for (knob, value), _ in means[real].iterrows():
        assert f"{knob} = {value:g}: own head" in done.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["study"], "required: --network, --data"),
        (["study", "--network", "a", "--data", "b", "--error", "1 %"], "--error: '1 %': must be"),
        (["study", "--network", "a", "--data", "b", "--error", "nan"], "--error: 'nan'"),
        (["study", "--network", "a", "--data", "b", "--vary", "cell.bits"], "must be FIELD=VALUE"),
        (["study", "--network", "a", "--data", "b", "--law", "both"], "invalid choice: 'both'"),
        (["study", "--network", "a", "--data", "b", "--n-test", "1"], "--n-test: '1'"),
        (
            ["study", "--network", "a", "--data", "b", "--hardware", "h", "--preset", "isaac"],
            "not allowed with argument",
        ),
    ],
)
def test_bad_usage_of_the_study(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"--network": "lite0"}, "--network 'lite0': must be an ONNX file, or one of efficientnet"),
        ({"--data": "nowhere"}, "path: there is no folder or file 'nowhere'"),
        ({"--size": "9"}, "--size 9: the network takes 8×8"),
        ({"--scale": "grey"}, "--scale 'grey': must be two numbers"),
        ({"--crop": "2"}, "crop=2.0: must be"),
        ({"--n-train": "1000"}, "n_train=1000: must be at most 60"),
        ({"--preset": "isac"}, "--preset 'isac': must be one of ideal, "),
        ({"--hardware": "hardware.json"}, "--hardware 'hardware.json': "),
        ({"--error": "-1"}, "WeightGaussian.sigma=-1.0"),
        ({"--vary": "cell.bit=3"}, "Hardware.cell has no 'bit'; did you mean 'bits'"),
        ({"--vary": "cell.programming.sigma=1", "--error": "2"}, "is what --error varies"),
        ({"--head": "svm"}, "--head 'svm': must be"),
    ],
)
def test_wrong_options_of_the_study_are_one_line(
    change: dict[str, str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("hardware.json").write_text('{"adc": 8}')
    words = {"--network": "net.onnx", "--data": "photos.npz", "--out": "out"} | change
    assert cli.main(["study", *(word for pair in words.items() for word in pair)]) == 1
    assert reason in only_line(capsys.readouterr().err)


def test_study_prints_tables_and_writes_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(tmp_path)
    out = tmp_path / "out"
    words = [
        "study", "--network", str(tmp_path / "net.onnx"), "--data", str(tmp_path / "photos.npz"),
        "--out", str(out), "--jobs", "1", "--n-train", "30", "--error", "0.1",
        "--vary", "cell.bits=None,2", "--head", "sklearn.linear_model.RidgeClassifier",
    ]  # fmt: skip
    printed = []
    for _ in range(2):
        assert cli.main(words) == 0
        printed.append(capsys.readouterr())
    files = {"results.csv", "recovered.csv", "study.json", "study.png", "cache"}
    assert {path.name for path in out.iterdir()} == files
    results = pd.read_csv(out / "results.csv", keep_default_na=False)
    assert len(results) == 3 * 5 * 7
    assert set(results["n_train"]) == {30} and set(results["n_test"]) == {30}
    assert results["value"].drop_duplicates().tolist() == ["0.1", "None", "2"]
    assert pd.read_csv(out / "recovered.csv")["chips"].tolist() == [5, 5, 5]
    about = json.loads((out / "study.json").read_text())
    assert about["head"] == "sklearn.linear_model.RidgeClassifier" and about["seed"] == 0
    assert im.Hardware.from_dict(about["hardware"]).cell.programming == im.device.WeightGaussian(
        0.1
    )
    assert (out / "study.png").read_bytes().startswith(b"\x89PNG")
    assert "Share of the lost accuracy" in printed[0].out and not printed[0].err
    assert printed[0].out.splitlines()[:-1] == printed[1].out.splitlines()[:-1]
