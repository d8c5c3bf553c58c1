# SPDX-License-Identifier: BSD-3-Clause
"""What recurrent layers share in running: the steps over their arrays, calibration, its report.

Read noise of step t of sample s is that of sample s·steps + t in each of the arrays.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect import _core
from imperfect._arrays import Floats, as_samples, as_seed, threads_of
from imperfect._layers.calibration import report_rows, report_table
from imperfect._layers.costed import Costed
from imperfect._layers.description import Clipping
from imperfect._layers.linear import AnalogLinear
from imperfect._layers.merged import merged_clipping
from imperfect._layers.recurrent_cores import Cores, RecurrentCores
from imperfect._layers.recurrent_input import (
    DIRECTIONS,
    Lengths,
    as_lengths,
    as_sequences,
    as_state,
    used_steps,
)
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

Sequences = tuple[Floats, Floats, Floats, Lengths | None]


class AnalogRecurrent(RecurrentCores, Costed):
    """What AnalogLSTM and AnalogGRU share. Not made directly."""

    def _checked(
        self, x: Any, states: tuple[tuple[str, Any], tuple[str, Any]], lengths: Any
    ) -> Sequences:
        """Sequences, both states and lengths of a call; a GRU's cell state is empty."""
        batch = as_sequences(x, self._sizes.inputs)
        shape = len(batch), self._sizes.directions, self._sizes.hidden
        (name_h, h), (name_c, c) = states
        cells = as_state(name_c, c, shape) if self._kind == "lstm" else np.zeros(0, np.float32)
        ends = as_lengths(lengths, len(batch), batch.shape[1])
        return batch, as_state(name_h, h, shape), cells, ends

    def _states(self, initial_state: Any) -> tuple[tuple[str, Any], tuple[str, Any]]:
        """Hidden and cell state with their names in messages."""
        return ("initial_state", initial_state), ("", None)

    def _peepholes(self, place: int) -> Floats | None:
        return None

    def _run(
        self,
        given: Sequences,
        cores: Cores,
        numbers: tuple[int, int, Any] = (0, 0, None),
        num_threads: int | None = None,
        *,
        traces: bool = False,
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Outputs, last states, and what entered the arrays of state and candidate."""
        batch, h, c, ends = given
        directions = [
            (
                cores[f"{name}.input"]._compiled,
                cores[f"{name}.recurrent"]._compiled,
                cores[f"{name}.candidate"]._compiled if self._kind == "gru" else None,
                self._peepholes(place),
                name == "reverse",
            )
            for place, name in enumerate(DIRECTIONS[self._direction])
        ]
        threads = threads_of(num_threads)
        first, read = as_seed("first_sample", numbers[0]), as_seed("read", numbers[1])
        samples = as_samples(numbers[2], len(batch))
        return self._cell.run(directions, batch, ends, h, c, traces, threads, first, read, samples)

    def _drives(self, given: Sequences, cores: Cores) -> dict[str, Floats]:
        """What enters every array, as rows, without the steps beyond the samples' lengths."""
        *_, recurrent, candidate = self._run(given, cores, traces=True)
        used, found = used_steps(given[0], given[3]), {}
        for place, name in enumerate(DIRECTIONS[self._direction]):
            found[f"{name}.input"] = given[0][used]
            found[f"{name}.recurrent"] = recurrent[place][used]
            if len(candidate):
                found[f"{name}.candidate"] = candidate[place][used]
        return found

    def calibrate(self, x: Any, initial_state: Any = None, *, lengths: Any = None) -> None:
        """Set every range and sign that the hardware leaves open, from data.

        First the arrays of the inputs, from ``x``; then those of the state, from the states that
        follow from what the former give and the weights themselves, without errors of the cells
        that hold them.

        Parameters
        ----------
        x, initial_state, lengths
            As in a call, at least one sample. Sequences of one step without a state show the
            arrays nothing but zeros.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty, not finite, or does not fit the layer.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
        >>> layer = im.AnalogGRU([[1.0]] * 3, [[0.5]] * 3, hardware=hardware)
        >>> layer.calibrate([[[0.5], [-1.0], [0.2]]])
        >>> layer.needs_calibration
        False
        """
        given = self._checked(x, self._states(initial_state), lengths)
        if not len(given[0]):
            raise ValueError("x is an empty batch: calibration needs at least one sample")
        cores = {role: copy.copy(core) for role, core in self._cores.items()}
        ideal = {role: AnalogLinear(core.weight, core.bias) for role, core in cores.items()}
        inputs = {role: core for role, core in cores.items() if role.endswith(".input")}
        rows = given[0][used_steps(given[0], given[3])]
        for core in inputs.values():
            core.calibrate(rows)
        for role, rows in self._drives(given, ideal | inputs).items():
            if role not in inputs:
                cores[role].calibrate(rows)
        self._cores = cores

    def clipping(self, x: Any, initial_state: Any = None, *, lengths: Any = None) -> Clipping:
        """Fractions of inputs, states and currents that the converters' ranges clip."""
        drives, cores = self._driven(x, initial_state, lengths)
        reports = [cores[role]._conversions(rows) for role, rows in drives.items()]
        sizes = [rows.size for rows in drives.values()]
        return merged_clipping(reports, sizes, has_converters=self.hardware.adc.bits is not None)

    def calibration_report(
        self, x: Any, initial_state: Any = None, *, lengths: Any = None
    ) -> pd.DataFrame:
        """How well the converters' ranges fit these sequences, arrays by arrays.

        Parameters
        ----------
        x, initial_state, lengths
            As in a call, at least one sample.

        Returns
        -------
        pandas.DataFrame
            The table of ``AnalogLinear.calibration_report`` for each of ``cores``, whose name is
            in the first column, ``layer``. States are those of read 0.

        Raises
        ------
        ValueError, TypeError, ImportError
            As for ``AnalogLinear.calibration_report``.
        """
        require("pandas")
        return report_table(
            {"layer": role} | row
            for role, report in self._reports(x, initial_state, lengths=lengths)
            for row in report_rows(report)
        )

    def _reports(
        self, x: Any, initial_state: Any = None, *, lengths: Any = None
    ) -> Iterator[tuple[str, _core.CalibrationReport]]:
        drives, cores = self._driven(x, initial_state, lengths)
        for role, rows in drives.items():
            yield role, cores[role]._conversions(rows)

    def _driven(self, x: Any, initial_state: Any, lengths: Any) -> tuple[dict[str, Floats], Cores]:
        given, cores = self._checked(x, self._states(initial_state), lengths), self._cores
        return self._drives(given, cores), cores
