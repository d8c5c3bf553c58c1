# SPDX-License-Identifier: BSD-3-Clause
"""One copy of the tree that holds all mutants; a variable of the environment turns one on."""

from __future__ import annotations

import shutil
from pathlib import Path

from mutation.places import Place

HERE = Path(__file__).parent


def choice(place: Place, number: int, old: str) -> str:
    """An expression that is ``old``, or the mutant if that is on."""
    on = f"imperfect_mutation::on({number})"
    if place.kind == "statement":
        return f"({on} ? void() : void({old}))"
    # Why: what follows an exclamation mark need not be a bool, and both sides would share a type.
    if place.kind == "condition" or (place.kind == "negation" and old[0] == "!"):
        return f"({on} != static_cast<bool>({old}))"
    return f"({on} ? ({place.new}) : ({old}))"


def rewrite(source: bytes, mutants: dict[int, Place]) -> bytes:
    """A source file with these mutants of it, by number; one may lie inside another."""
    order = sorted(mutants.items(), key=lambda item: (item[1].begin, -item[1].end))
    return span(source, 0, len(source), order)


def span(source: bytes, begin: int, end: int, order: list[tuple[int, Place]]) -> bytes:
    """Bytes ``begin`` to ``end`` with the mutants in ``order``, outer ones first."""
    parts, at = [], begin
    while order:
        (number, place), *order = order
        inside = [item for item in order if item[1].end <= place.end]
        order = order[len(inside) :]
        old = span(source, place.begin, place.end, inside).decode()
        parts += [source[at : place.begin], choice(place, number, old).encode()]
        at = place.end
    return b"".join([*parts, source[at:end]])


def write_tree(root: Path, tree: Path, mutants: list[Place]) -> None:
    """Copies the project to ``tree`` with all mutants, numbered from 1."""
    shutil.rmtree(tree, ignore_errors=True)
    leave = shutil.ignore_patterns("build", ".git", "__pycache__", ".*_cache")
    shutil.copytree(root, tree, ignore=leave)
    cpp = tree / "src" / "cpp"
    numbered = dict(enumerate(mutants, 1))
    for file in {place.file for place in mutants}:
        here = {number: place for number, place in numbered.items() if place.file == file}
        (cpp / file).write_bytes(rewrite((cpp / file).read_bytes(), here))
    with (cpp / "base" / "cache.cpp").open("a") as end:
        end.write(
            f"#define IMPERFECT_NUM_MUTANTS {len(mutants)}\n" + (HERE / "mutant.cpp").read_text()
        )
