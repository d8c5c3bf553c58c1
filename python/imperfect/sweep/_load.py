# SPDX-License-Identifier: BSD-3-Clause
"""Tables of stored results, files of them, and stores put together."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import check_instance
from imperfect._files import replaced
from imperfect._json import digest_of
from imperfect._optional import require
from imperfect.sweep._results import DIGESTS, WHERE, Results, check_sweep
from imperfect.sweep._store import Store

if TYPE_CHECKING:
    import pandas as pd

TRIALS = """
SELECT task, trial, seed, measured, worker, started, seconds FROM trials ORDER BY task, trial
"""
CHUNK = 20_000  # rows that are read at once
SHOWN = 16  # digits of digests in a table
NOTES = ("question", "spec")  # what a store knows of the file of a sweep
NUMBERS = {"task": int, "trial": int, "seed": np.int64, "worker": int, "seconds": float}


def load(store: str | os.PathLike[str]) -> Results:
    """Read all results of a store; also while a run is writing to it.

    Raises
    ------
    OSError
        If there is no such file, it cannot be read, or it is no database.
    ValueError, TypeError
        If it is no store of sweeps, or damaged.

    Examples
    --------
    >>> import imperfect as im, tempfile
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> task = im.sweep.Task(im.Hardware(), measures=parity)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = im.sweep.run([task], f"{folder}/results.db", stop=3)
    ...     im.sweep.load(f"{folder}/results.db").table["odd"].tolist()
    [1, 1, 0]
    """
    with Store(store) as opened, opened.refusing_damage():
        return results_of(opened)


def results_of(store: Store, wanted: Sequence[str] | None = None) -> Results:
    """Results of an open store: of all its tasks, or of some in their order."""
    pandas = require("pandas")
    known = stored_tasks(store)
    order = {key: place for place, key in enumerate(known if wanted is None else wanted)}
    tasks = [known[key] for key in order]
    numbers = np.array([task.number for task in tasks])
    rows = _trials(store, numbers)
    codes = rows.pop("task")
    knobs = tuple(dict.fromkeys(name for i in np.unique(codes) for name in tasks[i].knobs))

    def spread(values: Sequence[Any], places: NDArray[Any]) -> Any:
        return pandas.Series(values, dtype=None if values else object).array.take(places)

    columns: dict[str, Any] = {"task": spread([task.id for task in tasks], codes)}
    columns["machine"] = spread([task.name for task in tasks], codes)
    for knob in knobs:
        columns[knob] = spread([task.knobs.get(knob) for task in tasks], codes)
    measured, worker = rows.pop("measured"), rows.pop("worker")
    columns |= {"trial": rows["trial"], "seed": rows["seed"].astype(np.uint64), **measured}
    workers = list(store.read("SELECT number, version, simd, host FROM workers ORDER BY number"))
    places = np.searchsorted([number for number, *_ in workers], worker)
    for place, name in enumerate(WHERE, 1):
        columns[name] = spread(_texts(name, (row[place] for row in workers)), places)
    columns |= {"started": rows["started"], "seconds": rows["seconds"]}
    for name in DIGESTS:
        columns[f"{name}_digest"] = spread([task.digest(name) for task in tasks], codes)
    table: pd.DataFrame = pandas.DataFrame(columns)
    numeric = tuple(name for name in measured if table[name].dtype.kind in "iuf")
    notes = store.notes()
    about = {"failures": _failures(store, order)} | {k: notes[k] for k in NOTES if k in notes}
    machines = {task.name: (task.hardware, task.time, task.knobs) for task in tasks}
    return Results(table, knobs, numeric, about, machines)


class StoredTask(NamedTuple):
    """A task as a store has it: its hardware as JSON, its specification as plain values."""

    number: int
    id: str
    name: str
    knobs: dict[str, Any]
    hardware: str
    source: Any
    spec: dict[str, Any]

    @property
    def time(self) -> float:
        """Seconds since the cells were written."""
        return float(self.spec["time"])

    def digest(self, name: str) -> str:
        """What stands in a row of the digest of the hardware, the network or the data."""
        if name == "hardware":
            return str(self.spec[name])[:SHOWN]
        return str((self.spec["problem"] or {}).get(name, ""))[:SHOWN]


def stored_tasks(store: Store) -> dict[str, StoredTask]:
    """Tasks by id. Different machines of one name are told apart by digits of a digest."""
    rows = store.read(
        "SELECT number, id, name, knobs, hardware, source, spec FROM tasks ORDER BY number"
    )
    tasks = [
        StoredTask(number, key, name, json.loads(knobs), hardware, *map(json.loads, (source, spec)))
        for number, key, name, knobs, hardware, source, spec in rows
    ]
    for column in ("id", "name", "hardware"):
        _texts(column, (getattr(task, column) for task in tasks))
    machines: dict[str, dict[str, None]] = {}
    for task in tasks:
        machines.setdefault(task.name, {})[_machine_of(task)] = None
    return {
        task.id: task._replace(name=f"{task.name} #{_machine_of(task)[:6]}".strip())
        if len(machines[task.name]) > 1
        else task
        for task in tasks
    }


def _machine_of(task: StoredTask) -> str:
    """A digest of the machine, its age, and what it works on."""
    return digest_of([task.spec[name] for name in ("hardware", "time", "problem")])


def _trials(store: Store, numbers: NDArray[Any]) -> dict[str, Any]:
    """Columns of all trials of tasks, sorted by the places of their tasks, and by trial."""
    parts: list[dict[str, Any]] = []
    order, known = np.argsort(numbers), np.sort(numbers)
    cursor = store.read(TRIALS)
    while chunk := list(itertools.islice(cursor, CHUNK)):
        task, trial, seed, measured, worker, started, seconds = zip(*chunk, strict=True)
        found = np.searchsorted(known, task)
        keep = np.isin(task, known)
        if not keep.any():
            continue
        rows = {
            "task": order[found[keep]],
            "trial": _numbers("trial", trial, "iu")[keep],
            "seed": np.array(seed, np.int64)[keep],
            "worker": _numbers("worker", worker, "iu")[keep],
            "seconds": _numbers("seconds", seconds, "iuf")[keep],
            "started": _texts("started", itertools.compress(started, keep)),
            "measured": json.loads(f"[{','.join(itertools.compress(measured, keep))}]"),
        }
        parts.append(rows | {"measured": _columns(rows["measured"])})
    return _joined(parts)


def _numbers(name: str, values: Sequence[Any], kinds: str) -> NDArray[Any]:
    """A column of numbers; SQLite keeps what it is given, whatever the type of the column."""
    found = np.array(values)
    if found.dtype.kind not in kinds:
        raise TypeError(f"{name}: not all values are numbers")
    return found


def _texts(name: str, values: Iterable[Any]) -> list[str]:
    """A column of text."""
    found = list(values)
    if not all(isinstance(value, str) for value in found):
        raise TypeError(f"{name}: not all values are text")
    return found


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Measured values by name; None where a row has none."""
    names = dict.fromkeys(name for values in rows for name in values)
    return {name: [values.get(name) for values in rows] for name in names}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The same columns of several parts as one."""
    names = dict.fromkeys(name for part in parts for name in part["measured"])
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.array([], kind)
        for name, kind in NUMBERS.items()
    }
    texts = [text for part in parts for text in part["started"]]
    measured = {}
    for name in names:
        gap = [[None] * len(part["task"]) for part in parts]
        found = [part["measured"].get(name, none) for part, none in zip(parts, gap, strict=True)]
        measured[name] = list(itertools.chain.from_iterable(found))
    columns |= {"started": texts, "measured": measured}
    if np.all(np.diff(columns["task"]) >= 0):
        return columns
    order = np.argsort(columns["task"], kind="stable")
    moved = {name: values[order] for name, values in columns.items() if name in NUMBERS}
    measured = {name: [values[i] for i in order] for name, values in measured.items()}
    return moved | {"started": [texts[i] for i in order], "measured": measured}


def _failures(store: Store, wanted: Collection[str] | None) -> list[str]:
    rows = store.read(
        "SELECT id, name, trial, message FROM failures JOIN tasks ON task = number"
        " ORDER BY task, trial"
    )
    return [
        f"{name or key[:12]}, trial {trial}: {message}"
        for key, name, trial, message in rows
        if wanted is None or key in wanted
    ]


def combine(
    target: str | os.PathLike[str], sources: Iterable[str | os.PathLike[str]]
) -> tuple[int, int]:
    """Add the results of other stores to one; what it has already stays as it is.

    Parameters
    ----------
    target
        A store, made if it is not there.
    sources
        Stores that are read; they do not change.

    Returns
    -------
    tuple of int
        How many trials were added, and how many were there already.

    Raises
    ------
    ValueError, TypeError
        If a file is no store, or the same trial has other results on the same SIMD level and
        version; nothing of that file is added then.
    OSError
        If a file cannot be read, or the target not be written.

    Notes
    -----
    Doing it again changes nothing. Levels may differ in the last bits: the result that was there
    first stays.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError("sources: must be a sequence of paths, not one path")
    added = known = 0
    paths = list(sources)
    for path in paths:
        check_instance("sources", path, (str, os.PathLike), "a sequence of paths")
        Store(path).close()
    with Store(target, write=True) as into:
        for path in paths:
            with Store(path) as source:
                new, old = into.merge(source)
            added, known = added + new, known + old
    return added, known


