# SPDX-License-Identifier: BSD-3-Clause
"""``imperfect sweep status``, ``export``, ``plot`` and ``report``: what a store holds."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imperfect._cli.sweep_counts import SHOWN, counts_of, failures_of, plan_of
from imperfect._optional import require
from imperfect.sweep import Results, export, load
from imperfect.sweep._load import results_of
from imperfect.sweep._store import Store

# Options that each kind of picture needs; those that one kind alone can do without.
NEEDED = {"lines": ("x",), "heat": ("x", "y"), "panels": ("x", "by"), "frontier": (), "effects": ()}
OPTIONAL = {"frontier": ("cost",)}
ONE = ("heat", "effects")  # kinds that draw one measure
QUALITY, COST = "refitted", "energy"


def print_status(options: argparse.Namespace) -> None:
    """Print what is done, by counting: a store of a million rows takes a second."""
    with Store(options.store) as store:
        counts, parts, notes = counts_of(store), plan_of(store), store.notes()
        failures = list(failures_of(store, parts))
        done = [part.done(counts_of(store, part.chips)) for part in parts]
        ((latest,),) = store.read("SELECT max(started) FROM trials")
    if notes.get("question"):
        print(notes["question"])
    size = Path(options.store).stat().st_size / 1e6
    print(
        f"{options.store}: {sum(counts.values()):,} trials of {len(counts):,} tasks, {size:.1f} MB"
    )
    for part, count in zip(parts, done, strict=True):
        print(f"{part}, {count:,} done")
    print(f"failed: {len(failures):,}")
    for text in failures[:SHOWN]:
        print(f"  {text}")
    print(f"last result: {latest or 'none'}")


def export_table(options: argparse.Namespace) -> None:
    """Write the table of results to a file."""
    results = load(options.store)
    export(results, options.out)
    print(f"wrote {len(results):,} trials to {options.out}")


def _planned(path: str) -> Results:
    """Results of what the last file wanted; all of them if the store is of none."""
    with Store(path) as store:
        ids = [key for part in plan_of(store) for key in part.tasks]
        return results_of(store, ids or None)


def plot_results(options: argparse.Namespace) -> None:
    """Draw one picture."""
    require("matplotlib")
    kind, measures = options.kind, options.measure
    for name in ("x", "y", "by", "cost"):
        is_given = getattr(options, name) is not None
        if name in NEEDED[kind] and not is_given:
            raise ValueError(f"--kind {kind}: needs --{name} KNOB, a knob of the sweep")
        if is_given and name not in (*NEEDED[kind], *OPTIONAL.get(kind, ())):
            raise ValueError(f"--kind {kind}: does not use --{name}")
    if kind in ONE and measures and len(measures) > 1:
        raise ValueError(f"--kind {kind}: takes one --measure, not {len(measures)}")
    drawn = _pictures(_planned(options.store), options)[kind]()
    first = drawn[0] if isinstance(drawn, list) else drawn
    first.figure.savefig(options.out, dpi=200, bbox_inches="tight")
    print(f"wrote {options.out}")


def _pictures(results: Results, options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """What draws each kind of picture."""
    from imperfect import plot

    x, measures = options.x, options.measure
    one = measures[0] if measures else QUALITY
    return {
        "lines": lambda: plot.sweep_lines(results, x, measures),
        "heat": lambda: plot.sweep_heat_map(results, x, options.y, one),
        "panels": lambda: plot.sweep_panels(results, x, options.by, measures=measures),
        "frontier": lambda: plot.sweep_frontier(results, options.cost or COST, measures),
        "effects": lambda: plot.sweep_effects(results, one),
    }


def write_report(options: argparse.Namespace) -> None:
    """Write the page with answers, figures and all results."""
    from imperfect import report

    report.sweep(
        _planned(options.store),
        options.out,
        title=options.title,
        quality=options.quality,
        cost=options.cost,
        targets=options.targets,
    )
    print(f"wrote {options.out}")
