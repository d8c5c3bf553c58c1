# SPDX-License-Identifier: BSD-3-Clause
"""Finds the lines on which the keys of a TOML text stand, which tomllib does not tell.

The text is known to be TOML: tomllib has read it. So the scanner looks for no mistakes; it only has
to tell keys from what stands in strings and comments.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left

Place = tuple[str | int, ...]  # keys, and numbers in arrays, from the top of the file

DEEPEST = 50  # dots in a key; time and memory of readers grow with their square
LONG = r'"""(?:[^\\]|\\.)*?"""(?!")|' + r"'''.*?'''(?!')"
SHORT = r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
PART = rf"(?:{SHORT}|[A-Za-z0-9_-]+)"
DOT = r"[ \t]*\.[ \t]*"
_part = re.compile(PART)
_keys = re.compile(rf"{PART}(?:{DOT}{PART})*")
_gap = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_equals = re.compile(r"[ \t]*=[ \t]*")
# Why looking behind: a long word would be tried from each of its letters.
_deep = re.compile(rf"(?<![A-Za-z0-9_-]){PART}(?:{DOT}{PART}){{{DEEPEST}}}")
_brackets = re.compile(r"[ \t]*\]\]?|\[\[?[ \t]*")
_scalar = re.compile(rf"{LONG}|{SHORT}|[^,\]}}#\n]+", re.DOTALL)


def lines_of(text: str) -> dict[Place, int]:
    """Line, from 1, of every key and of every item of an array.

    Parameters
    ----------
    text
        TOML that ``tomllib`` reads, its lines ended by "\\n".

    Examples
    --------
    >>> lines_of("a = 1\\n[b]\\nc = [2,\\n  3]")[("b", "c", 1)]
    4
    """
    return _Scanner(text).lines


def check_depth(text: str) -> None:
    """Refuse a key of very many parts, before anything reads it."""
    if found := _deep.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"a key has more than {DEEPEST} dots (at line {line}, column 1)")


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.ends = [place for place, letter in enumerate(text) if letter == "\n"]
        self.lines: dict[Place, int] = {}
        self.tables: dict[Place, int] = {}  # tables that an array of tables has so far
        table: Place = ()
        self._take(_gap)
        while self.at < len(text):
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._take(_gap)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """What a pattern fits from here on; goes behind it."""
        found = pattern.match(self.text, self.at)
        assert found is not None, self.text[self.at :]
        self.at = found.end()
        return found[0]

    def _note(self, place: Place, start: int) -> None:
        """Keep the line of a place, and of what it is in where that is not known."""
        line = bisect_left(self.ends, start) + 1
        for end in range(1, len(place) + 1):
            self.lines.setdefault(place[:end], line)

    def _header(self) -> Place:
        """The place of the table that begins here."""
        start = self.at
        is_array = self._take(_brackets).startswith("[[")
        *outer, last = _names(self._take(_keys))
        self._take(_brackets)
        place: Place = ()
        for name in outer:
            place = (*place, name)
            if place in self.tables:
                place = (*place, self.tables[place] - 1)
        place = (*place, last)
        if is_array:
            number = self.tables.get(place, 0)
            self.tables[place] = number + 1
            place = (*place, number)
        self.lines.pop(place, None)
        self._note(place, start)
        return place

    def _pair(self, table: Place) -> None:
        start = self.at
        place = (*table, *_names(self._take(_keys)))
        self._note(place, start)
        self._take(_equals)
        self._value(place)

    def _value(self, place: Place) -> None:
        first = self.text[self.at]
        if first not in "[{":
            self._take(_scalar)
            return
        self.at += 1
        self._take(_gap)
        number = 0
        while self.text[self.at] not in "]}":
            if first == "{":
                self._pair(place)
            else:
                self._note((*place, number), self.at)
                self._value((*place, number))
            number += 1
            self._take(_gap)
        self.at += 1


def _names(keys: str) -> list[str]:
    return [_unquoted(part) for part in _part.findall(keys)]


def _unquoted(part: str) -> str:
    if part[0] == '"':
        name: str = tomllib.loads(f"name = {part}")["name"]
        return name
    return part[1:-1] if part[0] == "'" else part
