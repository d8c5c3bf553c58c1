# SPDX-License-Identifier: BSD-3-Clause
"""A random sample of mutants that compile, the same for the same sources and seed."""

from __future__ import annotations

import re
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

from clang.cindex import Diagnostic

from mutation.places import Place, parse
from mutation.rewrite import rewrite

SEED = "imperfect 8"
# Mutants of each folder of src/cpp.
COUNTS = {"kernels": 220, "mapping": 60, "device": 40, "circuit": 60, "layer": 100}
ENOUGH = 2  # candidates for each mutant wanted: not every change compiles


def draw(root: Path, places: list[Place]) -> list[Place]:
    """As many mutants as ``COUNTS`` says, of each kind in turn, in the order of the sources."""
    candidates = choose(places, ENOUGH)
    return sorted(choose(sorted(that_compile(root, candidates)), 1))


def choose(places: list[Place], times: int) -> list[Place]:
    """``times`` as many places as ``COUNTS`` says of each folder."""
    chosen: list[Place] = []
    for folder, count in COUNTS.items():
        kinds = defaultdict(list)
        for place in sorted((p for p in places if p.folder == folder), key=rank):
            kinds[place.kind].append(place)
        rounds = range(max(len(kind) for kind in kinds.values()))
        in_turn = [kind[i] for i in rounds for _, kind in sorted(kinds.items()) if i < len(kind)]
        chosen += in_turn[: times * count]
    return chosen


def rank(place: Place) -> str:
    """A random number that belongs to the place."""
    return sha256(f"{SEED}:{place}".encode()).hexdigest()


def that_compile(root: Path, places: list[Place]) -> set[Place]:
    """Those of the places whose mutants libclang accepts, all of them in the sources together."""
    cpp = root / "src" / "cpp"
    good = dict(enumerate(places))
    for source in sorted(path for folder in COUNTS for path in (cpp / folder).glob("*.cpp")):
        while bad := rejected(root, str(source.relative_to(cpp)), good):
            for number in bad:
                del good[number]
    return set(good.values())


def rejected(root: Path, source: str, places: dict[int, Place]) -> set[int]:
    """Numbers of the mutants that do not compile in one source file and what it includes."""
    cpp = root / "src" / "cpp"
    files = {}
    for file in {place.file for place in places.values()}:
        here = {number: place for number, place in places.items() if place.file == file}
        files[str(cpp / file)] = rewrite((cpp / file).read_bytes(), here).decode()
    mistakes = parse(root, source, list(files.items())).diagnostics
    return {innermost(d, files[d.location.file.name]) for d in mistakes if d.severity >= d.Error}


def innermost(mistake: Diagnostic, text: str) -> int:
    """The number of the innermost mutant around a mistake, or of the next one on its line."""
    at = len(text.encode()[: mistake.location.offset].decode())
    found = list(re.finditer(r"\(imperfect_mutation::on\((\d+)\)", text))
    around = [m for m in found if m.start() <= at < closing(text, m.start())]
    after = [m for m in found if m.start() > at and "\n" not in text[at : m.start()]]
    if not around and not after:
        raise RuntimeError(f"no mutant is near this mistake: {mistake}")
    return int(around[-1][1] if around else after[0][1])


def closing(text: str, start: int) -> int:
    """Where the parenthesis that opens at ``start`` closes."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise RuntimeError("a parenthesis does not close")
