# SPDX-License-Identifier: BSD-3-Clause
"""Base classes of the configuration: ``Value``, and ``Document``, which is stored.

``Value`` gives every configuration class its repr and its pickling, ``Document`` its plain form
(dictionaries, lists and numbers, ready for JSON) and its digest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Any, ClassVar, Self

from imperfect._checks import check_instance, check_known, check_version, refusal
from imperfect._json import digest_of, parse_json

VERSION = 1  # of the dictionary and JSON form


@dataclass(frozen=True, slots=True, repr=False)
class Value:
    """Base of every configuration class: an immutable set of fields that know their defaults."""

    _is_law: ClassVar[bool] = False
    _law_module: ClassVar[str] = "device"

    def _set(self, **values: Any) -> None:
        """Store normalised fields; only for ``__post_init__``."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _all(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in self._all().items() if value != defaults[name]}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._changed().items())
        module = f"{self._law_module}." * self._is_law
        return f"{module}{type(self).__name__}({arguments})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Why: checks the fields again, and reads pickles of a release that had fewer fields.
        return partial(type(self), **self._changed()), ()


class Document(Value):
    """A value that is stored: as a dictionary, as JSON and by its digest."""

    __slots__ = ()
    _law_classes: ClassVar[Mapping[str, type[Value]]] = {}

    def with_field(self, path: str, value: Any) -> Self:
        """Return a copy with one field replaced, checked like any new object.

        Parameters
        ----------
        path : str
            Names of fields joined by dots; a number names a place in a tuple.
        value : object
            The new value of that field.

        Raises
        ------
        ValueError, TypeError
            If the path leads nowhere or the value does not fit; what is allowed is listed.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1)))
        >>> hardware.with_field("cell.programming.sigma", 0.2)
        Hardware(cell=Cell(programming=device.Gaussian(sigma=0.2)))
        """
        return self.with_fields({path: value})

    def with_fields(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with several fields replaced at once, checked like any new object.

        Parameters
        ----------
        changes : mapping
            New values by path; see :meth:`with_field`. Only the result has to fit together.

        Raises
        ------
        ValueError, TypeError
            If a path leads nowhere or into another one, or a value does not fit.

        Examples
        --------
        >>> import imperfect as im
        >>> im.Hardware().with_fields({"weight_bits": 8, "cell.bits": 2})
        Hardware(weight_bits=8, cell=Cell(bits=2))
        """
        check_instance("changes", changes, Mapping, "a dictionary from paths to values")
        paths: dict[tuple[str, ...], Any] = {}
        for path, value in changes.items():
            if not isinstance(path, str):
                raise TypeError(refusal("path", path, "a string"))
            paths[tuple(path.split("."))] = value
        for names in paths:
            for end in range(1, len(names)):
                if names[:end] in paths:
                    outer, inner = ".".join(names[:end]), ".".join(names)
                    raise ValueError(f"changes: {inner!r} lies inside {outer!r}; give one of them")
        replaced: Self = _with_paths(self, paths, type(self).__name__)
        return replaced

    def to_dict(self) -> dict[str, Any]:
        """Return every field as dictionaries, lists, strings, numbers and None.

        Infinity is written as "inf", a law as its name and its fields.

        Examples
        --------
        >>> import imperfect as im
        >>> fields = im.Hardware(array=im.Array(rows=128)).to_dict()
        >>> fields["array"]["rows"], fields["cell"]["on_off_ratio"]
        (128, 'inf')
        """
        return {"version": VERSION, **_plain(self, only_changed=False)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build from what :meth:`to_dict` returned; a field left out takes its default.

        Raises
        ------
        ValueError, TypeError
            If the version is not 1, a key is unknown, or a value does not fit its field.

        Examples
        --------
        >>> import imperfect as im
        >>> im.Hardware.from_dict({"version": 1, "cell": {"faults": {"law": "StuckAt"}}})
        Hardware(cell=Cell(faults=device.StuckAt()))
        """
        if not isinstance(data, Mapping):
            raise TypeError(refusal(cls.__name__, data, "a dictionary"))
        check_version(data.get("version"), VERSION)
        chosen = {key: value for key, value in data.items() if key != "version"}
        built: Self = _from_plain(cls, chosen, cls.__name__, cls._law_classes)
        return built

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text.

        Examples
        --------
        >>> import imperfect as im
        >>> im.Hardware.from_json(im.Hardware(weight_bits=8).to_json())
        Hardware(weight_bits=8)
        """
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build from JSON text written by :meth:`to_json` or by hand.

        Raises
        ------
        ValueError, TypeError
            If the text is not JSON, names a key twice, or :meth:`from_dict` refuses it.

        Examples
        --------
        >>> import imperfect as im
        >>> im.Hardware.from_json('{"version": 1, "adc": {"bits": 8}}')
        Hardware(adc=ADC(bits=8))
        """
        check_instance("text", text, (str, bytes, bytearray), "JSON text (a string or bytes)")
        return cls.from_dict(parse_json(cls.__name__, text))

    def digest(self) -> str:
        """Return the SHA-256 of the fields that differ from their defaults, in hexadecimal.

        Equal objects have equal digests; a later release's new field at its default changes none.

        Examples
        --------
        >>> import imperfect as im
        >>> im.Hardware().digest()[:16]
        '44136fa355b3678a'
        """
        return digest_of(_plain(self, only_changed=True))


def _plain(value: Any, *, only_changed: bool) -> Any:
    if isinstance(value, Value):
        tag = {"law": type(value).__name__} if value._is_law else {}
        chosen = value._changed() if only_changed else value._all()
        return tag | {k: _plain(v, only_changed=only_changed) for k, v in chosen.items()}
    if isinstance(value, tuple):
        return [_plain(item, only_changed=only_changed) for item in value]
    return "inf" if value == math.inf else value


def _from_plain(cls: type[Value], data: Any, where: str, laws: Mapping[str, type[Value]]) -> Any:
    """The inverse of ``_plain`` for an object of class ``cls``, called ``where`` in messages."""
    if not isinstance(data, Mapping):
        raise TypeError(refusal(where, data, "a dictionary"))
    defaults = {field.name: field.default for field in fields(cls)}
    for name in data:
        check_known(where, name, defaults)
    for name, default in defaults.items():
        if default is MISSING and name not in data:
            raise ValueError(f"{where} has no {name!r}, which {cls.__name__} needs")
    chosen = {}
    for name, value in data.items():
        inner, default = f"{where}.{name}", defaults[name]
        if isinstance(default, Value):
            chosen[name] = _from_plain(type(default), value, inner, laws)
        else:
            chosen[name] = law_or_item(value, inner, laws)
    return cls(**chosen)


def law_or_item(value: Any, where: str, laws: Mapping[str, type[Value]]) -> Any:
    """A law, a tuple or a number from its plain form, called ``where`` in messages."""
    if isinstance(value, list | tuple):
        return tuple(law_or_item(v, f"{where}[{i}]", laws) for i, v in enumerate(value))
    if not isinstance(value, Mapping):
        return math.inf if isinstance(value, str) and value == "inf" else value
    name = value.get("law")
    if not isinstance(name, str):
        raise ValueError(f"{where} has no name: a law is written like {{'law': 'PCM'}}")
    check_known(f"{where}.law", name, laws)
    return _from_plain(laws[name], {k: v for k, v in value.items() if k != "law"}, where, laws)


def _with_paths(old: Any, changes: Mapping[tuple[str, ...], Any], where: str) -> Any:
    """``old`` with the values at paths replaced; names are fields, or places in a tuple."""
    if () in changes:
        return changes[()]
    inside: dict[str, dict[tuple[str, ...], Any]] = {}
    for path, value in changes.items():
        inside.setdefault(path[0], {})[path[1:]] = value
    if isinstance(old, Value):
        for name in inside:
            check_known(where, name, old._all())
        new = {n: _with_paths(getattr(old, n), own, f"{where}.{n}") for n, own in inside.items()}
        return type(old)(**old._all() | new)
    if isinstance(old, tuple):
        items = list(old)
        for name, own in inside.items():
            check_known(f"{where} (a tuple of {len(old)})", name, [str(i) for i in range(len(old))])
            items[int(name)] = _with_paths(items[int(name)], own, f"{where}.{name}")
        return tuple(items)
    hint = "; give it a value first" if old is None else ""
    raise ValueError(f"{where} is {old!r}, so it has no {next(iter(inside))!r}{hint}")
