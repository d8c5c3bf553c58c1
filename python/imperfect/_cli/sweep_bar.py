# SPDX-License-Identifier: BSD-3-Clause
"""The progress of a sweep on a terminal: trials, rate, remaining time, the best machine so far."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from imperfect._cli.sweep_counts import Part, counts_of
from imperfect._optional import require
from imperfect.sweep import Spec, Trial
from imperfect.sweep._store import Store

MEASURE, QUALITY = "accuracy", "refitted"  # the measure that gives the number that is to be high
FEWEST = 2  # chips before a machine may be the best
LONGEST = 48  # letters of its name


class Best:
    """The machine with the highest mean over its chips, kept up while trials come.

    Parameters
    ----------
    names
        Names of machines by the ids of their tasks.
    sums
        Numbers of chips and sums of their results, by the same.
    """

    def __init__(self, names: Mapping[str, str], sums: Mapping[str, tuple[int, float]]) -> None:
        self.names, self.sums, self.key = names, dict(sums), ""
        self._find()

    def add(self, trial: Trial) -> None:
        """Take a trial in; cheap, unless the best machine gets worse."""
        if QUALITY not in trial.values:
            return
        count, total = self.sums.get(trial.task, (0, 0.0))
        before = self._mean(trial.task)
        self.sums[trial.task] = count + 1, total + float(trial.values[QUALITY])
        after = self._mean(trial.task)
        if trial.task == self.key and after < before:
            self._find()
        elif after > self._mean(self.key):
            self.key = trial.task

    def _find(self) -> None:
        self.key = max(self.sums, key=self._mean, default="")

    def _mean(self, key: str) -> float:
        count, total = self.sums.get(key, (0, 0.0))
        return total / count if count >= FEWEST else -1.0

    def __str__(self) -> str:
        if self._mean(self.key) < 0:
            return ""
        name = self.names[self.key]
        short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        return f"best {QUALITY} {self._mean(self.key):.3f} ({short})"


class Bar:
    """One bar over all groups of a sweep."""

    def __init__(self, bar: Any, done: list[int], wanted: list[int], best: Best | None) -> None:
        self._bar, self._done, self._wanted, self._best = bar, done, wanted, best

    def show(self, group: int, done: int, wanted: int) -> None:
        """Draw how many trials of a group are done and wanted."""
        self._done[group], self._wanted[group] = done, wanted
        self._bar.total = sum(self._wanted)
        self._bar.update(sum(self._done) - self._bar.n)

    def add(self, trial: Trial) -> None:
        """Take the results of a trial in."""
        if self._best is not None:
            self._best.add(trial)
            self._bar.set_postfix_str(str(self._best), refresh=False)


@contextmanager
def sweep_bar(spec: Spec, parts: Sequence[Part], path: str) -> Iterator[Bar]:
    """A bar on standard error; nothing is drawn, or computed, where that is no terminal."""
    is_quiet = not sys.stderr.isatty()
    done = [0] * len(parts)
    best = None
    if not is_quiet:
        with Store(path) as store:
            done = [part.done(counts_of(store, part.chips)) for part in parts]
            best = _best(spec, store)
    wanted = [
        min(group.stop.wanted([], 0.0) * len(group.tasks), part.wanted)
        for group, part in zip(spec.groups, parts, strict=True)
    ]
    wanted = [max(pair) for pair in zip(wanted, done, strict=True)]
    # Why: the mean over all trials tells more of the time that remains than the latest of them.
    with require("tqdm").tqdm(
        total=sum(wanted), initial=sum(done), file=sys.stderr, disable=is_quiet, unit=" trials",
        smoothing=0, dynamic_ncols=True,
    ) as bar:  # fmt: skip
        yield Bar(bar, done, wanted, best)


def _best(spec: Spec, store: Store) -> Best | None:
    """The best of the machines whose accuracy is measured, by what the store has of them."""
    names = {
        task.id: task.name
        for group in spec.groups
        for task in group.tasks
        if MEASURE in {measure.name for measure in task.measures}
    }
    if not names:
        return None
    rows = store.read(
        "SELECT id, chips, total FROM tasks JOIN (SELECT task, count(*) AS chips,"
        f" total(json_extract(measured, '$.{QUALITY}')) AS total FROM trials GROUP BY task)"
        " ON task = number"
    )
    return Best(names, {key: (chips, total) for key, chips, total in rows if key in names})
