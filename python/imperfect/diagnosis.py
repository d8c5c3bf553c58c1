# SPDX-License-Identifier: BSD-3-Clause
"""Where a chip loses the signal: its layers, one by one, against the same layers in float.

The signal-to-error ratio of a layer is 10 log10(sum ref² / sum (chip - ref)²) in decibels, over
all outputs and samples, with batch normalisation and Relu or Clip where the layer absorbed them.
``chip`` is either what the layer gives inside the chip, on all errors of the layers before it, or
what it alone gives for the inputs of the float network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imperfect._arrays import Floats, as_float32
from imperfect._network import corrections
from imperfect._network.stream import LayerVisit
from imperfect._optional import require
from imperfect.network import AnalogNetwork

if TYPE_CHECKING:
    import pandas as pd

# Activations of one stage are held for all samples, twice.
MAX_SAMPLES = 128


def layer_report(chip: AnalogNetwork, x: ArrayLike) -> pd.DataFrame:
    """Compare every analog layer of a chip with the float network.

    Parameters
    ----------
    chip
        The chip, calibrated if its hardware needs that.
    x : array of shape (n, …)
        Samples as the network takes them; of more than 128, 128 at even distances are used.

    Returns
    -------
    pandas.DataFrame
        One row per layer, in the order of computation, with the columns

        - ``layer``: the name of its node; ``position``: 1 for the first;
        - ``snr_db``: signal-to-error ratio inside the chip in decibels, infinite without error;
        - ``own_snr_db``: the same if only this layer had errors, on float inputs;
        - ``relative_error``: standard deviation of the error inside the chip, as a fraction of
          that of the float outputs;
        - ``dac_clipped``, ``adc_clipped``: fractions of inputs and of currents outside the
          converters' ranges, 0 for ideal ones;
        - ``weights``: number of weights; ``arrays``: arrays in use; ``plan``: how it is computed.

    Raises
    ------
    ValueError, TypeError
        If ``x`` does not fit the network, or the chip has to be calibrated first.
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> import imperfect as im
    >>> from imperfect import data, diagnosis
    >>> hw = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)))
    >>> chip = im.AnalogNetwork(data.scattered_mobilenet(), hw)
    >>> report = diagnosis.layer_report(chip, data.scattered_fashion()[2])
    >>> bool(report.snr_db.iloc[0] > report.snr_db.iloc[-1])
    True
    """
    pandas = require("pandas")
    if not isinstance(chip, AnalogNetwork):
        raise TypeError(f"chip: must be an AnalogNetwork, not {type(chip).__name__}")
    samples = as_float32("x", x)
    if not samples.ndim or not len(samples):
        raise ValueError(f"x: has shape {samples.shape}, must have one sample or more")
    if len(samples) > MAX_SAMPLES:
        samples = samples[np.linspace(0, len(samples) - 1, MAX_SAMPLES).round().astype(int)]
    report: pd.DataFrame = pandas.DataFrame(_rows(chip, samples))
    return report


def _rows(chip: AnalogNetwork, x: Floats) -> Iterator[dict[str, Any]]:
    for position, (mine, ideal) in enumerate(corrections._both(chip, x, None, 0), 1):
        inside, alone = Errors(), Errors()
        outputs = (mine.outputs(), ideal.outputs(mine.layer), ideal.outputs())
        for y_inside, y_alone, reference in zip(*outputs, strict=True):
            inside.add(y_inside, reference)
            alone.add(y_alone, reference)
        yield {
            "layer": mine.name,
            "position": position,
            "snr_db": inside.snr_db,
            "own_snr_db": alone.snr_db,
            "relative_error": inside.relative,
            **_layer_facts(mine),
        }


def _layer_facts(visit: LayerVisit) -> dict[str, Any]:
    clipped, plan = visit.layer.clipping(visit.x), visit.layer.plan
    return {
        "dac_clipped": clipped.dac,
        "adc_clipped": float(np.mean(clipped.adc)) if clipped.adc else 0.0,
        "weights": visit.layer.weight.size,
        "arrays": plan.arrays,
        "plan": plan.kind,
    }


class Errors:
    """Sums over the outputs of a layer and their errors, added up chunk by chunk in float64."""

    def __init__(self) -> None:
        # Of signal and error: number, sum, sum of squares.
        self._signal, self._error = np.zeros((2, 3))

    def add(self, y: NDArray[Any], reference: NDArray[Any]) -> None:
        """Add outputs and what they should be, of one shape."""
        for sums, values in ((self._signal, reference), (self._error, y - reference)):
            wide = values.astype(np.float64)
            sums += wide.size, wide.sum(), np.square(wide).sum()

    @property
    def snr_db(self) -> float:
        """Signal-to-error ratio in decibels; infinite without error."""
        signal, error = float(self._signal[2]), float(self._error[2])
        if not error:
            return math.inf
        return 10 * math.log10(signal / error) if signal else -math.inf

    @property
    def relative(self) -> float:
        """Standard deviation of the error as a fraction of that of the signal."""
        signal, error = (
            math.sqrt(max(squares / count - (total / count) ** 2, 0.0))
            for count, total, squares in (self._signal, self._error)
        )
        return error / signal if signal else math.inf if error else 0.0
