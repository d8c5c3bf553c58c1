# SPDX-License-Identifier: BSD-3-Clause
"""Machines side by side: what a network still recognises on each, and what an inference costs.

Accuracies are those of ``imperfect.study``, with its rivals and controls; energy, latency and area
those of ``imperfect.cost``. A refitted head is counted as if it were the network's own last layer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from imperfect._arrays import as_seed
from imperfect._checks import check_instance, choice, integer
from imperfect._cost.components import NOT_MODELLED
from imperfect._cost.result import QUANTITIES, parts_of
from imperfect._optional import require
from imperfect._study.input import check_progress, checked_study
from imperfect._study.points import named_machines
from imperfect._study.run import MOST_CHIPS, chip_seeds, count_tasks, measure_points
from imperfect._study.trial import Study
from imperfect._tables import check_results
from imperfect.cost import Components, Cost, Schedule, as_components
from imperfect.hardware import Hardware
from imperfect.network import Network
from imperfect.study import METHODS

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.images import Images

__all__ = ["COSTS", "compare", "pareto"]

COSTS = QUANTITIES
FIGURES = (*COSTS, "interval", "arrays", "tops_per_watt", "tops_per_mm2")
COSTED = 16  # training images whose inputs are charged


def compare(
    machines: Iterable[Hardware] | Mapping[str, Hardware],
    network: Network,
    X_train: ArrayLike | Images,
    y_train: ArrayLike,
    X_test: ArrayLike | Images,
    y_test: ArrayLike,
    chips: int = 5,
    seed: int = 0,
    *,
    components: Components | str | None = None,
    schedule: Schedule | None = None,
    head: Any = None,
    transfer: bool = False,
    cache: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure accuracy, before and after refitting the head, and cost of several machines.

    Parameters
    ----------
    machines
        Hardware by name, or a sequence of it, whose names are "machine 1" and so on.
    network, X_train, y_train, X_test, y_test, chips, seed, head, transfer, cache, jobs
        As in ``study.collapse_and_recover``.
    components, schedule
        As in ``cost.cost``: a library for all machines ("generic" if None), and when arrays are
        read.
    progress
        Called after each finished task with the numbers of finished tasks and of all.

    Returns
    -------
    pandas.DataFrame
        What ``study.collapse_and_recover`` returns, with the knob "machine" and its name as the
        value, so that ``report.summary``, ``study.recovered`` and ``plot.collapse_and_recover``
        take it, and beside each accuracy the machine's energy (J), latency (s), area (m²),
        interval (s), arrays, tops_per_watt and tops_per_mm2 of an inference: those of its first
        chip, over 16 training images. A figure of which no part is known reads "not modelled";
        energy_without, latency_without and area_without name the components that totals leave out,
        for reasons that ``chip.cost`` tells.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; it is named.
    OSError
        If the cache cannot be written.
    ImportError
        If the extra ``study`` is not installed.

    Notes
    -----
    Costs are found first, so that a missing component is known before chips are measured.

    Examples
    --------
    >>> import imperfect as im
    >>> from imperfect import data
    >>> X_train, y_train, X_test, y_test = data.scattered_fashion()
    >>> machines = {f"{bits} bits": im.Hardware(cell=im.Cell(bits=bits)) for bits in (4, 2)}
    >>> results = im.compare(
    ...     machines, data.scattered_mobilenet(), X_train[:100], y_train[:100], X_test[:100],
    ...     y_test[:100], chips=1,
    ... )
    >>> list(results.value.unique()), bool(results.energy.iloc[0] > 0)
    (['4 bits', '2 bits'], True)
    """
    named = named_machines(machines)
    library = as_components(components)
    check_instance("schedule", schedule, (Schedule, type(None)), "a Schedule or None")
    check_progress(progress)
    seed = as_seed("seed", seed)
    integer("chips", chips, 1, MOST_CHIPS)
    integer("jobs", jobs, 1)
    study = checked_study(network, X_train, y_train, X_test, y_test, head, transfer)
    points = [("machine", name, hardware) for name, hardware in named.items()]
    seeds = chip_seeds(seed, chips)
    total = len(points) + count_tasks(len(points), chips)
    rows = []
    for done, (_, name, hardware) in enumerate(points, 1):
        rows.append({"value": name} | _figures(study, name, hardware, seeds[0], library, schedule))
        if progress is not None:
            progress(done, total)
    results = measure_points(
        study, points, seeds, transfer=transfer, cache=cache, jobs=jobs,
        progress=_after(progress, len(points), total),
    )  # fmt: skip
    return results.merge(require("pandas").DataFrame(rows), on="value", validate="many_to_one")


