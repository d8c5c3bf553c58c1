# SPDX-License-Identifier: BSD-3-Clause
"""Every trial of a study: chips at each point, in processes side by side, as one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect import _core
from imperfect._checks import check_instance
from imperfect._optional import require
from imperfect._parallel import finished_tasks
from imperfect._study.cache import Cache
from imperfect._study.samples import samples_digest
from imperfect._study.trial import Point, Scores, Study, measure_chip, measure_pixels

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("float", "collapsed", "refitted", "bn_reestimated", "affine", "shuffled", "pixels")

# Why: a chip takes a second or more, so that more than these are a slip of the finger.
MOST_CHIPS = 10_000


def chip_seeds(seed: int, chips: int) -> list[int]:
    """Seeds of the chips of a study."""
    return [_core.trial_seed(seed, chip) for chip in range(chips)]


def count_tasks(points: int, chips: int) -> int:
    """Tasks that ``measure_points`` reports as progress."""
    return 1 + 2 * points * chips


def measure_points(
    study: Study,
    points: Sequence[Point],
    seeds: Sequence[int],
    *,
    transfer: bool,
    cache: str | os.PathLike[str] | None,
    jobs: int,
    progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """The table that ``study.collapse_and_recover`` returns; arguments as there, checked."""
    study = _with_cache(study, cache)
    study, in_float = measure_float(study, transfer)
    on_pixels, trials = _run(study, points, seeds, jobs, progress)
    rows = [
        (knob, value, chip, seeds[chip], method, scores[method])
        for (knob, value, _), of_chips in zip(points, trials, strict=True)
        for chip, on_chip in enumerate(of_chips)
        for scores in [in_float | on_pixels | on_chip]
        for method in METHODS
        if method in scores
    ]
    columns = ["knob", "value", "chip", "seed", "method", "accuracy"]
    results: pd.DataFrame = require("pandas").DataFrame(rows, columns=columns)
    results["seed"] = results["seed"].astype(np.uint64)
    return results.assign(n_train=len(study.x_train), n_test=len(study.x_test))


def _with_cache(study: Study, cache: Any) -> Study:
    """The study with a folder to keep results in, and the digests of what they depend on."""
    if cache is None:
        return study
    check_instance("cache", cache, (str, os.PathLike), "the path of a folder, or None")
    folder = Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    data = f"{study.network.digest()} {samples_digest(study.x_train, study.x_test)}"
    labels = samples_digest(study.y_train, study.y_test)
    digests = data, f"{labels} {require('joblib').hash(study.head)}"
    return replace(study, cache=Cache(folder), digests=digests)


def measure_float(study: Study, transfer: bool) -> tuple[Study, Scores]:
    """The float network's accuracy, and the study with what stands for its own head."""
    from sklearn.base import clone

    if not transfer:
        arrays = study.kept("float", lambda: study.own_arrays(study.network))
        return study, {"float": study.own_accuracy(arrays)}
    # Why: until the head is fitted there is none, and no answer of the network's own counts.
    study = replace(study, own_head=study.head)
    arrays = study.kept("float", lambda: study.all_arrays(study.network))
    study = replace(study, own_head=clone(study.head).fit(arrays["train"], study.y_train))
    return study, {"float": study.own_accuracy(arrays)}


def _run(
    study: Study,
    points: Sequence[Point],
    seeds: Sequence[int],
    jobs: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Scores, list[list[Scores]]]:
    """Scores of the raw inputs, and of every chip at every point."""
    joblib = require("joblib")
    parts = ("trained", "control")
    trials = [
        (point, *chip, part) for point in points for chip in enumerate(seeds) for part in parts
    ]
    # Why: fitting on raw inputs may take longest, and nothing waits for what starts first.
    tasks = [joblib.delayed(measure_pixels)(study)]
    tasks += [joblib.delayed(measure_chip)(study, *trial) for trial in trials]
    numbered = [joblib.delayed(_numbered)(i, *task) for i, task in enumerate(tasks)]
    scores: list[Scores] = [{}] * len(tasks)
    jobs = min(jobs, len(tasks))
    with (
        joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1),
        closing(finished_tasks(numbered, jobs)) as finished,
    ):
        for done, (index, result) in enumerate(finished, 1):
            scores[index] = result
            if progress is not None:
                progress(done, len(tasks))
    rest, step = [a | b for a, b in zip(scores[1::2], scores[2::2], strict=True)], len(seeds)
    return scores[0], [rest[i : i + step] for i in range(0, len(rest), step)]


def _numbered(
    index: int, function: Callable[..., Scores], args: Any, kwargs: Any
) -> tuple[int, Scores]:
    return index, function(*args, **kwargs)
