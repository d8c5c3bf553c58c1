# SPDX-License-Identifier: BSD-3-Clause
"""The text of a specification with the places of its keys, so that a mistake is said with its line.

Every refusal reads ``FILE:LINE: field: what is allowed``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imperfect._checks import check_instance, check_known
from imperfect._hardware.cell import ROLES
from imperfect._value import law_or_item
from imperfect.hardware import Hardware
from imperfect.sweep._spec_lines import Place, check_depth, lines_of

NONE = "none"  # TOML has no word for it
_first_field = re.compile(r"(?:\w+\.)*(\w+)")  # most refusals begin with the field's name


class SpecError(ValueError):
    """A mistake in a specification, said with its line and field."""


class SpecFile:
    """A specification that is TOML; what its keys mean is not looked at yet.

    Parameters
    ----------
    text, name, folder
        The text with lines ended by "\\n", what messages call it, and where its files are.
    """

    def __init__(self, text: str, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        try:
            check_depth(text)
            self.content: dict[str, Any] = tomllib.loads(text)
            self.lines = lines_of(text)
        except RecursionError:
            raise SpecError(f"{name}:1: not TOML: values are nested too deeply") from None
        except ValueError as error:
            raise SpecError(f"{name}:{_line_of(error, text)}: not TOML: {error}") from None

    def error(self, place: Place, error: object) -> SpecError:
        """What to raise about a place: as close to the mistake as the message tells."""
        message = _in_toml(str(error), place)
        found = _first_field.match(message)
        here = self.get(place)
        if found and isinstance(here, dict) and found[1] in here:
            place = (*place, found[1])
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        field = ".".join(name for name in place if isinstance(name, str))
        where = f"{self.name}:{self.lines.get(known, 1)}"
        return SpecError(": ".join([where, *[field] * bool(field), message]))

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """Errors meanwhile are about this place, unless they are about one already."""
        try:
            yield
        except SpecError:
            raise
        except (ValueError, TypeError, OSError) as error:
            raise self.error(place, error) from error

    def get(self, place: Place) -> Any:
        """What stands at a place; None if nothing does."""
        found: Any = self.content
        for name in place:
            try:
                found = found[name]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def table(
        self, place: Place, known: Collection[str] = (), needed: Collection[str] = ()
    ) -> dict[str, Any]:
        """The table at a place, empty if there is none; its keys are checked if they are known."""
        table = self.get(place)
        if table is None:
            table = {}
        called = str(next((name for name in place[::-1] if isinstance(name, str)), "the file"))
        with self.at(*place):
            check_instance(called, table, dict, f"a table, [{called}]")
        for key in table if known else ():
            with self.at(*place, key):
                check_known(called, key, known)
        for key in needed:
            if key not in table:
                raise self.error(place, f"has no {key!r}, which {called} needs")
        return dict(table)

    def tables(self, place: Place) -> list[Place]:
        """Places of the tables of an array of tables, which has one or more."""
        found = self.get(place)
        if not isinstance(found, list) or not found:
            name = ".".join(str(part) for part in place if isinstance(part, str))
            raise self.error(place, f"must be one table or more, each begun with [[{name}]]")
        return [(*place, number) for number in range(len(found))]

    def path(self, value: str) -> str:
        """An absolute path; files are looked for beside the specification."""
        return str((self.folder / value).absolute())


def value_of(name: str, value: Any) -> Any:
    """A value of a field of ``Hardware`` as Python has it: None, infinity, laws."""
    return law_or_item(_with_none(value), name, laws_of(name.partition("[")[0]))


def laws_of(field: str) -> dict[str, Any]:
    """Laws by name: those that fit a field of the cell, all for other fields."""
    role, laws = role_of(field), Hardware._law_classes.items()
    return {name: law for name, law in laws if role is None or issubclass(law, role)}


def role_of(field: str) -> type | None:
    """The base class of the laws of a field of the cell; None for fields without laws."""
    return ROLES.get(field.removeprefix("cell.")) if field.startswith("cell.") else None


def _in_toml(message: str, place: Place) -> str:
    """What a message allows in the words of TOML."""
    none = f'"{NONE}"' if place[:1] in (("hardware",), ("space",)) else "left out"
    return message.replace("or None", f"or {none}").replace("True or False", "true or false")


def _with_none(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_none(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_none(item) for key, item in value.items()}
    return None if value == NONE else value


def _line_of(error: ValueError, text: str) -> int:
    """Line of a mistake that tomllib found; it says where in its message."""
    found = re.search(r"\(at line (\d+), column \d+\)$", str(error))
    return int(found[1]) if found else text.count("\n") + 1
