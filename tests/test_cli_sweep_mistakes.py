# SPDX-License-Identifier: BSD-3-Clause
"""Mistakes in the use of ``imperfect sweep`` are told in one line, or with the usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import only_line, write_study
from imperfect import cli
from imperfect._cli.arguments import cores
from imperfect.sweep import _cluster
from spec_files import RUNNABLE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network, photos and specifications in the working folder."""
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(RUNNABLE)
    Path("bad.toml").write_text(RUNNABLE.replace('"cell.bits"', '"cell.bit"'))


@pytest.mark.parametrize("action", ["", "run", "status", "export", "plot", "report"])
def test_help_has_an_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["sweep", *[action] * bool(action), "--help"])
    assert end.value.code == 0
    assert f"example:\n  imperfect sweep {action or 'run'} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "required: {run,status,export,plot,report}"),
        ("go", "invalid choice: 'go'"),
        ("run a.toml", "required: -o"),
        ("run a.toml -o a.db --jobs 0", "--jobs: '0': must be an integer from 1"),
        ("run a.toml -o a.db --seconds 0", "--seconds: '0': must be a positive"),
        ("run a.toml -o a.db --seconds x", "--seconds: 'x': must be a positive"),
        ("export a.db -o a.txt", "-o: 'a.txt': must end with .parquet or .csv"),
        ("plot a.db -o a.csv", "-o: 'a.csv': must end with .png or .pdf or .svg"),
        ("plot a.db -o a.png --kind pie", "--kind: invalid choice: 'pie'"),
        ("report a.db -o a.pdf", "-o: 'a.pdf': must end with .html"),
        ("report a.db -o a.html --targets x", "as 0.8,0.9"),
        ("plot a.db -o a.png --measure a,,b", "--measure: 'a,,b': must be names with commas"),
        ("run a.toml -o a.db --jobs 1 --cluster b", "--cluster: not allowed with argument --jobs"),
        (f"run a.toml -o a.db --jobs {cores()} --cluster b", "--cluster: not allowed with"),
        ("run a.toml -o a.db --job 1 b", "usage: imperfect sweep run ["),
        ("plot a.db b.db -o a.png", "imperfect sweep plot: error: unrecognized arguments: b.db"),
    ],
)
def test_bad_usage(words: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["sweep", *words.split()])
    assert end.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("run b.toml -o a.db", "imperfect: b.toml: No such file or directory"),
        ("run bad.toml -o a.db", "imperfect: bad.toml:12: space.vary.cell.bit: vary: c"),
        ("run a.toml -o no/a.db", "imperfect: store='no/a.db'"),
        ("run a.toml -o a.toml", "imperfect: store='a.toml': file is not a database"),
        (
            "run a.toml -o a.db --cluster tcp://127.0.0.1:9",
            "imperfect: cluster='tcp://127.0.0.1:9'",
        ),
        ("status b.db", "imperfect: store: there is no file 'b.db'"),
        ("status a.toml", "imperfect: store='a.toml': file is not a database"),
        ("export b.db -o a.csv", "imperfect: store: there is no file 'b.db'"),
        ("plot b.db --x cell.bits -o a.png", "imperfect: store: there is no file"),
        ("plot b.db -o a.png", "imperfect: --kind lines: needs --x KNOB"),
        ("plot b.db --kind heat --x a -o a.png", "heat: needs --y KNOB"),
        (
            "plot b.db --kind effects --measure a --measure b -o a.png",
            "imperfect: --kind effects: takes one --measure, not 2",
        ),
        ("plot b.db --kind effects --measure a,b -o a.png", "effects: takes one --measure, not 2"),
        ("plot b.db --kind frontier --x a -o a.png", "--kind frontier: does not use --x"),
        ("plot b.db --kind effects --y a -o a.png", "--kind effects: does not use --y"),
        ("plot b.db --kind heat --x a --y b --by c -o a.png", "heat: does not use --by"),
        (
            "plot b.db --kind lines --x a --cost energy -o a.png",
            "imperfect: --kind lines: does not use --cost",
        ),
        ("report b.db -o a.html", "imperfect: store: there is no file 'b.db'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    words: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "--cluster" in words:
        pytest.importorskip("distributed", reason="distributed is not installed (extra sweep)")
        monkeypatch.setattr(_cluster, "CONNECTING", "0.5s")
    assert cli.main(["sweep", *words.split()]) == 1
    printed = capsys.readouterr()
    assert reason in only_line(printed.err) and not printed.out
