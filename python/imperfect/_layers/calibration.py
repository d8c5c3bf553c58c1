# SPDX-License-Identifier: BSD-3-Clause
"""What layers offer to set their converters' ranges, and to judge them.

Entropy of output codes: H = -sum_c p_c log2 p_c bits, p_c the part of all conversions that gave
code c: log2 of how many codes, all equally frequent, would tell as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect import _core
from imperfect._arrays import Floats
from imperfect._layers.costed import Costed
from imperfect._layers.description import Clipping
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

POLARITIES = {-1: "", 0: "+", 1: "-"}


class Calibrated(Costed):
    """The part of a layer that has to do with its converters' ranges."""

    _compiled: _core.Layer

    def _to_batch(self, x: Any) -> Floats:
        """``x`` as the (n, channels, …) batch of two or three more axes that the core takes."""
        raise NotImplementedError

    @property
    def uses_calibration(self) -> bool:
        """Whether the hardware leaves a converter's range or sign to ``calibrate``."""
        return self._compiled.uses_calibration

    @property
    def needs_calibration(self) -> bool:
        """Whether ``calibrate`` must be called before the layer can compute."""
        return self._compiled.needs_calibration

    def calibrate(self, x: Any) -> None:
        """Set every range and sign that the hardware leaves open, from data.

        Full scale X and sign come from ``x``; output ranges from the currents that ``x`` causes
        in the programmed arrays, one range for each slice. Nothing happens where nothing is open.
        With ``Hardware.drift_compensation`` the first samples, as many as hold a million values,
        are kept with the layer: the arrays are read out with them whenever a later time is asked
        for.

        Parameters
        ----------
        x : array
            Inputs as in a call, at least one sample.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty, not finite, or does not fit the layer.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
        >>> layer = im.AnalogLinear([[1.0, 2.0]], hardware=hardware)
        >>> layer.calibrate([[0.5, -1.0], [1.0, 0.25]])
        >>> layer.needs_calibration
        False
        """
        self._compiled.calibrate(self._to_batch(x))

    def clipping(self, x: Any) -> Clipping:
        """Fractions of inputs and currents that the converters' ranges clip, for these inputs.

        Examples
        --------
        >>> import imperfect as im
        >>> hardware = im.Hardware(dac=im.DAC(bits=8, range=1.0, signed=True))
        >>> im.AnalogLinear([[1.0, 2.0]], hardware=hardware).clipping([[0.5, -3.0]])
        Clipping(dac=0.5, adc=())
        """
        dac, adc = self._compiled.clipping_rates(self._to_batch(x))
        return Clipping(dac, tuple(adc))

    def calibration_report(self, x: Any) -> pd.DataFrame:
        """How well the converters' ranges fit these inputs, slice by slice.

        The converters have their gain, offset and nonlinearity; neither the cells' read noise nor
        that of the converters is included. Unit columns count as bit lines.

        Parameters
        ----------
        x : array
            Inputs as in a call, at least one sample.

        Returns
        -------
        pandas.DataFrame
            One row per slice, and per polarity where each is converted on its own; one row with
            gaps where nothing is converted. Currents are in unit currents. Columns:

            - ``slice``: 0 is the least significant; ``polarity``: "+", "-", or "" where both share
              a conversion or there is only one;
            - ``lo``, ``hi``, ``lsb``, ``codes``: range, step and number of codes of the
              converters; where the range grows with an array's word lines, of the largest array;
            - ``conversions``: how many there were; ``clipped_low``, ``clipped_high``: fractions of
              them below and above the range by more than half a step;
            - ``codes_used``: fraction of the codes that came out at least once; ``bits_used``: the
              entropy of the codes in bits;
            - ``current_mean``, ``current_std``: mean and standard deviation of what is converted;
            - ``lines_limited``: fraction of the bit lines' currents, of each polarity and cycle,
              that ``Array.column_current_max`` cuts off;
            - ``input_range``: the full scale X, in the units of x; ``input_clipped``: fraction of
              inputs outside.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is empty, not finite, or does not fit the layer, or the layer has to be
            calibrated first.
        ImportError
            If the extra ``study`` is not installed.

        Examples
        --------
        >>> import imperfect as im
        >>> adc = im.ADC(bits=4, range=(-1.0, 1.0))
        >>> hardware = im.Hardware(dac=im.DAC(bits=8, range=1.0, signed=True), adc=adc)
        >>> layer = im.AnalogLinear([[1.0, 1.0]], hardware=hardware)
        >>> report = layer.calibration_report([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
        >>> report[["codes", "clipped_high", "bits_used"]].values.tolist()
        [[15, 0.25, 1.5]]
        """
        require("pandas")
        return report_table(report_rows(self._conversions(x)))

    def _reports(self, x: Any) -> Iterator[tuple[str, _core.CalibrationReport]]:
        """Reports by the names of a layer's parts; of one part, without name."""
        yield "", self._conversions(x)

    def _conversions(self, x: Any) -> _core.CalibrationReport:
        return self._compiled.calibration_report(self._to_batch(x))


def report_rows(report: _core.CalibrationReport) -> Iterator[dict[str, Any]]:
    """Rows of the table, one for each kind of converter, or one without any."""
    inputs = {"input_range": report.full_scale, "input_clipped": report.inputs_clipped}
    for use in report.converters:
        yield _output_columns(use) | inputs
    if not report.converters:
        yield inputs


def report_table(rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a table with the same columns whatever is missing in them."""
    pandas = require("pandas")
    kinds = dict.fromkeys(_COLUMNS, "float64")
    kinds |= {"slice": "Int64", "codes": "Int64", "conversions": "Int64", "polarity": "object"}
    found = list(rows)
    names = [name for name in ("layer",) if found and name in found[0]]
    table = pandas.DataFrame(found, columns=[*names, *_COLUMNS])
    result: pd.DataFrame = table.astype(kinds)
    return result


_COLUMNS = (
    "slice", "polarity", "lo", "hi", "lsb", "codes", "conversions", "clipped_low", "clipped_high",
    "codes_used", "bits_used", "current_mean", "current_std", "lines_limited", "input_range",
    "input_clipped",
)  # fmt: skip


def _output_columns(use: _core.ConverterUse) -> dict[str, Any]:
    row: dict[str, Any] = {
        "slice": use.slice,
        "polarity": POLARITIES[use.polarity],
        "conversions": use.conversions,
        "current_mean": use.mean,
        "current_std": use.sigma,
        "lines_limited": use.limited_lines / use.line_reads,
    }
    if use.codes.size == 0:
        return row
    return row | {
        "lo": use.low,
        "hi": use.high,
        "lsb": use.lsb,
        "codes": use.codes.size,
        "clipped_low": use.clipped_low / use.conversions,
        "clipped_high": use.clipped_high / use.conversions,
        "codes_used": np.count_nonzero(use.codes) / use.codes.size,
        "bits_used": entropy(use.codes),
    }


def entropy(counts: np.ndarray[Any, np.dtype[np.uint64]]) -> float:
    """Entropy in bits of what was counted."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum()) + 0.0
