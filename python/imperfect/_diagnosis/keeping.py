# SPDX-License-Identifier: BSD-3-Clause
"""How much accuracy comes back when some layers of a chip are computed digitally."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imperfect._arrays import Floats
from imperfect._network.programmed import build_layer, with_epilogue_of
from imperfect._optional import require
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork

# Layers that may join those kept already: the best ones alone.
CANDIDATES = 5


class Keeping:
    """A chip with labelled samples; runs it with layers replaced by float ones."""

    def __init__(self, chip: AnalogNetwork, x: Floats, labels: Any) -> None:
        self._chip, self._x, self._labels = chip, x, labels
        self.accuracy = self._accuracy(())
        self._points: dict[str, float] = {}

    def each(self) -> list[float]:
        """Percentage points back for each layer alone."""
        bar = require("tqdm").tqdm(self._chip.layers, "Layers kept digital", disable=None)
        self._points = {name: self._back((name,)) for name in bar}
        return list(self._points.values())

    def best(self, most: int) -> Iterator[tuple[tuple[str, ...], float]]:
        """Growing sets of layers, each with the layer that then gives back most."""
        order = sorted(self._points, key=lambda name: -self._points[name])
        names: tuple[str, ...] = (order[0],)
        yield names, self._points[order[0]]
        while len(names) < min(most, len(order)):
            candidates = [name for name in order if name not in names][:CANDIDATES]
            points = {name: self._back((*names, name)) for name in candidates}
            chosen = max(points, key=lambda name: points[name])
            names = (*names, chosen)
            yield names, points[chosen]

    def _back(self, names: tuple[str, ...]) -> float:
        return 100.0 * (self._accuracy(names) - self.accuracy)

    def _accuracy(self, names: tuple[str, ...]) -> float:
        chip = self._chip
        layers = dict(chip.layers)
        for name in names:
            ideal = build_layer(chip.network._specs[name], Hardware(), chip.seed)
            layers[name] = with_epilogue_of(ideal, layers[name])
        scores = np.asarray(chip._with_layers(layers)(self._x))
        if scores.ndim != 2:
            shape = "(samples, classes)"
            raise ValueError(f"y: the network gives outputs of shape {scores.shape}, not {shape}")
        if self._labels.min() < 0 or self._labels.max() >= scores.shape[1]:
            wrong = self._labels[(self._labels < 0) | (self._labels >= scores.shape[1])][0]
            allowed = f"must be classes from 0 to {scores.shape[1] - 1}, the network's outputs"
            raise ValueError(f"y: holds {wrong}; {allowed}")
        return float((scores.argmax(axis=1) == self._labels).mean())
