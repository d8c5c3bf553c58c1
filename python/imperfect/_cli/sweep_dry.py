# SPDX-License-Identifier: BSD-3-Clause
"""``imperfect sweep run --dry-run``: what would be measured, and about how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imperfect._cli.sweep_counts import Part, counts_at, time_text
from imperfect.sweep import Spec, Task, run
from imperfect.sweep._spec import Group

TRIED = 4  # machines of a group that are tried, spread over its spaces; one of each at least


def print_plan(spec: Spec, path: str, jobs: int) -> None:
    """Print machines, tasks, trials and a time; a few trials are measured, and not kept."""
    parts = [Part.of(group) for group in spec.groups]
    tasks = sum(len(group.tasks) for group in spec.groups)
    print(f"{sum(map(len, spec.spaces)):,} machines, {tasks:,} tasks")
    seconds, tried = 0.0, 0
    for group, part, counts in zip(spec.groups, parts, counts_at(path, parts), strict=True):
        print(f"{part}, {part.done(counts):,} of them in {path}", flush=True)
        work, count = _group_seconds(spec, group, part.missing(counts), jobs)
        seconds, tried = seconds + work, tried + count
    if not tried:
        print("nothing is missing")
        return
    processes = "1 process" if jobs == 1 else f"{jobs} processes"
    print(f"about {time_text(seconds / jobs)} with {processes}: an estimate from {tried} trials")


def _group_seconds(
    spec: Spec, group: Group, missing: Sequence[int], jobs: int
) -> tuple[float, int]:
    """Seconds that the missing trials of a group take in all, and how many were tried for that."""
    tasks, stop = group
    there = len(tasks) * stop.trials - sum(missing)
    wanted = sum(missing) if stop.total is None else min(sum(missing), stop.total - there)
    if wanted <= 0:
        return 0.0, 0
    machines = max(1, TRIED // len(spec.spaces))
    seconds, tried, start = 0.0, 0, 0
    for space in spec.spaces:
        own = slice(start, start + len(space))
        work, count = _estimate(group.tasks[own], missing[own], machines, jobs)
        seconds, tried, start = seconds + work, tried + count, own.stop
    # Why: the rule ``total`` may want fewer trials than tasks would have.
    return seconds * wanted / sum(missing), tried


def _estimate(
    tasks: Sequence[Task], missing: Sequence[int], machines: int, jobs: int
) -> tuple[float, int]:
    """Seconds that the missing trials of tasks take one after the other, from a few of them."""
    todo = [place for place, count in enumerate(missing) if count]
    if not todo:
        return 0.0, 0
    # Why: the middles of equal parts of the list; its ends are where values are extreme.
    middles = (np.arange(min(machines, len(todo))) + 0.5) * len(todo) / min(machines, len(todo))
    tried = [tasks[todo[int(place)]] for place in middles]
    results = run(tried, stop=min(2, max(missing)))
    for failure in results.about["failures"]:
        raise ValueError(f"a trial fails: {failure}")
    means = results.table.groupby("trial")["seconds"].mean()
    # Why: a process maps the weights of a machine for the first of its chips alone.
    first = sum(min(count, jobs) for count in missing)
    later = sum(missing) - first
    return float(means.iloc[0] * first + means.iloc[-1] * later), len(results)
