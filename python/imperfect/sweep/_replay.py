# SPDX-License-Identifier: BSD-3-Clause
"""Measures a trial of a table again, and holds it against what stands there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imperfect import _core
from imperfect._checks import check_instance, integer
from imperfect._optional import require
from imperfect.hardware import Hardware
from imperfect.sweep._execute import Job, Shared
from imperfect.sweep._load import stored_tasks
from imperfect.sweep._measures import BUILT_IN, Measure, measure
from imperfect.sweep._run import prepare
from imperfect.sweep._sources import problem_of
from imperfect.sweep._store import Store, Trial
from imperfect.sweep._task import Task, check_tasks

if TYPE_CHECKING:
    import pandas as pd


def replay(row: pd.Series, where: Sequence[Task] | str | os.PathLike[str]) -> Trial:
    """Measure a trial again; it gives the same bits.

    Parameters
    ----------
    row
        A row of the table of ``Results``.
    where
        Tasks, one of which is that of the row; or the store that the row is from, which knows the
        machine, the measures, and where the network and the images are from.

    Returns
    -------
    Trial

    Raises
    ------
    ValueError, TypeError
        If no task is that of the row, or it cannot be made again from the store: its problem was
        made in Python of arrays, a measure is a function of one's own, files are gone or others.
        If the row was measured on another SIMD level, or what comes out differs from it.
    OSError
        If the store cannot be read.

    Examples
    --------
    >>> import imperfect as im
    >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
    >>> tasks = [im.sweep.Task(im.Hardware(), measures=parity)]
    >>> row = im.sweep.run(tasks, stop=3).table.iloc[2]
    >>> im.sweep.replay(row, tasks).values
    {'odd': 0}
    """
    check_instance("row", row, require("pandas").Series, "a row of a table of results")
    for name in ("task", "trial", "simd"):
        if name not in row:
            raise ValueError(f"row: has no {name!r}; must be a row of a table of results")
    if isinstance(where, str | os.PathLike):
        where = [_stored_task(where, row["task"])]
    found = [task for task in check_tasks(where) if task.id == row["task"]]
    if not found:
        raise ValueError(f"row: its task {row['task'][:12]} is none of those given")
    level = _core.simd_level()
    if row["simd"] != level:
        raise ValueError(
            f"row: was measured on SIMD level {row['simd']!r}, this is {level!r};"
            " set IMPERFECT_SIMD before Python starts"
        )
    trial = integer("row: trial", row["trial"], 0) or 0
    job = Job(0, trial, found[0].seed_of(trial))
    prepare(found)
    outcome = Shared(found).measure(job)
    if outcome.trial is None:
        raise ValueError(f"row: trial {trial} fails: {outcome.failure}")
    for name, value in outcome.trial.values.items():
        if name not in row:
            raise ValueError(f"row: has no {name!r}, which trial {trial} gives")
        if row[name] != value:
            raise ValueError(f"row: trial {trial} gives {name}={value!r}, not {row[name]!r}")
    return outcome.trial


def _stored_task(path: str | os.PathLike[str], key: str) -> Task:
    """A task of a store, made again."""
    with Store(path) as store:
        known = stored_tasks(store)
    where = f"store={os.fspath(path)!r}: task {key[:12]}"
    if key not in known:
        raise ValueError(f"{where} is not there")
    stored = known[key]
    if stored.source is None:
        raise ValueError(
            f"{where} has a problem made in Python, which it cannot make again; give tasks"
        )
    spec = stored.spec
    measures = [_measure(where, *identity) for identity in spec["measures"]]
    task = Task(
        Hardware.from_json(stored.hardware),
        problem_of(stored.source),
        tuple(measures),
        int(spec["seed"]),
        spec["seeds"],
        stored.name,
        stored.knobs,
        stored.time,
    )
    now, before = (own | own["problem"] for own in (task.spec, spec))
    changed = [name for name in now if name != "problem" and now[name] != before.get(name)]
    if changed:
        names = ", ".join(changed)
        raise ValueError(f"{where} cannot be made again: another {names} now than when it was run")
    return task


def _measure(where: str, name: str, version: int, options: dict[str, Any]) -> Measure:
    if name not in BUILT_IN or BUILT_IN[name][0] != version:
        raise ValueError(
            f"{where} measures {name!r}, version {version}, which is not of the package; give tasks"
        )
    return measure(name, **options)
