# SPDX-License-Identifier: BSD-3-Clause
"""Statistics over chips: means of machines, Student's t intervals, resampling.

The unit is the chip, which is known by its seed: rows of one machine with the same seed are the
same chip, rows of two machines with the same seed are a pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import choice, refusal
from imperfect._optional import require
from imperfect._study.run import METHODS
from imperfect._tables import check_table
from imperfect.sweep._results import Results, check_sweep

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 1000
SEED = 0  # of the resampling, so that the same results give the same answers
MOST_NUMBERS = 4_000_000  # that resampling holds at once
EQUAL = 5  # chips that are all equal are believed to be so; fewer may be equal by chance


class Sample(NamedTuple):
    """One measure.

    Attributes
    ----------
    chips
        A row for each chip, sorted by machine and seed: machine, seed, value.
    machines
        By name of the machine: trials (chips), mean, deviation (standard deviation over chips; 0
        for one), worst (the smallest value).
    """

    chips: pd.DataFrame
    machines: pd.DataFrame


def interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Mean and half the width of its interval, which is infinite for one value.

    Examples
    --------
    >>> mean, half = interval([0.8, 0.9], 0.9)
    >>> round(mean, 3), round(half, 3)
    (0.85, 0.316)
    """
    sample = np.asarray(values, float)
    deviation = float(sample.std(ddof=1)) if len(sample) > 1 else math.nan
    return float(sample.mean()), float(half_width(deviation, len(sample), (1 - confidence) / 2))


def half_width(deviation: Any, count: Any, tail: float) -> Any:
    """How far a mean may be off, on a side, but for a probability ``tail``: Student's t.

    ``deviation`` is the sample standard deviation of ``count`` values; arrays give an array.
    Infinite for one value, and 0 for several that are equal.
    """
    count = np.asarray(count)
    several = count > 1
    factor = require("scipy.stats").t.isf(tail, np.where(several, count - 1, 1))
    return np.where(several, factor * deviation / np.sqrt(count), math.inf)


def ends(measure: str, mean: Any, half: Any) -> tuple[Any, Any]:
    """Ends of intervals; those of an accuracy do not leave 0 to 1.

    Examples
    --------
    >>> [[float(end) for end in ends(name, 0.75, 0.5)] for name in ("refitted", "energy")]
    [[0.25, 1.0], [0.25, 1.25]]
    """
    low, high = mean - half, mean + half
    if measure in METHODS:
        # Why: a mean that is no accuracy stays inside of its interval.
        low, high = np.maximum(low, np.minimum(mean, 0)), np.minimum(high, np.maximum(mean, 1))
    return low, high


def few_equal(machines: pd.DataFrame) -> NDArray[np.bool_]:
    """Which machines (``Sample``) have too few chips, all equal, to know how chips scatter."""
    found = (machines["deviation"] == 0) & (machines["trials"] < EQUAL)
    return found.to_numpy()


def sample_of(results: Results, field: str, name: Any) -> Sample:
    """A measure of the results, which the caller's argument ``field`` names.

    Raises
    ------
    ValueError, TypeError
        If there is no such measure, it holds what is no finite number, or one chip has two values.
    """
    check_sweep(results)
    name = choice(field, name, results.measures)
    table = results.table
    check_table("results", table, ["machine", "seed"], ["seed"])
    chips = table[["machine", "seed"]].assign(value=numbers_of(table, name))
    # Why: tasks that share a measure have measured the same chips.
    chips = chips.dropna(subset="value").drop_duplicates().sort_values(["machine", "seed"])
    twice = chips.duplicated(["machine", "seed"])
    if twice.any():
        machine, seed, _ = chips[twice].iloc[0]
        raise ValueError(
            f"results: machine {machine!r} has several values of {name!r} for the chip of seed"
            f" {seed}; keep the rows of one task"
        )
    return Sample(chips.reset_index(drop=True), _summary(chips))


