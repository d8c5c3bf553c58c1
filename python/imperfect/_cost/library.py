# SPDX-License-Identifier: BSD-3-Clause
"""Libraries of components: files, those of the package among them, and changes to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imperfect import _checks, presets
from imperfect._cost.components import EVENTS, Component, Setting, component_of, parse_toml
from imperfect._presets.machines import MACHINES
from imperfect.hardware import Hardware

LIBRARIES = ("generic", "isaac", "puma", "hermes", "neurram")
HEAD = ("name", "title", "source")


class Components:
    """What every kind of component costs: entries by name, alternatives in the order of preference.

    Made by ``im.cost.components``, ``Components.load`` or ``with_entry``; immutable.

    Parameters
    ----------
    name, title, source : str
        Short name, one line, and the publication that the library as a whole follows.
    entries : dict
        From names to a ``Component``, or to several, of which the first that is valid is used.
        Names of ``EVENTS`` are what every machine has; others need ``Component.per``.
    machine : Hardware or None
        The machine that the publication describes, with its clock and shared converters.

    Raises
    ------
    ValueError, TypeError
        If an entry is not a component, or one of another name does not say what it is charged for.

    Examples
    --------
    >>> import imperfect as im
    >>> isaac = im.cost.components("isaac")
    >>> isaac["adc"].power, isaac["adc"].units
    (0.016, 8.0)
    >>> mine = isaac.with_entry("adc", model="walden", fom=5e-15, source="my own")
    >>> mine["adc"].model
    'walden'
    """

    def __init__(
        self,
        name: str,
        entries: Mapping[str, Component | Sequence[Component]],
        *,
        title: str = "",
        source: str = "",
        machine: Hardware | None = None,
    ) -> None:
        for field, value in {"name": name, "title": title, "source": source}.items():
            _checks.check_instance(field, value, str, "a string")
        if machine is not None:
            _checks.check_instance("machine", machine, Hardware, "a Hardware or None")
        if not isinstance(entries, Mapping):
            raise TypeError(_checks.refusal("entries", entries, "a dictionary"))
        self.name, self.title, self.source, self.machine = name, title, source, machine
        kept: dict[str, tuple[Component, ...]] = {}
        for key, given in entries.items():
            several = (given,) if isinstance(given, Component) else tuple(given)
            for item in several:
                _checks.check_instance(f"component {key!r}", item, Component, "a Component")
                if key not in EVENTS and item.per is None and item.model != "part_of":
                    raise ValueError(f"component {key!r}: must say what it is charged for (per=…)")
                if item.part_of is not None and item.part_of not in entries:
                    _checks.check_known(f"component {key!r}: library", item.part_of, list(entries))
            if not several:
                raise ValueError(f"component {key!r}: has no entry; leave it out instead")
            kept[key] = several
        self.entries: Mapping[str, tuple[Component, ...]] = MappingProxyType(kept)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Components:
        """Read a library from a TOML file.

        The file has ``name``, ``title`` and ``source``, and a table for each component, or several
        (``[[dac]]``) where they hold for different settings; keys are the fields of ``Component``.
        A table ``machine`` names a preset and fields that differ from it.

        Raises
        ------
        ValueError, TypeError
            If the file is no TOML, or an entry is not complete.
        FileNotFoundError
            If there is no such file.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(_checks.refusal("path", path, "the path of a TOML file"))
        return cls._parse(Path(path).read_text(encoding="utf-8"), os.fspath(path))

    @classmethod
    def _parse(cls, text: str, where: str) -> Components:
        content = parse_toml(text, where)
        head = {key: content.pop(key, "") for key in HEAD}
        machine = _machine(content.pop("machine", None))
        entries = {
            key: [
                component_of(key, item) for item in (given if isinstance(given, list) else [given])
            ]
            for key, given in content.items()
        }
        name = head.pop("name") or Path(where).stem
        return cls(name, entries, machine=machine, **head)

    def __getitem__(self, name: str) -> Component:
        """The first entry of a name."""
        _checks.check_known(f"library {self.name!r}", name, list(self.entries))
        return self.entries[name][0]

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Components):
            return NotImplemented
        return self.name == other.name and dict(self.entries) == dict(other.entries)

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.entries)))

    def __repr__(self) -> str:
        return f"Components({self.name!r}: {', '.join(self.entries)})"

    def with_entry(
        self, name: str, component: Component | None = None, **values: Any
    ) -> Components:
        """The same library with one entry replaced or added; ``values`` are fields of Component."""
        if component is None:
            component = component_of(name, values)
        elif values:
            raise TypeError(f"with_entry({name!r}): give a Component or its fields, not both")
        return self._changed({**self.entries, name: (component,)})

    def without(self, name: str) -> Components:
        """The same library without an entry, which then reads "not modelled"."""
        _checks.check_known(f"library {self.name!r}", name, list(self.entries))
        return self._changed({key: item for key, item in self.entries.items() if key != name})

    def _changed(self, entries: Mapping[str, Any]) -> Components:
        name = self.name if self.name.endswith("*") else f"{self.name}*"
        return Components(name, entries, title=self.title, source=self.source, machine=self.machine)

    def find(self, name: str, setting: Setting) -> Component | str:
        """The entry that holds for a setting, or why there is none."""
        reasons = [item.outside(setting) for item in self.entries.get(name, ())]
        for item, reason in zip(self.entries.get(name, ()), reasons, strict=True):
            if not reason:
                return item
        return "; ".join(reasons) if reasons else "no entry"


def _machine(given: Any) -> Hardware | None:
    """A preset with other fields, as a library's file names them."""
    if given is None:
        return None
    _checks.check_instance("machine", given, Mapping, "a table with a preset and fields")
    fields = dict(given)
    preset = _checks.choice("machine.preset", fields.pop("preset", ""), MACHINES)
    hardware: Hardware = getattr(presets, preset)()
    for path, value in fields.items():
        hardware = hardware.with_field(path, value)
    return hardware


@cache
def components(name: str = "generic") -> Components:
    """A library of the package.

    Parameters
    ----------
    name : {"generic", "isaac", "puma", "hermes", "neurram"}
        "generic" puts components of several publications together, in 32 and 45 nm; the others
        follow the publication of the preset of that name.

    Returns
    -------
    Components

    Raises
    ------
    ValueError, TypeError
        If there is no such library.

    Examples
    --------
    >>> import imperfect as im
    >>> im.cost.components("neurram")["sample_hold"].energy
    7.25e-13
    >>> isaac = im.cost.components("isaac").machine
    >>> isaac.clock, isaac.array.adc_share
    (10000000.0, 129)
    """
    _checks.choice("name", name, LIBRARIES)
    path = files("imperfect.data").joinpath("components", f"{name}.toml")
    return Components._parse(path.read_text(encoding="utf-8"), f"{name}.toml")
