# SPDX-License-Identifier: BSD-3-Clause
"""The cheapest machine that keeps a target, with a stated confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._checks import real
from imperfect._cost.result import engineering, square_millimetres
from imperfect._study.run import METHODS
from imperfect.hardware import Hardware
from imperfect.sweep._frontier import priced_machines
from imperfect.sweep._intervals import ends, few_equal, half_width, knobs_of
from imperfect.sweep._results import Results

if TYPE_CHECKING:
    import pandas as pd

UNITS = {"energy": "J", "latency": "s"}
NUMBERS = {"mean": "mean", "low": "low", "worst": "worst", "cost_value": "cost"}  # by field


@dataclass(frozen=True, slots=True, repr=False)
class MinimumSpec:
    """The cheapest machine that keeps a target; made by ``minimum_spec``.

    What describes the machine is None if none is certain to keep it.

    Attributes
    ----------
    accuracy, quality, cost, confidence
        What was asked: the target, the measure that has to reach it, the measure that is to be
        low, and the confidence.
    looked_at : int
        Machines of which both measures are known.
    not_considered : int
        How many of them are not taken, because their cost leaves out what others include.
    left_out : tuple of str
        The components that these costs leave out.
    machine : str or None
        Name of the cheapest machine that is certain to keep the target.
    knobs : dict or None
        Values of its knobs.
    hardware, time : Hardware and float, or None
        The machine, and its age in seconds; None if the results were not made by a sweep.
    mean, low, worst : float or None
        Of the quality: its mean over chips, the lower bound of the mean over all chips that could
        be made, and the worst chip measured.
    cost_value : float or None
        The cost (mean over chips; energy in J, latency in s, area in m²).
    trials : int or None
        Chips on which the quality was measured.
    by_mean : str or None
        Name of the cheapest machine whose mean reaches the target; more chips may make it certain.
    closest, closest_low : str and float, or None
        If no machine is certain: the one with the highest lower bound, and the bound; None if no
        machine has a bound.
    """

    accuracy: float
    quality: str
    cost: str
    confidence: float
    looked_at: int
    not_considered: int
    left_out: tuple[str, ...]
    machine: str | None
    knobs: Mapping[str, Any] | None
    hardware: Hardware | None
    time: float | None
    mean: float | None
    low: float | None
    worst: float | None
    cost_value: float | None
    trials: int | None
    by_mean: str | None
    closest: str | None
    closest_low: float | None

    def __repr__(self) -> str:
        target = f"{self.quality} >= {self.accuracy:g} with {100 * self.confidence:g} % confidence"
        looked = f"(machines looked at: {self.looked_at:,})"
        if self.machine is None:
            bound = "no machine has a lower bound: measure more chips"
            if self.closest is not None:
                bound = f"highest lower bound: {self.closest_low:.4g}, {self.closest}"
            lines = [f"MinimumSpec: none is certain to keep {target} {looked}", f"  {bound}"]
        else:
            lines = [
                f"MinimumSpec: {self.machine}",
                f"  {self._price()}, the least that keeps {target} {looked}",
                f"  {self.quality} {self.mean:.4g} on average over {self.trials:,} chips,"
                f" at least {self.low:.4g}; worst chip {self.worst:.4g}",
            ]
        if self.by_mean != self.machine:
            lines.append(f"  cheapest if means were exact: {self.by_mean}")
        if self.not_considered:
            count = f"{self.not_considered:,} of {self.looked_at:,} machines not considered"
            lines.append(f"  {count}: their {self.cost} leaves out {' or '.join(self.left_out)}")
        return "\n".join(lines)

    def _price(self) -> str:
        value = self.cost_value
        assert value is not None
        if self.cost == "area":
            return f"area {square_millimetres(value)}"
        unit = UNITS.get(self.cost)
        return f"{self.cost} {engineering(value, unit) if unit else format(value, '.4g')}"


def minimum_spec(
    results: Results,
    accuracy: float = 0.9,
    *,
    quality: str = "refitted",
    cost: str = "energy",
    confidence: float = 0.95,
) -> MinimumSpec:
    """The cheapest machine that is certain to keep a target.

    Parameters
    ----------
    results
        What ``run`` or ``load`` returned.
    accuracy
        The target: what the mean of the quality over chips has to reach.
    quality
        A measure that is better when higher, such as "refitted" or "collapsed".
    cost
        A measure that is better when lower, such as "energy", "latency", "area" or "arrays".
    confidence
        Above 0 and below 1.

    Returns
    -------
    MinimumSpec
        It prints as a few lines.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or no machine has both measures.

    Notes
    -----
    Who takes the cheapest of many machines whose interval lies above the target takes the one that
    was measured too well: of 100 machines that just miss it, five pass a test at 95 %. Bounds are
    therefore those of all machines looked at together: Student's t, one-sided, at a probability of
    error of (1 - confidence) / machines for each (Bonferroni). The probability that the machine
    named misses the target is then at most 1 - confidence, however it was chosen. The price is
    wider bounds: for 350 machines and 10 chips, 1.8 standard deviations below the mean.

    This holds as far as chips scatter normally: a rare bad chip that no trial shows is not covered,
    and rules that stop early (``Stop``) make bounds a little optimistic. A machine with one chip
    has no bound and is never certain. Where all chips are equal the bound is the mean, if they are
    5 or more; fewer may be equal by chance, and have no bound. Accuracies come in steps of one test
    image: where chips differ by a few images only, even 5 may be equal by chance; 10 hardly are.

    A machine whose cost leaves out what that of another one includes is not taken, because its own
    is too low (``frontier``); the answer says how many there are.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import sweep
    >>> table = pd.DataFrame({
    ...     "task": list("aaabbb"), "machine": list("aaabbb"), "trial": [0, 1, 2] * 2,
    ...     "seed": [7, 8, 9] * 2, "refitted": [0.92, 0.86, 0.95, 0.93, 0.94, 0.94],
    ...     "energy": [1e-6] * 3 + [2e-6] * 3,
    ... })
    >>> sweep.minimum_spec(sweep.Results(table, (), ("refitted", "energy")), 0.9)
    MinimumSpec: b
      energy 2 µJ, the least that keeps refitted >= 0.9 with 95 % confidence (machines looked at: 2)
      refitted 0.9367 on average over 3 chips, at least 0.9223; worst chip 0.93
      cheapest if means were exact: a
    """
    real("confidence", confidence, "a number above 0 and below 1", lambda p: 0 < p < 1)
    priced = priced_machines(results, cost, quality)
    own = priced.machines
    _check_target(accuracy, quality)
    own = own.assign(low=own["mean"] - _bounds(own, (1 - confidence) / len(own)))
    complete = own[own["is_complete"]]
    certain, reached = complete[complete["low"] >= accuracy], complete[complete["mean"] >= accuracy]
    bounded = complete["low"][complete["low"] > -math.inf]
    close = None
    if len(bounded) and not len(certain):
        close = complete.iloc[int(complete["low"].to_numpy().argmax())]
    return MinimumSpec(
        accuracy, quality, cost, confidence, len(own), *priced.left_out(),
        **_description(results, certain.iloc[0] if len(certain) else None),
        by_mean=str(reached.index[0]) if len(reached) else None,
        closest=None if close is None else str(close.name),
        closest_low=None if close is None else _low(quality, close),
    )  # fmt: skip


def _check_target(accuracy: Any, quality: str) -> None:
    if quality in METHODS:
        real("accuracy", accuracy, "a number from 0 to 1", lambda x: 0 <= x <= 1)
    real("accuracy", accuracy, "a finite number", math.isfinite)


def _bounds(machines: pd.DataFrame, tail: float) -> Any:
    """How far below the means the lower bounds are."""
    half = half_width(machines["deviation"], machines["trials"], tail)
    return np.where(few_equal(machines), math.inf, half)


def _low(quality: str, row: pd.Series[Any]) -> float:
    """A lower bound; that of an accuracy is not below 0."""
    return float(ends(quality, row["mean"], row["mean"] - row["low"])[0])


def _description(results: Results, row: pd.Series[Any] | None) -> dict[str, Any]:
    """The fields that tell which machine it is."""
    fields = ("machine", "knobs", "hardware", "time", *NUMBERS, "trials")
    if row is None:
        return dict.fromkeys(fields)
    name, hardware, time = str(row.name), None, None
    try:
        _, knobs, hardware, time = results.machine(name)
    except ValueError:
        (values,) = knobs_of(results).loc[[name]].to_dict("records")
        knobs = {str(knob): value for knob, value in values.items() if value == value}  # no gaps
    numbers = (float(row[key]) for key in NUMBERS.values())
    return dict(
        zip(fields, (name, knobs, hardware, time, *numbers, int(row["trials"])), strict=True)
    )
