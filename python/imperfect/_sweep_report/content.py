# SPDX-License-Identifier: BSD-3-Clause
"""What a report is about: its measures, statistics of the machines, and what answers there are.

An answer that the results do not give is the reason why, as text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from imperfect import sweep
from imperfect._checks import choice, real, refusal
from imperfect._plots.pareto import AXES
from imperfect._plots.style import STYLES
from imperfect._plots.sweep_frontier import HEADS
from imperfect._plots.sweep_values import label_of, measured
from imperfect._tables import check_table
from imperfect.sweep import MinimumSpec, Results
from imperfect.sweep._intervals import Sample
from imperfect.sweep._results import PROVENANCE, check_sweep

if TYPE_CHECKING:
    import pandas as pd

Answer = TypeVar("Answer")
CONFIDENCE = 0.95
FRACTIONS = (0.98, 0.95, 0.9, 0.8)  # of the float network's accuracy
NO_QUALITIES = (*AXES, "arrays", "tops_per_watt", "tops_per_mm2")


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What a report is about.

    Attributes
    ----------
    results
        The sweep.
    quality, heads
        The measure that machines are judged by; with it, of the network's own head and a refitted
        one, the other one if it was measured.
    cost
        What they cost; None if nothing that is a cost was measured.
    samples
        Every measure, by name.
    places
        Names of the machines, in the order of their rows, with their places there.
    frontiers
        By head, what ``sweep.frontier`` gives, or why there is none.
    effects
        What ``sweep.effects`` gives, or why there is nothing.
    targets
        Values that the quality is to keep, with what they are.
    """

    results: Results
    quality: str
    heads: list[str]
    cost: str | None
    samples: dict[str, Sample]
    places: dict[str, int]
    frontiers: dict[str, pd.DataFrame | str]
    effects: pd.DataFrame | str
    targets: list[tuple[float, str]]

    def minimum(self, head: str, target: float) -> MinimumSpec | str:
        """The cheapest machine that keeps a target, or why nobody knows."""
        if self.cost is None:
            return NO_COST
        cost = self.cost
        return _answer(lambda: sweep.minimum_spec(self.results, target, quality=head, cost=cost))

    @property
    def named_by_knobs(self) -> bool:
        """Whether names of machines only repeat their knobs."""
        machines = self.results.machines
        return all(
            name in machines
            and name == ", ".join(f"{knob}={value}" for knob, value in machines[name][2].items())
            for name in self.places
        )

    def mean(self, measure: str) -> float | None:
        """Mean of a measure over machines; None if it was not measured."""
        if measure not in self.samples or not len(self.samples[measure].machines):
            return None
        return float(self.samples[measure].machines["mean"].mean())


NO_COST = 'no cost was measured (the measure "cost" gives energy, latency and area)'


def content_of(results: Any, quality: Any, cost: Any, targets: Any) -> Content:
    """Everything that a report is made of, from checked arguments."""
    check_sweep(results)
    check_table("results", results.table, ["machine", "seed", *PROVENANCE], ["seconds"])
    quality = _quality(results, quality)
    cost = _cost(results, cost, quality)
    heads = [quality]
    if quality in HEADS:
        heads = [head for head in HEADS if head in results.measures and head != cost]
    samples = {name: measured(results, "measures", name) for name in results.measures}
    names = dict.fromkeys(results.table["machine"])
    frontiers: dict[str, pd.DataFrame | str] = dict.fromkeys(heads, NO_COST)
    if cost is not None:
        frontiers = {head: _frontier(results, cost, head) for head in heads}
    found = Content(
        results, quality, heads, cost, samples, {name: i for i, name in enumerate(names)},
        frontiers, _answer(lambda: sweep.effects(results, quality)), [],
    )  # fmt: skip
    found.targets.extend(_targets(found, targets))
    return found


def _frontier(results: Results, cost: str, head: str) -> pd.DataFrame | str:
    return _answer(lambda: sweep.frontier(results, cost, head, confidence=CONFIDENCE))


def _answer(ask: Callable[[], Answer]) -> Answer | str:
    """An answer, or why there is none."""
    try:
        return ask()
    except ValueError as error:
        why = str(error).removeprefix("results: ")
        return f"the results {why}" if why.startswith("have ") else why


def _quality(results: Results, given: Any) -> str:
    if given is not None:
        return choice("quality", given, results.measures)
    if not results.measures:
        raise ValueError("results: hold no numbers that were measured")
    own = [name for name in results.measures if name not in NO_QUALITIES and name != "float"]
    return next((head for head in reversed(HEADS) if head in own), (own or results.measures)[0])


def _cost(results: Results, given: Any, quality: str) -> str | None:
    if given is None:
        return next((name for name in AXES if name in results.measures and name != quality), None)
    cost = choice("cost", given, results.measures)
    if cost == quality:
        raise ValueError(refusal("cost", cost, "another measure than quality"))
    return cost


def _targets(content: Content, given: Any) -> list[tuple[float, str]]:
    """Targets that were asked, or fractions of what the float network reaches."""
    if given is not None:
        is_accuracy = content.quality in STYLES
        allowed = f"numbers {'from 0 to 1 ' * is_accuracy}that the quality is to keep"
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise TypeError(f"targets={given!r}: must be a sequence of {allowed}")
        fits = _is_share if is_accuracy else _is_finite
        return [(real("targets", value, allowed, fits), "") for value in given]
    exact = content.mean("float")
    if content.quality not in STYLES or content.quality == "float" or exact is None:
        return []
    return [(part * exact, f"{100 * part:.0f} % of the float network") for part in FRACTIONS]


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")


def _is_share(value: float) -> bool:
    return 0 <= value <= 1


def shown(measure: str, value: float) -> str:
    """A value of a measure as text, with its unit if it has one."""
    if measure in STYLES:
        return f"{value:.3f}"
    unit = AXES[measure][2] if measure in AXES else ""
    return f"{value / label_of(measure)[1]:.3g} {unit}".rstrip()


def counted(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
