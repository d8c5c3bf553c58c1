# SPDX-License-Identifier: BSD-3-Clause
"""The table of a report: a row for each machine; its script sorts and filters it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imperfect._plots.pareto import AXES
from imperfect._plots.style import STYLES
from imperfect._plots.sweep_values import label_of
from imperfect._sweep_report.content import CONFIDENCE, Content, counted
from imperfect.sweep._intervals import ends, half_width, knobs_of

if TYPE_CHECKING:
    import pandas as pd

MOST_MEASURES = 14
FRONTIER = "On the frontier"


class Cell(NamedTuple):
    """Content of a cell as HTML, and what it is sorted and filtered by; empty without a value."""

    html: str = "–"
    value: str = ""


class Column(NamedTuple):
    """A column: its heading, whether it holds numbers, and its cells by machine."""

    heading: str
    is_number: bool
    cells: Mapping[str, Cell]


def columns_of(content: Content) -> list[Column]:
    """All columns, those that matter most first."""
    columns = [Column("#", True, {name: _number(i) for name, i in content.places.items()})]
    if not content.named_by_knobs:
        columns.append(_names(content))
    measures = [_measure(content, name) for name in shown_measures(content)]
    first = len(content.heads) + (content.cost is not None and content.cost not in content.heads)
    columns += measures[:first]
    if any(not isinstance(found, str) for found in content.frontiers.values()):
        columns.append(_on_frontier(content))
    return [*columns, *_knobs(content), _chips(content), *measures[first:]]


def _number(place: int) -> Cell:
    return Cell(f"#{place + 1}", str(place + 1))


def _chips(content: Content) -> Column:
    trials = content.samples[content.quality].machines["trials"]
    return Column("Chips", True, {str(name): Cell(str(n), str(n)) for name, n in trials.items()})


def shown_measures(content: Content) -> list[str]:
    """Measures that have a column, those that matter first."""
    names = [*content.heads, *([content.cost] if content.cost else []), *STYLES, *AXES]
    known = [name for name in names if name in content.samples]
    return list(dict.fromkeys([*known, *content.samples]))[:MOST_MEASURES]


def _names(content: Content) -> Column:
    return Column("Machine", False, {name: Cell(escape(name), name) for name in content.places})


def _on_frontier(content: Content) -> Column:
    leading: dict[str, list[str]] = {name: [] for name in content.places}
    for head, found in content.frontiers.items():
        if not isinstance(found, str):
            for name in found.loc[found["on_frontier"], "machine"]:
                leading[name].append(label_of(head)[0])
    texts = {name: ", ".join(heads) for name, heads in leading.items()}
    return Column(FRONTIER, False, {name: Cell(escape(text), text) for name, text in texts.items()})


def _measure(content: Content, measure: str) -> Column:
    label, scale = label_of(measure)
    digits: Callable[[float], str] = "{:.3f}".format if measure in STYLES else "{:.4g}".format
    found = content.samples[measure].machines
    usual = content.samples[content.quality].machines["trials"]
    half = half_width(found["deviation"], found["trials"], (1 - CONFIDENCE) / 2)
    cells = {}
    for (name, row), own in zip(found.iterrows(), np.asarray(half) / scale, strict=True):
        mean = row["mean"] / scale
        both = list(map(digits, ends(measure, mean, own))) if np.isfinite(own) else []
        notes = ["–".join(both)] if len(set(both)) > 1 else []
        if row["trials"] != usual.get(name):
            notes.append(counted(int(row["trials"]), "chip"))
        note = f"<small>{', '.join(notes)}</small>" if notes else ""
        cells[str(name)] = Cell(digits(mean) + note, f"{mean:.6g}")
    return Column(label, True, cells)


def _knobs(content: Content) -> list[Column]:
    table = knobs_of(content.results)
    return [_knob(knob, table[knob]) for knob in table.columns]


def _knob(knob: str, values: pd.Series[Any]) -> Column:
    cells, is_number = {}, True
    for name, value in values.dropna().items():
        number = isinstance(value, float | int | np.number)
        is_number = is_number and number
        text = f"{value:.6g}" if number else str(value)
        cells[str(name)] = Cell(escape(text), text)
    return Column(knob, is_number, cells)


def table_of(content: Content) -> str:
    """The table as HTML."""
    columns = columns_of(content)
    best = label_of(content.quality)[0]
    head = "".join(_heading(column, column.heading == best) for column in columns)
    rows = "\n".join(_row(name, place, columns) for name, place in _sorted(content))
    return f'<table id="machines"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'


def _heading(column: Column, is_sorted: bool) -> str:
    kind, order = ("number" if column.is_number else "text"), ' aria-sort="descending"' * is_sorted
    return f'<th scope="col" data-kind="{kind}"{order}>{escape(column.heading)}</th>'


def _sorted(content: Content) -> list[tuple[str, int]]:
    """Machines, the best first."""
    means = content.samples[content.quality].machines["mean"]
    return sorted(content.places.items(), key=lambda item: -means.get(item[0], -np.inf))


def _row(name: str, place: int, columns: list[Column]) -> str:
    cells = []
    for column in columns:
        cell = column.cells.get(name, Cell())
        kind = ' class="number"' if column.is_number else ""
        # Why: most cells show what they are sorted by.
        value = "" if cell.html == escape(cell.value) else f' data-v="{escape(cell.value)}"'
        cells.append(f"<td{kind}{value}>{cell.html}</td>")
    return f'<tr id="m{place}" data-name="{escape(name)}">{"".join(cells)}</tr>'
