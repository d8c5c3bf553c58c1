# SPDX-License-Identifier: BSD-3-Clause
"""What a cost is: tables by layer and component, and totals with what they leave out."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

from imperfect._cost.charge import Placed, Row, place, rows
from imperfect._cost.components import NOT_MODELLED
from imperfect._cost.counts import Counts
from imperfect._cost.library import Components
from imperfect._cost.schedule import Schedule
from imperfect._cost.work import Work
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))
QUANTITIES = ("energy", "latency", "area")


@dataclass(frozen=True)
class Cost:
    """What a batch costs on a machine. Made by ``layer.cost`` and ``chip.cost``.

    Numbers are those of one inference, averaged over the batch, unless said otherwise. A total adds
    up what is modelled; ``left_out`` names what is not. None where nothing of a total is known.

    Attributes
    ----------
    samples : int
        Inferences of the batch.
    components : Components
        What was charged.
    schedule : Schedule
        When it happens.
    """

    samples: int
    components: Components
    schedule: Schedule
    _placed: tuple[Placed, ...]

    @cached_property
    def _rows(self) -> list[Row]:
        return [row for item in self._placed for row in rows(item, self.components, self.samples)]

    @cached_property
    def totals(self) -> Counts:
        """All counts of the batch, over all layers; arrays and lines without copies."""
        total = Counts()
        for item in self._placed:
            total = total + (item.work.counts or Counts())
        return total

    @property
    def table(self) -> pd.DataFrame:
        """One row for each layer and component.

        Columns: ``layer``, ``component``, ``event`` (what is counted), ``count`` (exact, of
        the whole batch), ``energy`` (J) and ``latency`` (s) of an inference, ``area`` (m²),
        ``source``.
        In place of a number: "in …", where another component includes it; "hidden", for work
        that goes on while arrays are read; "none", where a digital node has no area here; "not
        modelled: …" with the reason. The energy of "write" is that of programming, once.
        """
        pandas = require("pandas")
        names = [item.name for item in fields(Row)]
        data = [[getattr(row, name) for name in names] for row in self._rows]
        result: pd.DataFrame = pandas.DataFrame(data, columns=names, dtype=object)
        return result

    @property
    def counts(self) -> pd.DataFrame:
        """Exact counts of the whole batch, one row for each layer; columns as in ``totals``."""
        pandas = require("pandas")
        names = [item.name for item in fields(Counts)]
        data = []
        for item in self._placed:
            found = item.work.counts
            values = [None if found is None else getattr(found, name) for name in names]
            unknown = [NOT_MODELLED if value is None else value for value in values]
            data.append([item.work.name, item.copies, *unknown])
        result: pd.DataFrame = pandas.DataFrame(
            data, columns=["layer", "copies", *names], dtype=object
        ).set_index("layer")
        return result

    @property
    def by_component(self) -> pd.DataFrame:
        """Energy (J), latency (s) and area (m²) of an inference, one row for each component.

        ``not_modelled`` names those that are not, or not in all layers: a sum is then of what is
        known, or NaN. Other NaN are part of another component, hidden or need nothing; ``table``
        says which, and the reasons. The energy of "write" is that of programming, once.
        """
        return self._grouped("component")

    @property
    def by_layer(self) -> pd.DataFrame:
        """Energy (J), latency (s) and area (m²) of an inference, one row for each layer.

        ``not_modelled`` names those of which components are missing: a sum is then of what is
        known, or NaN. Other NaN need nothing; ``table`` says which, and the reasons. Programming
        is no part of the energy.
        """
        return self._grouped("layer")

    def _grouped(self, key: str) -> pd.DataFrame:
        pandas = require("pandas")
        names = list(dict.fromkeys(getattr(row, key) for row in self._rows))
        data = []
        for name in names:
            own = [row for row in self._rows if getattr(row, key) == name]
            # Why: programming is no part of an inference, but the component's own row has it.
            kept = [row for row in own if key == "component" or row.component != "write"]
            found = {quantity: _summary(kept, quantity) for quantity in QUANTITIES}
            missing = ", ".join(quantity for quantity, (_, is_out) in found.items() if is_out)
            data.append([name, *(value for value, _ in found.values()), missing])
        frame = pandas.DataFrame(data, columns=[key, *QUANTITIES, "not_modelled"])
        # Why: pandas shows small numbers of other columns, which may hold anything, as 0.0.
        result: pd.DataFrame = frame.astype(dict.fromkeys(QUANTITIES, float)).set_index(key)
        return result

    def _total(self, quantity: str) -> float | None:
        own = [row for row in self._rows if row.component != "write" or quantity != "energy"]
        found = [value for row in own if isinstance(value := getattr(row, quantity), float)]
        return sum(found) if found else None

    @property
    def energy(self) -> float | None:
        """Joule for an inference, without programming."""
        return self._total("energy")

    @property
    def latency(self) -> float | None:
        """Seconds from the input of an inference to its result."""
        return self._total("latency")

    @property
    def interval(self) -> float | None:
        """Seconds from one result to the next: of the slowest layer if pipelined."""
        times = [t for item in self._placed if (t := item.timing.total) is not None]
        if not times:
            return None
        return max(times) if self.schedule.pipelined else sum(times)

    @property
    def area(self) -> float | None:
        """Square metres of the components, copies included."""
        return self._total("area")

    @property
    def programming_energy(self) -> float | None:
        """Joule to write all cells once."""
        found = [row.energy for row in self._rows if row.component == "write"]
        known = [value for value in found if isinstance(value, float)]
        return sum(known) if known else None

    @cached_property
    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Components that each total leaves out, with the reason: "adc (8 bits outside 4 to 6)"."""
        found: dict[str, dict[str, None]] = {name: {} for name in QUANTITIES}
        for row in self._rows:
            for quantity in QUANTITIES:
                value = getattr(row, quantity)
                is_missing = isinstance(value, str) and value.startswith(NOT_MODELLED)
                # Why: programming is no part of the totals, nor is what never happens.
                if is_missing and row.component != "write" and row.count != 0:
                    reason = value.removeprefix(f"{NOT_MODELLED}: ")
                    found[quantity][f"{row.component} ({reason})"] = None
        return {name: tuple(reasons) for name, reasons in found.items()}

    def missing(self, quantity: str) -> tuple[str, ...]:
        """Names of the components that a total leaves out, whatever the reason."""
        return tuple(dict.fromkeys(text.partition(" (")[0] for text in self.left_out[quantity]))

    @property
    def arrays(self) -> int:
        """Arrays, copies included."""
        return sum(item.copies * (item.work.counts or Counts()).arrays for item in self._placed)

    @property
    def cells(self) -> int:
        """Cells of all arrays, in use or not, copies included."""
        return sum(item.copies * (item.work.counts or Counts()).cells for item in self._placed)

    @property
    def utilisation(self) -> float | None:
        """Cells in use as a fraction of all."""
        return self.totals.utilisation

    @property
    def multiply_adds(self) -> float:
        """Multiply-adds of the network for an inference, analog and digital ones."""
        return self.totals.multiply_adds / self.samples

    @property
    def energy_per_multiply_add(self) -> float | None:
        """Joule."""
        return self.energy / self.multiply_adds if self.energy and self.multiply_adds else None

    @property
    def tops_per_watt(self) -> float | None:
        """Tera-operations per joule; a multiply-add counts as two operations."""
        each = self.energy_per_multiply_add
        return None if each is None else 2e-12 / each

    @property
    def tops(self) -> float | None:
        """Tera-operations in a second."""
        return 2e-12 * self.multiply_adds / self.interval if self.interval else None

    @property
    def tops_per_mm2(self) -> float | None:
        """Tera-operations in a second for each square millimetre."""
        return self.tops / (self.area * 1e6) if self.tops and self.area else None

    @property
    def inferences_per_second(self) -> float | None:
        """One divided by ``interval``."""
        return 1.0 / self.interval if self.interval else None

    def __repr__(self) -> str:
        total = self.totals
        use = "" if total.utilisation is None else f", {total.utilisation:.1%} of cells used"
        work = f"{self.multiply_adds:,.0f} multiply-adds, {self.arrays:,} arrays{use}"
        lines = [f"Cost of an inference ({self.components.name}; {work})"]
        units = {"energy": "J", "latency": "s", "area": "m²"}
        for quantity, unit in units.items():
            value, missing = getattr(self, quantity), self.left_out[quantity]
            text = square_millimetres(value) if quantity == "area" else engineering(value, unit)
            without = f", without {', '.join(missing)}" if missing else ""
            lines.append(f"  {quantity:9}{text}{without}")
        shares = self._shares()
        lines += [f"  of the energy: {shares}"] if shares else []
        rates = [
            f"{value:.3g} {unit}"
            for value, unit in ((self.tops_per_watt, "TOPS/W"), (self.tops_per_mm2, "TOPS/mm²"))
            if value is not None
        ]
        return "\n".join(lines + ([f"  {', '.join(rates)}"] if rates else []))

    def _shares(self) -> str:
        """Components by their part of the energy, the largest first."""
        sums: dict[str, float] = {}
        for row in self._rows:
            if isinstance(row.energy, float) and row.component != "write":
                sums[row.component] = sums.get(row.component, 0.0) + row.energy
        whole = sum(sums.values())
        ordered = sorted(sums.items(), key=lambda item: -item[1])[:5]
        parts = (f"{name} {value / whole:.0%}" for name, value in ordered if whole and value)
        return ", ".join(parts)


