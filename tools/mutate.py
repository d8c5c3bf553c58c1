# SPDX-License-Identifier: BSD-3-Clause
"""Mutation check of the C++ core: which of a random sample of small mistakes do tests notice?

All mutants are compiled into one copy of the tree and turned on one at a time. Needs clang with its
libclang, the Python package libclang, Ninja, pybind11, and what the tests need. tests/mutants.md
tells what came of it.

Example:
    python tools/mutate.py --work /tmp/mutants --build
    python tools/mutate.py --work /tmp/mutants --run 1..480 --report
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from mutation.places import Place, find_places
from mutation.rewrite import write_tree
from mutation.run import Work
from mutation.sample import COUNTS, draw

ROOT = Path(__file__).parents[1]


def parse_arguments() -> argparse.Namespace:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    add = parser.add_argument
    add("--work", type=Path, required=True, help="folder for the copy, its build and the results")
    add("--build", action="store_true", help="draw, build, and run all tests without a mutant")
    add("--list", action="store_true", help="print the sample")
    add("--run", metavar="FIRST..LAST", help="try these mutants, but those that have a result")
    add("--report", action="store_true", help="print counts and the mutants that survived")
    return parser.parse_args()


def sample(work: Work) -> list[Place]:
    """The mutants of a work folder, the first being number 1; drawn when there are none."""
    path = work.folder / "mutants.json"
    if not path.exists():
        work.folder.mkdir(parents=True, exist_ok=True)
        drawn = draw(ROOT, find_places(ROOT, list(COUNTS)))
        path.write_text(json.dumps([asdict(place) for place in drawn]))
    return [Place(**place) for place in json.loads(path.read_text())]


def describe(number: int, place: Place, root: Path) -> str:
    """One line: where a mutant is and what it changes."""
    source = (root / "src" / "cpp" / place.file).read_bytes()
    line = source[: place.begin].count(b"\n") + 1
    old = " ".join(source[place.begin : place.end].decode().split())
    new = " ".join(place.new.split()) or "(nothing)"
    return f"{number} {place.file}:{line} {place.kind}: {old} → {new}"


def report(work: Work, mutants: list[Place]) -> None:
    """Counts of outcomes in each folder, then the mutants that survived."""
    finished = work.finished()
    counts = Counter((mutants[n - 1].folder, line["outcome"]) for n, line in finished.items())
    for (folder, outcome), count in sorted(counts.items()):
        print(f"{folder}: {count} {outcome}")
    for number, line in sorted(finished.items()):
        if line["outcome"] in {"survived", "not reached"}:
            print(f"{line['outcome']}: {describe(number, mutants[number - 1], ROOT)}")


def main() -> None:
    arguments = parse_arguments()
    work = Work(arguments.work)
    mutants = sample(work)
    if arguments.build:
        write_tree(ROOT, work.tree, mutants)
        work.compile()
        work.trace()
    if arguments.list:
        for number, place in enumerate(mutants, 1):
            print(describe(number, place, ROOT))
    if arguments.run:
        first, last = map(int, arguments.run.split(".."))
        work.run(range(first, last + 1))
    if arguments.report:
        report(work, mutants)


if __name__ == "__main__":
    main()
