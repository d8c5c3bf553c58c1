# SPDX-License-Identifier: BSD-3-Clause
"""One trial of the study: a chip with its own head, with a new one, corrected, and its control.

All of it runs in one thread, so that as many trials can run side by side as there are cores.
Images have shape (n, …), float32; accuracies go from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Floats
from imperfect._optional import require
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork, Network

# Training images that calibrate converters and measure batch normalisation and corrections: at most
# this many, and at most half of them.
NUM_SAMPLED = 256

Point = tuple[str, Any, Hardware]
Scores = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything that all trials share."""

    network: Network
    x_train: Floats
    y_train: NDArray[Any]
    x_test: Floats
    y_test: NDArray[Any]
    head: Any

    @property
    def sampled(self) -> Floats:
        """The training images that calibrate and correct."""
        count = min((len(self.x_train) + 1) // 2, NUM_SAMPLED)
        chosen = np.linspace(0, len(self.x_train) - 1, count).round().astype(int)
        sampled: Floats = self.x_train[chosen]
        return sampled

    def own_accuracy(self, outputs: NDArray[Any]) -> float:
        """Accuracy of outputs of the network on the test images."""
        classes = np.unique(self.y_train)
        return float(np.mean(classes[outputs.argmax(axis=1)] == self.y_test))

    def fitted_accuracy(self, train: NDArray[Any], test: NDArray[Any]) -> float:
        """Accuracy of a new head, fitted on training features, on the test features."""
        from sklearn.base import clone

        head = clone(self.head).fit(train.reshape(len(train), -1), self.y_train)
        return float(np.mean(head.predict(test.reshape(len(test), -1)) == self.y_test))

    def program(self, network: Network, hardware: Hardware, seed: int) -> AnalogNetwork:
        """A chip, ready to compute."""
        chip = AnalogNetwork(network, hardware, seed)
        if _takes_ranges_from_data(chip):
            chip.calibrate(self.sampled)
        return chip

    def normalised(self, chip: AnalogNetwork) -> AnalogNetwork:
        """The chip with batch normalisation measured on itself."""
        chip = chip.reestimate_batch_norm(self.sampled)
        if _takes_ranges_from_data(chip):
            chip.calibrate(self.sampled)
            chip = chip.reestimate_batch_norm(self.sampled)
        return chip

    def run(self, chip: AnalogNetwork) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Features of the training images; features and outputs of the test images."""
        feature = chip.network._feature_name(None)
        train = chip.features(self.x_train, feature)
        test, outputs = self.run_test(chip)
        return train, test, outputs

    def run_test(self, chip: AnalogNetwork) -> tuple[NDArray[Any], NDArray[Any]]:
        """Features and outputs of the test images, in one pass."""
        feature, output = chip.network._feature_name(None), chip.network.outputs[0].name
        # Why: no test image shares its number, and so its read noise, with a training image.
        results = chip._run(self.x_test, (feature, output), len(self.x_train), 0, None)
        return results[feature], results[output]


def _takes_ranges_from_data(chip: AnalogNetwork) -> bool:
    return any(layer.uses_calibration for layer in chip.layers.values())


def _has_batch_norm(network: Network) -> bool:
    return any(spec.batch_norm for spec in network._specs.values())


def measure_chip(study: Study, point: Point, chip: int, seed: int) -> Scores:
    """Measure one chip."""
    knob, value, hardware = point
    try:
        with require("threadpoolctl").threadpool_limits(1):
            return _trained_chip(study, hardware, seed) | _control_chip(study, hardware, seed)
    except ValueError as error:
        raise ValueError(f"{knob}={value}, chip {chip}: {error}") from error


def _trained_chip(study: Study, hardware: Hardware, seed: int) -> Scores:
    chip = study.program(study.network, hardware, seed)
    train, test, outputs = study.run(chip)
    scores = {
        "collapsed": study.own_accuracy(outputs),
        "refitted": study.fitted_accuracy(train, test),
    }
    if _has_batch_norm(study.network):
        _, outputs = study.run_test(study.normalised(chip))
        scores["bn_reestimated"] = study.own_accuracy(outputs)
    _, outputs = study.run_test(chip.affine_corrected(study.sampled))
    scores["affine"] = study.own_accuracy(outputs)
    return scores


def _control_chip(study: Study, hardware: Hardware, seed: int) -> Scores:
    chip = study.program(study.network.shuffled(seed), hardware, seed)
    train, test, _ = study.run(study.normalised(chip))
    return {"shuffled": study.fitted_accuracy(train, test)}


def measure_pixels(study: Study) -> Scores:
    """Measure the control that needs no chip."""
    with require("threadpoolctl").threadpool_limits(1):
        return {"pixels": study.fitted_accuracy(study.x_train, study.x_test)}
