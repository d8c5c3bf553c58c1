# SPDX-License-Identifier: BSD-3-Clause
"""The machines of a specification: its tables ``hardware`` and ``space``.

A field is named by its path in quotes (``"cell.bits" = 4``) or by tables within tables
(``cell.bits = 4``, or ``bits = 4`` under ``[hardware.cell]``); all mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from imperfect import presets
from imperfect._checks import check_instance, check_known, choice
from imperfect._presets.machines import MACHINES
from imperfect.hardware import Hardware
from imperfect.sweep._space import Range, Space
from imperfect.sweep._spec_file import SpecFile, laws_of, role_of, value_of
from imperfect.sweep._spec_lines import Place

BASES = ("preset", "file")
RANGE = ("low", "high", "log", "whole")
DRAWN: dict[str, Callable[..., Space]] = {"random": Space.random, "sobol": Space.sobol}
DRAWS = ("count", "seed")
# Keys of each kind of space.
KINDS = {
    "grid": ("vary",),
    "random": ("vary", *DRAWS),
    "sobol": ("vary", *DRAWS),
    "list": ("machine",),
}


class Field(NamedTuple):
    """A field that a table sets: its path, the value in the file, and where it stands."""

    name: str
    value: Any
    place: Place


def hardware_of(
    file: SpecFile, place: Place, base: Hardware, also: tuple[str, ...] = ()
) -> Hardware:
    """A machine: a preset, that of a file, or ``base``, with the fields that the table sets.

    ``also`` are keys of the table that are no fields.
    """
    table = file.table(place)
    if all(name in table for name in BASES):
        raise file.error((*place, "file"), "must be a preset or a file, not both")
    if "preset" in table:
        with file.at(*place, "preset"):
            base = getattr(presets, choice("preset", table["preset"], MACHINES))()
    elif "file" in table:
        with file.at(*place, "file"):
            base = _from_file(file, table["file"])
    fields = {name: value for name, value in table.items() if name not in (*BASES, *also)}
    found = _once(file, _fields(fields, place, ("law",)))
    names, values = [name for name, _, _ in found], {}
    for name, value, own in found:
        with file.at(*own):
            _check_law(base, name, names)
            values[name] = value_of(name, value)
    try:
        return base.with_fields(values)
    except (ValueError, TypeError) as error:
        for name, _, own in found:
            if _message(base.with_field, name, values[name]) == str(error):
                raise file.error(own, error) from error
        raise file.error(place, error) from error


def _check_law(base: Hardware, name: str, others: Collection[str]) -> None:
    """Refuse a field of a law where neither the base nor another field has one."""
    role = name.rpartition(".")[0]
    if role_of(role) is None or role in others:
        return
    if getattr(base.cell, role.removeprefix("cell.")) is None:
        example = next(iter(laws_of(role)))
        raise ValueError(f'{role} has no law yet; a law needs its name, such as law = "{example}"')


def _from_file(file: SpecFile, name: Any) -> Hardware:
    check_instance("file", name, str, "the name of a JSON file, as Hardware.to_json writes it")
    path = Path(file.path(name))
    if not path.is_file():
        raise ValueError(f"file={name!r}: there is no file {path}")
    try:
        return Hardware.from_json(path.read_bytes())
    except (ValueError, TypeError) as error:
        raise ValueError(f"file={name!r}: {error}") from error


def spaces_of(file: SpecFile, base: Hardware) -> list[Space]:
    """The spaces, one for each table."""
    spaces, names, known = [], set[str](), dict[tuple[Hardware, float], str]()
    for place in file.tables(("space",)):
        space = _space_of(file, place, base)
        for number, machine in enumerate(space):
            own, hint = (*place, "machine", number), "give it another name"
            if file.get(own) is None:
                own = place
                hint = "let [space.vary] name the field that tells them apart, with one value"
            if machine.name in names:
                before = f"a space before it has a machine {machine.name!r} as well"
                raise file.error(own, f"{before}; {hint}")
            same = known.setdefault((machine.hardware, machine.time), machine.name)
            if same != machine.name:
                raise file.error(own, f"{machine.name!r} is the same machine as {same!r}")
        names |= {machine.name for machine in space}
        spaces.append(space)
    return spaces


def _space_of(file: SpecFile, place: Place, base: Hardware) -> Space:
    kind = file.table(place, needed=["kind"])["kind"]
    with file.at(*place, "kind"):
        choice("kind", kind, KINDS)
    needed = DRAWS[:1] if kind in DRAWN else ()
    table = file.table(place, ("kind", "hardware", *KINDS[kind]), needed)
    base = hardware_of(file, (*place, "hardware"), base)
    if kind == "list":
        return _listed(file, place, base)
    if kind == "grid":
        return _varied(file, place, lambda vary: Space.grid(base, vary))
    count, seed = table["count"], table.get("seed", 0)
    return _varied(file, place, lambda vary: DRAWN[kind](base, vary, count, seed))


def _listed(file: SpecFile, place: Place, base: Hardware) -> Space:
    machines: dict[str, Hardware] = {}
    for own in file.tables((*place, "machine")):
        name = file.table(own, needed=["name"])["name"]
        with file.at(*own, "name"):
            check_instance("name", name, str, "a text")
            if name in machines:
                raise ValueError(f"name={name!r}: is given twice")
        machines[name] = hardware_of(file, own, base, ("name",))
    return Space.listed(machines)


def _varied(file: SpecFile, place: Place, make: Callable[[Mapping[Any, Any]], Space]) -> Space:
    """A space over the fields of the table ``vary``."""
    inner = (*place, "vary")
    fields = _once(file, _fields(file.table(inner), inner, RANGE))
    vary = {}
    for name, value, own in fields:
        paths = tuple(part.strip() for part in name.split(","))
        with file.at(*own):
            vary[paths if len(paths) > 1 else name] = _choices(name, value)
    try:
        return make(vary)
    except (ValueError, TypeError) as error:
        if str(error).startswith(DRAWS):
            raise file.error(place, error) from error
        for (key, values), (_, _, own) in zip(vary.items(), fields, strict=True):
            alone = _message(make, {key: values})
            # Why: both begin with the values that they are about, one of them with more of these.
            if alone and str(error).endswith(alone.split(": ", 2)[-1]):
                raise file.error(own, alone) from error
        raise file.error(inner, error) from error


def _choices(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            check_known(name, key, RANGE)
        for key in RANGE[:2]:
            if key not in value:
                raise ValueError(f"has no {key!r}, which a range needs")
        return Range(**value)
    if not isinstance(value, list):
        return value
    return [value_of(f"{name}[{number}]", item) for number, item in enumerate(value)]


def _fields(table: Mapping[str, Any], place: Place, leaf: tuple[str, ...]) -> Iterator[Field]:
    """Fields that a table sets; a table without keys or with one of ``leaf`` is a value."""

    def found(table: Mapping[str, Any], place: Place, prefix: str) -> Iterator[Field]:
        for key, value in table.items():
            own = (*place, key)
            if isinstance(value, dict) and value and not any(name in value for name in leaf):
                yield from found(value, own, f"{prefix}{key}.")
            else:
                names = (f"{prefix}{part.strip()}" for part in key.split(","))
                yield Field(", ".join(names), value, own)

    return found(table, place, "")


def _once(file: SpecFile, fields: Iterator[Field]) -> list[Field]:
    """Fields, none of them set twice."""
    found: dict[str, Field] = {}
    for field in fields:
        if field.name in found:
            raise file.error(field.place, f"sets {field.name!r}, which is set already")
        found[field.name] = field
    return list(found.values())


def _message(call: Callable[..., Any], *arguments: Any) -> str:
    """How a call fails; empty if it does not."""
    try:
        call(*arguments)
    except (ValueError, TypeError) as error:
        return str(error)
    return ""
