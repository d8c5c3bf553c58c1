# SPDX-License-Identifier: BSD-3-Clause
"""Which knobs matter: how much of the variance between machines each of them explains.

The quality of a machine is its mean over chips, y. Least squares fit y = c + Σ_k f_k(level of knob
k), one number for each level; R² is the share of the variance of y that a fit explains. What the
fit loses without a knob is the share of that knob, what it gains from a number for each pair of
levels is the share of an interaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._optional import require
from imperfect.sweep._groups import GROUPS, MOST_VALUES, upper_ends
from imperfect.sweep._intervals import Sample, knobs_of, resampled, sample_of
from imperfect.sweep._results import Results
from imperfect.sweep._threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

FOR_A_TERM = 2  # machines that are to come for each term of the model where knobs are cut
MOST_TERMS = 2000  # levels that a fit may have
SMALLEST = 1e-9  # relative: below, numbers are rounding errors

Codes = NDArray[np.intp]
EFFECTS = ["knob", "values", "lowest", "highest", "spread", "share", "by_chance"]
INTERACTIONS = ["knob", "other", "share", "by_chance"]


def effects(results: Results, quality: str = "refitted") -> pd.DataFrame:
    """Which knob matters most: what each explains of the variance between machines.

    Parameters
    ----------
    results
        What ``run`` or ``load`` returned, of two machines or more.
    quality
        A measure; a machine's quality is its mean over chips, and all machines count alike.

    Returns
    -------
    pandas.DataFrame
        A row for each knob, by falling share: knob; values (how many were told apart); lowest and
        highest (smallest and largest mean of the quality over the machines of one value); spread
        (their difference); share (of the variance between machines: by how much R² of a model in
        which knobs add up falls without this one); by_chance (the share that a knob without effect
        would have on average if what the model leaves unexplained were noise; a share that is not
        well above it says nothing). ``attrs`` holds "machines"; "explained", R² of the model; and
        "noise", the share of the variance that is there because machines have finite numbers of
        chips (found by resampling those that have two or more, see ``frontier``; NaN if none has).
        "explained" is NaN where all machines are equal, or too few (below).

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, there is one machine only, no knob, or more than 2,000 values
        are to be told apart.

    Notes
    -----
    Knobs with more than 12 different numbers are cut into at most 6 groups of about equally many
    machines. Where values as they are leave too few machines to judge by (below), all numbers are
    cut, into at most 6 and at least 2 groups, so that two machines come for each term of the model:
    machines drawn at random hardly share a value. A gap (spaces added together) is a value of its
    own. Knobs that cannot be told apart (some values of one come only with some values of the
    other) are one row, "a + b".

    A model with as many terms as machines explains everything, whatever the knobs do. A share is
    therefore a gap where fewer machines are left, beyond the terms of the model, than the knob has
    terms (its values less one); "explained" is where this is so for some knob. It is also a gap
    where machines were chosen so that several other knobs together explain the same, or where all
    machines are equal; a knob that does not vary has share 0.

    On a full grid shares add up to "explained"; the rest are interactions and, with cut knobs, what
    differs inside groups.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import sweep
    >>> table = pd.DataFrame({
    ...     "task": list("abcd"), "machine": list("abcd"), "bits": [1, 1, 2, 2],
    ...     "rows": [64, 128, 64, 128], "trial": 0, "seed": 7, "refitted": [0.5, 0.4, 0.8, 0.7],
    ... })
    >>> found = sweep.effects(sweep.Results(table, ("rows", "bits"), ("refitted",)))
    >>> print(found[["knob", "spread", "share"]].round(3).to_string(index=False))
    knob  spread  share
    bits     0.3    0.9
    rows     0.1    0.1
    """
    sample, levels, mean = _prepared(results, quality)
    varied = _varied(levels)
    rows = []
    # Why: on cores that others use too, BLAS's threads wait for each other: 4 s for 0.05 s of work.
    with one_thread():
        whole = _fit(list(varied.values()), mean)
        explained = np.nan if _too_few(levels, len(mean) - whole.terms) else whole.explained
        for knob, codes in levels.items():
            others = [own for other, own in varied.items() if other != knob]
            share, chance = _gain(whole, _fit(others, mean), codes.max())
            if _too_few({knob: codes}, len(mean) - whole.terms):
                share, chance = np.nan, np.nan
            if knob not in varied:
                share, chance = 0 * whole.explained, 0 * whole.explained
            found = np.bincount(codes, mean) / np.bincount(codes)
            low, high = found.min(), found.max()
            rows.append((knob, codes.max() + 1, low, high, high - low, share, chance))
    table: pd.DataFrame = require("pandas").DataFrame(rows, columns=EFFECTS)
    table = table.sort_values("share", ascending=False, kind="stable", ignore_index=True)
    noise = _noise(sample) / np.var(mean) if np.isfinite(whole.explained) else np.nan
    table.attrs |= {"machines": len(mean), "explained": explained, "noise": float(noise)}
    return table


def interactions(results: Results, quality: str = "refitted") -> pd.DataFrame:
    """Which knobs matter together: pairs whose effects do not just add up.

    Parameters
    ----------
    results, quality
        As for ``effects``.

    Returns
    -------
    pandas.DataFrame
        A row for each pair of knobs that vary, by falling share: knob, other, share (of the
        variance between machines: by how much R² of the model of ``effects`` rises with terms for
        all pairs of values of these two), by_chance (as there). A share is a gap where these terms
        cannot be told from the other knobs, or leave no machine to judge by; where only two knobs
        vary, what is left by the model is their interaction.

    Raises
    ------
    ValueError, TypeError
        As ``effects``.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import sweep
    >>> table = pd.DataFrame({
    ...     "task": list("abcd"), "machine": list("abcd"), "bits": [1, 1, 2, 2],
    ...     "rows": [64, 128, 64, 128], "trial": 0, "seed": 7, "refitted": [0.5, 0.4, 0.7, 0.8],
    ... })
    >>> found = sweep.interactions(sweep.Results(table, ("rows", "bits"), ("refitted",)))
    >>> print(found[["knob", "other", "share"]].round(3).to_string(index=False))
    knob other  share
    rows  bits    0.1
    """
    _, levels, mean = _prepared(results, quality)
    varied = _varied(levels)
    rows = []
    with one_thread():
        base = _fit(list(varied.values()), mean)
        for (knob, a), (other, b) in itertools.combinations(varied.items(), 2):
            cells = _together(a, b)
            whole = _fit([*varied.values(), cells], mean)
            share, chance = _gain(whole, base, cells.max() - a.max() - b.max())
            if whole.terms == len(mean) and len(varied) > 2:
                share = np.nan
            rows.append((knob, other, share, chance))
    found: pd.DataFrame = require("pandas").DataFrame(rows, columns=INTERACTIONS)
    return found.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _prepared(
    results: Results, quality: str
) -> tuple[Sample, dict[str, Codes], NDArray[np.float64]]:
    """The quality, levels of knobs by their names, and means, machines in one order."""
    sample = sample_of(results, "quality", quality)
    if not results.knobs:
        raise ValueError("results: have no knobs")
    if len(sample.machines) < 2:
        raise ValueError(
            f"results: machines with {quality!r}: {len(sample.machines)}; must be 2 or more"
        )
    knobs = knobs_of(results).loc[sample.machines.index]
    mean = sample.machines["mean"].to_numpy()
    levels = _apart({knob: _levels(knobs[knob], MOST_VALUES, GROUPS) for knob in knobs.columns})
    if _too_few(levels, len(mean) - 1 - sum(codes.max() for codes in levels.values())):
        count = (knobs.nunique(dropna=False) > 1).sum()
        groups = 1 + int(len(mean) / FOR_A_TERM - 1) // max(count, 1)
        groups = min(max(groups, 2), GROUPS)
        levels = _apart({knob: _levels(knobs[knob], groups, groups) for knob in knobs.columns})
    return sample, levels, mean


def _too_few(levels: Mapping[str, Codes], left: int) -> bool:
    """Whether fewer machines are left to judge by than some knob has terms."""
    return bool(left < max(codes.max() for codes in levels.values()))


def _varied(levels: Mapping[str, Codes]) -> dict[str, Codes]:
    return {knob: codes for knob, codes in levels.items() if codes.max() > 0}


def _levels(values: pd.Series[Any], most: int, groups: int) -> Codes:
    """Which machines have the same value of a knob; more than ``most`` numbers are cut."""
    pandas = require("pandas")
    numbers = pandas.to_numeric(values, errors="coerce").to_numpy(float)
    has_place = np.isfinite(numbers)
    named = values.astype(object).to_numpy(copy=True)
    ends = upper_ends(numbers[has_place], most, groups)
    named[has_place] = np.searchsorted(ends, numbers[has_place])
    codes: Codes = pandas.factorize(named, use_na_sentinel=False)[0]
    return codes


def _apart(levels: Mapping[str, Codes]) -> dict[str, Codes]:
    """Put knobs together that cannot be told apart."""
    found: dict[str, Codes] = {}
    for knob, codes in levels.items():
        name, own = knob, codes
        while other := next((k for k, old in found.items() if _are_confounded(old, own)), ""):
            name, own = f"{other} + {name}", _together(found.pop(other), own)
        found[name] = own
    return found


def _are_confounded(a: Codes, b: Codes) -> bool:
    """Whether some difference between values of one is always one between values of the other.

    Join the values that occur together: it is so if they fall into several parts.
    """
    if not a.max() or not b.max():
        return False
    size = a.max() + b.max() + 2
    sparse = require("scipy.sparse")
    joined = sparse.coo_array((np.ones_like(a), (a, a.max() + 1 + b)), (size, size))
    parts, _ = require("scipy.sparse.csgraph").connected_components(joined, directed=False)
    return bool(parts > 1)


def _together(a: Codes, b: Codes) -> Codes:
    """Which machines have the same values of two knobs."""
    codes: Codes = np.unique(a * (b.max() + 1) + b, return_inverse=True)[1]
    return codes


class _Fit(NamedTuple):
    """R² of a fit (NaN without variance), the number of its independent terms, and of machines."""

    explained: float
    terms: int
    machines: int


def _fit(knobs: Sequence[Codes], mean: NDArray[np.float64]) -> _Fit:
    """Least squares with a term for each level of each knob."""
    count, away = len(mean), mean - mean.mean()
    ends = np.cumsum([0, *(codes.max() + 1 for codes in knobs)])
    if ends[-1] > MOST_TERMS:
        raise ValueError(f"results: knobs have {ends[-1]} values; must be at most {MOST_TERMS}")
    if np.ptp(mean) <= SMALLEST * np.abs(mean).max():
        return _Fit(np.nan, 0, count)
    if not knobs:
        return _Fit(0.0, 1, count)
    column = np.concatenate([end + codes for end, codes in zip(ends, knobs, strict=False)])
    row = np.tile(np.arange(count), len(knobs))
    ones, shape = np.ones(len(row)), (count, ends[-1])
    design = require("scipy.sparse").csr_array((ones, (row, column)), shape)
    power, axes = np.linalg.eigh((design.T @ design).toarray())
    kept = power > SMALLEST * power[-1]
    along = (design.T @ away) @ axes[:, kept]
    explained = float(np.sum(along**2 / power[kept]) / (away @ away))
    return _Fit(min(explained, 1.0), int(kept.sum()), count)


def _gain(whole: _Fit, part: _Fit, terms: int) -> tuple[float, float]:
    """What a fit explains more than one without some terms, and what it would by chance.

    Gaps if the other terms make up for some of these.
    """
    more, left = whole.terms - part.terms, whole.machines - whole.terms
    if more < max(terms, 1):
        return np.nan, np.nan
    chance = more * (1 - whole.explained) / left if left else np.nan
    return max(whole.explained - part.explained, 0.0), chance


def _noise(sample: Sample) -> float:
    """Variance between machines that comes from finite numbers of chips."""
    machines = sample.machines[sample.machines["trials"] > 1]
    if len(machines) < 2:
        return np.nan
    away = [
        (part[0] - machines["mean"].to_numpy()[:, None]).var(axis=0)
        for part in resampled([sample], machines.index)
    ]
    return float(np.concatenate(away).mean())
