# SPDX-License-Identifier: BSD-3-Clause
"""Laws of read noise alone, with their sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imperfect import _checks
from imperfect.device._base import ReadNoiseLaw, check_correlation


@dataclass(frozen=True, slots=True, repr=False)
class PCMRead(ReadNoiseLaw):
    """Read noise of phase-change memory whose variance is in proportion to the conductance.

    sigma = scale sqrt(g), g relative to g_max. Source: aihwkit's weight noise ``PCM_READ`` and its
    default scale.

    Parameters
    ----------
    scale : float
        Standard deviation at g_max, as a fraction of g_max; 0 or more.
    correlation : {"cycle", "product"}
        Whether a cell's draw is fresh in every cycle of a product, or one and the same in all.

    Examples
    --------
    >>> import imperfect as im
    >>> im.Cell(read_noise=im.device.PCMRead())
    Cell(read_noise=device.PCMRead())
    """

    scale: float = 0.0175
    correlation: Literal["cycle", "product"] = field(default="cycle", kw_only=True)

    def _core_spec(self) -> tuple[str, tuple[float, ...]]:
        return "sqrt", (self.scale,)

    def __post_init__(self) -> None:
        unit = "as a fraction of g_max"
        self._set(scale=_checks.nonnegative("PCMRead.scale", self.scale, unit))
        check_correlation(self)
