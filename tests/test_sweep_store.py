# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps lose nothing: killed runs and workers, full disks, damaged and combined stores."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd
import pytest

from imperfect import sweep
from imperfect.sweep._store import Store
from sweeps import BASE, numbers, same, tasks

# Why: processes of a sweep cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

KILLED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import sweeps
from imperfect import sweep
def slow(subject):
    time.sleep(0.004)
    return sweeps.numbers(subject)
def started(done, total, told=[]):
    if not told:
        told.append(print("started", flush=True))
sweep.run(sweeps.tasks(slow), sys.argv[2], stop=400, progress=started)
"""


def test_runs_killed_at_random_end_with_the_same_rows(tmp_path: Path) -> None:
    path, rng, kills = tmp_path / "a.db", random.Random(0), 0
    here = str(Path(__file__).parent)
    while kills < 20:
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, here, str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout and process.stdout.readline() == b"started\n"
            time.sleep(rng.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
        kills += 1
    assert 0 < len(sweep.load(path)) < 1200
    same(sweep.run(tasks(), path, stop=400), sweep.run(tasks(), stop=400))


def test_of_drivers_that_start_together_one_runs(tmp_path: Path) -> None:
    path, here = tmp_path / "a.db", str(Path(__file__).parent)
    with ExitStack() as stack:
        drivers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", KILLED, here, str(path)],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
            )
            for _ in range(4)
        ]  # fmt: skip
        errors = [driver.communicate()[1] for driver in drivers]
    ended = [driver.returncode for driver in drivers]
    assert sorted(ended) == [0, 1, 1, 1]
    for code, error in zip(ended, errors, strict=True):
        assert ("another run is writing to it" in error) == bool(code)
    same(sweep.load(path), sweep.run(tasks(), stop=400))


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
            sweep.run(tasks(), path, stop=200)
    kept = len(sweep.load(path))
    assert 0 < kept < 600
    same(sweep.run(tasks(), path, stop=200), sweep.run(tasks(), stop=200))


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small file system of its own; skips the test where none can be mounted."""
    mount = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = mount and subprocess.run([mount, *words], capture_output=True, text=True)
    if not done or done.returncode:
        reason = done.stderr.strip() if done else "there is no command mount"
        pytest.skip(f"a small file system cannot be mounted: {reason}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_file_system_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=256k"):
        with pytest.raises(OSError, match=r"store=.*(disk is full|disk I/O error)"):
            sweep.run(tasks(), disk / "a.db", stop=300)
        kept = sweep.load(disk / "a.db")
        assert 0 < len(kept) < 900
        sweep.combine(tmp_path / "b.db", [disk / "a.db"])
    same(sweep.run(tasks(), tmp_path / "b.db", stop=300), sweep.run(tasks(), stop=300))


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


def test_combined_stores_keep_what_they_know(tmp_path: Path) -> None:
    work = sweep.Problem.bundled(100, 50)
    mine = sweep.Task(BASE, work, "accuracy", name="mine")
    paths = [tmp_path / f"{name}.db" for name in "ab"]
    sweep.run([mine], paths[0], stop=1)
    work.source = None  # as of a problem made by hand
    other = sweep.Task(BASE, work, "accuracy", name="other")
    with Store(paths[1], write=True) as store:
        store.note("question", "why?")
    sweep.run([other], paths[1], stop=2)
    assert sweep.combine(paths[0], [paths[1]]) == (1, 1)
    found = sweep.load(paths[0])
    assert set(found.table["machine"]) == {"mine"} and found.about["question"] == "why?"
    sweep.run([other], paths[0], stop=2)
    with Store(paths[0]) as store:
        ((name, source),) = store.read("SELECT name, source FROM tasks")
    assert name == "other" and "bundled" in source
    row = sweep.load(paths[0]).table.iloc[1]
    assert sweep.replay(row, paths[0]).values["refitted"] == row["refitted"]


