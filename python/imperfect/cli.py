# SPDX-License-Identifier: BSD-3-Clause
"""The command ``imperfect``: studies of networks, and facts about the installation.

Exit codes: 0, 1 (it failed; one line says why), 2 (bad usage), 130 (interrupted).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imperfect import _core
from imperfect._cli.cost import add_cost, run_cost
from imperfect._cli.demo import add_demo, run_demo
from imperfect._cli.study import add_study, run_study
from imperfect._cli.sweep import add_sweep, run_sweep
from imperfect._config import show_config
from imperfect._interrupts import noted_interrupts

INTERRUPTED = 130
METAVAR = "{demo,study,cost,sweep,info}"
COMMANDS = {"demo": run_demo, "study": run_study, "cost": run_cost, "sweep": run_sweep}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the name of the command; None takes those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from imperfect.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    imperfect ...
    0
    """
    with noted_interrupts() as interrupts:
        try:
            options = _parser().parse_args(arguments)
            if options.command == "info":
                show_config()
            else:
                COMMANDS[options.command](options)
        except (KeyboardInterrupt, ImportError, OSError, ValueError) as error:
            # Why: a library that is interrupted while it loads says that it cannot be loaded.
            if interrupts or isinstance(error, KeyboardInterrupt):
                hint = f"; {error}" if isinstance(error, KeyboardInterrupt) and error.args else ""
                print(f"imperfect: interrupted{hint}", file=sys.stderr)
                return INTERRUPTED
            print(f"imperfect: {_text(error)}", file=sys.stderr)
            return 1
    return 0


def _text(error: Exception) -> str:
    """One line on what went wrong; of the system's errors without their numbers."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.split())


def _parser() -> argparse.ArgumentParser:
    # Why: other formatters break long lines, and so a long path.
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="imperfect",
        formatter_class=raw,
        description="Simulate a trained network on imperfect in-memory hardware.",
        epilog="example:\n  imperfect demo --quick",
    )
    parser.add_argument("--version", action="version", version=f"imperfect {_core.__version__}")
    parser.add_argument(
        "--cmake-dir",
        action="version",
        version=str(Path(_core.__file__).parent),
        help="print the folder for cmake's -Dimperfect_ROOT=... and exit",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar=METAVAR)
    add_demo(commands)
    add_study(commands)
    add_cost(commands)
    add_sweep(commands)
    commands.add_parser(
        "info",
        help="print what a bug report should contain",
        description="Print what a bug report should contain: versions, SIMD level, threads.",
        formatter_class=raw,
        epilog="example:\n  imperfect info",
    )
    return parser
