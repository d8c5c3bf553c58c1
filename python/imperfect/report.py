# SPDX-License-Identifier: BSD-3-Clause
"""The results of a study as text, those of a sweep as a page: means and spreads over chips.

A spread is the sample standard deviation over chips, never over images.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imperfect._checks import check_instance, real
from imperfect._files import replaced
from imperfect._network.report import table
from imperfect._study.recovered import CONTROLS, recovered
from imperfect._tables import check_results

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.sweep import Results

HEADINGS = {
    "float": "float",
    "collapsed": "own head",
    "refitted": "refitted",
    "bn_reestimated": "BN re-est.",
    "affine": "affine",
    "shuffled": "shuffled",
    "pixels": "pixels",
}
# The same for all chips.
WITHOUT_CHIP = ("float", "pixels")


def summary(results: pd.DataFrame) -> str:
    """A table per knob: mean ± standard deviation over chips of each method, in percent.

    Parameters
    ----------
    results
        What ``study.collapse_and_recover`` returned.

    Returns
    -------
    str
        Several lines, the first of which says how many images and chips there were.

    Raises
    ------
    ValueError, TypeError
        If ``results`` has no rows, lacks a column or a value in one of them, or holds what is no
        result of a study.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import report
    >>> results = pd.DataFrame({
    ...     "knob": "cell.bits", "value": 2, "chip": [0, 1], "method": "refitted",
    ...     "accuracy": [0.7, 0.8], "n_train": 100, "n_test": 50,
    ... })
    >>> print(report.summary(results))
    Accuracy (%) on 50 test images; heads fitted on 100; mean±standard deviation over 2 chips.
    <BLANKLINE>
    cell.bits
    value  refitted
    2      75.0±7.1
    """
    check_results(results, HEADINGS, ["chip"], ["n_train", "n_test"])
    first, chips = results.iloc[0], results["chip"].nunique()
    spread = f"mean±standard deviation over {chips} chips" if chips > 1 else "one chip"
    counts = f"{first['n_test']:,} test images; heads fitted on {first['n_train']:,}"
    lines = [f"Accuracy (%) on {counts}; {spread}."]
    for knob, rows in results.groupby("knob", sort=False):
        methods = [method for method in HEADINGS if method in set(rows["method"])]
        cells = rows.groupby(["value", "method"], sort=False)["accuracy"].agg(["mean", "std"])
        body = [
            (_text(value), *(_cell(method, *cells.loc[(value, method)]) for method in methods))
            for value in rows["value"].unique()
        ]
        header = ("value", *(HEADINGS[method] for method in methods))
        lines += ["", str(knob), table(body, header)]
    return "\n".join(lines)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(method: str, mean: float, deviation: float) -> str:
    alone = method in WITHOUT_CHIP or math.isnan(deviation)
    return f"{100 * mean:.1f}" if alone else f"{100 * mean:.1f}±{100 * deviation:.1f}"


def recovery(results: pd.DataFrame, collapsed: float = 0.4, margin: float = 0.1) -> str:
    """Where the network's own head fails and a refitted one works better than its controls.

    Parameters
    ----------
    results
        What ``study.collapse_and_recover`` returned.
    collapsed
        The own head fails below this mean accuracy.
    margin
        By how much the mean of the refitted head must exceed that of either control.

    Returns
    -------
    str
        A heading, and one line per value where both hold; or one line that says there is none.

    Raises
    ------
    ValueError, TypeError
        As ``summary``, or if a method that is compared is missing, or a limit is no number from
        0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import report
    >>> results = pd.DataFrame({
    ...     "knob": "cell.bits", "value": 1,
    ...     "method": ["collapsed", "refitted", "shuffled", "pixels"],
    ...     "accuracy": [0.2, 0.7, 0.3, 0.4],
    ... })
    >>> print(report.recovery(results))
    Own head below 40 %, refitted head at least 10 points above both controls:
      cell.bits = 1: own head 20.0 %, refitted 70.0 %, better control 40.0 %
    """
    check_results(results, HEADINGS)
    for name, limit in (("collapsed", collapsed), ("margin", margin)):
        real(name, limit, "a number from 0 to 1 (accuracy)", lambda value: 0 <= value <= 1)
    means = results.groupby(["knob", "value", "method"], sort=False)["accuracy"].mean().unstack()
    _check_compared(means)
    control = means[list(CONTROLS)].max(axis=1)
    chosen = (means["collapsed"] < collapsed) & (means["refitted"] >= control + margin)
    found = means.assign(control=control)[chosen].reset_index()
    lines = [
        f"  {row['knob']} = {_text(row['value'])}: own head {row['collapsed']:.1%}, "
        f"refitted {row['refitted']:.1%}, better control {row['control']:.1%}".replace("%", " %")
        for row in found.to_dict("records")
    ]
    heading = (
        f"Own head below {100 * collapsed:g} %, "
        f"refitted head at least {100 * margin:g} points above both controls:"
    )
    return "\n".join([heading, *lines]) if lines else f"{heading} at no value."


def shares(results: pd.DataFrame) -> str:
    """How much of the lost accuracy a refitted head brings back, with 95 % intervals over chips.

    Parameters
    ----------
    results
        What ``study.collapse_and_recover`` returned.

    Returns
    -------
    str
        A heading and a table: R = (refitted - own head) / (float - own head) and its interval, and
        the same share for the better control put in the place of the refitted head.

    Raises
    ------
    ValueError, TypeError
        As ``study.recovered``.

    Examples
    --------
    >>> import pandas as pd
    >>> from imperfect import report
    >>> results = pd.DataFrame({
    ...     "knob": "cell.bits", "value": 2, "chip": [0, 0, 0, 1, 1, 1],
    ...     "method": ["float", "collapsed", "refitted"] * 2,
    ...     "accuracy": [0.9, 0.1, 0.6, 0.9, 0.2, 0.6],
    ... })
    >>> print(report.shares(results))
    Share of the lost accuracy that comes back; 95 % interval over chips.
    <BLANKLINE>
    knob       value  lost  refitted brings back  better control would
    cell.bits  2      75.0  0.60 (0.26 to 0.94)   -
    """
    rows = []
    for row in recovered(results).to_dict("records"):
        lost = row["float"] - row["collapsed"]
        share = "nothing was lost" if math.isnan(row["recovery"]) else f"{row['recovery']:.2f}"
        if not math.isnan(row["low"]):
            share += f" ({row['low']:.2f} to {row['high']:.2f})"
        control = (row["control"] - row["collapsed"]) / lost if lost > 0 else math.nan
        other = "-" if math.isnan(control) else f"{control:.2f}"
        rows.append((row["knob"], _text(row["value"]), f"{100 * lost:.1f}", share, other))
    header = ("knob", "value", "lost", "refitted brings back", "better control would")
    heading = "Share of the lost accuracy that comes back; 95 % interval over chips."
    return f"{heading}\n\n{table(rows, header)}"


def _check_compared(means: pd.DataFrame) -> None:
    """Refuse results without a method that recovery is judged by."""
    for method in ("collapsed", "refitted", *CONTROLS):
        if method not in means.columns:
            raise ValueError(f"results: has no rows of method {method!r}")
        without = means.index[means[method].isna()]
        if len(without):
            knob, value = without[0]
            raise ValueError(f"results: has no rows of method {method!r} for {knob} = {value}")


def sweep(
    results: Results,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    question: str | None = None,
    quality: str | None = None,
    cost: str | None = None,
    targets: Sequence[float] | None = None,
) -> None:
    """Write a report of a sweep: one HTML file that needs nothing else, with figures and a table.

    It holds the question, answers in words (the frontier of quality and cost, the cheapest machines
    that keep targets, which knobs matter, controls, rivals of refitting), figures whose marks say
    what they are, a table of all machines that sorts and filters, the specification, and where it
    was measured. What the results do not tell is said in one line.

    Parameters
    ----------
    results
        What ``sweep.run`` or ``sweep.load`` returned.
    path
        The file, whose name ends with .html; it is replaced as a whole.
    title, question
        Heading and first line; None says how many machines there are, and takes the question that
        the store keeps, if any.
    quality
        The measure that machines are judged by, better when higher; None takes refitted, else
        collapsed, else the first measure. For either of those two the other one is shown beside it.
    cost
        Another measure, better when lower; None takes energy, else latency, else area.
    targets
        Values of the quality that machines are to keep, those of accuracies from 0 to 1; None takes
        98, 95, 90 and 80 % of the float network's accuracy.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.
    OSError
        If the file cannot be written.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im, tempfile
    >>> from pathlib import Path
    >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [2, 4]})
    >>> bits = im.sweep.Measure("bits", 1, lambda subject: {"bits": subject.hardware.cell.bits})
    >>> results = im.sweep.run(im.sweep.tasks(space, measures=bits), stop=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     im.report.sweep(results, f"{folder}/bits.html", question="How many bits?")
    ...     "How many bits?" in Path(folder, "bits.html").read_text()
    True
    """
    from imperfect._sweep_report.content import content_of
    from imperfect._sweep_report.page import checked_path, page_of

    file = checked_path(path)
    for field, text in (("title", title), ("question", question)):
        check_instance(field, text, (str, type(None)), "a text, or None")
    page = page_of(content_of(results, quality, cost, targets), title, question)
    with replaced(file) as temporary:
        temporary.write_bytes(page.encode("utf-8", "replace"))
