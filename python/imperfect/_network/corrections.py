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
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._checks import check_instance
from imperfect._network.batch import Input
from imperfect._network.layer_spec import Floats, LayerSpec
from imperfect._network.programmed import Layer, with_affine
from imperfect._network.stream import LayerVisit
from imperfect.layers import AnalogRecurrent, Epilogue

if TYPE_CHECKING:
    from imperfect._network.chip import AnalogNetwork
    from imperfect._network.network import Network

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
    Within one sample, sums are float32: of values in pairs, of squares after the mean is taken off.
    """

    def __init__(self, outputs: int) -> None:
        self.count = 0
        self.mean_x, self.mean_y, self._xx, self._xy = np.zeros((4, outputs))

    def add(self, x: Floats, y: Floats) -> None:
        """Add pairs, each of shape (samples, outputs, positions)."""
        count = x.shape[0] * x.shape[2]
        mean_x, mean_y = (v.mean(axis=2).mean(axis=0, dtype=np.float64) for v in (x, y))
        # Why: in this layout and precision the sums take a fourteenth of the time.
        from_x, from_y = (
            v - mean.astype(np.float32)[:, None] for v, mean in ((x, mean_x), (y, mean_y))
        )
        total, weight = self.count + count, self.count * count / (self.count + count)
        step_x, step_y = mean_x - self.mean_x, mean_y - self.mean_y
        self._xx += _sum_of_products(from_x, from_x) + step_x**2 * weight
        self._xy += _sum_of_products(from_x, from_y) + step_x * step_y * weight
        self.mean_x += step_x * count / total
        self.mean_y += step_y * count / total
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


def _sum_of_products(x: Floats, y: Floats) -> Doubles:
    """Over samples and positions, for every output."""
    per_sample: Doubles = np.einsum("sop,sop->so", x, y).sum(axis=0, dtype=np.float64)
    return per_sample


def reestimate_batch_norm(chip: AnalogNetwork, x: Input, read: int) -> AnalogNetwork:
    """The chip with the statistics of its absorbed batch normalisations measured on ``x``."""
    chip = copy.copy(chip)
    layers = dict(chip.layers)
    for visit in chip.walk(x, read=read):
        norm = visit.spec.batch_norm
        if norm is None:
            continue
        moments, outputs = Moments(visit.spec.num_outputs), array_outputs(visit)
        for y in outputs:
            moments.add(*(as_pairs(visit.spec, y),) * 2)
        if (moments.variance + norm.epsilon <= 0).any():
            raise ValueError(f"layer {visit.name!r}: an output is the same for all samples")
        scale = norm.gamma / np.sqrt(moments.variance + norm.epsilon)
        affine = scale, norm.beta - moments.mean_x * scale
        layers[visit.name] = finish(visit, affine, outputs)
    return chip._with_layers(layers)


def affine_corrected(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> AnalogNetwork:
    """The chip with the gain and offset of least squares in every epilogue."""
    chip = copy.copy(chip)
    layers = dict(chip.layers)
    for visit, ideal in walk_both(chip, x, reference, read):
        if visit.spec.recurrent is not None:
            continue
        moments, outputs = Moments(visit.spec.num_outputs), array_outputs(visit)
        wanted = [ideal_affine(ideal, y) for y in array_outputs(ideal)]
        for mine, goal in zip(outputs, wanted, strict=True):
            moments.add(as_pairs(visit.spec, mine), as_pairs(visit.spec, goal))
        layers[visit.name] = finish(visit, moments.fit(), outputs)
        low, high = ideal.spec.limits
        ideal.put(ideal.layer, [np.clip(goal, low, high, out=goal) for goal in wanted])
    return chip._with_layers(layers)


def layer_outputs(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> Iterator[LayerOutputs]:
    """Outputs of every layer with its epilogue, on the chip and in the float network."""
    return starmap(_outputs, walk_both(chip, x, reference, read))


def _outputs(visit: LayerVisit, ideal: LayerVisit) -> LayerOutputs:
    mine, wanted = (np.concatenate(list(one.outputs())) for one in (visit, ideal))
    return LayerOutputs(visit.name, mine, wanted)


def walk_both(
    chip: AnalogNetwork, x: Input, reference: Network | None, read: int
) -> Iterator[tuple[LayerVisit, LayerVisit]]:
    """Walk the chip and the float network, which is a chip of ideal hardware, side by side."""
    network = chip.network
    if reference is not None:
        check_instance("reference", reference, type(network), "a Network or None (the chip's own)")
        network = reference
    names = list(chip.layers)
    if not set(names) <= network._specs.keys():
        raise ValueError(f"reference: must have the layers {names}, has {list(network._specs)}")
    for name, layer in chip.layers.items():
        shape, wanted = network._specs[name].weight.shape, layer.weight.shape
        if shape != wanted:
            raise ValueError(
                f"reference: layer {name!r} has weights of shape {shape}, must be {wanted}"
            )
    digital = [glob.escape(name) for name in network._specs if name not in chip.layers]
    ideal = type(chip)(network, digital=digital, chunk=chip.chunk)
    return zip(chip.walk(x, read=read), ideal.walk(x), strict=True)


def array_outputs(visit: LayerVisit) -> list[Floats]:
    """What the layer's arrays give, before its epilogue, chunk by chunk."""
    assert not isinstance(visit.layer, AnalogRecurrent)
    return list(visit.outputs(visit.layer.with_epilogue(Epilogue())))


def as_pairs(spec: LayerSpec, y: Floats) -> Floats:
    """Outputs of a layer in the shape that ``Moments`` takes: (samples, outputs, positions)."""
    if spec.kind != "linear":
        return y.reshape(*y.shape[:2], -1)
    return np.ascontiguousarray(y.reshape(-1, y.shape[-1]).T)[None]


def apply_affine(spec: LayerSpec, y: Floats, affine: tuple[Any, Any]) -> Floats:
    """Scale and shift every output, in place."""
    shape = (-1,) if spec.kind == "linear" else (-1, *(1,) * (y.ndim - 2))
    scale, shift = (v.astype(np.float32).reshape(shape) for v in affine)
    y *= scale
    y += shift
    return y


def ideal_affine(visit: LayerVisit, y: Floats) -> Floats:
    return apply_affine(visit.spec, y, visit.spec.affine)


def finish(visit: LayerVisit, affine: tuple[Doubles, Doubles], outputs: list[Floats]) -> Layer:
    """Give the visited layer a new scale and shift; what its arrays gave need not be computed
    again."""
    layer = with_affine(visit.spec, visit.layer, affine)
    low, high = visit.spec.limits
    done = [apply_affine(visit.spec, y, affine) for y in outputs]
    visit.put(layer, [np.clip(y, low, high, out=y) for y in done])
    return layer
