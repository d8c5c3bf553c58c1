# SPDX-License-Identifier: BSD-3-Clause
"""Tables of stored results, files of them, and stores put together."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._checks import check_instance
from imperfect._optional import require
from imperfect.sweep._results import PROVENANCE, Results, check_sweep
from imperfect.sweep._store import WRAP, Store

if TYPE_CHECKING:
    import pandas as pd

TRIALS = """
SELECT task, trial, seed, measured, worker, started, seconds FROM trials ORDER BY task, trial
"""
CHUNK = 20_000  # rows whose measured numbers are read at once


def load(store: str | os.PathLike[str]) -> Results:
    """Read all results of a store; also while a run is writing to it.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
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
    with Store(store) as opened:
        return results_of(opened)


def results_of(store: Store, wanted: Sequence[str] | None = None) -> Results:
    """Results of an open store: of all its tasks, or of some in their order."""
    pandas = require("pandas")
    ids, names, knobs = _tasks(store)
    order = None if wanted is None else {key: place for place, key in enumerate(wanted)}
    rows = [row for row in store.read(TRIALS) if order is None or ids[row[0]] in order]
    numbers = [row[0] for row in rows]
    measured = _columns([row[3] for row in rows])
    workers = {row[0]: row[1:] for row in store.read("SELECT * FROM workers")}
    known = tuple(dict.fromkeys(name for number in ids for name in knobs[number]))
    columns: dict[str, Any] = {
        "task": [ids[number] for number in numbers],
        "machine": [names[number] for number in numbers],
    }
    columns |= {knob: [knobs[number].get(knob) for number in numbers] for knob in known}
    columns["trial"] = [row[1] for row in rows]
    columns["seed"] = np.array([row[2] % WRAP for row in rows], np.uint64)
    columns |= measured
    for place, name in enumerate(PROVENANCE[:3]):
        columns[name] = [workers[row[4]][place] for row in rows]
    columns["started"] = [row[5] for row in rows]
    columns["seconds"] = [row[6] for row in rows]
    table: pd.DataFrame = pandas.DataFrame(columns)
    if order is not None:
        table = table.sort_values("task", key=lambda own: own.map(order), kind="stable")
    numeric = [name for name in measured if table[name].dtype.kind in "iuf"]
    failures = _failures(store, order)
    return Results(table.reset_index(drop=True), known, tuple(numeric), {"failures": failures})


def _tasks(store: Store) -> tuple[dict[int, str], dict[int, str], dict[int, dict[str, Any]]]:
    """Ids, names and knobs of tasks by their numbers."""
    ids, names, knobs = {}, {}, {}
    for number, key, name, text in store.read("SELECT number, id, name, knobs FROM tasks"):
        ids[number], names[number], knobs[number] = key, name, json.loads(text)
    return ids, names, knobs


def _columns(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Measured values by name, from the JSON of each row; None where a row has none."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for start in range(0, len(texts), CHUNK):
        for values in json.loads(f"[{','.join(texts[start : start + CHUNK])}]"):
            for name, value in values.items():
                if name not in columns:
                    columns[name] = [None] * count
                columns[name].append(value)
            count += 1
            for column in columns.values():
                if len(column) < count:
                    column.append(None)
    return columns


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
    with Store(target, write=True) as into:
        for path in sources:
            check_instance("sources", path, (str, os.PathLike), "a sequence of paths")
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
    table = arrow.Table.from_pandas(results.table, preserve_index=False)
    if ending == ".parquet":
        require("pyarrow.parquet", "sweep").write_table(table, path)
    else:
        require("pyarrow.csv", "sweep").write_csv(table, path)
