# SPDX-License-Identifier: BSD-3-Clause
"""One trial of the study: a chip with its own head, with a new one, corrected, and its control.

All of it runs in one thread, so that as many trials can run side by side as there are cores.
Images have shape (n, …), float32; accuracies go from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect import _core
from imperfect._arrays import Floats
from imperfect._optional import require
from imperfect._study.cache import Arrays, Cache
from imperfect._study.heads import default_head
from imperfect._study.samples import Samples, pieces, raw_inputs
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork, Network

# Training images that measure batch normalisation and corrections: at most this many, and at most
# half of them. Ranges of converters are found with some of these: each conversion is looked at, so
# that an image takes ten times as long as one that is only computed.
NUM_SAMPLED, NUM_CALIBRATING = 256, 64

Point = tuple[str, Any, Hardware]
Scores = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything that all trials share.

    Attributes
    ----------
    network, x_train, y_train, x_test, y_test
        The trained network and its samples.
    head
        The classifier that is refitted; not fitted itself.
    own_head
        A head fitted on the float network's features, which stands for the network's own; None
        where the network has one for these classes.
    cache
        Where features and scores are kept.
    digests
        What results depend on beside the chip: digests of the network and the data, and of the
        labels and the head.
    digital
        Names of layers that stay digital.
    """

    network: Network
    x_train: Samples
    y_train: NDArray[Any]
    x_test: Samples
    y_test: NDArray[Any]
    head: Any
    own_head: Any = None
    cache: Cache = field(default_factory=Cache)
    digests: tuple[str, str] = ("", "")
    digital: tuple[str, ...] = ()

    @property
    def feature(self) -> str:
        """The tensor that heads are fitted on."""
        return self.network._feature_name(getattr(self.head, "output", None))

    @property
    def sampled(self) -> Floats:
        """The training images that measure corrections."""
        return self.spread(NUM_SAMPLED)

    def spread(self, most: int) -> Floats:
        """Training images at even distances, at most so many and at most half of them."""
        count = min((len(self.x_train) + 1) // 2, most)
        chosen = np.linspace(0, len(self.x_train) - 1, count).round().astype(int)
        sampled: Floats = self.x_train[chosen]
        return sampled

    def kept(
        self, what: str, compute: Callable[[], Arrays], *, fitted: bool = False, **parts: Any
    ) -> Arrays:
        """Arrays from the cache, or computed; ``fitted`` if they depend on labels and head."""
        key = {
            "what": what,
            "data": self.digests[0],
            "head": self.digests[1] if fitted else "",
            "tensor": self.feature,
            "transfer": self.own_head is not None,
            "digital": list(self.digital),
            "version": _core.__version__,
            "simd": _core.simd_level(),
        }
        return self.cache.arrays(key | parts, compute)

    def accuracy(self, answers: NDArray[Any]) -> float:
        """Accuracy of labels on the test images."""
        return float(np.mean(answers == self.y_test))

    def own_accuracy(self, arrays: Arrays) -> float:
        """Accuracy of the head that was there before, from what ``own_arrays`` gave."""
        if self.own_head is not None:
            return self.accuracy(self.own_head.predict(arrays["test"]))
        return self.accuracy(np.unique(self.y_train)[arrays["answers"]])

    def fitted_accuracy(self, train: NDArray[Any], test: NDArray[Any]) -> float:
        """Accuracy of a new head, fitted on training features, on the test features."""
        from sklearn.base import clone

        return self.accuracy(clone(self.head).fit(train, self.y_train).predict(test))

    def tensors(
        self, network: Network | AnalogNetwork, x: Samples, names: tuple[str, ...], first: int = 0
    ) -> Arrays:
        """Tensors of a network or a chip by name, each sample's flattened to one row."""
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for start, part in pieces(x, self.network._graph.batch or 1):
            if isinstance(network, AnalogNetwork):
                results = network._run(part, names, first + start, 0, None)
            else:
                results = network._run(part, names, {})
            for name in names:
                found[name].append(results[name].reshape(len(part), -1))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def own_arrays(self, network: Network | AnalogNetwork) -> Arrays:
        """What the head that was there before makes of the test images, or is given of them."""
        return self.test_arrays(network, with_features=self.own_head is not None)

    def test_arrays(self, network: Network | AnalogNetwork, *, with_features: bool) -> Arrays:
        """Features ("test") and the own head's answers ("answers") on the test images."""
        output = self.network.outputs[0].name
        names = ((self.feature,) if with_features else ()) + (
            () if self.own_head is not None else (output,)
        )
        # Why: no test image shares its number, and so its read noise, with a training image.
        found = self.tensors(network, self.x_test, names, len(self.x_train))
        arrays = {"test": found[self.feature]} if with_features else {}
        if self.own_head is None:
            arrays["answers"] = found[output].argmax(axis=1)
        return arrays

    def all_arrays(self, network: Network | AnalogNetwork) -> Arrays:
        """What ``test_arrays`` gives, and features of the training images ("train")."""
        train = self.tensors(network, self.x_train, (self.feature,))[self.feature]
        return {"train": train} | self.test_arrays(network, with_features=True)

    def program(
        self, network: Network, hardware: Hardware, seed: int, time: float = 0.0
    ) -> AnalogNetwork:
        """A chip, ready to compute, so many seconds after it was written and calibrated."""
        chip = AnalogNetwork(network, hardware, seed, digital=self.digital)
        return later(self.calibrated(chip), time)

    def calibrated(self, chip: AnalogNetwork) -> AnalogNetwork:
        """The chip itself, its converters' ranges taken from training images if it needs them."""
        if _takes_ranges_from_data(chip):
            chip.calibrate(self.spread(NUM_CALIBRATING))
        return chip

    def normalised(self, chip: AnalogNetwork) -> AnalogNetwork:
        """The chip with batch normalisation measured on itself."""
        chip = chip.reestimate_batch_norm(self.sampled)
        if _takes_ranges_from_data(chip):
            chip.calibrate(self.spread(NUM_CALIBRATING))
            chip = chip.reestimate_batch_norm(self.sampled)
        return chip


def later(chip: AnalogNetwork, time: float) -> AnalogNetwork:
    """The chip itself, or a view of it at a later time."""
    return chip.at(time) if time else chip


def _takes_ranges_from_data(chip: AnalogNetwork) -> bool:
    return any(layer.uses_calibration for layer in chip.layers.values())


def _has_batch_norm(network: Network) -> bool:
    return any(spec.batch_norm for spec in network._specs.values())


class Trial:
    """One chip of a study; it is programmed when something is not in the cache."""

    def __init__(self, study: Study, hardware: Hardware, seed: int, time: float = 0.0) -> None:
        self.study, self.hardware, self.seed, self.time = study, hardware, seed, time

    @cached_property
    def chip(self) -> AnalogNetwork:
        """The chip itself, calibrated."""
        return self.study.program(self.study.network, self.hardware, self.seed, self.time)

    def kept(self, what: str, compute: Callable[[], Arrays], *, fitted: bool = False) -> Arrays:
        """Arrays of this chip from the cache, or computed."""
        chip = {
            "hardware": self.hardware.digest(), "seed": str(self.seed), "time": self.time,
        }  # fmt: skip
        return self.study.kept(what, compute, fitted=fitted, **chip)

    def trained_scores(self) -> Scores:
        """Accuracies of the chip of the trained network."""
        study = self.study
        arrays = self.kept("chip", lambda: study.all_arrays(self.chip))
        scores = {
            "collapsed": study.own_accuracy(arrays),
            "refitted": study.fitted_accuracy(arrays["train"], arrays["test"]),
        }
        return scores | self.rival_scores()

    def rival_scores(self) -> Scores:
        """Accuracies of the chip with its own head, after corrections that are no refitting."""
        study, scores = self.study, {}
        if _has_batch_norm(study.network):
            arrays = self.kept(
                "bn_reestimated", lambda: study.own_arrays(study.normalised(self.chip))
            )
            scores["bn_reestimated"] = study.own_accuracy(arrays)
        arrays = self.kept(
            "affine", lambda: study.own_arrays(self.chip.affine_corrected(study.sampled))
        )
        scores["affine"] = study.own_accuracy(arrays)
        return scores

    def control_scores(self) -> Scores:
        """Accuracy of a head on a chip of the same network with shuffled weights."""
        study = self.study

        def compute() -> Arrays:
            shuffled = study.network.shuffled(self.seed)
            chip = study.program(shuffled, self.hardware, self.seed, self.time)
            chip = study.normalised(chip)
            train = study.tensors(chip, study.x_train, (study.feature,))
            test = study.tensors(chip, study.x_test, (study.feature,), len(study.x_train))
            return {"train": train[study.feature], "test": test[study.feature]}

        arrays = self.kept("shuffled", compute)
        return {"shuffled": study.fitted_accuracy(arrays["train"], arrays["test"])}


def measure_chip(study: Study, point: Point, chip: int, seed: int, part: str) -> Scores:
    """Measure one chip: ``part`` is "trained" or "control"."""
    knob, value, hardware = point
    trial = Trial(study, hardware, seed)
    measure = {"trained": trial.trained_scores, "control": trial.control_scores}[part]
    try:
        with require("threadpoolctl").threadpool_limits(1):
            return _scores(trial.kept(part, lambda: _arrays(measure()), fitted=True))
    except ValueError as error:
        raise ValueError(f"{knob}={value}, chip {chip}: {error}") from error


def measure_pixels(study: Study) -> Scores:
    """Measure the control that needs no chip."""

    def compute() -> Arrays:
        train, test = raw_inputs(study.x_train), raw_inputs(study.x_test)
        return _arrays({"pixels": study.fitted_accuracy(train, test)})

    if hasattr(study.head, "output"):
        study = replace(study, head=default_head())
    with require("threadpoolctl").threadpool_limits(1):
        return _scores(study.kept("pixels", compute, fitted=True))


def _arrays(scores: Scores) -> Arrays:
    return {name: np.array(score) for name, score in scores.items()}


def _scores(arrays: Mapping[str, NDArray[Any]]) -> Scores:
    return {name: float(array) for name, array in arrays.items()}
