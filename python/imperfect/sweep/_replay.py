# SPDX-License-Identifier: BSD-3-Clause
"""Measures a trial of a table again, and holds it against what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imperfect import _core
from imperfect._checks import check_instance
from imperfect._optional import require
from imperfect.sweep._execute import Job, Shared
from imperfect.sweep._run import prepare
from imperfect.sweep._store import Trial
from imperfect.sweep._task import Task, check_tasks

if TYPE_CHECKING:
    import pandas as pd


def replay(row: pd.Series, tasks: Sequence[Task]) -> Trial:
    """Measure a trial again; it gives the same bits.

    Parameters
    ----------
    row
        A row of the table of ``Results``.
    tasks
        Tasks, one of which is that of the row.

    Returns
    -------
    Trial

    Raises
    ------
    ValueError, TypeError
        If no task is that of the row, the row was measured on another SIMD level, or what comes out
        differs from it.

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
    found = [task for task in check_tasks(tasks) if task.id == row["task"]]
    if not found:
        raise ValueError(f"row: its task {row['task'][:12]} is none of those given")
    level = _core.simd_level()
    if row["simd"] != level:
        raise ValueError(
            f"row: was measured on SIMD level {row['simd']!r}, this is {level!r};"
            " set IMPERFECT_SIMD before Python starts"
        )
    trial = int(row["trial"])
    job = Job(0, trial, found[0].seed_of(trial))
    prepare(found)
    outcome = Shared(found).measure(job)
    if outcome.trial is None:
        raise ValueError(f"row: trial {trial} fails: {outcome.failure}")
    for name, value in outcome.trial.values.items():
        if row[name] != value:
            raise ValueError(f"row: trial {trial} gives {name}={value!r}, not {row[name]!r}")
    return outcome.trial
