# SPDX-License-Identifier: BSD-3-Clause
"""What layers and chips offer to find what they cost; see ``imperfect.cost``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imperfect.cost import Components, Cost, Schedule


class Costed:
    """The part of a layer or a chip that knows its cost."""

    def cost(
        self,
        x: Any,
        components: Components | str | None = None,
        schedule: Schedule | None = None,
        **others: Any,
    ) -> Cost:
        """Energy, latency and area for these inputs, from exact counts; see ``imperfect.cost``.

        Parameters
        ----------
        x
            Inputs as in a call, one sample or more.
        components : Components, name or None
            What components cost: a library of ``im.cost.components`` or its name; None "generic".
        schedule : Schedule or None
            When arrays are read; None: layers one after the other, all arrays of a layer at once.
        **others
            What else a recurrent layer is called with: ``initial_state``, ``lengths``.

        Returns
        -------
        Cost

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty or does not fit, calibration is missing, or an argument has a wrong
            type.

        Examples
        --------
        >>> import imperfect as im
        >>> cell = im.Cell(g_max=100e-6, v_read=0.2)
        >>> hardware = im.Hardware(cell=cell, dac=im.DAC(bits=1, range=1.0, signed=False))
        >>> found = im.AnalogLinear([[1.0, 0.5]], hardware=hardware).cost([[1.0, 1.0]])
        >>> joule = found.by_component.loc["array", "energy"]
        >>> print(found.totals.cell_reads, f"{joule:.1e}")  # 150 µS · (0.2 V)² · 100 ns
        4 6.0e-13
        """
        from imperfect import cost

        return cost.cost(self, x, components, schedule, **others)
