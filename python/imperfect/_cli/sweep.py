# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect sweep``: run a sweep of a file, and show what a store holds."""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any

from imperfect._cli.arguments import cores, integer, names, numbers
from imperfect._cli.sweep_run import run_spec
from imperfect._cli.sweep_show import export_table, plot_results, print_status, write_report

SPEC = "examples/sweep.toml"
DESCRIPTION = """\
Measure chips of many machines, as a file says (docs/sweep-files.md), and keep every result in a
store as soon as it is there: whatever stops a run, the same command goes on where it was.
"""
RUN = """\
Measure what the store does not have yet of the trials (chips) that a file asks for. The file is
checked as a whole before anything runs. Exit code 1 if a trial failed; the next run tries it again.
"""
PLOT = """\
Draw results of a store. Kinds: lines (of the measures against --x), heat (one measure over --x
and --y), panels (collapse and recovery against --x, one panel for each value of --by), frontier
(accuracy against --cost) and effects (which knob matters most).
"""
KINDS = ("lines", "heat", "panels", "frontier", "effects")


class _Parser(argparse.ArgumentParser):
    """A parser that refuses words it does not know itself, so that its own usage is shown."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest


def add_sweep(commands: Any) -> None:
    """Add the command to a parser's."""
    raw = argparse.RawDescriptionHelpFormatter
    sweep = commands.add_parser(
        "sweep",
        help="measure chips of many machines, as a file says, and never lose a result",
        description=DESCRIPTION,
        formatter_class=raw,
        epilog=f"example:\n  imperfect sweep run {SPEC} -o results.db\n"
        "  imperfect sweep report results.db -o report.html",
    )
    actions = sweep.add_subparsers(
        dest="action", required=True, metavar=f"{{{','.join(ACTIONS)}}}", parser_class=_Parser
    )

    def add(name: str, text: str, example: str, description: str = "") -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(
            name, help=text, description=description or f"{text[0].upper()}{text[1:]}.",
            formatter_class=raw, epilog=f"example:\n  imperfect sweep {example}",
        )  # fmt: skip
        return parser

    _run_options(
        add("run", "measure what a store does not have yet", f"run {SPEC} -o results.db", RUN)
    )
    _store(add("status", "print what is done of a sweep", "status results.db"))
    table = "export results.db -o table.parquet"
    _output(
        _store(add("export", "write a table with a row for each trial", table)),
        "table", ".parquet", ".csv",
    )  # fmt: skip
    figure = "plot results.db --kind lines --x cell.bits -o figure.png"
    _plot_options(_store(add("plot", "draw results", figure, PLOT)))
    page = "report results.db -o report.html"
    _report_options(
        _store(add("report", "write one page with answers, figures and all results", page))
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a TOML file")
    parser.add_argument(
        "-o", dest="store", required=True, metavar="FILE", help="the store; made if it is not there"
    )
    workers = parser.add_mutually_exclusive_group()
    # Why: with a default, argparse does not see that its value was given as well.
    workers.add_argument(
        "--jobs",
        type=integer(1, 10**4),
        metavar="N",
        help=f"processes; results do not depend on it (cores: {cores()})",
    )
    workers.add_argument(
        "--cluster", metavar="ADDRESS", help="a Dask scheduler whose workers measure instead"
    )
    parser.add_argument(
        "--seconds", type=_seconds, metavar="S", help="stop after this time; can be gone on with"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only print what would be measured, and about how long it takes (tries a few trials)",
    )


def _plot_options(parser: argparse.ArgumentParser) -> None:
    _output(parser, "figure", ".png", ".pdf", ".svg")
    parser.add_argument("--kind", choices=KINDS, default="lines", help="what to draw (lines)")
    for name, text in (
        ("x", "knob on the horizontal axis, such as cell.bits"),
        ("y", "knob on the vertical axis of a heat map"),
        ("by", "knob whose values have a panel each"),
    ):
        parser.add_argument(f"--{name}", metavar="KNOB", help=text)
    parser.add_argument(
        "--measure",
        action="extend",
        type=names,
        metavar="NAME,NAME",
        help="what was measured: refitted,collapsed or --measure refitted --measure collapsed;"
        " heat and effects take one",
    )
    parser.add_argument("--cost", metavar="NAME", help="cost of a frontier (energy)")


def _report_options(parser: argparse.ArgumentParser) -> None:
    _output(parser, "page", ".html")
    parser.add_argument("--title", help="heading of the page")
    parser.add_argument("--quality", metavar="NAME", help="what is to be high (refitted)")
    parser.add_argument("--cost", metavar="NAME", help="what is to be low (energy)")
    parser.add_argument(
        "--targets",
        type=partial(numbers, example="0.8,0.9"),
        metavar="V,V",
        help="values of the quality to keep (98, 95, 90 and 80 %% of the float network's accuracy)",
    )


def _store(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("store", metavar="STORE", help="what sweep run wrote")
    return parser


def _output(parser: argparse.ArgumentParser, what: str, *endings: str) -> None:
    shown = ", ".join(endings)

    def convert(text: str) -> Path:
        if Path(text).suffix not in endings:
            raise argparse.ArgumentTypeError(f"{text!r}: must end with {' or '.join(endings)}")
        return Path(text)

    parser.add_argument(
        "-o", dest="out", type=convert, required=True, metavar="FILE", help=f"the {what}: {shown}"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a positive number")
    return value


ACTIONS = {
    "run": run_spec,
    "status": print_status,
    "export": export_table,
    "plot": plot_results,
    "report": write_report,
}


def run_sweep(options: argparse.Namespace) -> None:
    """Run one of the actions."""
    ACTIONS[options.action](options)
