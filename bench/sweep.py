# SPDX-License-Identifier: BSD-3-Clause
"""What the engine of sweeps takes: time and memory beside the trials, processes, large stores.

Each line stands with its bound. Example: python bench/sweep.py --only overhead
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
from case import seconds
from threadpoolctl import threadpool_limits

import imperfect as im
from imperfect import _core, sweep
from imperfect.network import AnalogNetwork
from imperfect.sweep._store import Store, Trial

Line = tuple[str, float, str, str]  # what, value, unit, bound
MACHINE = im.Hardware(
    weight_bits=5,
    cell=im.Cell(bits=4, programming=im.device.Gaussian(0.02)),
    array=im.Array(rows=128, cols=128),
    adc=im.ADC(bits=8, range="calibrated", method=("percentile", 99.9)),
)
NOTHING = sweep.Measure("nothing", 1, lambda subject: {"nothing": 0.0})


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def overhead(folder: Path, repeat: int) -> Iterator[Line]:
    """Time and memory of the driver for trials that do nothing, each kept in a file."""
    space = sweep.Space.grid(MACHINE, {"cell.bits": [2, 3, 4, 1]})
    tasks = sweep.tasks(space, measures=NOTHING)
    # Thread limits of all libraries are looked up for each trial: load what a real one loads.
    sweep.run([sweep.Task(MACHINE, sweep.Problem.bundled(60, 20))], stop=1)
    times = []
    for i in range(repeat):
        path = folder / f"overhead-{i}.db"
        times.append(
            seconds(lambda path=path: sum(1 for _ in sweep.iter_run(tasks, path, stop=2500)))
        )
    yield "a trial that does nothing, of 10,000", 1e3 * median(times) / 1e4, "ms", "<= 2"
    before = peak_bytes()
    for _ in sweep.iter_run(tasks, folder / "memory.db", stop=25_000):
        pass
    grown = (peak_bytes() - before) / 1e5
    yield "peak memory of the driver for each of 100,000 trials", grown, "bytes", "<= 1000"


def by_hand(problem: sweep.Problem, seeds: list[int]) -> list[float]:
    """What a trial of the measure "accuracy" computes, without the engine."""
    study = problem.study
    scores = []
    chip = AnalogNetwork(study.network, MACHINE, seeds[0])
    feature, output = study.feature, study.network.outputs[0].name
    for seed in seeds:
        chip.program(seed)
        study.calibrated(chip)
        train = study.tensors(chip, study.x_train, (feature,))[feature]
        test = study.tensors(chip, study.x_test, (feature, output), len(study.x_train))
        collapsed = study.accuracy(test[output].argmax(axis=1))
        scores.append(collapsed + study.fitted_accuracy(train, test[feature]))
    return scores


def real(folder: Path, repeat: int) -> Iterator[Line]:
    """100 quick trials of a network against the same chips by hand, one thread."""
    problem = sweep.Problem.bundled(200, 100)
    seeds = [_core.trial_seed(0, trial) for trial in range(100)]
    task = sweep.Task(MACHINE, problem, "accuracy")
    ratios, each = [], []
    with threadpool_limits(1):
        expected = by_hand(problem, seeds)
        for i in range(repeat):
            alone = seconds(lambda: by_hand(problem, seeds))
            path = folder / f"real-{i}.db"
            ours = seconds(lambda path=path: list(sweep.iter_run([task], path, stop=100)))
            ratios.append(ours / alone)
            each.append(1e3 * alone / 100)
            table = sweep.load(path).table
            assert np.allclose(table["collapsed"] + table["refitted"], expected, rtol=0, atol=1e-12)
    share = 100 * (median(ratios) - 1)
    yield f"engine beside 100 trials of {median(each):.0f} ms", share, "%", "<= 5"


def processes(folder: Path, repeat: int) -> Iterator[Line]:
    """Two processes against one, starting them included."""
    problem = sweep.Problem.bundled(1000, 500)
    task = sweep.Task(MACHINE, problem, "accuracy")
    ratios = []
    for i in range(repeat):
        paths = {jobs: folder / f"jobs-{i}-{jobs}.db" for jobs in (1, 2)}
        times = [
            seconds(lambda: list(sweep.iter_run([task], path, stop=150, jobs=jobs)))  # noqa: B023
            for jobs, path in paths.items()
        ]
        ratios.append(times[0] / times[1])
    yield "two processes against one, 150 trials", median(ratios), "times", ">= 1.8"


def large(folder: Path, repeat: int) -> Iterator[Line]:
    """A store of a million rows: 1,000 machines of 1,000 chips with six numbers each."""
    path = folder / "large.db"
    sigmas = np.linspace(0.001, 0.1, 1000).tolist()
    space = sweep.Space.grid(MACHINE, {"cell.programming.sigma": sigmas})
    tasks = sweep.tasks(space, measures=NOTHING)
    rng = np.random.default_rng(0)
    with Store(path, write=True) as store:
        store.add_tasks(tasks)
        with store._transaction():
            for task in tasks:
                for trial, numbers in enumerate(rng.random((1000, 6)).tolist()):
                    values = {f"measure {i}": number for i, number in enumerate(numbers)}
                    facts = "0.1.0", "avx512", "host", "2026-01-01T00:00:00.000+00:00", 0.5
                    store._insert(Trial(task.id, trial, task.seed_of(trial), values, *facts))
    sweep.load(path)
    opening = [seconds(lambda: Store(path).close()) for _ in range(repeat)]
    yield "a store of 1,000,000 rows opens", median(opening), "s", "<= 2"
    for ending in ("parquet", "csv"):
        out = folder / f"large.{ending}"
        took = [seconds(lambda out=out: sweep.export(sweep.load(path), out)) for _ in range(repeat)]
        yield f"and is exported to {ending}", median(took), "s", "<= 20"


PARTS: dict[str, Callable[[Path, int], Iterator[Line]]] = {
    "overhead": overhead, "real": real, "processes": processes, "large": large,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--only", choices=PARTS, help="one part (default: all)")
    options = parser.parse_args()
    start = time.perf_counter()
    for name, part in PARTS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                for what, value, unit, bound in part(Path(folder), options.repeat):
                    print(f"{what}: {value:.3g} {unit} ({bound})", flush=True)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
