# SPDX-License-Identifier: BSD-3-Clause
"""The lines of keys in a TOML text, against random files whose numbers tell where they stand."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imperfect.sweep._spec_lines import Place, lines_of

# Values that hold what looks like keys, tables, comments and ends of values.
DECOYS = (
    '"a = 1 # [b] \\" ]"', "'[[a]] = {'", '"""\n[a]\nb = 1 "" \\""""""', "'''\n[[a]] ''\n# }'''",
    '""""""', "1979-05-27 07:32:00", "-inf", "true", "0x1f", "''",
)  # fmt: skip
GAPS = ("", "  ", "# a = 1", "\t# [a]\n\n  # ]'\"")
NUMBER = "number"

keys = st.text("abc\"\\'.#=[]{}, é", max_size=4)
values = st.recursive(
    st.just(NUMBER) | st.sampled_from(DECOYS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
tables = st.lists(st.dictionaries(keys, values, min_size=1, max_size=3), min_size=1, max_size=3)
files = st.dictionaries(keys, values | tables, max_size=5)


class Writer:
    """Writes plain values as TOML in random styles; numbers are all different."""

    def __init__(self, content: dict[str, Any], rng: random.Random) -> None:
        self.rng, self.count, self.text = rng, 100_000, ""
        self.headers: dict[Place, int] = {}
        self._section((), (), content)

    def _section(self, names: tuple[str, ...], place: Place, table: dict[str, Any]) -> None:
        later = [key for key, value in table.items() if self._is_table(value)]
        for key, value in table.items():
            if key not in later:
                self._pair((key,), value)
        for key in later:
            inner = table[key] if isinstance(table[key], list) else [table[key]]
            for number, own in enumerate(inner):
                self._gap()
                here = (*place, key, *[number] * isinstance(table[key], list))
                self.headers[here] = self.text.count("\n") + 1
                name = self._keys((*names, key))
                self.text += f"[[{name} ]]" if isinstance(table[key], list) else f"[ {name}]"
                self.text += self.rng.choice([" # a = 1\n", "\n"])
                self._section((*names, key), here, own)

    def _is_table(self, value: Any) -> bool:
        several = value if isinstance(value, list) else [value]
        tables = bool(several) and all(isinstance(item, dict) for item in several)
        return tables and self.rng.random() < 0.6

    def _pair(self, names: tuple[str, ...], value: Any) -> None:
        if isinstance(value, dict) and value and self.rng.random() < 0.5:
            for key, inner in value.items():
                self._pair((*names, key), inner)
            return
        self._gap()
        self.text += f"{self._keys(names)}{self.rng.choice(['=', ' = '])}"
        self._value(value)
        self.text += self.rng.choice([" # ]\n", "\n"])

    def _value(self, value: Any) -> None:
        if isinstance(value, dict):
            self.text += "{ "
            for number, (key, inner) in enumerate(value.items()):
                self.text += f"{', ' * bool(number)}{self._keys((key,))} = "
                self._value(inner)
            self.text += "}"
        elif isinstance(value, list):
            self.text += "["
            for inner in value:
                self._gap()
                self._value(inner)
                self.text += ","
            self._gap()
            self.text += "]"
        elif value == NUMBER:
            self.count += 1
            self.text += str(self.count)
        else:
            self.text += value

    def _gap(self) -> None:
        self.text += self.rng.choice(GAPS)
        if self.text.count("#", self.text.rfind("\n") + 1) or self.rng.random() < 0.5:
            self.text += "\n"

    def _keys(self, names: tuple[str, ...]) -> str:
        return self.rng.choice([".", " . "]).join(self._key(name) for name in names)

    def _key(self, name: str) -> str:
        styles = [json.dumps(name, ensure_ascii=False)]
        styles += [f"'{name}'"] * ("'" not in name)
        styles += [name] * bool(re.fullmatch("[a-z]+", name))
        return self.rng.choice(styles)


def numbers(value: Any, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """Places of the numbers that the writer wrote."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in inner:
        if isinstance(item, dict | list):
            yield from numbers(item, (*place, name))
        elif isinstance(item, int) and item > 100_000:
            yield (*place, name), item


@settings(max_examples=300, deadline=None)
@given(files, st.integers(0, 2**32))
def test_numbers_and_tables_stand_where_the_scanner_says(
    content: dict[str, Any], seed: int
) -> None:
    written = Writer(content, random.Random(seed))
    found = lines_of(written.text)
    for place, number in numbers(tomllib.loads(written.text)):
        line = written.text[: written.text.index(str(number))].count("\n") + 1
        assert found[place] == line, written.text
    for place, line in written.headers.items():
        assert found[place] == line, written.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b = 1\na.c = 2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
        ("[a.b]\nc = 1\n[a]\nd = 2", {("a",): 3, ("a", "b"): 1, ("a", "d"): 4}),
        ("[[a]]\n[[a]]\n[a.b]\nc = [1,\n2]", {("a", 1): 2, ("a", 1, "b", "c", 1): 5}),
        ("[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\nc = 1", {("a", 1, "b", 0, "c"): 5}),
        ("\"\\u0061.b\" = 1\n'c'=2", {("a.b",): 1, ("c",): 2}),
    ],
)
def test_places_of_small_files(text: str, expected: dict[Place, int]) -> None:
    found = lines_of(text)
    assert {place: found[place] for place in expected} == expected
