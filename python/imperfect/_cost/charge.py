# SPDX-License-Identifier: BSD-3-Clause
"""From counts and components to energy, time and area, layer by layer.

A value that is not known is a reason in words, never a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imperfect._cost.components import EVENTS, NOT_MODELLED, Component, Setting
from imperfect._cost.library import Components
from imperfect._cost.schedule import Schedule, Timing, choose_copies, layer_timing
from imperfect._cost.work import Work
from imperfect.hardware import Hardware

HIDDEN = "hidden"
NONE_NEEDED = "none"


@dataclass(frozen=True)
class Row:
    """One component of one layer, for one inference.

    ``energy``, ``latency`` and ``area`` are numbers; "in …" where another component includes them;
    "hidden" for work that takes no time of its own; "none" for the area of programming pulses
    and of digital nodes; else a reason
    that starts with "not modelled".
    """

    layer: str
    component: str
    event: str
    count: int | None
    energy: float | str
    latency: float | str
    area: float | str
    source: str


@dataclass(frozen=True)
class Placed:
    """A layer with its copies and its time for one inference."""

    work: Work
    copies: int
    timing: Timing


def place(works: list[Work], library: Components, schedule: Schedule, samples: int) -> list[Placed]:
    """Copies and times of all layers."""
    times = [(_time(library, "array", work), _time(library, "adc", work)) for work in works]

    def timing(i: int, copies: int) -> Timing:
        if works[i].hardware is None:
            return Timing(None, None)
        return layer_timing(works[i], schedule, samples, copies, times[i])

    once = [timing(i, 1).total for i in range(len(works))]
    copies = choose_copies(works, schedule, once)
    return [
        Placed(work, n, timing(i, n)) for i, (work, n) in enumerate(zip(works, copies, strict=True))
    ]


def rows(placed: Placed, library: Components, samples: int) -> Iterator[Row]:
    """All components of one layer: what every machine has, then what the library adds."""
    work = placed.work
    names = ["multiply_add"] if work.hardware is None else list(EVENTS)
    if work.counts is not None and work.hardware is None and work.counts.functions:
        names = ["shift_add", "multiply_add", "function"]
    extra = [name for name in library if name not in EVENTS] if work.hardware is not None else []
    for name in names + extra:
        if name == "function" and work.hardware is not None:
            continue
        yield _row(name, placed, library, samples)


def _row(name: str, placed: Placed, library: Components, samples: int) -> Row:
    work = placed.work
    found = library.find(name, setting_of(name, work, library))
    entry = found if isinstance(found, Component) else None
    event, place = EVENTS.get(name, ("", ""))
    if entry is not None:
        event, place = entry.per or event, entry.area_per or place
    count = None if work.counts is None else getattr(work.counts, event, None)
    missing = f"{NOT_MODELLED}: {found}" if isinstance(found, str) else ""
    if work.counts is None:
        missing = f"{NOT_MODELLED}: number of multiply-adds not known"
    elif name == "write" and count is None:
        missing = f"{NOT_MODELLED}: no WriteVerify law counts pulses"
    energy: float | str = missing
    if entry is not None and not missing:
        energy = _energy(name, entry, count or 0, work, library, samples)
    return Row(
        layer=work.name,
        component=name,
        event=event,
        count=count,
        energy=energy,
        latency=_latency(name, placed, entry, found),
        area=NONE_NEEDED if name == "write" else _area(entry, place, placed, missing),
        source=entry.source if entry is not None else "",
    )


def _energy(
    name: str, entry: Component, count: int, work: Work, library: Components, samples: int
) -> float | str:
    if entry.part_of is not None:
        return f"in {entry.part_of}"
    # Programming is done once, not for each inference.
    per_inference = 1 if name == "write" else samples
    if entry.model == "conductance":
        return _joule_heat(entry, work, samples)
    each = entry.joules(setting_of(name, work, library))
    if isinstance(each, str):
        return f"{NOT_MODELLED}: {each}" if count else 0.0
    return each * count / per_inference


def _joule_heat(entry: Component, work: Work, samples: int) -> float | str:
    """Sum of G V² over cells and reads, or with wires of V' Y V, times the time of a read."""
    assert work.hardware is not None
    cell, seconds = work.hardware.cell, _read_time(entry, work.hardware)
    if cell.g_max is None or cell.v_read is None:
        return f"{NOT_MODELLED}: needs Cell.g_max and Cell.v_read"
    if work.array_energy is None:
        return f"{NOT_MODELLED}: inputs have no full scale (DAC.range, or calibrate)"
    assert seconds is not None
    return float(work.array_energy * cell.g_max * cell.v_read**2 * seconds / samples)


def _read_time(entry: Component, hardware: Hardware) -> float | None:
    return entry.seconds() if hardware.clock is None else 1.0 / hardware.clock


def setting_of(name: str, work: Work, library: Components) -> Setting:
    """What the energy of a component in a layer may depend on."""
    hardware = work.hardware
    if hardware is None:
        return Setting(None, None, None, 1, 1)
    bits = work.drives.bits if name in ("dac", "word_line", "input_register") else hardware.adc.bits
    rate = None
    conversions = library.entries.get("adc")
    if conversions is not None and conversions[0].time is None:
        rate = conversions[0].rate
    if name == "adc" and hardware.clock is not None:
        per_read = 1.0 if hardware.dac.accumulate == "digital" else 1.0 / work.drives.cycles
        rate = work.turns * hardware.clock * per_read
    counts = work.counts
    assert counts is not None
    rows = hardware.array.rows or counts.word_lines // max(counts.arrays, 1)
    cols = hardware.array.cols or counts.bit_lines // max(counts.arrays, 1)
    return Setting(bits, rate, hardware.cell.v_read, rows, cols)


def _time(library: Components, name: str, work: Work) -> float | None:
    """Time of one event of a component in a layer, if there is an entry that holds and knows it."""
    if work.hardware is None:
        return None
    found = library.find(name, setting_of(name, work, library))
    if isinstance(found, str):
        return None
    if name == "adc" and work.hardware.clock is not None and found.time is None:
        rate = setting_of(name, work, library).rate
        return None if rate is None else 1.0 / rate
    return found.seconds()


def _latency(
    name: str, placed: Placed, entry: Component | None, found: Component | str
) -> float | str:
    if placed.work.hardware is None and name == "multiply_add":
        return f"{NOT_MODELLED}: time of digital nodes"
    if name not in ("array", "adc"):
        return HIDDEN
    value = getattr(placed.timing, name)
    if value is not None:
        return float(value)
    if entry is not None and entry.part_of is not None:
        return f"in {entry.part_of}" if name == "adc" else f"{NOT_MODELLED}: no time given"
    return f"{NOT_MODELLED}: {found if isinstance(found, str) else 'no time given'}"


def _area(entry: Component | None, place: str, placed: Placed, missing: str) -> float | str:
    counts = placed.work.counts
    if placed.work.hardware is None or counts is None:
        return NONE_NEEDED
    if entry is None:
        return missing
    if entry.area is not None and place:
        return float(entry.area * getattr(counts, place) * placed.copies)
    return f"in {entry.part_of}" if entry.part_of else f"{NOT_MODELLED}: no area given"