def parts_of(text: str) -> frozenset[str]:
    """Components that a column such as energy_without names."""
    return frozenset(text.split(", ")) - {""}


def _summary(own: list[Row], quantity: str) -> tuple[float, bool]:
    """The sum of what is known, NaN if nothing is, and whether something is not modelled."""
    values = [getattr(row, quantity) for row in own]
    known = [value for value in values if isinstance(value, float)]
    # Why: nothing is missing of what never happens.
    happens = [getattr(row, quantity) for row in own if row.count != 0]
    is_out = any(isinstance(v, str) and v.startswith(NOT_MODELLED) for v in happens)
    return sum(known) if known else math.nan, is_out


def engineering(value: float | None, unit: str) -> str:
    """A number with its unit and the prefix that suits its size."""
    if value is None:
        return NOT_MODELLED
    scale, prefix = next(((s, p) for s, p in PREFIXES if value >= s), PREFIXES[-1])
    return f"{value / scale:.3g} {prefix}{unit}"


def square_millimetres(value: float | None) -> str:
    """An area as text."""
    return NOT_MODELLED if value is None else f"{value * 1e6:.3g} mm²"


def make_cost(works: list[Work], samples: int, components: Components, schedule: Schedule) -> Cost:
    """Charge the work of a batch."""
    return Cost(samples, components, schedule, tuple(place(works, components, schedule, samples)))
