# SPDX-License-Identifier: BSD-3-Clause
"""Compares a chip with its float network layer by layer, and corrects its digital epilogues.

Two rivals of refitting the last layer. Batch normalisation re-estimated: mean and variance of
what the arrays give replace the trained ones. Affine correction: per output, the gain a and
offset b that minimise the sum of (a·chip + b - float)² over samples and positions, before the
Relu or Clip: a = cov(chip, float)/var(chip), b = mean(float) - a·mean(chip).
"""

from __future__ import annotations

import copy
import glob
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._batch import Input
from imperfect._layer_spec import Floats, LayerSpec
from imperfect._programmed import with_affine
from imperfect._stream import LayerVisit
from imperfect.layers import Epilogue

if TYPE_CHECKING:
    from imperfect._chip import AnalogNetwork
    from imperfect._network import Network

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LayerOutputs:
    """What one layer gives on a chip and in the float network.

    Attributes
    ----------
    name
        Name of the layer's node.
    chip, reference
        Outputs with the layer's whole epilogue, each on the inputs that reach the layer there;
        float32, samples first; outputs on axis 1 for convolutions, on the last axis else.
    """

    name: str
    chip: Floats
    reference: Floats


class Moments:
    """Means, variance and covariance of pairs of vectors, added up chunk by chunk in float64.

    Chunks are merged as in Chan, Golub & LeVeque (1979), which loses nothing to large means.
    """

    def __init__(self, outputs: int) -> None:
        self.count = 0
        self.mean_x, self.mean_y, self._xx, self._xy = np.zeros((4, outputs))

    def add(self, x: Doubles, y: Doubles) -> None:
        """Add pairs, each of shape (n, outputs)."""
        mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
        total, weight = self.count + len(x), self.count * len(x) / (self.count + len(x))
        step_x, step_y = mean_x - self.mean_x, mean_y - self.mean_y
        self._xx += ((x - mean_x) ** 2).sum(axis=0) + step_x**2 * weight
        self._xy += ((x - mean_x) * (y - mean_y)).sum(axis=0) + step_x * step_y * weight
        self.mean_x += step_x * len(x) / total
        self.mean_y += step_y * len(x) / total
        self.count = total

    @property
    def variance(self) -> Doubles:
        """Variance of x, divided by the number of pairs."""
        return self._xx / self.count

    def fit(self) -> tuple[Doubles, Doubles]:
        """Gain and offset of least squares from x to y; where x is constant the gain is 0."""
        # Why: rounding leaves a constant float32 output with a spread of its last digits.
        varies = self.variance > (1e-6 * self.mean_x) ** 2
        gain = np.where(varies, self._xy / np.where(varies, self._xx, 1), 0)
        return gain, self.mean_y - gain * self.mean_x


def reestimate_batch_norm(chip: AnalogNetwork, x: Input, read: int) -> AnalogNetwork:
    """The chip with the statistics of its absorbed batch normalisations measured on ``x``."""
    layers = dict(copy.copy(chip).layers)
    for visit in chip.walk(x, read=read):
        norm = visit.spec.batch_norm
        if norm is None:
            continue
        moments = Moments(len(visit.spec.weight))
        for y in array_outputs(visit):
            moments.add(y, y)
        if (moments.variance + norm.epsilon <= 0).any():
            raise ValueError(f"layer {visit.name!r}: an output is the same for all samples")
        scale = norm.gamma / np.sqrt(moments.variance + norm.epsilon)
        affine = scale, norm.beta - moments.mean_x * scale
        visit.layer = layers[visit.name] = with_affine(visit.spec, visit.layer, affine)
    return chip._with_layers(layers)


def affine_corrected(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> AnalogNetwork:
    """The chip with the gain and offset of least squares in every epilogue."""
    layers = dict(copy.copy(chip).layers)
    for visit, ideal in _both(chip, x, reference, read):
        moments = Moments(len(visit.spec.weight))
        scale, shift = ideal.spec.affine
        for mine, wanted in zip(array_outputs(visit), array_outputs(ideal), strict=True):
            moments.add(mine, wanted * scale + shift)
        visit.layer = layers[visit.name] = with_affine(visit.spec, visit.layer, moments.fit())
    return chip._with_layers(layers)


def layer_outputs(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> Iterator[LayerOutputs]:
    """Outputs of every layer with its epilogue, on the chip and in the float network."""
    for visit, ideal in _both(chip, x, reference, read):
        mine, wanted = (np.concatenate(list(one.outputs())) for one in (visit, ideal))
        yield LayerOutputs(visit.name, mine, wanted)


def _both(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> Iterator[tuple[LayerVisit, LayerVisit]]:
    """Walk the chip and the float network, which is a chip of ideal hardware, side by side."""
    network = chip.network if reference is None else reference
    names = list(chip.layers)
    if not set(names) <= network._specs.keys():
        raise ValueError(f"reference: must have the layers {names}, has {list(network._specs)}")
    digital = [glob.escape(name) for name in network._specs if name not in chip.layers]
    ideal = type(chip)(network, digital=digital, chunk=chip.chunk)
    return zip(chip.walk(x, read=read), ideal.walk(x), strict=True)


def array_outputs(visit: LayerVisit) -> Iterator[Doubles]:
    """What the layer's arrays give, before its epilogue; each of shape (rows, outputs)."""
    for y in visit.outputs(visit.layer.with_epilogue(Epilogue())):
        yield rows(visit.spec, y).astype(np.float64)


def rows(spec: LayerSpec, y: NDArray[Any]) -> NDArray[Any]:
    """Outputs as a matrix: samples and positions along the first axis, outputs last."""
    return (y if spec.kind == "linear" else np.moveaxis(y, 1, -1)).reshape(-1, len(spec.weight))
