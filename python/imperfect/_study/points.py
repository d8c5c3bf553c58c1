# SPDX-License-Identifier: BSD-3-Clause
"""The machines of a study: by name, or one with each value of each field that varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from imperfect._checks import check_instance
from imperfect._study.trial import Point
from imperfect.hardware import Hardware


def points_of(hardware: Hardware, vary: Mapping[str, Sequence[Any]] | None) -> list[Point]:
    """Every value of every knob, with its hardware."""
    if not isinstance(hardware, Hardware):
        raise TypeError(f"hardware: must be a Hardware, not {type(hardware).__name__}")
    if vary is None:
        return [("hardware", "as given", hardware)]
    if not isinstance(vary, Mapping):
        raise TypeError(f"vary: must be a dictionary of lists, not {type(vary).__name__}")
    points = []
    for knob, values in vary.items():
        if isinstance(values, str) or not np.iterable(values):
            raise TypeError(f"vary[{knob!r}]={values!r}: must be a list of values")
        found = [(knob, plain_value(value), hardware.with_field(knob, value)) for value in values]
        labels = [value for _, value, _ in found]
        if len(set(labels)) < len(labels):
            raise ValueError(f"vary[{knob!r}]={labels}: has a value twice")
        if not labels:
            raise ValueError(f"vary[{knob!r}]: has no values")
        points += found
    if not points:
        raise ValueError("vary: names no field of the hardware")
    return points


def plain_value(value: Any) -> Any:
    """A number as it is, anything else as text: None would be a missing value in a table."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, Real) and not isinstance(value, bool) else str(value)


def named_machines(machines: Any) -> dict[str, Hardware]:
    """Machines by name, those of a sequence as "machine 1" and so on; refuses what is none."""
    allowed = "a sequence of Hardware, or a dictionary from names to Hardware"
    if isinstance(machines, str | Hardware) or not np.iterable(machines):
        raise TypeError(f"machines: must be {allowed}, not {type(machines).__name__}")
    if isinstance(machines, Mapping):
        found = dict(machines)
    else:
        found = {f"machine {i}": hardware for i, hardware in enumerate(machines, 1)}
    if not found:
        raise ValueError(f"machines: is empty; must be {allowed}")
    for name, hardware in found.items():
        check_instance("machines: a name", name, str, "a string")
        check_instance(f"machines[{name!r}]", hardware, Hardware, "a Hardware")
    return found
