# SPDX-License-Identifier: BSD-3-Clause
"""One array of a machine: its size, its wires, and how weights are laid out on it.

I is a bit line's current in unit currents: one cell at g_max with a full-scale input gives 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imperfect import _checks
from imperfect._value import Value

CORNERS = ("left_bottom", "left_top", "right_bottom", "right_top")
RESISTANCES = ("r_row", "r_col", "r_driver", "r_sense")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Array(Value):
    """Size, wires and layout of one array; larger weight matrices are spread over several.

    K word lines are cut into k = ceil(K / rows) blocks. ``"equal"``: the first K mod k hold
    ceil(K / k), the rest floor(K / k); ``"fill"``: all but the last hold ``rows``. Bit lines are
    cut by ``cols`` likewise. Cells of an array are ordered as the weights are, unit columns last;
    unused lines are electrically absent, undriven ones are held at 0 V.

    Parameters
    ----------
    rows, cols : int or None
        Word lines and bit lines of an array, 1 or more; None: unlimited.
    partition : {"equal", "fill"}
        How a layer is cut into arrays.
    column_current_max : float or None
        Largest current of a bit line, to both sides, in unit currents; above 0. It limits each
        polarity and each cycle on its own, after read noise and before anything is subtracted or
        added up. None: unlimited.
    r_row, r_col : float
        Resistance in ohm of one wire segment: before each cell on its word line, seen from the
        driver, and after each cell on its bit line, seen towards ground. They need ``Cell.g_max``.
        The currents are exact (``imperfect.circuit.transfer_matrix``) and cost nothing at
        inference. Read noise passes the wires to first order: its deviation is at most 3.5 %
        too large where currents drop by up to 6 %.
    r_driver, r_sense : float
        Resistance in ohm in series with each driver and with each grounded end.
    corner : {"left_bottom", "left_top", "right_bottom", "right_top"}
        Where the drivers are, at the first or the last column, and where bit lines are grounded,
        after the last or before the first row.
    layout : {"separate", "interleaved"}
        Each slice and polarity is an array of its own, or all cells of a weight are neighbours in
        one array: slice by slice, + before -, and ``cols`` counts all of them.
    gated : bool
        Word lines driven at exactly 0 V disconnect their cells (select transistors off), so that
        these neither leak nor load the bit lines. Without wires of no effect. With wires, as with
        nonlinear cells, currents are not linear in the inputs: the circuit of every array is
        solved for every input and cycle, a thousand times slower than a product
        (``imperfect.circuit.read_currents``). Read noise passes the wires as if no cell were
        disconnected or nonlinear.
    adc_share : int
        Neighbouring bit lines of an array (pairs of them, where polarities are subtracted before
        conversion) that take turns at one output converter, 1 or more. It decides latency and area
        (``layer.cost``), not what is computed.

    Raises
    ------
    ValueError, TypeError
        If a field is out of range or of a wrong type.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Array(rows=128, cols=128, r_row=1.0, r_col=1.0)
    Array(rows=128, cols=128, r_row=1.0, r_col=1.0)
    """

    rows: int | None = None
    cols: int | None = None
    partition: Literal["equal", "fill"] = "equal"
    column_current_max: float | None = None
    r_row: float = 0.0
    r_col: float = 0.0
    r_driver: float = 0.0
    r_sense: float = 0.0
    corner: Literal["left_bottom", "left_top", "right_bottom", "right_top"] = "left_bottom"
    layout: Literal["separate", "interleaved"] = "separate"
    gated: bool = False
    adc_share: int = 1

    def __post_init__(self) -> None:
        limit, unit = self.column_current_max, "unit currents; None: unlimited"
        if limit is not None:
            limit = _checks.positive("Array.column_current_max", limit, unit)
        self._set(
            rows=_checks.integer("Array.rows", self.rows, 1, none="unlimited"),
            cols=_checks.integer("Array.cols", self.cols, 1, none="unlimited"),
            partition=_checks.choice("Array.partition", self.partition, ("equal", "fill")),
            column_current_max=limit,
            corner=_checks.choice("Array.corner", self.corner, CORNERS),
            layout=_checks.choice("Array.layout", self.layout, ("separate", "interleaved")),
            adc_share=_checks.count("Array.adc_share", self.adc_share),
            gated=_checks.flag("Array.gated", self.gated),
        )
        for name in RESISTANCES:
            self._set(**{name: _ohm(f"Array.{name}", getattr(self, name))})

    @property
    def _has_wires(self) -> bool:
        return any(getattr(self, name) for name in RESISTANCES)


def _ohm(field: str, value: float) -> float:
    """A resistance that circuits of any cells can be solved with."""
    allowed = "0 or from 1e-9 to 1e9 ohm"
    return _checks.real(field, value, allowed, lambda ohm: ohm == 0 or 1e-9 <= ohm <= 1e9)
