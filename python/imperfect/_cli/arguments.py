# SPDX-License-Identifier: BSD-3-Clause
"""Options that commands share, and types for argparse that say what is allowed."""

from __future__ import annotations

import argparse
import ast
import math
from pathlib import Path
from typing import Any

from imperfect._arrays import LARGEST_SEED

# Fewer chips say too little, because chips of the same hardware differ much.
FEWEST_CHIPS = 5


def add_out_and_seed(parser: argparse.ArgumentParser, out: Path, decided: str) -> None:
    """Where to write, ``out`` if nothing is said, and the seed of what is ``decided``."""
    parser.add_argument(
        "--out", type=folder, default=out, metavar="DIR", help=f"folder to write to ({out}/)"
    )
    parser.add_argument(
        "--seed", type=integer(0, LARGEST_SEED), default=0, help=f"decides {decided} (0)"
    )


def add_common_options(parser: argparse.ArgumentParser, out: Path) -> None:
    """Options of every command that measures chips; ``out`` is the default folder."""
    from imperfect._study.run import MOST_CHIPS

    add_out_and_seed(parser, out, "the chips")
    parser.add_argument(
        "--chips",
        type=integer(FEWEST_CHIPS, MOST_CHIPS),
        default=FEWEST_CHIPS,
        metavar="N",
        help=f"chips per value, {FEWEST_CHIPS} to {MOST_CHIPS:,} ({FEWEST_CHIPS})",
    )
    parser.add_argument(
        "--jobs",
        type=integer(1, 10**4),
        default=cores(),
        metavar="N",
        help=f"processes; results do not depend on it (cores: {cores()})",
    )


def cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def folder(text: str) -> Path:
    """A type for argparse: the name of a folder, which need not exist."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r}: must be the name of a folder")
    return Path(text)


def integer(low: int, high: int) -> Any:
    """A type for argparse: an integer from ``low`` to ``high``."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: must be an integer from {low} to {high}")
        return value

    return convert


def numbers(text: str, example: str = "0.01,0.02") -> list[float]:
    """A type for argparse: numbers with commas between them."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = [float("nan")]
    if not all(math.isfinite(value) for value in values):
        message = f"{text!r}: must be finite numbers with commas between them, such as {example}"
        raise argparse.ArgumentTypeError(message)
    return values


def names(text: str) -> list[str]:
    """A type for argparse: names with commas between them."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        message = f"{text!r}: must be names with commas between them, such as refitted,collapsed"
        raise argparse.ArgumentTypeError(message)
    return found


def field_values(text: str) -> tuple[str, list[Any]]:
    """A type for argparse: the path of a field of the hardware and values to try."""
    path, equals, values = text.partition("=")
    if not equals or not path.strip() or not values.strip():
        message = f"{text!r}: must be FIELD=VALUE,VALUE, such as cell.bits=4,3,2"
        raise argparse.ArgumentTypeError(message)
    return path.strip(), [_literal(part.strip()) for part in values.split(",")]


def _literal(text: str) -> Any:
    """A number, True, False or None where it is one, else a word."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
