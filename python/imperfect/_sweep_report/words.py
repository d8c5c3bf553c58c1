# SPDX-License-Identifier: BSD-3-Clause
"""What a report says: numbers of the sweep, answers, the specification, where it was measured."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from imperfect._plots.style import STYLES
from imperfect._plots.sweep_frontier import HEADS, TOO_FEW, is_told, untold
from imperfect._plots.sweep_values import label_of
from imperfect._study.recovered import CONTROLS, RIVALS
from imperfect._sweep_report.content import Content, counted, shown
from imperfect.sweep import MinimumSpec
from imperfect.sweep._frontier import priced_machines
from imperfect.sweep._intervals import knobs_of

ROUNDING = 1e-9  # differences of accuracies that are none
FEW_CHIPS = 5
MOST_FAILURES, MOST_VALUES = 20, 12


def question_of(content: Content, given: str | None) -> str:
    """The question given, that of the store, or what any sweep asks."""
    if given is not None:
        return given
    asked = content.results.about.get("question")
    if asked:
        return str(asked)
    what = "the accuracy of their network" if content.quality in STYLES else content.quality
    ending = "" if content.cost is None else ", and what do they cost"
    return f"Which of these machines keep {what}{ending}?"


def tiles(content: Content) -> str:
    """The numbers that come first."""
    table = content.results.table
    chips = len(table[["machine", "seed"]].drop_duplicates())
    found = [(f"{len(content.places):,}", "machines"), (f"{chips:,}", "chips measured")]
    if "float" in content.samples:
        found.append((shown("float", content.mean("float") or 0.0), "float network"))
    for head in content.heads:
        means = content.samples[head].machines["mean"]
        if len(means):
            best = shown(head, float(means.max()))
            found.append((best, f"best machine, {label_of(head)[0].lower()}"))
    found.append((f"{len(content.results.about.get('failures', ())):,}", "failed trials"))
    found.append((_duration(float(table["seconds"].sum())), "computing time"))
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for value, name in found
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def answers(content: Content) -> str:
    """Sentences on the frontier, the knobs and the controls."""
    found = [_frontier_words(content, head) for head in content.heads]
    found += [_left_out(content, head) for head in content.heads]
    found += [_saving(content), _knob_words(content), _control_words(content)]
    found += [_rival_words(content), _few_chips(content)]
    return "".join(f"<li>{text}</li>" for text in dict.fromkeys(found) if text)


def _link(content: Content, machine: str) -> str:
    place = content.places[machine]
    text = f"#{place + 1}" if content.named_by_knobs else escape(machine) or f"#{place + 1}"
    return f'<a href="#m{place}" title="{escape(machine)}">{text}</a>'


def _described(content: Content, machines: Iterable[str]) -> str:
    """What machines are that a sentence only gives the numbers of."""
    if not content.named_by_knobs:
        return ""
    lines = [f"#{content.places[name] + 1}: {escape(name)}" for name in dict.fromkeys(machines)]
    return f"<small>{'<br>'.join(lines)}</small>"


def _head(head: str) -> str:
    return escape(label_of(head)[0].lower() if head in STYLES else head)


def _frontier_words(content: Content, head: str) -> str:
    found = content.frontiers[head]
    if isinstance(found, str) or content.cost is None:
        return f"<b>No frontier:</b> {escape(str(found))}."
    best = found[found["on_frontier"]]
    if not len(best):
        return f"<b>No frontier</b> ({_head(head)}): every machine's cost leaves out some part."
    ends = [best.iloc[0], best.iloc[-1]][: len(best)]
    points = [
        f"{shown(head, row[head])} at {escape(shown(content.cost, row[content.cost]))}"
        f" ({_link(content, row['machine'])})"
        for row in ends
    ]
    span = f"from {points[0]} to {points[1]}" if len(ends) > 1 else points[0]
    what = "accuracy" if head in STYLES else escape(head)
    count = f"{len(best):,} of {counted(len(found), 'machine')} {'is' if len(best) == 1 else 'are'}"
    return (
        f"<b>{_head(head).capitalize()}:</b> {count} on the frontier of {what} and"
        f" {escape(content.cost)}: {span}." + _described(content, [row["machine"] for row in ends])
    )


def _left_out(content: Content, head: str) -> str:
    """How many machines are not considered, because their cost is not whole."""
    cost, found = content.cost, content.frontiers[head]
    if cost is None or isinstance(found, str):
        return ""
    count, parts = priced_machines(content.results, cost, head).left_out()
    if not count:
        return ""
    verb, whose = ("is", "its") if count == 1 else ("are", "their")
    return (
        f"<b>Mind:</b> {count:,} of {counted(len(found), 'machine')} {verb} not considered: {whose}"
        f" {escape(cost)} leaves out {escape(' or '.join(parts))}."
    )


def _saving(content: Content) -> str:
    """What the accuracy of the best machine with its own head costs with a refitted one."""
    own, refitted = (content.frontiers.get(head) for head in ("collapsed", "refitted"))
    cost = content.cost
    if cost is None or own is None or refitted is None:
        return ""
    if isinstance(own, str) or isinstance(refitted, str):
        return ""
    best = own[own["on_frontier"]]
    if not len(best) or best[cost].iloc[-1] <= 0:
        return ""
    top = best.iloc[-1]
    enough = refitted[refitted["on_frontier"] & (refitted["refitted"] >= top["collapsed"])]
    reached = f"<b>The best accuracy without refitting</b>, {shown('collapsed', top['collapsed'])}"
    if not len(enough):
        return f"{reached}, is reached by no machine on the frontier with a refitted head."
    cheapest = enough.iloc[0]
    change = f"{100 * (cheapest[cost] / top[cost] - 1):+.0f} %".replace("-", "−")
    return (
        f"{reached} for {escape(shown(cost, top[cost]))}, costs"
        f" {escape(shown(cost, cheapest[cost]))} with a refitted head ({change},"
        f" {_link(content, cheapest['machine'])}), if means were exact and refitting were free."
        + _described(content, [cheapest["machine"]])
    )


def _knob_words(content: Content) -> str:
    found = content.effects
    if isinstance(found, str):
        return f"<b>No knob to compare:</b> {escape(found)}."
    what = f"a machine's accuracy, {_head(content.quality)}" if content.quality in STYLES else ""
    start = f"<b>What matters most for {what or escape(content.quality)}:</b>"
    varied = found[found["values"] > 1]
    if not len(varied):
        return "<b>No knob varies.</b>"
    if not is_told(found):
        return f"{start} {TOO_FEW if untold(found) else 'nothing, all machines are equal'}."
    parts = [
        f"{escape(row['knob'])} ({shown(content.quality, row['lowest'])} to"
        f" {shown(content.quality, row['highest'])}, {100 * row['share']:.0f} % of the variance)"
        for row in varied[varied["share"].notna()].head(3).to_dict("records")
    ]
    rest = f"; then {', '.join(parts[1:])}" if parts[1:] else ""
    gaps = escape(", ".join(untold(found)))
    return f"{start} {parts[0]}{rest}{f'; cannot be told for {gaps}' if gaps else ''}."


def _control_words(content: Content) -> str:
    if content.quality != "refitted":
        return ""
    means = [content.samples[name].machines["mean"] for name in CONTROLS if name in content.samples]
    if len(means) < len(CONTROLS):
        return (
            "<b>Controls were not measured</b> (shuffled weights and raw inputs): these results do"
            " not tell whether a refitted head recovers anything that random features would not."
        )
    control = means[0].combine(means[1], max).dropna()
    refitted = content.samples["refitted"].machines["mean"].reindex(control.index).dropna()
    above = int((refitted > control[refitted.index]).sum())
    rest = "" if above == len(refitted) else " On the others, recovery means nothing."
    return (
        "<b>Controls:</b> a refitted head is better than both controls, shuffled weights and raw"
        f" inputs, on {above:,} of {counted(len(refitted), 'machine')} on which they were"
        f" measured (means over chips).{rest}"
    )


def _rival_words(content: Content) -> str:
    """What was tried in the place of refitting, at best and against it."""
    names = [name for name in RIVALS if name in content.samples]
    names = [name for name in names if len(content.samples[name].machines)]
    if not names or content.quality not in HEADS:
        return ""
    texts = [_rival(content, name) for name in names]
    best = [str(content.samples[name].machines["mean"].idxmax()) for name in names]
    return f"<b>Rivals</b> (means over chips): {'; '.join(texts)}." + _described(content, best)


def _rival(content: Content, name: str) -> str:
    own = content.samples[name]
    means = own.machines["mean"]
    best = f"{shown(name, float(means.max()))} ({_link(content, str(means.idxmax()))})"
    text = f"{_head(name)}, best machine {best}"
    if "refitted" not in content.samples:
        return text
    # Why: the refitted head may have been measured on more chips than its rival.
    both = content.samples["refitted"].chips.merge(own.chips, on=["machine", "seed"])
    ahead = (both["value_y"] - both["value_x"]).groupby(both["machine"]).mean() >= -ROUNDING
    if not len(ahead):
        return text
    count = f"{int(ahead.sum()):,} of {counted(len(ahead), 'machine')}"
    return f"{text}, at least as good as a refitted head of the same chips on {count}"


def _few_chips(content: Content) -> str:
    trials = content.samples[content.quality].machines["trials"]
    few, unmeasured = int((trials < FEW_CHIPS).sum()), len(content.places) - len(trials)
    notes = []
    if few:
        of = counted(few, "machine")
        notes.append(f"fewer than {FEW_CHIPS} chips were measured of {of}, and chips differ")
    if unmeasured:
        notes.append(
            f"{_head(content.quality)} was not measured on {counted(unmeasured, 'machine')}"
        )
    return f"<b>Mind:</b> {'; '.join(notes)}." if notes else ""


def minimum_table(content: Content) -> str:
    """For each target the cheapest machine that is certain to keep it, or why there is none."""
    if not content.targets:
        return _none(_no_targets(content))
    if content.cost is None:
        return _none(str(content.minimum(content.quality, 0.0)))
    body = []
    for target, what in content.targets:
        found = {head: content.minimum(head, target) for head in content.heads}
        cells = "".join(f"<td>{_minimum(content, own)}</td>" for own in found.values())
        note = f"<small>{escape(what)}</small>" if what else ""
        value = escape(shown(content.quality, target))
        body.append(f'<tr><th scope="row">{value}{note}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{escape(label_of(head)[0])}</th>' for head in content.heads)
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">To keep</th>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _no_targets(content: Content) -> str:
    if "float" not in content.samples:
        return "No targets were given, and there is no float network to take them from."
    if content.quality in STYLES:
        return "No targets were given."
    return f"No targets were given, and the float network gives none for {content.quality}."


def _minimum(content: Content, found: MinimumSpec | str) -> str:
    if isinstance(found, str):
        return escape(found)
    quality = found.quality
    if found.machine is not None and found.cost_value is not None and found.low is not None:
        price = escape(shown(found.cost, found.cost_value))
        bounds = (
            f"at least {shown(quality, found.low)}, worst chip {shown(quality, found.worst or 0.0)}"
        )
        link, name = _link(content, found.machine), _described(content, [found.machine])
        return f"<b>{price}</b> {link}<small>{bounds}</small>{name}"
    if found.closest is None or found.closest_low is None:
        return "no machine has a lower bound: measure more chips"
    bound = shown(quality, found.closest_low)
    return f"none is certain<small>highest bound {bound}: {_link(content, found.closest)}</small>"


def _none(why: str) -> str:
    return f'<p class="none">{escape(why)}</p>'


def specification(content: Content) -> str:
    """The file that the sweep was read from, or what varied, and one of the machines."""
    text = content.results.about.get("spec")
    if text:
        return _details("Specification (TOML)", f"<pre>{escape(str(text))}</pre>")
    rows = "".join(
        f"<div><dt>{escape(str(knob))}</dt><dd>{escape(_values(own))}</dd></div>"
        for knob, own in knobs_of(content.results).items()
    )
    parts = [f'<dl class="facts">{rows}</dl>' if rows else _none("No knobs.")]
    if content.results.machines:
        name = next(iter(content.results.machines))
        hardware = content.results.machine(name).hardware
        parts.append(f"<p>For example, {escape(name) or 'the machine'}:</p>")
        parts.append(f"<pre>{escape(repr(hardware))}</pre>")
    return _details("Knobs and their values", "".join(parts), is_open=True)


def _values(column: Any) -> str:
    values = list(dict.fromkeys(column.dropna()))
    if all(isinstance(value, float | int) for value in values):
        values.sort()
    texts = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    if len(texts) > MOST_VALUES:
        return f"{texts[0]} … {texts[-1]} ({len(texts)} values)"
    return ", ".join(texts)


def _details(summary: str, inner: str, *, is_open: bool = False) -> str:
    return f"<details{' open' * is_open}><summary>{escape(summary)}</summary>{inner}</details>"


def provenance(content: Content) -> str:
    """Where, when and with what it was measured; what failed."""
    table, failures = content.results.table, content.results.about.get("failures", ())
    facts = {
        "Computers": _distinct(table["host"]),
        "SIMD levels": _distinct(table["simd"]),
        "Versions of imperfect": _distinct(table["version"]),
        "Measured (UTC)": f"{table['started'].min()[:16]} to {table['started'].max()[:16]}",
        "Trials": f"{len(table):,}, {table['seconds'].mean():.2g} s each on average",
        "Networks": _distinct(table["network_digest"]),
        "Data": _distinct(table["data_digest"]),
        "Failed trials": f"{len(failures):,}",
    }
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items()
    )
    shown_ones = "".join(f"<li>{escape(str(text))}</li>" for text in failures[:MOST_FAILURES])
    more = len(failures) - MOST_FAILURES
    if more > 0:
        shown_ones += f"<li>and {more:,} more</li>"
    listed = _details("Failures", f"<ul>{shown_ones}</ul>") if failures else ""
    return f'<dl class="facts">{rows}</dl>{listed}'


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(values) if value == value) or "unknown"
