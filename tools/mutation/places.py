# SPDX-License-Identifier: BSD-3-Clause
"""Places in C++ sources where one small change makes a mutant, found with libclang."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clang.cindex import Config, Cursor, CursorKind, Index, TranslationUnit

# What each operator may become: the usual slip, not its mathematical opposite.
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|"}
ARITHMETIC |= {"|": "&", "^": "|", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&="}
COMPARISON = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
OPERATOR_KINDS = {"arithmetic": ARITHMETIC, "comparison": COMPARISON, "logic": LOGIC}
CALLS = {"min": "max", "add": "subtract", "pmin": "pmax", "padd": "psub", "floor": "ceil"}
CALLS |= {new: old for old, new in CALLS.items()}
CALL = re.compile(r"((?:\w+::)*)(" + "|".join(CALLS) + r")(?=[<(])")

FUNCTIONS = {
    CursorKind.FUNCTION_DECL,
    CursorKind.CXX_METHOD,
    CursorKind.CONSTRUCTOR,
    CursorKind.FUNCTION_TEMPLATE,
}
OPERATORS = {CursorKind.BINARY_OPERATOR, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR}
LITERALS = {CursorKind.INTEGER_LITERAL, CursorKind.FLOATING_LITERAL}
BLOCKS = {CursorKind.COMPOUND_STMT, CursorKind.IF_STMT, CursorKind.FOR_STMT, CursorKind.WHILE_STMT}


@dataclass(frozen=True, order=True)
class Place:
    """The bytes [begin, end) of a file, and what a mutant has there instead."""

    file: str  # below src/cpp
    begin: int
    end: int
    kind: str
    new: str

    @property
    def folder(self) -> str:
        """The folder of ``src/cpp`` that the place is in."""
        return self.file.split("/")[0]


@cache
def arguments(root: Path) -> tuple[str, ...]:
    """How the baseline level is compiled, with the library and headers of the clang found here."""
    resources = subprocess.check_output(["clang", "-print-resource-dir"], text=True).strip()
    Config.set_compatibility_check(False)
    Config.set_library_file(str(Path(resources).parents[1] / "libclang.so.1"))
    flags = "-std=c++17 -march=x86-64-v2 -pedantic-errors -ferror-limit=0 -DIMPERFECT_ISA=base"
    cpp, state = root / "src" / "cpp", Path(__file__).with_name("mutant.hpp")
    flags += f" -I{cpp} -I{cpp / 'include'} -isystem /usr/include/eigen3"
    return (*flags.split(), "-resource-dir", resources, "-include", str(state))


def parse(root: Path, file: str, changed: list[tuple[str, str]] | None = None) -> TranslationUnit:
    """The syntax tree of one source file; ``changed``: paths, and what to read instead."""
    path, flags = str(root / "src" / "cpp" / file), arguments(root)
    return Index.create().parse(path, args=flags, unsaved_files=changed)


def find_places(root: Path, folders: list[str]) -> list[Place]:
    """All places in the source files and headers of some folders of ``src/cpp``."""
    cpp = root / "src" / "cpp"
    found: set[Place] = set()
    for folder in folders:
        for path in sorted((cpp / folder).glob("*.cpp")):
            tree = parse(root, str(path.relative_to(cpp)))
            mistakes = [str(d) for d in tree.diagnostics if d.severity >= d.Error]
            if mistakes:
                raise RuntimeError(f"libclang cannot read {path}: {mistakes[0]}")
            for top in tree.cursor.get_children():
                found.update(places_below(top, cpp, folders))
    return sorted(found)


def places_below(top: Cursor, cpp: Path, folders: list[str]) -> Iterator[Place]:
    """Places below a declaration of a file of ours."""
    name = top.location.file.name if top.location.file else ""
    if not name.startswith(tuple(f"{cpp / folder}/" for folder in folders)):
        return
    path = Path(name)
    finder = Finder(str(path.relative_to(cpp)), path.read_bytes())
    yield from finder.in_declarations(top)


class Finder:
    """Walks through one declaration of one file."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source

    def text(self, begin: int, end: int) -> str:
        return self.source[begin:end].decode()

    def place(self, begin: int, end: int, kind: str, new: str) -> Place:
        return Place(self.file, begin, end, kind, new)

    def in_declarations(self, cursor: Cursor) -> Iterator[Place]:
        """Places in the bodies of functions; constant expressions cannot ask which mutant is on."""
        if cursor.kind in FUNCTIONS:
            for child in cursor.get_children():
                if child.kind == CursorKind.COMPOUND_STMT:
                    head = self.text(cursor.extent.start.offset, child.extent.start.offset)
                    if "constexpr" not in head:
                        yield from self.in_statements(child)
            return
        for child in cursor.get_children():
            yield from self.in_declarations(child)

    def in_statements(self, cursor: Cursor) -> Iterator[Place]:
        """Places in a statement or expression and all below it."""
        yield from self.at(cursor)
        children = list(cursor.get_children())
        if cursor.kind in BLOCKS:
            yield from self.droppable(cursor, children)
        for child in children:
            yield from self.in_statements(child)

    def droppable(self, block: Cursor, children: list[Cursor]) -> Iterator[Place]:
        """Calls and assignments that stand alone and could be forgotten."""
        bodies = children if block.kind == CursorKind.COMPOUND_STMT else children[1:]
        if block.kind == CursorKind.FOR_STMT:
            bodies = children[-1:]
        for child in bodies:
            begin, end = child.extent.start.offset, child.extent.end.offset
            if child.kind.is_expression() and self.text(end, end + 1) == ";":
                yield self.place(begin, end, "statement", "")

    def at(self, cursor: Cursor) -> Iterator[Place]:
        """Places of the operator, number, condition or call at a cursor."""
        begin, end = cursor.extent.start.offset, cursor.extent.end.offset
        text = self.text(begin, end)
        if cursor.kind in OPERATORS:
            yield from self.operator(cursor)
        elif cursor.kind in LITERALS:
            yield self.place(begin, end, "constant", f"{text} + 1")
            yield self.place(begin, end, "constant", f"{text} - 1")
        elif cursor.kind == CursorKind.UNARY_OPERATOR and text[0] in "!-~":
            yield self.place(begin, end, "negation", text[1:])
        elif cursor.kind in {CursorKind.IF_STMT, CursorKind.CONDITIONAL_OPERATOR}:
            yield from self.condition(next(cursor.get_children()))
        elif match := CALL.match(text) if cursor.kind == CursorKind.CALL_EXPR else None:
            new = match[1] + CALLS[match[2]] + text[match.end() :]
            yield self.place(begin, end, "call", new)

    def operator(self, cursor: Cursor) -> Iterator[Place]:
        """The operator between two operands."""
        children = list(cursor.get_children())
        if len(children) != 2:
            return
        left, right = children[0].extent.end.offset, children[1].extent.start.offset
        old = self.text(left, right).strip()
        begin, end = cursor.extent.start.offset, cursor.extent.end.offset
        for kind, table in OPERATOR_KINDS.items():
            if old in table:
                new = f"{self.text(begin, left)} {table[old]} {self.text(right, end)}"
                yield self.place(begin, end, kind, new)

    def condition(self, cursor: Cursor) -> Iterator[Place]:
        """The opposite of a condition."""
        if cursor.kind.is_expression():
            begin, end = cursor.extent.start.offset, cursor.extent.end.offset
            yield self.place(begin, end, "condition", f"!({self.text(begin, end)})")