def numbers_of(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column of numbers, with gaps."""
    known = table[name]
    numbers: pd.Series[Any] = require("pandas").to_numeric(known, errors="coerce").astype(float)
    wrong = known.notna().to_numpy() & ~np.isfinite(numbers.to_numpy())
    if wrong.any():
        row = int(wrong.argmax())
        (value,) = known.iloc[[row]].tolist()
        raise ValueError(
            f"results: {refusal(name, value, 'a finite number, or a gap')} (row {row})"
        )
    return numbers


def _summary(chips: pd.DataFrame) -> pd.DataFrame:
    pandas = require("pandas")
    values = chips["value"].to_numpy()
    codes, names = pandas.factorize(chips["machine"])
    starts, count = np.flatnonzero(np.diff(codes, prepend=-1)), np.bincount(codes)
    first = values[starts]
    # Why: differences from the first make mean and deviation of equal values exact.
    mean = first + np.bincount(codes, values - first[codes]) / count
    squares = np.bincount(codes, (values - mean[codes]) ** 2)
    columns = {
        "trials": count,
        "mean": mean,
        "deviation": np.sqrt(squares / np.maximum(count - 1, 1)),
        "worst": np.minimum.reduceat(values, starts) if len(starts) else values,
    }
    found: pd.DataFrame = pandas.DataFrame(columns, pandas.Index(names, name="machine"))
    return found


def resampled(samples: Sequence[Sample], names: pd.Index[Any]) -> Iterator[NDArray[np.float64]]:
    """Means over resampled chips, in parts of the shape (samples, machines, resamples).

    Bayesian bootstrap (Rubin, 1981, doi 10.1214/aos/1176345338): chips have exponential weights.
    Chips of the same seed have the same weight, on every machine and in every sample, so that pairs
    stay together. A machine with one chip keeps its mean.
    """
    machines = [sample.machines.loc[names] for sample in samples]
    mean = np.concatenate([own["mean"] for own in machines])
    count = np.concatenate([own["trials"] for own in machines])
    rows, seeds, values = [], [], []
    for place, sample in enumerate(samples):
        chips = sample.chips[sample.chips["machine"].isin(names)]
        rows.append(
            names.get_indexer(require("pandas").Index(chips["machine"])) + place * len(names)
        )
        seeds.append(chips["seed"])
        values.append(chips["value"])
    row = np.concatenate(rows)
    known, seed = np.unique(np.concatenate(seeds), return_inverse=True)
    # Why: makes the variance of resampled means s²/n; theirs is s²(n - 1) / (n(n + 1)).
    grow = np.sqrt((count + 1) / np.maximum(count - 1, 1))
    away = (np.concatenate(values) - mean[row]) * grow[row]
    sparse, shape = require("scipy.sparse"), (len(mean), len(known))
    total, ones = (sparse.csr_array((x, (row, seed)), shape) for x in (away, np.ones_like(away)))
    rng, size = np.random.default_rng(SEED), max(1, MOST_NUMBERS // sum(shape))
    for start in range(0, RESAMPLES, size):
        weights = rng.standard_exponential((len(known), min(size, RESAMPLES - start)))
        means = mean[:, None] + (total @ weights) / (ones @ weights)
        yield means.reshape(len(samples), len(names), -1)


def knobs_of(results: Results) -> pd.DataFrame:
    """Values of the knobs, by name of the machine; a gap (NaN) where it has no such knob.

    Raises
    ------
    ValueError
        If a machine has several values of a knob.
    """
    check_table("results", results.table, ["machine"])
    groups = results.table.groupby("machine")[list(results.knobs)]
    several = (groups.nunique() > 1).stack()
    if several.any():
        machine, knob = several.index[several.to_numpy().nonzero()[0]][0]
        raise ValueError(f"results: machine {machine!r} has several values of {knob!r}")
    found = groups.first()
    # Why: columns of text hold gaps as None.
    return found.where(found.notna(), np.nan)
