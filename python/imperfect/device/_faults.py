# SPDX-License-Identifier: BSD-3-Clause
"""Stuck cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imperfect import _checks
from imperfect.device._base import FaultLaw


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StuckAt(FaultLaw):
    """Stuck cells: on, at the cell's own largest conductance, or off, at its own smallest.

    Every cell is stuck on with probability p_on and, independently, off with probability p_off;
    a cell drawn for both is on. Together 1 - (1 - p_on)(1 - p_off) of the cells fail.
    Clustered faults stick all cells of a line together, the probabilities being those of a line.

    Parameters
    ----------
    p_on, p_off : float
        Probabilities from 0 to 1; default 0.
    cluster : {None, "row", "column"}
        What fails as one: a cell, a word line of one array, or a bit line of one array.

    Examples
    --------
    >>> import imperfect as im
    >>> im.device.StuckAt(p_off=1e-3)
    device.StuckAt(p_off=0.001)
    """

    p_on: float = 0.0
    p_off: float = 0.0
    cluster: Literal["row", "column"] | None = None

    def __post_init__(self) -> None:
        self._set(p_on=_checks.probability("StuckAt.p_on", self.p_on))
        self._set(p_off=_checks.probability("StuckAt.p_off", self.p_off))
        if self.cluster is not None:
            _checks.choice("StuckAt.cluster", self.cluster, ("row", "column"), "None")
