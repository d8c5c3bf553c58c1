# SPDX-License-Identifier: BSD-3-Clause
"""Where a chip loses the signal: its layers, one by one, against the same layers in float.

The signal-to-error ratio of a layer is 10 log10(sum ref² / sum (chip - ref)²) in decibels, over
all outputs and samples, with batch normalisation and Relu or Clip where the layer absorbed them.
``chip`` is either what the layer gives inside the chip, on all errors of the layers before it, or
what it alone gives for the inputs of the float network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from imperfect._arrays import Floats, as_float32
from imperfect._checks import integer
from imperfect._diagnosis.errors import Errors
from imperfect._diagnosis.keeping import Keeping
from imperfect._diagnosis.parts import source_rows
from imperfect._network import corrections
from imperfect._network.stream import LayerVisit
from imperfect._optional import require
from imperfect.network import AnalogNetwork

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

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
    samples = _some(_checked(chip, x))
    report: pd.DataFrame = pandas.DataFrame(_rows(chip, samples))
    return report


@dataclass(frozen=True)
class Diagnosis:
    """What ``diagnose`` found.

    Attributes
    ----------
    layers : pandas.DataFrame
        The table of ``layer_report``; with labels also ``points_back``: percentage points of
        accuracy that come back if this layer alone is kept digital.
    sources : pandas.DataFrame
        One row per layer and source of error: ``layer``, ``position``, ``source``; ``share`` of
        the layer's own error (sum of squares) that goes away without the source;
        ``relative_error_without`` it, ``relative_error_alone`` of it with all others off, and
        ``relative_error`` with all, each the standard deviation of the error as a fraction of
        that of the signal, on float inputs. Shares need not add up to 1.
    accuracy : float or None
        Accuracy of the chip on the samples, if labels were given.
    kept_digital : tuple of (tuple of str, float)
        Sets of layers and the percentage points that come back if they are kept digital; each
        set has one layer more than the one before, the one that then gives back most.
    advice : tuple of str
        What the numbers say, in sentences.
    """

    layers: pd.DataFrame = field(repr=False)
    sources: pd.DataFrame = field(repr=False)
    accuracy: float | None
    kept_digital: tuple[tuple[tuple[str, ...], float], ...] = field(repr=False)
    advice: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return "\n".join(self.advice)

    def plot(self) -> Figure:
        """Errors growing along the network, and the sources of each layer's own error."""
        from imperfect._plots.diagnosis import diagnosis

        return diagnosis(self)


def diagnose(
    chip: AnalogNetwork, x: ArrayLike, y: ArrayLike | None = None, *, keep: int = 3
) -> Diagnosis:
    """Find where and why a chip loses the signal, and what would bring most of it back.

    Parameters
    ----------
    chip
        The chip, calibrated if its hardware needs that.
    x : array of shape (n, …)
        Samples as the network takes them. Errors are measured on at most 128 of them, accuracies
        on all.
    y : array of shape (n,), optional
        Classes of the samples, as the network's largest output numbers them: with them, the chip
        runs once for each layer kept digital.
    keep : int
        Largest number of layers to keep digital together, 1 to 10.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError, TypeError
        If ``x`` does not fit the network, ``y`` does not fit ``x``, or the chip has to be
        calibrated first.
    ImportError
        If the extra ``study`` is not installed.

    Notes
    -----
    Sources are switched off in a layer written with the same seed and write number; a layer whose
    cells were set in another way is compared with those. Read noise is that of read 0.

    Examples
    --------
    >>> import imperfect as im
    >>> hw = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)), dac=im.DAC(bits=8))
    >>> chip = im.AnalogNetwork(im.data.scattered_mobilenet(), hw)
    >>> X, y = im.data.scattered_fashion()[2:]
    >>> chip.calibrate(X[:32])
    >>> found = im.diagnose(chip, X[:64])
    >>> found.sources[["source", "share"]].groupby("source").mean().idxmax()["share"]
    'programming'
    """
    pandas = require("pandas")
    samples = _checked(chip, x)
    most = integer("keep", keep, 1, 10)
    assert most is not None
    labels = None if y is None else _labels(y, len(samples))
    layers = layer_report(chip, samples)
    sources = pandas.DataFrame(source_rows(chip, _some(samples)))
    keeping = None if labels is None else Keeping(chip, samples, labels)
    if keeping is not None:
        layers["points_back"] = keeping.each()
    sets = () if keeping is None else tuple(keeping.best(most))
    accuracy = None if keeping is None else keeping.accuracy
    return Diagnosis(
        layers, sources, accuracy, sets, tuple(_advice(layers, sources, accuracy, sets))
    )


def _checked(chip: AnalogNetwork, x: ArrayLike) -> Floats:
    if not isinstance(chip, AnalogNetwork):
        raise TypeError(f"chip: must be an AnalogNetwork, not {type(chip).__name__}")
    samples = as_float32("x", x)
    if not samples.ndim or not len(samples):
        raise ValueError(f"x: has shape {samples.shape}, must have one sample or more")
    return samples


def _some(samples: Floats) -> Floats:
    """At most MAX_SAMPLES, at even distances."""
    if len(samples) <= MAX_SAMPLES:
        return samples
    chosen: Floats = samples[np.linspace(0, len(samples) - 1, MAX_SAMPLES).round().astype(int)]
    return chosen


def _labels(y: ArrayLike, count: int) -> Any:
    labels = np.asarray(y)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        kind = f"{labels.dtype} of shape {labels.shape}"
        raise ValueError(f"y: is {kind}, must be the number of a class for each of {count} samples")
    return labels


def _advice(layers: Any, sources: Any, accuracy: float | None, sets: Any) -> Iterator[str]:
    # Why: a layer without any signal, or without error, has no ratio.
    layers = layers[np.isfinite(layers["snr_db"])]
    if len(sources):
        sources = sources[np.isfinite(sources["relative_error"])]
    if len(layers):
        worst = layers.loc[layers["snr_db"].idxmin()]
        yield f"The signal is weakest after {worst['layer']!r}: {worst['snr_db']:.1f} dB."
    if len(sources) and sources["share"].max() > 0:
        own = sources["relative_error"] ** 2 * sources["share"]
        largest = own.groupby(sources["source"]).sum().idxmax()
        shares = sources.loc[sources["source"] == largest, "share"]
        yield (
            f"Most of the layers' own errors come from {largest}: switched off, it takes away "
            f"{100 * shares.median():.0f} % of a layer's own error (median)."
        )
    for names, points in sets:
        what = " and ".join(filter(None, [", ".join(map(repr, names[:-1])), repr(names[-1])]))
        noun = "layer" if len(names) == 1 else "layers"
        yield f"Keeping {noun} {what} digital gives back {points:.1f} points of {accuracy:.3f}."


def _rows(chip: AnalogNetwork, x: Floats) -> Iterator[dict[str, Any]]:
    for position, (mine, ideal) in enumerate(corrections.walk_both(chip, x, None, 0), 1):
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
    clipped, plan = visit.layer.clipping(visit.x, **visit.others), visit.layer.plan
    return {
        "dac_clipped": clipped.dac,
        "adc_clipped": float(np.mean(clipped.adc)) if clipped.adc else 0.0,
        "weights": visit.layer.weight.size,
        "arrays": plan.arrays,
        "plan": plan.kind,
    }
