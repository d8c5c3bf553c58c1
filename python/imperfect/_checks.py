# SPDX-License-Identifier: BSD-3-Clause
"""Checks of single fields of the configuration classes.

A check takes a field's name and its value and returns the value in its normal form (a plain
``int``, ``float``, ``str``, ``bool`` or ``tuple``). Otherwise it raises ``ValueError``, or
``TypeError`` for a wrong type, naming the field, the value and what is allowed. Units are
stated by the classes that own the fields.
"""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Callable, Collection, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

LARGEST_COUNT = 2**31 - 1
# Why: kernels compute in single precision, where larger or smaller numbers overflow or vanish.
LARGEST, SMALLEST = 1e30, 1e-30

_short = reprlib.Repr()
_short.maxother = _short.maxstring = 80


def refusal(field: str, value: object, allowed: str) -> str:
    """The sentence that every refusal of a field starts with."""
    return f"{field}={_short.repr(value)}: must be {allowed}"


def refuse_first(rules: Iterable[tuple[object, str]]) -> None:
    """Raise the message of the first rule that is broken."""
    for broken, message in rules:
        if broken:
            raise ValueError(message)


def check_known(owner: str, name: object, known: Collection[str]) -> None:
    """Refuse a name that ``owner`` does not have; suggest the closest one."""
    if name not in known:
        allowed = ", ".join(known) or "nothing"
        hint = _closest(str(name), known)
        raise ValueError(f"{owner} has no {_short.repr(name)}{hint} (allowed: {allowed})")


def check_version(version: object, known: int) -> None:
    """Refuse a format that is not read here; True and 1.0 equal 1, but nobody writes them."""
    if type(version) is not int or version != known:
        raise ValueError(refusal("version", version, f"{known}, the format read here"))


def check_instance(field: str, value: object, kinds: type | tuple[type, ...], allowed: str) -> None:
    """Refuse a value of another type; ``allowed`` says in words what it may be."""
    if not isinstance(value, kinds):
        raise TypeError(f"{refusal(field, value, allowed)}, not {type(value).__name__}")


