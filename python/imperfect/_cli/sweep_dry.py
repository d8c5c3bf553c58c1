# SPDX-License-Identifier: BSD-3-Clause
"""``imperfect sweep run --dry-run``: what would be measured, and about how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from imperfect._cli.sweep_counts import Part, counts_at, time_text
from imperfect.sweep import Spec, Stop, run
from imperfect.sweep._spec import Group

if TYPE_CHECKING:
    import pandas as pd

TRIED = 4  # machines of a group that are tried, spread over its spaces; one of each at least
LONGEST = 15.0  # seconds after which no other trial is begun, but for the first of each group


def print_plan(spec: Spec, path: str, jobs: int) -> None:
    """Print machines, tasks, trials and a time; a few trials are measured, and not kept."""
    parts = [Part.of(group) for group in spec.groups]
    tasks = sum(len(group.tasks) for group in spec.groups)
    print(f"{sum(map(len, spec.spaces)):,} machines, {tasks:,} tasks")
    seconds, tried, begun = 0.0, 0, time.monotonic()
    for number, (part, counts) in enumerate(zip(parts, counts_at(path, parts), strict=True), 1):
        print(f"{part}, {part.done(counts):,} of them in {path}", flush=True)
        end = begun + LONGEST * number / len(parts)
        group = spec.groups[number - 1]
        work, count = _group_seconds(spec, group, part.missing(counts), jobs, end)
        seconds, tried = seconds + work, tried + count
    if not tried:
        print("nothing is missing")
        return
    processes = "1 process" if jobs == 1 else f"{jobs} processes"
    print(f"about {time_text(seconds / jobs)} with {processes}: an estimate from {tried} trials")


def _group_seconds(
    spec: Spec, group: Group, missing: Sequence[int], jobs: int, end: float
) -> tuple[float, int]:
    """Seconds that the missing trials of a group take in all, and how many were tried for that."""
    tasks, stop = group
    there = len(tasks) * stop.trials - sum(missing)
    wanted = sum(missing) if stop.total is None else min(sum(missing), stop.total - there)
    if wanted <= 0:
        return 0.0, 0
    left = max(end - time.monotonic(), 1e-3)
    tried = [tasks[place] for place in _places(spec, missing)]
    results = run(tried, stop=Stop(trials=min(2, max(missing)), seconds=left))
    for failure in results.about["failures"]:
        raise ValueError(f"a trial fails: {failure}")
    seconds = 0.0
    for own in _spaces(spec):
        known = results.table["task"].isin([task.id for task in tasks[own]])
        rows = results.table[known if known.any() else slice(None)]
        seconds += _seconds(rows, missing[own], jobs)
    # Why: the rule ``total`` may want fewer trials than tasks would have.
    return seconds * wanted / sum(missing), len(results)


def _spaces(spec: Spec) -> Iterator[slice]:
    """Where the machines of each space are among all."""
    start = 0
    for space in spec.spaces:
        yield slice(start, start + len(space))
        start += len(space)


def _places(spec: Spec, missing: Sequence[int]) -> list[int]:
    """Some machines with missing trials, those of all spaces in turn."""
    count = max(1, TRIED // len(spec.spaces))
    chosen = []
    for own in _spaces(spec):
        todo = [place for place in range(own.start, own.stop) if missing[place]]
        few = min(count, len(todo))
        # Why: the middles of equal parts of the list; its ends are where values are extreme.
        chosen.append([todo[int((i + 0.5) * len(todo) / few)] for i in range(few)])
    return [place for place in chain(*zip_longest(*chosen)) if place is not None]


def _seconds(rows: pd.DataFrame, missing: Sequence[int], jobs: int) -> float:
    """Seconds that missing trials take one after the other, from those of some machines."""
    means = rows.groupby("trial")["seconds"].mean()
    # Why: a process maps the weights of a machine for the first of its chips alone.
    first = sum(min(count, jobs) for count in missing)
    return float(means.iloc[0] * first + means.iloc[-1] * (sum(missing) - first))
