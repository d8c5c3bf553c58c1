# SPDX-License-Identifier: BSD-3-Clause
"""``imperfect sweep run``: measures what a specification wants and its store does not have."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from imperfect._cli.arguments import cores
from imperfect._cli.sweep_bar import Bar, sweep_bar
from imperfect._cli.sweep_counts import (
    SHOWN,
    Part,
    counts_of,
    failures_of,
    note_plan,
    time_text,
)
from imperfect._cli.sweep_dry import print_plan
from imperfect._interrupts import noted_interrupts
from imperfect._optional import require
from imperfect.sweep import Spec, iter_run
from imperfect.sweep._store import Store


def run_spec(options: argparse.Namespace) -> None:
    """Measure what is missing; a summary goes to standard output."""
    for name in ("onnx", "onnxruntime", "pandas", "joblib", "cloudpickle", "tqdm"):
        require(name)
    if options.cluster is not None:
        require("distributed", "sweep")
    options.jobs = options.jobs or (cores() if options.cluster is None else 1)
    if options.dry_run:
        print_plan(Spec.load(options.spec), options.store, options.jobs)
        return
    command = _command(options)
    with _resumable(command):
        begun = time.monotonic()
        spec = Spec.load(options.spec)
        parts = _noted(spec, options.store)
        end = None if options.seconds is None else begun + options.seconds
        with sweep_bar(spec, parts, options.store) as bar:
            new = _measure(spec, options, end, bar)
        done, wanted = _state(options.store, parts)
        most = "at most " * any(part.is_adaptive for part in parts)
        took = time_text(time.monotonic() - begun)
        machines = f"{len(spec.groups[0].tasks):,} machines"
        state = f"{done:,} of {most}{wanted:,} trials of {machines} are in {options.store}"
        print(f"{state}, {new:,} of them new, in {took}")
        if end is not None and time.monotonic() >= end and done < wanted:
            print(f"stopped after {time_text(options.seconds)}; go on with: {command}")
    _tell_failures(options.store, parts, command)


def _command(options: argparse.Namespace) -> str:
    """What to type to go on."""
    words = ["imperfect", "sweep", "run", options.spec, "-o", options.store]
    if options.cluster is None:
        words += ["--jobs", str(options.jobs)]
    else:
        words += ["--cluster", options.cluster]
    if options.seconds is not None:
        words += ["--seconds", f"{options.seconds:g}"]
    return shlex.join(words)


@contextmanager
def _resumable(command: str) -> Iterator[None]:
    """Ctrl-C meanwhile says how to go on, whatever a library makes of it."""
    with noted_interrupts() as interrupts:
        try:
            yield
        except BaseException as error:
            if interrupts or isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(f"go on with: {command}") from error
            raise


def _noted(spec: Spec, path: str) -> list[Part]:
    """Keep in the store what tells its state and its question without the file."""
    parts = [Part.of(group) for group in spec.groups]
    with Store(path, write=True) as store:
        for group in spec.groups:
            store.add_tasks(group.tasks)
        store.note("question", spec.question)
        store.note("spec", spec.text)
        note_plan(store, parts)
    return parts


def _measure(spec: Spec, options: argparse.Namespace, end: float | None, bar: Bar) -> int:
    """Measure group after group; the number of trials that are new."""
    new = 0
    for number, (tasks, stop) in enumerate(spec.groups):
        if end is not None:
            left = end - time.monotonic()
            if left <= 0:
                break
            stop = replace(stop, seconds=min(left, stop.seconds or left))
        trials: Any = iter_run(
            tasks, options.store, stop=stop, jobs=options.jobs, cluster=options.cluster,
            progress=partial(bar.show, number),
        )  # fmt: skip
        with closing(trials):
            for trial in trials:
                bar.add(trial)
                new += 1
    return new


def _state(path: str, parts: list[Part]) -> tuple[int, int]:
    """Trials that are done, and that are wanted at most."""
    with Store(path) as store:
        done = sum(part.done(counts_of(store, part.chips)) for part in parts)
    return done, sum(part.wanted for part in parts)


def _tell_failures(path: str, parts: list[Part], command: str) -> None:
    with Store(path) as store:
        failures = list(failures_of(store, parts))
    for text in failures[:SHOWN]:
        print(f"failed: {text}")
    if failures:
        raise ValueError(f"{len(failures):,} trials failed; to try them again: {command}")