def test_what_is_merged_is_of_one_moment(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.db" for name in "ab"]
    sweep.run(tasks(bits={"cell.bits": [1]}), paths[0], stop=1)
    with Store(paths[0]) as source, Store(paths[1], write=True) as target:
        sweep.run(tasks(), paths[0], stop=2)  # another process goes on meanwhile
        assert target.merge(source) == (6, 0)
    with pytest.raises(FileNotFoundError):
        sweep.combine(tmp_path / "c.db", [tmp_path / "nothing.db"])
    assert not (tmp_path / "c.db").exists()


def test_links_to_a_store_are_the_same_store(tmp_path: Path) -> None:
    path, link = tmp_path / "a.db", tmp_path / "link.db"
    running = sweep.iter_run(tasks(), path, stop=5)
    next(running)
    link.symlink_to(path)
    with pytest.raises(OSError, match="another run is writing to it"):
        sweep.run(tasks(), link, stop=5)
    running.close()  # type: ignore[attr-defined]
    assert len(sweep.run(tasks(), link, stop=5)) == 15
    (tmp_path / "b.db.lock").write_text("no database" * 100)
    with pytest.raises(OSError, match=r"store='.*b.db': .*b.db.lock: file is not a database"):
        sweep.run(tasks(), tmp_path / "b.db")


def test_stores_in_read_only_folders_are_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=2m"):
        expected = sweep.run(tasks(), disk / "a.db", stop=2)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        same(sweep.load(disk / "a.db"), expected)
        with pytest.raises(OSError, match=r"store=.*a.db"):
            sweep.run(tasks(), disk / "a.db", stop=3)


def test_knobs_may_be_infinite_and_of_several_kinds(tmp_path: Path) -> None:
    vary = {"cell.on_off_ratio": [10, float("inf")], "cell.bits": [None, 2]}
    given = tasks(bits=vary)
    found = sweep.run(given, tmp_path / "a.db", stop=1)
    same(sweep.load(tmp_path / "a.db"), found)
    assert found.table["cell.on_off_ratio"].tolist() == [10, 10, float("inf"), float("inf")]
    assert found.machine("cell.on_off_ratio=inf, cell.bits=2").knobs["cell.bits"] == 2
    assert found.table["cell.bits"].tolist() == ["None", 2, "None", 2]
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        sweep.export(found, tmp_path / f"a.{ending}")
        options = {"keep_default_na": False} if ending == "csv" else {}
        table = read(tmp_path / f"a.{ending}", **options)
        assert table["cell.bits"].tolist() == ["None", "2", "None", "2"]
        assert table["cell.on_off_ratio"].tolist() == found.table["cell.on_off_ratio"].tolist()


def test_text_that_no_file_can_hold_is_a_failure(tmp_path: Path) -> None:
    def odd(subject: sweep.Subject) -> dict[str, Any]:
        return {"a": "\ud800" if subject.trial == 1 else "fine"}

    found = sweep.run(tasks(odd), tmp_path / "a.db", stop=2)
    assert len(found) == 3 and len(found.about["failures"]) == 3
    assert "must be Unicode text" in found.about["failures"][0]
    assert len(sweep.load(tmp_path / "a.db")) == 3
    with pytest.raises(ValueError, match=r"Task.name='.ud800': must be Unicode text"):
        sweep.Task(BASE, name="\ud800")


def test_a_measure_that_gives_numbers_and_text_is_exported(tmp_path: Path) -> None:
    def odd(subject: sweep.Subject) -> dict[str, Any]:
        return {"a": 1.5 if subject.trial else "none"}

    found = sweep.run(tasks(odd), stop=2)
    sweep.export(found, tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet")["a"].tolist() == ["none", "1.5"] * 3


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


# --- processes ----------------------------------------------------------------------------------


def dies_once(subject: sweep.Subject, marker: str) -> dict[str, float]:
    if subject.trial == 3 and not os.path.exists(marker):
        open(marker, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers(subject)


def test_a_process_that_dies_costs_its_trials_in_flight(tmp_path: Path) -> None:
    measure = sweep.Measure("numbers", 1, dies_once, {"marker": str(tmp_path / "died")})
    space = sweep.Space.grid(BASE, {"cell.bits": [1, 2, 4]})
    found = sweep.run(sweep.tasks(space, measures=measure), tmp_path / "a.db", stop=8, jobs=2)
    assert (tmp_path / "died").exists()
    expected = sweep.run(tasks(), stop=8).table
    assert found.table["x"].tolist() == expected["x"].tolist()


class Starved:
    """A connection of which SQLite says that there is no memory."""

    def execute(self, *query: Any) -> Any:
        raise MemoryError

    def close(self) -> None:
        pass


def test_lack_of_memory_is_damage_where_there_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says so of lengths that a damaged file makes up."""
    with Store(tmp_path / "a.db", write=True) as store:
        store._db.close()
        store._db = Starved()  # type: ignore[assignment]
        with pytest.raises(OSError, match="is damaged: no memory for a row"):
            list(store.read("SELECT 1"))

        def refuse(*size: int) -> None:
            raise OSError("no memory")

        monkeypatch.setattr("imperfect.sweep._store.mmap.mmap", refuse)
        with pytest.raises(MemoryError):
            list(store.read("SELECT 1"))
