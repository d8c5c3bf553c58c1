# SPDX-License-Identifier: BSD-3-Clause
"""Which machines no other one beats in both quality and cost, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import real
from imperfect._cost.result import parts_of
from imperfect._optional import require
from imperfect.sweep._intervals import (
    RESAMPLES,
    Sample,
    ends,
    few_equal,
    half_width,
    knobs_of,
    numbers_of,
    resampled,
    sample_of,
)
from imperfect.sweep._results import Results

if TYPE_CHECKING:
    import pandas as pd


class Priced(NamedTuple):
    """Machines whose quality and cost are known.

    Attributes
    ----------
    machines
        By name, sorted by rising cost: those of ``Sample.machines`` for the quality, and cost (mean
        over chips), without (components that it leaves out) and is_complete (whether it leaves out
        no more than every other one does).
    quality, cost
        The two measures.
    """

    machines: pd.DataFrame
    quality: Sample
    cost: Sample

    def left_out(self) -> tuple[int, tuple[str, ...]]:
        """How many machines leave out what others include, and which parts these are."""
        parts = self.machines.loc[~self.machines["is_complete"], "without"].map(parts_of)
        common = frozenset.intersection(*self.machines["without"].map(parts_of))
        return len(parts), tuple(sorted(frozenset().union(*parts) - common))


def frontier(
    results: Results, cost: str = "energy", quality: str = "refitted", *, confidence: float = 0.95
) -> pd.DataFrame:
    """Which machines no other one beats in both quality and cost: the Pareto set.

    Parameters
    ----------
    results
        What ``run`` or ``load`` returned.
    cost
        A measure that is better when lower, such as "energy", "latency", "area" or "arrays".
    quality
        A measure that is better when higher, such as "refitted" or "collapsed".
    confidence
        Of the intervals, above 0 and below 1.

    Returns
    -------
    pandas.DataFrame
        A row for each machine of which both are known, by rising cost: machine, the knobs, trials
        (chips on which the quality was measured), the cost and the quality under their own names
        (means over chips), low and high (ends of the quality's interval, Student's t over chips;
        those of an accuracy are cut off at 0 and 1), without (components that the cost leaves out),
        on_frontier, support. On the frontier is a machine unless another one costs no more and is
        as good, and is better in one of both. A machine whose total leaves out what that of another
        one includes is never on the frontier, because its own is too low. Support is the share of
        1,000 resamples of the chips in which the machine is on the frontier. Low, high and support
        are gaps for one chip, and where fewer than 5 chips are all equal, which may be so by
        chance: nobody knows how they scatter.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or no machine has both measures.

    Notes
    -----
    Resampling gives random weights to chips (Bayesian bootstrap, Rubin 1981, doi
    10.1214/aos/1176345338). Chips of the same seed get the same weight on all machines, so that
    machines are compared on the same chips if tasks were made with ``seeds="common"``. A machine
    with one chip, or equal ones, stays where it is. Machines that are close share the support.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import sweep
    >>> table = pd.DataFrame({
    ...     "task": list("aabbcc"), "machine": list("aabbcc"), "trial": [0, 1] * 3,
    ...     "seed": [7, 8] * 3, "refitted": [0.8, 0.82, 0.7, 0.74, 0.88, 0.9],
    ...     "energy": [1e-6, 1e-6, 2e-6, 2e-6, 3e-6, 3e-6],
    ... })
    >>> found = sweep.frontier(sweep.Results(table, (), ("refitted", "energy")))
    >>> print(found[["machine", "refitted", "on_frontier", "support"]].to_string(index=False))
    machine  refitted  on_frontier  support
          a      0.81         True      1.0
          b      0.72        False      0.0
          c      0.89         True      1.0
    """
    real("confidence", confidence, "a number above 0 and below 1", lambda p: 0 < p < 1)
    priced = priced_machines(results, cost, quality)
    own = priced.machines
    half = half_width(own["deviation"], own["trials"], (1 - confidence) / 2)
    unknown = few_equal(own)
    half[unknown] = np.nan
    complete = own["is_complete"].to_numpy()
    low, high = ends(quality, own["mean"], half)
    found = own.assign(low=low, high=high)
    found["on_frontier"], found["support"] = False, 0.0
    if complete.any():
        found.loc[complete, "on_frontier"] = leads(own["cost"][complete], own["mean"][complete])
        found.loc[complete, "support"] = _support(priced, own.index[complete])
    found.loc[unknown, "support"] = np.nan
    names = {"cost": cost, "mean": quality}
    kept = ["trials", *names, "low", "high", "without", "on_frontier", "support"]
    return with_knobs(results, found[kept].rename(columns=names))


def priced_machines(results: Results, cost: str, quality: str) -> Priced:
    """Machines whose quality and cost are known.

    Raises
    ------
    ValueError, TypeError
        If a measure does not fit, or no machine has both.
    """
    good, dear = sample_of(results, "quality", quality), sample_of(results, "cost", cost)
    if cost == quality:
        raise ValueError(f"cost={cost!r}: must be another measure than quality")
    own = good.machines.join(dear.machines["mean"].rename("cost"), how="inner")
    if not len(own):
        raise ValueError(f"results: no machine has both {quality!r} and {cost!r}")
    own["without"] = _without(results, cost, own.index)
    parts = own["without"].map(parts_of)
    common = frozenset.intersection(*parts)
    own["is_complete"] = [part <= common for part in parts]
    order = np.lexsort((-own["mean"], own["cost"]))
    return Priced(own.iloc[order], good, dear)


def _without(results: Results, cost: str, names: pd.Index[Any]) -> Any:
    """What the costs of machines leave out, as text."""
    column, table = f"{cost}_without", results.table
    if column not in table.columns:
        return ""
    rows = table.loc[numbers_of(table, cost).notna().to_numpy(), ["machine", column]].dropna()
    texts = rows.drop_duplicates("machine").set_index("machine")[column]
    return texts.reindex(names).fillna("").astype(str)


def leads(cost: Any, quality: Any) -> NDArray[np.bool_]:
    """Which machines (last axis) are on the frontier; equal ones are on it together.

    Examples
    --------
    >>> leads([1.0, 2.0, 2.0, 2.0, 3.0], [0.5, 0.6, 0.6, 0.4, 0.6]).tolist()
    [True, True, True, False, False]
    """
    cost, quality = np.asarray(cost, float), np.asarray(quality, float)
    order = np.lexsort((-quality, cost), axis=-1)
    dear, good = (np.take_along_axis(x, order, -1) for x in (cost, quality))
    better, repeats = np.ones(good.shape, bool), np.zeros(good.shape, bool)
    better[..., 1:] = good[..., 1:] > np.maximum.accumulate(good, -1)[..., :-1]
    repeats[..., 1:] = (good[..., 1:] == good[..., :-1]) & (dear[..., 1:] == dear[..., :-1])
    first = np.maximum.accumulate(np.where(repeats, 0, np.arange(good.shape[-1])), -1)
    found = np.empty_like(better)
    np.put_along_axis(found, order, np.take_along_axis(better, first, -1), -1)
    return found


def _support(priced: Priced, names: pd.Index[Any]) -> NDArray[np.float64]:
    """Share of resamples in which machines lead."""
    count = np.zeros(len(names))
    for part in resampled([priced.cost, priced.quality], names):
        count += leads(*np.swapaxes(part, -1, -2)).sum(axis=0)
    return count / RESAMPLES


def with_knobs(results: Results, found: pd.DataFrame) -> pd.DataFrame:
    """Rows of machines with their names and knobs before them, as a table of their own.

    Raises
    ------
    ValueError
        If a measure or a knob has the name of another column.
    """
    names = ["machine", *results.knobs, *found.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"results: {twice} would name two columns of the answer")
    table: pd.DataFrame = require("pandas").concat(
        [knobs_of(results).loc[found.index], found], axis=1
    )
    return table.reset_index(names="machine")
