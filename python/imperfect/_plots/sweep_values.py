# SPDX-License-Identifier: BSD-3-Clause
"""What figures of sweeps are made of: means over chips and machines, by the values of knobs.

A mean over machines gives each of them the same weight, however many chips it has. How chips
differ is told from their distances to the means of their machines: chip t, known by its seed, lies
d_t above on average over the machines that have it, and a band goes from the mean plus the least
d_t to the mean plus the greatest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import check_instance, choice, refusal
from imperfect._optional import require
from imperfect._plots.pareto import AXES
from imperfect._plots.style import STYLES, Style, plain
from imperfect.sweep import Results
from imperfect.sweep._groups import upper_ends
from imperfect.sweep._intervals import Sample, knobs_of, sample_of
from imperfect.sweep._results import check_sweep

if TYPE_CHECKING:
    import pandas as pd

USUAL = ("float", "collapsed", "refitted", "shuffled", "pixels")
# Of measures that are no methods: colours of Okabe & Ito, markers that differ.
OTHERS = [
    Style("", "#0072B2", "o"), Style("", "#D55E00", "s"), Style("", "#009E73", "^"),
    Style("", "#E69F00", "v"), Style("", "#CC79A7", "D"), Style("", "#56B4E9", "P"),
]  # fmt: skip
KNOBS = {"time": "Time since writing (s)"}


class Groups(NamedTuple):
    """Machines put together by the value of a knob, in rising order.

    Attributes
    ----------
    codes
        The group of each machine, by its name; -1 if it has no such knob.
    labels
        What the groups are called.
    places
        Mean values of their machines; 0, 1, ... if one of them is text.
    is_number
        Whether all are finite numbers.
    is_exact
        Whether, besides, each group has one value.
    """

    codes: pd.Series[int]
    labels: list[str]
    places: NDArray[np.float64]
    is_number: bool
    is_exact: bool


def groups_of(results: Results, field: str, knob: Any) -> Groups:
    """A group for each value of a knob; more than 12 numbers are cut into 6 of equal size.

    Raises
    ------
    ValueError, TypeError
        If there is no such knob; the caller's argument ``field`` names it.
    """
    check_sweep(results)
    choice(field, knob, results.knobs)
    own = knobs_of(results)[knob]
    values = list(own.dropna())
    numbers = np.array(sorted(value for value in values if _is_number(value)), float)
    cut = np.split(numbers, np.searchsorted(numbers, upper_ends(numbers), side="right"))
    parts = [part for part in cut if len(part)]
    texts = list(dict.fromkeys(str(value) for value in values if not _is_number(value)))
    labels = [
        f"{part[0]:.6g}" if part[0] == part[-1] else f"{part[0]:.3g}–{part[-1]:.3g}"
        for part in parts
    ]
    group = {value: place for place, part in enumerate(parts) for value in part.tolist()}
    group |= {text: place for place, text in enumerate(texts, len(parts))}
    # Why: a gap is no value, whereas None is one, which knobs hold as text.
    codes = [
        group[value if _is_number(value) else str(value)] if known else -1
        for value, known in zip(own, own.notna(), strict=True)
    ]
    places = range(len(parts) + len(texts)) if texts else [part.mean() for part in parts]
    if not values:
        raise ValueError(f"{field}={knob!r}: no machine of results has a value of it")
    named = require("pandas").Series(codes, own.index)
    kept = not texts and all(part[0] == part[-1] for part in parts)
    return Groups(named, labels + texts, np.array(places, float), not texts, kept)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value))


def measured(results: Results, field: str, name: Any) -> Sample:
    """A measure of the results; refuses accuracies that are not from 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If there is no such measure, or it does not fit; the caller's argument ``field`` names it.
    """
    sample = sample_of(results, field, name)
    values = sample.chips["value"]
    wrong = sample.chips[(values < 0) | (values > 1)]
    if name in STYLES and len(wrong):
        machine, _, value = wrong.iloc[0]
        raise ValueError(f"results: {name}={value:g} of {machine!r}: must be from 0 to 1")
    return sample


def spread_by(measure: str, sample: Sample, codes: pd.Series[int]) -> pd.DataFrame:
    """Means of a measure by group: columns group, mean, low, high, machines, chips.

    Bands of accuracies end at 0 and 1.
    """
    machines = sample.machines.assign(group=codes)
    machines = machines[machines["group"] >= 0]
    chips = sample.chips.join(machines[["group", "mean"]], on="machine", how="inner")
    chips["apart"] = chips["value"] - chips["mean"]
    apart = chips.groupby(["group", "seed"])["apart"].mean().groupby("group")
    groups = machines.groupby("group")
    means = groups["mean"].mean()
    low, high = means + apart.min(), means + apart.max()
    found = require("pandas").DataFrame({
        "mean": means,
        "low": low.clip(0) if measure in STYLES else low,
        "high": high.clip(upper=1) if measure in STYLES else high,
        "machines": groups.size(),
        "chips": groups["trials"].sum(),
    })  # fmt: skip
    result: pd.DataFrame = found.reset_index()
    return result


def chosen_measures(results: Results, field: str, measures: Any) -> list[str]:
    """Measures to be drawn: those given, or the accuracies that were measured."""
    check_sweep(results)
    if measures is None:
        return _usual(results, field)
    if isinstance(measures, str):
        measures = [measures]
    check_instance(field, measures, Sequence, "the name of a measure or a list of them")
    for name in measures:
        choice(field, name, results.measures)
    if not measures or len(set(measures)) < len(measures):
        raise ValueError(refusal(field, measures, "one measure or more, none of them twice"))
    if len({_unit(name) for name in measures}) > 1:
        raise ValueError(
            f"{field}={measures!r}: have different units; draw them into axes of their own"
        )
    return list(measures)


def _usual(results: Results, field: str) -> list[str]:
    found = [name for name in USUAL if name in results.measures]
    if found:
        return found
    if len(results.measures) == 1:
        return list(results.measures)
    raise ValueError(
        f"{field}=None: results have no accuracies; name some of {list(results.measures)}"
    )


def _unit(measure: str) -> str:
    return "accuracy" if measure in STYLES else measure if measure in AXES else ""


def styles_of(measures: Sequence[str]) -> Mapping[str, Style]:
    """How measures are drawn: methods as everywhere, others one after the other."""
    others = [name for name in measures if name not in STYLES]
    found = {name: STYLES[name] for name in measures if name in STYLES}
    for place, name in enumerate(others):
        style = OTHERS[place % len(OTHERS)]
        found[name] = Style(plain(label_of(name)[0]), style.color, style.marker)
    return {name: found[name] for name in measures}


def label_of(measure: str) -> tuple[str, float]:
    """What an axis calls a measure, and the size of the unit that it is drawn in."""
    if measure in AXES:
        name, scale, unit = AXES[measure]
        return f"{name} ({unit})", scale
    return (STYLES[measure].label if measure in STYLES else measure), 1.0


def knob_label(knob: str) -> str:
    """What an axis calls a knob."""
    return KNOBS.get(knob, plain(knob))
