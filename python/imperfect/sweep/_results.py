# SPDX-License-Identifier: BSD-3-Clause
"""What a sweep measured, as a table with a row for each trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imperfect._checks import check_instance, check_known
from imperfect._optional import require
from imperfect._tables import check_table
from imperfect.hardware import Hardware
from imperfect.sweep._space import Machine

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("task", "machine", "trial", "seed")
WHERE = ("version", "simd", "host")
DIGESTS = ("hardware", "network", "data")
PROVENANCE = (*WHERE, "started", "seconds", *(f"{name}_digest" for name in DIGESTS))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Results:
    """Measurements of a sweep: a row for each trial, which is one programmed chip.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns, in this order: task (its id), machine (its name), the knobs, trial (0, 1, ...),
        seed (of the chip), the measures, other facts that measures gave as text, version, simd,
        host, started (UTC, ISO 8601), seconds, hardware_digest, network_digest and data_digest (the
        first 16 digits). Sorted by task, in the order in which the tasks
        were given, then by trial.
    knobs : tuple of str
        Columns in which machines differ: paths of fields of ``Hardware``, such as "cell.bits".
        Values are numbers or text.
    measures : tuple of str
        Columns of numbers that were measured on each chip, such as "refitted" or "energy".
        Accuracies go from 0 to 1. A trial that has not measured one holds a gap (NaN).
    about : dict
        "failures": why trials failed, a list of texts; "question" and "spec": what is to be
        found out, and the text of the file, if the sweep was made by one (``Spec``).
    machines : dict
        By the name of the machine: its hardware as JSON, its age in seconds and its knobs; see
        ``machine``.
    """

    table: pd.DataFrame
    knobs: tuple[str, ...]
    measures: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    machines: Mapping[str, tuple[str, float, Mapping[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_instance("table", self.table, require("pandas").DataFrame, "a pandas.DataFrame")
        object.__setattr__(self, "knobs", tuple(self.knobs))
        object.__setattr__(self, "measures", tuple(self.measures))
        needed = ("task", "machine", "trial", *self.knobs, *self.measures)
        missing = [name for name in needed if name not in self.table.columns]
        if missing:
            raise ValueError(f"table: has no columns {missing}; it has {list(self.table.columns)}")

    def machine(self, name: str) -> Machine:
        """A machine of the table, to be built or varied further.

        Parameters
        ----------
        name
            What the column "machine" calls it.

        Returns
        -------
        Machine

        Raises
        ------
        ValueError, TypeError
            If there is no such machine, or the results were not made by a sweep.

        Examples
        --------
        >>> import imperfect as im
        >>> space = im.sweep.Space.grid(im.Hardware(weight_bits=8), {"cell.bits": [2, 4]})
        >>> parity = im.sweep.Measure("parity", 1, lambda subject: {"odd": subject.seed % 2})
        >>> results = im.sweep.run(im.sweep.tasks(space, measures=parity), stop=1)
        >>> results.machine("cell.bits=4").hardware
        Hardware(weight_bits=8, cell=Cell(bits=4))
        """
        check_instance("name", name, str, "the name of a machine")
        if not self.machines:
            raise ValueError("results: hold no machines; they were not made by a sweep")
        check_known("results: machine", name, self.machines)
        hardware, time, knobs = self.machines[name]
        return Machine(name, dict(knobs), Hardware.from_json(hardware), time)

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        tasks = self.table["task"].nunique()
        knobs, measures = ", ".join(self.knobs), ", ".join(self.measures)
        return f"Results({len(self)} trials of {tasks} tasks; knobs {knobs}; measures {measures})"


def check_sweep(results: Any) -> None:
    """Refuse what is no ``Results`` with rows.

    Raises
    ------
    ValueError, TypeError
        It says what is wrong.
    """
    check_instance("results", results, Results, "what sweep.run or sweep.load returned")
    check_table("results", results.table, ["task", "trial"])