def export(results: Results, path: str | os.PathLike[str]) -> None:
    """Write the table of results to a file: Parquet if its name ends with .parquet, else .csv.

    Raises
    ------
    ValueError, TypeError
        If it ends with neither, or ``results`` are none.
    OSError
        If it cannot be written.
    ImportError
        If pyarrow is not installed.
    """
    check_sweep(results)
    check_instance("path", path, (str, os.PathLike), "the path of a file")
    ending = Path(path).suffix
    if ending not in (".parquet", ".csv"):
        raise ValueError(f"path={str(path)!r}: must end with .parquet or .csv")
    arrow = require("pyarrow", "sweep")
    table = arrow.Table.from_pandas(_of_one_kind(results.table), preserve_index=False)
    with replaced(path) as temporary:
        if ending == ".parquet":
            require("pyarrow.parquet", "sweep").write_table(table, temporary)
        else:
            require("pyarrow.csv", "sweep").write_csv(table, temporary)


def _of_one_kind(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers and text as text; gaps stay."""
    changed = {}
    for name in table.columns:
        column = table[name]
        kinds = {isinstance(value, str) for value in column[column.notna()].unique()}
        if column.dtype == object and len(kinds) > 1:
            changed[name] = column.map(str, na_action="ignore")
    return table.assign(**changed)