def _after(
    progress: Callable[[int, int], None] | None, before: int, total: int
) -> Callable[[int, int], None] | None:
    """The progress of tasks that come after others."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _figures(
    study: Study,
    name: str,
    hardware: Hardware,
    seed: int,
    library: Components,
    schedule: Schedule | None,
) -> dict[str, Any]:
    """What an inference costs on one chip."""
    try:
        chip = study.program(study.network, hardware, seed)
        found: Cost = chip.cost(study.spread(COSTED), library, schedule)
    except ValueError as error:
        raise ValueError(f"machines[{name!r}]: {error}") from error
    figures: dict[str, Any] = {}
    for figure in FIGURES:
        value = getattr(found, figure)
        figures[figure] = NOT_MODELLED if value is None else value
    for total in COSTS:
        figures[_without(total)] = ", ".join(found.missing(total))
    return figures


def _without(cost: str) -> str:
    """The column that names what a total leaves out."""
    return f"{cost}_without"


class Point(NamedTuple):
    """One machine with one method: mean accuracy over chips, the worst and the best, and a cost."""

    machine: str
    method: str
    accuracy: float
    low: float
    high: float
    cost: float
    without: str
    on_frontier: bool


def pareto(results: pd.DataFrame, cost: str = "energy") -> pd.DataFrame:
    """Which machines no other one beats in both accuracy and cost, for each method.

    Parameters
    ----------
    results
        What ``compare`` returned.
    cost : {"energy", "latency", "area"}
        What is compared with the accuracy.

    Returns
    -------
    pandas.DataFrame
        One row for each machine and method, by rising cost: machine, method, accuracy (mean over
        chips), low and high (the worst and the best chip), the cost under its name, without
        (components that it leaves out), on_frontier. A machine whose total leaves out what that of
        another one includes is never on the frontier, because its own is too low.

    Raises
    ------
    ValueError, TypeError
        If ``results`` are none of ``compare``, or no machine's cost is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect.comparison import pareto
    >>> results = pd.DataFrame({
    ...     "knob": "machine", "value": ["a", "b", "c"], "chip": 0, "method": "refitted",
    ...     "accuracy": [0.8, 0.7, 0.9], "energy": [1e-6, 2e-6, 3e-6], "energy_without": "",
    ... })
    >>> found = pareto(results)
    >>> list(found.machine[found.on_frontier])
    ['a', 'c']
    """
    choice("cost", cost, COSTS)
    check_results(results, METHODS, ["chip", cost, _without(cost)])
    known = _with_known_cost(results, cost)
    common = frozenset.intersection(*(parts_of(text) for text in known[_without(cost)].unique()))
    rows: list[Point] = []
    for method, group in known.groupby("method", sort=False):
        points = [
            _point(str(name), str(method), own, cost)
            for name, own in group.groupby("value", sort=False)
        ]
        points.sort(key=lambda point: (point.cost, -point.accuracy))
        best = -1.0
        for point in points:
            leads = parts_of(point.without) <= common and point.accuracy > best
            best = point.accuracy if leads else best
            rows.append(point._replace(on_frontier=leads))
    found: pd.DataFrame = require("pandas").DataFrame(rows, columns=Point._fields)
    return found.rename(columns={"cost": cost})


def _with_known_cost(results: pd.DataFrame, cost: str) -> pd.DataFrame:
    """The rows whose cost is a number; refuses costs that are neither that nor "not modelled"."""
    known = results[results[cost] != NOT_MODELLED]
    if not len(known):
        raise ValueError(f"results: {cost} is not modelled for any machine")
    costs = require("pandas").to_numeric(known[cost], errors="coerce")
    wrong = ~(np.isfinite(costs) & (costs > 0))
    if wrong.any():
        row = wrong.idxmax()
        (value,) = known.loc[[row], cost].tolist()
        allowed = f"a positive number, or {NOT_MODELLED!r}"
        raise ValueError(f"results: {cost}={value!r} in row {row}: must be {allowed}")
    return known.assign(**{cost: costs})


def _point(name: str, method: str, rows: pd.DataFrame, cost: str) -> Point:
    accuracy = rows["accuracy"]
    means = float(accuracy.mean()), float(accuracy.min()), float(accuracy.max())
    first = rows.iloc[0]
    return Point(name, method, *means, float(first[cost]), str(first[_without(cost)]), False)
