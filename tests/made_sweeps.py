# SPDX-License-Identifier: BSD-3-Clause
"""Results of sweeps that nobody ran, with numbers that tests can foresee."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from imperfect import sweep

HOSTILE = "</script><img src=x onerror=hacked=1>\"'&amp; $\\frac$ \x01 é漢"
SIGMA, BITS = "cell.programming.sigma", "cell.bits"
GRID = {BITS: [1, 2, 4], SIGMA: [0.0, 0.05, 0.1]}
FACTS = {
    "task": "t", "version": "0.1.0", "simd": "avx2", "host": "somewhere",
    "started": "2026-01-02T03:04:05.678+00:00", "seconds": 1.5, "hardware_digest": "a1",
    "network_digest": "b2", "data_digest": "c3",
}  # fmt: skip


def accuracies(knobs: Mapping[str, Any], chip: int) -> dict[str, Any]:
    """What a chip of a machine of ``GRID`` gives: chips are 0.01 apart."""
    # Bits beyond 4 bring nothing.
    refitted = 0.7 + 0.04 * min(knobs[BITS], 4) - 2 * knobs[SIGMA] + 0.01 * chip
    return {
        "float": 0.95, "collapsed": refitted - 0.4, "refitted": refitted, "shuffled": 0.2,
        "pixels": 0.6, "energy": 1e-6 * knobs[BITS], "energy_without": "",
    }  # fmt: skip


def made(
    vary: Mapping[str, Sequence[Any]] = GRID,
    chips: int = 5,
    measured: Any = accuracies,
    *,
    named: Any = None,
    about: Mapping[str, Any] | None = None,
) -> sweep.Results:
    """Results of a grid; chip c has seed 100 + c on every machine."""
    rows = []
    for values in itertools.product(*vary.values()):
        knobs = dict(zip(vary, values, strict=True))
        name = named(knobs) if named else ", ".join(f"{k}={v}" for k, v in knobs.items())
        for chip in range(chips):
            row = {"machine": name, **knobs, "trial": chip, "seed": 100 + chip}
            rows.append(FACTS | row | measured(knobs, chip))
    return results(rows, tuple(vary), about)


def results(
    rows: list[dict[str, Any]], knobs: tuple[str, ...] = (), about: Mapping[str, Any] | None = None
) -> sweep.Results:
    """Results of rows; whatever else they hold was measured."""
    table = pd.DataFrame([FACTS | row for row in rows])
    known = {*FACTS, "machine", "trial", "seed", *knobs}
    measures = [name for name in table if name not in known and table[name].dtype.kind in "iuf"]
    return sweep.Results(table, knobs, tuple(measures), about or {"failures": []})


def by_label(ax: Axes, label: str) -> Any:
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def band(ax: Axes, place: int) -> tuple[Any, Any]:
    """Lower and upper ends of a band by place."""
    ends: dict[float, list[float]] = {}
    for x, y in ax.collections[place].get_paths()[0].vertices:
        ends.setdefault(round(x, 9), []).append(y)
    return [min(ends[x]) for x in sorted(ends)], [max(ends[x]) for x in sorted(ends)]
