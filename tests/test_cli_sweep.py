# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect sweep``: runs that go on, dry runs, and what is shown of a store."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from commands import only_line, write_study
from imperfect import cli, plot, sweep
from imperfect._cli import sweep_dry
from imperfect._cli.sweep_bar import Best
from imperfect._cli.sweep_counts import time_text
from imperfect.sweep import _measures
from spec_files import RUNNABLE as TEXT
from sweeps import same

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network, photos and a specification in the working folder."""
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(TEXT)
    return tmp_path


def run(*words: str, jobs: int = 1, spec: str = "a.toml", store: str = "a.db") -> int:
    return cli.main(["sweep", "run", spec, "-o", store, "--jobs", str(jobs), *words])


def test_a_run_is_kept_shown_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("18 of 18 trials of 3 machines are in a.db, 18 of them new, ")
    assert not printed.err  # no bar where standard error is no terminal
    first = sweep.load("a.db")
    groups = sweep.Spec.load("a.toml").groups
    table = pd.concat([sweep.run(tasks, stop=stop).table for tasks, stop in groups])
    assert first.table["task"].tolist() == table["task"].tolist()
    for name in ("refitted", "collapsed", "logit_error"):
        pd.testing.assert_series_equal(
            first.table[name], table[name].reset_index(drop=True), check_dtype=False
        )
    assert first.about["question"] == "How many bits?" and first.about["spec"] == TEXT

    assert run() == 0
    assert capsys.readouterr().out.startswith(
        "18 of 18 trials of 3 machines are in a.db, 0 of them"
    )
    same(sweep.load("a.db"), first)
    os.remove("a.toml")  # the store alone is enough
    assert cli.main(["sweep", "status", "a.db"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "How many bits?" and lines[1].startswith("a.db: 18 trials of 6 tasks, ")
    assert lines[2:5] == [
        "accuracy: 12 trials, 12 done", "logit_error: 6 trials, 6 done", "failed: 0"
    ]  # fmt: skip
    assert lines[5] == f"last result: {first.table['started'].max()}"
    for ending in ("csv", "parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra sweep)")
        assert cli.main(["sweep", "export", "a.db", "-o", f"a.{ending}"]) == 0
        assert capsys.readouterr().out == f"wrote 18 trials to a.{ending}\n"
    assert pd.read_parquet("a.parquet")["refitted"].equals(first.table["refitted"])


def test_results_of_another_file_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    more = TEXT.replace("chips = 4", "chips = 5").replace("[1, 2, 4]", "[2, 3]")
    Path("b.toml").write_text(more.replace("How many", "More"))
    assert run(spec="b.toml") == 0
    # Two machines: five chips of which four are there for one, and two of which two are.
    assert "14 of 14 trials of 2 machines are in a.db, 8 of them new" in capsys.readouterr().out
    assert len(sweep.load("a.db")) == 18 + 8
    assert cli.main(["sweep", "status", "a.db"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("More bits?\n") and "26 trials of 8 tasks" in printed
    assert "accuracy: 10 trials, 10 done\nlogit_error: 4 trials, 4 done\n" in printed


def fails(subject: sweep.Subject) -> dict[str, Any]:
    """A measure of all chips but the second."""
    if subject.trial == 1:
        raise RuntimeError("no such chip")
    return {"refitted": 0.5}


def test_trials_beyond_those_wanted_do_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(_measures.BUILT_IN, "accuracy", (1, fails))
    for chips in (10, 5):
        Path("a.toml").write_text(TEXT.replace("chips = 4", f"chips = {chips}"))
        assert run() == 1
    assert "18 of 21 trials of 3 machines are in a.db, 0 of" in capsys.readouterr().out
    assert cli.main(["sweep", "status", "a.db"]) == 0
    assert "accuracy: 15 trials, 12 done\n" in capsys.readouterr().out


def test_stores_made_in_python_have_a_state_too(capsys: pytest.CaptureFixture[str]) -> None:
    measure = sweep.Measure("odd", 1, lambda subject: {"odd": subject.seed % 2})
    space = sweep.Space.grid(sweep.Spec.load("a.toml").groups[0].tasks[0].hardware, {"time": [0]})
    tasks = sweep.tasks(space, measures=measure)
    sweep.run(tasks, "a.db", stop=3)
    assert cli.main(["sweep", "status", "a.db"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a.db: 3 trials of 1 tasks") and lines[1] == "failed: 0"


def test_trials_that_fail_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(_measures.BUILT_IN, "accuracy", (1, fails))
        assert run("--dry-run") == 1
        assert "a trial fails: cell.bits=1, adc.bits=None, trial 1: RuntimeError: no such chip" in (
            only_line(capsys.readouterr().err)
        )
        assert run() == 1
    printed = capsys.readouterr()
    assert "15 of 18 trials of 3 machines are in a.db" in printed.out
    assert printed.out.count("failed: ") == 3
    again = "imperfect sweep run a.toml -o a.db --jobs 1"
    assert only_line(printed.err) == f"imperfect: 3 trials failed; to try them again: {again}"
    assert cli.main(["sweep", "status", "a.db"]) == 0
    printed = capsys.readouterr()
    assert "failed: 3\n  cell.bits=1, adc.bits=None, trial 1: RuntimeError: no su" in printed.out
    assert run() == 0


def test_a_dry_run_counts_and_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run") == 0
    assert not Path("a.db").exists()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "3 machines, 6 tasks",
        "accuracy: 12 trials, 0 of them in a.db",
        "logit_error: 6 trials, 0 of them in a.db",
    ]
    # Two trials of each machine, because four are not there.
    assert re.fullmatch(r"about \S+ s with 1 process: an estimate from 12 trials", lines[3])
    Path("b.toml").write_text(TEXT.replace("chips = 4", "chips = 1"))
    assert run(spec="b.toml") == 0
    capsys.readouterr()
    assert run("--dry-run", jobs=2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "accuracy: 12 trials, 3 of them in a.db", "logit_error: 6 trials, 6 of them in a.db"
    ]  # fmt: skip
    assert "with 2 processes: an estimate from 6 trials" in lines[3]
    assert len(sweep.load("a.db")) == 9
    assert run() == 0 and run("--dry-run") == 0
    assert capsys.readouterr().out.endswith("nothing is missing\n")


def test_a_dry_run_tries_less_where_trials_are_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = '[[space]]\nkind = "random"\ncount = 9\nvary = { "adc.bits" = [7, 8] }\n[[measure]]'
    Path("a.toml").write_text(TEXT.replace("[[measure]]", space, 1))
    assert run("--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "5 machines, 10 tasks"  # nine draws of two values
    # Two of each space and group, and two trials of each.
    assert lines[3].endswith("an estimate from 16 trials")
    monkeypatch.setattr(sweep_dry, "LONGEST", 0.0)
    assert run("--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"about \S+ s with 1 process: an estimate from 2 trials", lines[3])


def test_rules_that_end_tasks_early(capsys: pytest.CaptureFixture[str]) -> None:
    stop = 'stop = { trials = 40, measure = "refitted", half_width = 1.0, at_least = 3 }'
    Path("b.toml").write_text(TEXT.replace("chips = 4", stop))
    assert run("--dry-run", spec="b.toml") == 0
    assert "accuracy: at most 120 trials, 0 of them in a.db" in capsys.readouterr().out
    assert run(spec="b.toml") == 0
    assert "15 of at most 126 trials of 3 machines are in a.db, 15 of" in capsys.readouterr().out


def test_a_time_ends_a_run_that_can_be_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my file.toml").write_text(TEXT.replace("chips = 4", "chips = 10_000"))
    assert run("--seconds", "3", spec="my file.toml") == 0
    printed = capsys.readouterr().out
    command = "imperfect sweep run 'my file.toml' -o a.db --jobs 1 --seconds 3"
    assert printed.endswith(f"stopped after 3.0 s; go on with: {command}\n")
    assert 0 < len(sweep.load("a.db")) < 30_000


def test_an_interrupted_run_says_how_to_go_on_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version, accuracy = _measures.BUILT_IN["accuracy"]

    def interrupted(subject: sweep.Subject) -> dict[str, Any]:
        if subject.trial == 3:
            signal.raise_signal(signal.SIGINT)
        return accuracy(subject)

    with monkeypatch.context() as patch:
        patch.setitem(_measures.BUILT_IN, "accuracy", (version, interrupted))
        assert run() == 130
    printed = capsys.readouterr()
    again = "imperfect sweep run a.toml -o a.db --jobs 1"
    assert only_line(printed.err) == f"imperfect: interrupted; go on with: {again}"
    assert not printed.out and len(sweep.load("a.db")) == 3
    assert cli.main(again.split()[1:]) == 0
    assert run(store="b.db") == 0
    same(sweep.load("a.db"), sweep.load("b.db"))


def test_ctrl_c_ends_all_processes_of_a_run() -> None:
    # Why: so many chips that the run cannot have ended before it is interrupted.
    Path("a.toml").write_text(TEXT.replace("chips = 4", "chips = 2000"))
    command = ["sweep", "run", "a.toml", "-o", "a.db", "--jobs", "2"]
    start = [sys.executable, "-m", "imperfect", *command]
    with subprocess.Popen(
        start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None and trials_in("a.db") < 3:
            time.sleep(0.05)
        # Why: Ctrl-C reaches every process of the terminal's foreground group.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and not output
    again = f"imperfect {' '.join(command)}"
    assert only_line(errors) == f"imperfect: interrupted; go on with: {again}"
    done = sweep.load("a.db").table
    assert 3 <= len(done) < 6000
    Path("a.toml").write_text(TEXT)
    assert run(store="b.db") == 0
    full = sweep.load("b.db").table.set_index(["task", "trial"])["refitted"]
    kept = done[done["trial"] < 4].set_index(["task", "trial"])["refitted"]
    assert len(kept) and kept.equals(full[kept.index])


def trials_in(path: str) -> int:
    """Trials in a store that another process may be making."""
    try:
        return len(sweep.load(path))
    except (OSError, ValueError):
        return 0


# --- progress ------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for expected in (r"18/18 \[.*, .* trials/s, best refitted 0\.\d{3} \(cell.bits=", r"18/18 \["):
        shown = Terminal()
        monkeypatch.setattr(sys, "stderr", shown)
        assert run() == 0
        assert re.search(expected, shown.getvalue().split("\r")[-1])


def test_the_best_machine_is_that_of_the_highest_mean() -> None:
    rng = random.Random(0)
    names = {str(i): f"machine {i} " + "x" * 60 * (i == 3) for i in range(6)}
    values: dict[str, list[float]] = {key: [] for key in names}
    values["5"] = [0.2, 0.3]
    best = Best(names, {"5": (2, 0.5)})
    assert str(best) == "best refitted 0.250 (machine 5 )"
    for trial in range(300):
        key = rng.choice(list(names))
        values[key].append(rng.random())
        result = {"refitted": values[key][-1]}
        best.add(sweep.Trial(key, trial, 0, dict(result), "", "", "", "", 0.0))
        means = {key: sum(own) / len(own) for key, own in values.items() if len(own) > 1}
        top = max(means, key=lambda name: means[name])
        name = names[top] if top != "3" else names[top][:47] + "…"
        assert str(best) == f"best refitted {means[top]:.3f} ({name})"
    best.add(sweep.Trial("5", 0, 0, {"shuffled": 9.0}, "", "", "", "", 0.0))
    assert str(Best(names, {"1": (1, 0.9)})) == ""


def test_times_are_short() -> None:
    seconds = (0.5, 12.3, 99, 150, 5999, 6000, 7e4, 2e5)
    texts = ["0.5 s", "12 s", "99 s", "2.5 min", "100 min", "1.7 h", "19 h", "2.3 days"]
    assert [time_text(value) for value in seconds] == texts


# --- pictures, the report, examples --------------------------------------------------------------


def test_the_example_answers_its_question(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "examples" / "sweep.toml").read_text()
    for old, new in (
        ('network = "bundled"', 'network = "net.onnx"'),
        ('data = "bundled"', 'data = "photos.npz"'),
        ("n_train = 300", "n_train = 30"), ("n_test = 200", "n_test = 20"),
        ("chips = 2", "chips = 1"), ("chips = 5", "chips = 2"),
        ("count = 4", "count = 2"), ('"adc.bits" = [8, 5]', '"adc.bits" = [8]'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    Path("a.toml").write_text(text)
    (folder / "several_bits.toml").write_text((ROOT / "examples" / "several_bits.toml").read_text())
    assert run() == 0
    for kind, words in (
        ("lines", "--x cell.bits --measure refitted,collapsed --measure float"),
        ("heat", "--x cell.bits --y cell.programming.sigma --measure collapsed"),
        ("panels", "--x cell.programming.sigma --by cell.bits"),
        ("frontier", "--cost latency"),
        ("effects", ""),
    ):
        out = f"{kind}.{'svg' if kind == 'heat' else 'png'}"
        words = f"plot a.db --kind {kind} {words} -o {out}"
        assert cli.main(["sweep", *words.split()]) == 0, capsys.readouterr().err
        assert Path(out).stat().st_size > 5_000
    assert cli.main(["sweep", "report", "a.db", "-o", "a.html", "--targets", "0.5"]) == 0
    page = Path("a.html").read_text()
    assert "Which machines keep an accuracy of 0.8?" in page and "several_bits.toml" in page
    capsys.readouterr()
    assert cli.main(["sweep", "plot", "a.db", "--x", "cell.bit", "-o", "a.png"]) == 1
    assert "did you mean 'cell.bits'?" in only_line(capsys.readouterr().err)
    assert cli.main(["sweep", "report", "a.db", "-o", "b.html", "--targets", "80"]) == 1
    assert "80" in only_line(capsys.readouterr().err) and not Path("b.html").exists()


def test_pictures_and_the_report_are_of_the_last_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []

    def frontier(results: sweep.Results, *arguments: Any) -> Any:
        shown.extend(results.table["machine"].unique())
        return sweep_frontier(results, *arguments)

    sweep_frontier = plot.sweep_frontier
    monkeypatch.setattr(plot, "sweep_frontier", frontier)
    for bits, components in (("1, 2", "generic"), ("2, 4", "isaac")):
        text = TEXT.replace("1, 2, 4", bits).replace("chips = 4", "chips = 2").replace(
            '["accuracy"]', f'["accuracy", "cost"]\ncomponents = "{components}"'
        )  # fmt: skip
        Path("a.toml").write_text(text)
        assert run() == 0
    assert cli.main(["sweep", "report", "a.db", "-o", "a.html"]) == 0, capsys.readouterr().err
    page = Path("a.html").read_text()
    assert "cell.bits=4, adc.bits=None" in page and "cell.bits=1, adc.bits=None" not in page
    words = ["plot", "a.db", "--kind", "frontier", "-o", "a.png"]
    assert cli.main(["sweep", *words]) == 0, capsys.readouterr().err
    assert shown == ["cell.bits=2, adc.bits=None", "cell.bits=4, adc.bits=None"]
