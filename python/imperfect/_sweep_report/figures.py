# SPDX-License-Identifier: BSD-3-Clause
"""The figures of a report: pictures of ``imperfect.plot`` as SVG whose marks say what they are.

Each mark (a marker, a bar, a cell) has the attributes data-tip, what is shown when the pointer is
over it, and data-row, the place of its machine in the table if it stands for one.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from imperfect._optional import require
from imperfect._plots.style import COLUMN_INCHES, STYLES, add_legend, figure_of, look, new_figure
from imperfect._plots.sweep_frontier import TOO_FEW, draw_effects, draw_frontier, is_told, untold
from imperfect._plots.sweep_values import USUAL, groups_of, label_of
from imperfect._plots.sweeps import draw_heat_map, draw_lines
from imperfect._sweep_report.content import Content, counted, shown

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
MOST_LINES = 2  # knobs whose lines are drawn
SHAPES = {"d", "x", "y", "transform"}  # attributes that hold points
# Colours that a page with a dark background makes lighter.
THEMED = ("0072b2", "d55e00", "cc79a7", "009e73", "666666")


class Marks(NamedTuple):
    """A part of a picture with what its marks say, and the rows of their machines (-1: none).

    Bars at markers have rows only, so that they are lit and hidden with them.
    """

    artist: Artist
    tips: list[str]
    rows: list[int]


class Figure(NamedTuple):
    """A figure of the page: its SVG, its heading and how it is to be read; or why there is none."""

    title: str
    svg: str
    caption: str


def figures_of(content: Content) -> list[Figure]:
    """All figures, in order."""
    knobs = important_knobs(content)
    with look():
        found = [_frontier(content), _effects(content)]
        found += [_lines(content, knob) for knob in knobs[:MOST_LINES]]
        if len(knobs) > 1:
            found += [_heat_map(content, head, *knobs[:2]) for head in content.heads]
    return found


def important_knobs(content: Content) -> list[str]:
    """Knobs that vary, the one that matters most first; one of those that vary only together."""
    if isinstance(content.effects, str):
        return []
    known = content.results.knobs
    varied = content.effects.loc[content.effects["values"] > 1, "knob"]
    return [name if name in known else name.split(" + ")[0] for name in varied]


def _frontier(content: Content) -> Figure:
    what = "Accuracy" if content.quality in STYLES else content.quality
    title = f"{what} against {content.cost or 'cost'}"
    if len(content.heads) > 1:
        title += ", before and after refitting"
    missing = [text for text in content.frontiers.values() if isinstance(text, str)]
    if missing or content.cost is None:
        return Figure(title, "", missing[0])
    cost = content.cost
    ax = _new_axes(3.5)
    known = {head: own for head, own in content.frontiers.items() if not isinstance(own, str)}
    marks = []
    for artist, points in draw_frontier(ax, content.results, cost, known):
        rows = points.to_dict("records")
        tips = [_tip(row["measure"], row["accuracy"], row) + _price(cost, row) for row in rows]
        is_bar = artist in ax.collections
        places = [content.places[name] for name in points["machine"]]
        marks.append(Marks(artist, [] if is_bar else tips, places))
    add_legend(ax)
    caption = (
        "A marker is a machine: its mean over chips, with the 95 % interval of the mean. The"
        " stepped line joins machines that no other one beats in both. Hollow markers leave out"
        " costs that others include."
    )
    return Figure(title, _svg(ax, "frontier", title, marks), caption)


def _price(cost: str, row: Mapping[Any, Any]) -> str:
    price = f"\n{label_of(cost)[0].split(' (')[0]}: {shown(cost, row[cost])}"
    if not row["on_frontier"]:
        return price
    is_known = row["support"] == row["support"]
    sure = f", in {100 * row['support']:.0f} % of resamples" if is_known else ""
    return f"{price}\nOn the frontier{sure}"


def _tip(measure: str, mean: float, row: Mapping[Any, Any]) -> str:
    """Mean, interval or band, and chips."""
    text = f"{label_of(measure)[0]}: {shown(measure, mean)}"
    if row["low"] == row["low"]:
        text += f" ({shown(measure, row['low'])} to {shown(measure, row['high'])})"
    chips = row["trials"] if "trials" in row else row["chips"]
    machines = f"{row['machines']:.0f} machines, " if row.get("machines", 1) > 1 else ""
    return f"{text}\n{machines}{counted(int(chips), 'chip')}"


def _effects(content: Content) -> Figure:
    title = "Which knob matters most"
    found = content.effects
    if isinstance(found, str):
        return Figure(title, "", found)
    ax = _new_axes(1.1 + 0.26 * len(found))
    bars = draw_effects(ax, found, content.quality)
    marks = []
    for bar, row in zip(bars, found.to_dict("records"), strict=True):
        low, high = (shown(content.quality, row[end]) for end in ("lowest", "highest"))
        share = f"{100 * row['share']:.1f} %" if row["share"] == row["share"] else "unknown"
        tip = f"{row['knob']}\n{row['values']} values, means from {low} to {high}"
        if row["by_chance"] == row["by_chance"]:
            share += f" (by chance {100 * row['by_chance']:.1f} %)"
        marks.append(Marks(bar, [f"{tip}\nShare of the variance: {share}"], [-1]))
    caption = (
        "Bars go from the lowest to the highest mean over the machines of one value, or group."
    )
    if is_told(found):
        caption += " Numbers are the shares of the variance between machines that knobs explain."
    elif untold(found):
        caption += f" {TOO_FEW.capitalize()}."
    if found.attrs["explained"] == found.attrs["explained"]:
        caption += f" All knobs, adding up, explain {100 * found.attrs['explained']:.0f} %."
    return Figure(title, _svg(ax, "effects", title, marks), caption)


def _lines(content: Content, knob: str) -> Figure:
    title = f"By {knob}"
    names = [content.quality]
    if content.quality in STYLES:
        others = [name for name in USUAL if name in content.samples]
        names = others if content.quality in others else [content.quality, *others]
    ax = _new_axes(3.1)
    groups = groups_of(content.results, "knob", knob)
    drawn = draw_lines(ax, {name: content.samples[name] for name in names}, knob, groups)
    marks = []
    for line, points in drawn:
        tips = [
            f"{knob} = {row['value']}\n" + _tip(row["measure"], row["mean"], row)
            for row in points.to_dict("records")
        ]
        if line.get_marker() not in ("", "None"):
            marks.append(Marks(line, tips, [-1] * len(tips)))
    add_legend(ax)
    caption = (
        "Lines are means over machines and chips, bands go from the worst chip to the best. Other"
        " knobs are averaged over."
    )
    return Figure(title, _svg(ax, f"lines {knob}", title, marks), caption)


def _heat_map(content: Content, measure: str, x: str, y: str) -> Figure:
    title = f"{label_of(measure)[0]}, by {x} and {y}"
    groups = {knob: groups_of(content.results, "knob", knob) for knob in (x, y)}
    ax = _new_axes(2.9)
    mesh, cells = draw_heat_map(ax, {measure: content.samples[measure]}, groups)
    tips = []
    for row in cells.to_dict("records"):
        place = f"{x} = {row['x']}\n{y} = {row['y']}\n"
        is_empty = row["mean"] != row["mean"]
        tips.append(place + ("no machine" if is_empty else _tip(measure, row["mean"], row)))
    caption = "Cells are means over machines and chips. Other knobs are averaged over."
    svg = _svg(ax, f"map {measure}", title, [Marks(mesh, tips, [-1] * len(tips))])
    return Figure(title, svg, caption)


def _new_axes(height: float) -> Axes:
    axes: Axes = new_figure(COLUMN_INCHES, height).subplots()
    return axes


def _svg(ax: Axes, name: str, label: str, marks: Sequence[Marks]) -> str:
    """A figure as SVG without anything that a page does not need."""
    for place, own in enumerate(marks):
        own.artist.set_gid(f"marks-{place}")
    settings = {"svg.fonttype": "none", "svg.hashsalt": name}
    text = io.StringIO()
    with require("matplotlib").rc_context(settings), warnings.catch_warnings():
        # Why: browsers have more letters than matplotlib's font.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure_of(ax).savefig(text, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(text.getvalue())
    groups = {group.get("id"): group for group in root.iter(f"{{{SVG}}}g")}
    for place, own in enumerate(marks):
        _say(groups[f"marks-{place}"], own)
    _clean(root)
    shape = {"viewBox": root.get("viewBox", ""), "class": "plot", "tabindex": "0"}
    root.attrib = shape | {"role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode")


def _say(group: ElementTree.Element, marks: Marks) -> None:
    """Write into each mark what it is."""
    found = group.findall(f".//{{{SVG}}}use") or group.findall(f"{{{SVG}}}path")
    tips = marks.tips or [""] * len(marks.rows)
    for element, tip, row in zip(found, tips, marks.rows, strict=True):
        element.set("class", "mark" if tip else "bar")
        if tip:
            element.set("data-tip", tip)
        if row >= 0:
            element.set("data-row", str(row))


def _clean(root: ElementTree.Element) -> None:
    """Leave out what nothing refers to, and let the page choose fonts and colours."""
    for tag in ("metadata", "defs"):
        for element in root.findall(f"{{{SVG}}}{tag}"):
            if tag == "metadata" or element.find(f"{{{SVG}}}style") is not None:
                root.remove(element)
    used = set(re.findall(r"#([\w-]+)", " ".join(
        value for element in root.iter() for value in element.attrib.values()
    )))  # fmt: skip
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        link = element.attrib.pop(f"{{{LINK}}}href", None)
        if link is not None:
            element.set("href", link)
        for name in SHAPES & element.attrib.keys():
            element.set(name, re.sub(r"(\.\d\d)\d+|\n", r"\1", element.get(name, "")))
        if "style" in element.attrib:
            element.set("style", _themed(element.get("style", "")))
        # Why: a page needs no names of namespaces.
        element.tag = element.tag.rpartition("}")[2]
    for element in root.iter("g"):
        for name in ("style", "clip-path"):
            _lift(element, name)


def _lift(group: ElementTree.Element, name: str) -> None:
    """Write what all children have in common once."""
    values = {child.get(name) for child in group}
    if len(group) > 1 and len(values) == 1 and None not in values and name not in group.attrib:
        group.set(name, values.pop() or "")
        for child in group:
            del child.attrib[name]


def _themed(style: str) -> str:
    """A style without fonts, its colours as the page defines them."""
    style = re.sub(r"font-family: [^;]*;? ?", "", style)
    style = style.replace("#000000", "currentColor")
    for color in THEMED:
        style = style.replace(f"#{color}", f"var(--c{color})")
    return style
