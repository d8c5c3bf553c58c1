# SPDX-License-Identifier: BSD-3-Clause
"""How much of what a chip loses comes back: R = (refitted - collapsed) / (float - collapsed).

Over chips, R is the ratio of the means, and its interval that of a ratio estimator (Cochran,
Sampling Techniques, 3rd ed. 1977, chapter 6): with l_c = float - collapsed and r_c = refitted -
collapsed of chip c, R = mean(r) / mean(l), its standard error s / (sqrt(n) mean(l)), where s is
the deviation of r_c - R l_c with n - 1 degrees of freedom. Means of single ratios would be ruled by
the chips that lose least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import real
from imperfect._optional import require
from imperfect._tables import check_results

if TYPE_CHECKING:
    import pandas as pd

COMPARED = ("float", "collapsed", "refitted")
CONTROLS = ("shuffled", "pixels")
RIVALS = ("bn_reestimated", "affine")


def recovered(results: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """The share of the lost accuracy that refitting brings back, with its interval over chips.

    R = (refitted - collapsed) / (float - collapsed): 0 if refitting changes nothing, 1 if all that
    was lost comes back. Read it beside the controls: what shuffled weights or raw inputs give as
    well is no recovery.

    Parameters
    ----------
    results
        What ``collapse_and_recover`` returned.
    confidence
        Of the interval, above 0 and below 1; over chips, by Student's t.

    Returns
    -------
    pandas.DataFrame
        One row per knob and value: float, collapsed, refitted (means over chips), the better
        control where results have one, recovery, low, high, chips. Recovery is missing (NaN) where
        chips lose nothing on average, and the interval where there is one chip.

    Raises
    ------
    ValueError, TypeError
        If ``results`` are no results of a study, or lack one of these methods.

    Notes
    -----
    Ratio of means and its standard error: Cochran, Sampling Techniques (1977), chapter 6.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import study
    >>> results = pd.DataFrame({
    ...     "knob": "cell.bits", "value": 2, "chip": [0, 0, 0, 1, 1, 1],
    ...     "method": ["float", "collapsed", "refitted"] * 2,
    ...     "accuracy": [0.9, 0.1, 0.6, 0.9, 0.2, 0.5],
    ... })
    >>> print(study.recovered(results)[["recovery", "low", "high"]].round(2).to_string(index=False))
     recovery   low  high
         0.53 -0.71  1.78
    """
    level = real("confidence", confidence, "a number above 0 and below 1", lambda p: 0 < p < 1)
    check_results(results, COMPARED + CONTROLS + RIVALS, ["chip"])
    rows = []
    for (knob, value), group in results.groupby(["knob", "value"], sort=False):
        table = group.pivot(index="chip", columns="method", values="accuracy")
        for name in COMPARED:
            if name not in table.columns or table[name].isna().any():
                raise ValueError(f"results: lack method {name!r} for {knob} = {value}")
        controls = [table[name].mean() for name in CONTROLS if name in table.columns]
        means = [float(table[name].mean()) for name in COMPARED]
        better = max(controls, default=np.nan)
        lost = (table["float"] - table["collapsed"]).to_numpy()
        gained = (table["refitted"] - table["collapsed"]).to_numpy()
        rows.append((knob, value, *means, better, *_ratio(gained, lost, level), len(table)))
    columns = ["knob", "value", *COMPARED, "control", "recovery", "low", "high", "chips"]
    found: pd.DataFrame = require("pandas").DataFrame(rows, columns=columns)
    return found


def _ratio(gained: NDArray[Any], lost: NDArray[Any], level: float) -> tuple[float, float, float]:
    """Ratio of the means and the ends of its interval."""
    count, loss = len(lost), float(lost.mean())
    if loss <= 0:
        return np.nan, np.nan, np.nan
    ratio = float(gained.mean()) / loss
    if count < 2:
        return ratio, np.nan, np.nan
    error = np.std(gained - ratio * lost, ddof=1) / (np.sqrt(count) * loss)
    half = float(require("scipy.stats").t.ppf((1 + level) / 2, count - 1) * error)
    return ratio, ratio - half, ratio + half