def _closest(name: str, known: Collection[str]) -> str:
    # Why shortened: a file may have a name of millions of letters, and comparing takes as long.
    close = difflib.get_close_matches(name[:100], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def integer(
    field: str,
    value: Any,
    low: int,
    high: int = LARGEST_COUNT,
    *,
    none: str = "",
    others: str = "",
) -> int | None:
    """An integer from ``low`` to ``high``; ``none`` says what None means where it is allowed.

    ``others`` names what else the caller would have accepted.
    """
    allowed = f"an integer from {low} to {high}" + f", {others}" * bool(others)
    allowed += f", or None ({none})" if none else ""
    if value is None and none:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{refusal(field, value, allowed)}, not {type(value).__name__}")
    if not low <= int(value) <= high:
        raise ValueError(refusal(field, value, allowed))
    return int(value)


def count(field: str, value: Any) -> int:
    """A positive integer."""
    number = integer(field, value, 1)
    assert number is not None
    return number


def bits(field: str, value: Any, ideal: str, low: int = 1) -> int | None:
    """A number of bits, ``low`` to 16, or None; 0 is refused because None means ideal."""
    return integer(field, value, low, 16, none=f"ideal: {ideal}")


def real(field: str, value: Any, allowed: str, accepts: Callable[[float], bool]) -> float:
    """A real number that ``accepts`` approves, of a size that single precision can hold."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{refusal(field, value, allowed)}, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not accepts(number):
        raise ValueError(refusal(field, value, allowed))
    if abs(number) not in (0.0, math.inf) and not SMALLEST <= abs(number) <= LARGEST:
        sizes = f"with a magnitude from {SMALLEST} to {LARGEST} (single precision)"
        raise ValueError(refusal(field, value, f"{allowed}, {sizes}"))
    return number + 0.0  # Why: turns -0.0 into 0.0, so that equal values have one repr.


def positive(field: str, value: Any, unit: str) -> float:
    """A positive finite number."""
    return real(field, value, f"a positive finite number ({unit})", lambda x: 0 < x < math.inf)


def nonnegative(field: str, value: Any, unit: str) -> float:
    """A finite number, zero or more."""
    return real(field, value, f"a finite number >= 0 ({unit})", lambda x: 0 <= x < math.inf)


def probability(field: str, value: Any) -> float:
    """A probability."""
    return real(field, value, "a probability from 0 to 1", lambda x: 0 <= x <= 1)


def flag(field: str, value: Any, *, none: str = "") -> bool | None:
    """True or False; ``none`` says what None means where it is allowed."""
    if value is None and none:
        return None
    if not isinstance(value, bool | np.bool_):
        allowed = "True or False" + (f", or None ({none})" if none else "")
        raise TypeError(f"{refusal(field, value, allowed)}, not {type(value).__name__}")
    return bool(value)


def choice(field: str, value: Any, words: Collection[str], others: str = "") -> str:
    """One of ``words``; ``others`` names what else the caller would have accepted."""
    allowed = ", ".join([repr(word) for word in words] + [others] * bool(others))
    if not isinstance(value, str):
        raise TypeError(refusal(field, value, f"one of {allowed}"))
    if value not in words:
        raise ValueError(refusal(field, value, f"one of {allowed}{_closest(value, words)}"))
    return str(value)


def sequence(field: str, value: Any, allowed: str) -> list[Any]:
    """A list of the items of a list, a tuple or an array."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise TypeError(f"{refusal(field, value, allowed)}, not {type(value).__name__}")
    return list(value)


def word_or_percentile(
    field: str, value: Any, words: Collection[str], others: str = ""
) -> str | tuple[str, float]:
    """One of ``words`` or ``("percentile", p)``, p in percent, 50 < p <= 100."""
    others = '("percentile", p)' + (f", {others}" if others else "")
    if not isinstance(value, list | tuple):
        return choice(field, value, words, others)
    if len(value) != 2 or not isinstance(value[0], str) or value[0] != "percentile":
        allowed = ", ".join([repr(word) for word in words] + [others])
        raise ValueError(refusal(field, value, f"one of {allowed}"))
    allowed = "a percentile p with 50 < p <= 100, in percent"
    return "percentile", real(f"{field}[1]", value[1], allowed, lambda p: 50 < p <= 100)


def word_or_number(
    field: str, value: Any, words: Collection[str], unit: str, *, percentile: bool = False
) -> str | float | tuple[str, float]:
    """One of ``words``, a positive number, or (with ``percentile``) ``("percentile", p)``."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return positive(field, value, unit)
    check = word_or_percentile if percentile else choice
    return check(field, value, words, f"a positive number ({unit})")


def intervals(field: str, value: Any, words: Collection[str]) -> str | tuple[Any, ...]:
    """One of ``words``, one interval (lo, hi), or a tuple with an interval for each slice."""
    others = "(lo, hi), or a list with one (lo, hi) for each slice"
    if isinstance(value, str):
        return choice(field, value, words, others)
    items = sequence(field, value, ", ".join([repr(word) for word in words] + [others]))
    if not items:
        raise ValueError(refusal(field, value, others))
    if all(isinstance(item, Real) for item in items):
        return _interval(field, items)
    return tuple(_interval(f"{field}[{i}]", item) for i, item in enumerate(items))


def _interval(field: str, value: Any) -> tuple[float, float]:
    allowed = "a pair (lo, hi) of finite numbers (unit currents), lo < hi"
    items = sequence(field, value, allowed)
    if len(items) != 2:
        raise ValueError(refusal(field, value, allowed))
    lo, hi = (real(field, item, allowed, math.isfinite) for item in items)
    # Why: closer ends are equal in single precision, and the step between two codes is zero.
    if not hi - lo > 1e-6 * max(abs(lo), abs(hi)):
        raise ValueError(refusal(field, value, f"{allowed} by more than a millionth"))
    return lo, hi
