# SPDX-License-Identifier: BSD-3-Clause
"""What is recognised: a network and labelled images, shipped once to each process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imperfect._arrays import Floats
from imperfect._checks import integer
from imperfect._images.selection import balanced
from imperfect._network.selection import choose_hardware
from imperfect._network.tail import tail_of
from imperfect._optional import require
from imperfect._study.heads import FOLDS, PENALTIES, TOLERANCE
from imperfect._study.input import checked_study
from imperfect._study.run import measure_float
from imperfect._study.samples import Samples, pieces, samples_digest
from imperfect._study.trial import Scores, Study, measure_pixels
from imperfect.hardware import Hardware
from imperfect.network import Network

if TYPE_CHECKING:
    from imperfect.images import Images

MOST_BUNDLED = 2000, 1000
BUNDLED = "bundled"
DEFAULT_HEAD = f"default {PENALTIES} {FOLDS} {TOLERANCE}"


class Problem:
    """A network with the images that heads are fitted on and those that test it.

    Parameters
    ----------
    network, X_train, y_train, X_test, y_test, head, transfer
        As in ``study.collapse_and_recover``.
    digital
        Patterns of the names of layers that stay digital, as in ``AnalogNetwork``. What comes
        before the first analog layer is then computed once and kept in memory, for all chips.

    Raises
    ------
    ValueError, TypeError
        As there.

    Examples
    --------
    >>> import imperfect as im
    >>> im.sweep.Problem.bundled(train=100, test=50)
    Problem('scattered_mobilenet', 100 training and 50 test images)
    """

    def __init__(
        self,
        network: Network,
        X_train: ArrayLike | Images,
        y_train: ArrayLike,
        X_test: ArrayLike | Images,
        y_test: ArrayLike,
        *,
        head: Any = None,
        transfer: bool = False,
        digital: Iterable[str] = (),
    ) -> None:
        # Why: the name of a release of scikit-learn is in the hash of an object of its.
        head_digest = DEFAULT_HEAD if head is None else require("joblib").hash(head)
        self._given: Study = checked_study(
            network, X_train, y_train, X_test, y_test, head, transfer
        )
        self.transfer = bool(transfer)
        self._analog = _analog_layers(network, digital)
        kept = [name for name in network._specs if name not in self._analog]
        self._given = replace(self._given, digital=tuple(kept))
        # What a store keeps so that the problem can be made again; None for one made by hand.
        self.source: Mapping[str, Any] | None = None
        given = self._given
        images = samples_digest(given.x_train, given.x_test)
        self.digests = {
            "network": network.digest(),
            "data": f"{images} {samples_digest(given.y_train, given.y_test)}",
            "head": head_digest,
            "transfer": self.transfer,
            "digital": sorted(kept),
        }

    @classmethod
    def bundled(cls, train: int = 1000, test: int = 500, *, digital: Iterable[str] = ()) -> Problem:
        """The bundled network and images.

        Parameters
        ----------
        train, test
            Numbers of images, evenly from all classes: at most 2,000 for training and 1,000 for
            tests.
        digital
            Patterns of the names of layers that stay digital.
        """
        from imperfect import data

        integer("train", train, 1, MOST_BUNDLED[0])
        integer("test", test, 1, MOST_BUNDLED[1])
        x_train, y_train, x_test, y_test = data.scattered_fashion()
        own, others = balanced("train", y_train, train), balanced("test", y_test, test)
        images = x_train[own], y_train[own], x_test[others], y_test[others]
        made = cls(data.scattered_mobilenet(), *images, digital=digital)
        made.source = {
            "network": BUNDLED, "data": BUNDLED, "n_train": train, "n_test": test,
            "digital": list(made._given.digital),
        }  # fmt: skip
        return made

    @cached_property
    def _in_float(self) -> tuple[Study, Scores]:
        return measure_float(self._given, self.transfer)

    @property
    def whole(self) -> Study:
        """What trials share; after a transfer with the head that stands for the network's own."""
        return self._in_float[0] if self.transfer else self._given

    @cached_property
    def study(self) -> Study:
        """The same, its images as they reach the first analog layer, its network from there on."""
        whole = self.whole
        found = tail_of(whole.network, self._analog) if whole.digital else None
        if found is None or whole.feature not in found[0]._graph.tensor_names():
            return whole
        tail, name = found
        digital = tuple(layer for layer in whole.digital if layer in tail._specs)
        x_train, x_test = (self._reaching(name, x) for x in (whole.x_train, whole.x_test))
        return replace(whole, network=tail, x_train=x_train, x_test=x_test, digital=digital)

    def _reaching(self, name: str, x: Samples) -> Floats:
        network = self._given.network
        parts = [
            network._run(part, (name,), {})[name]
            for _, part in pieces(x, network._graph.batch or 1)
        ]
        return np.concatenate(parts)

    @property
    def float_scores(self) -> Scores:
        """Accuracy of the float network."""
        return self._in_float[1]

    @cached_property
    def float_outputs(self) -> NDArray[Any]:
        """Outputs of the float network on the test images."""
        network, output = self._given.network, self._given.network.outputs[0].name
        return self._given.tensors(network, self._given.x_test, (output,))[output]

    @cached_property
    def pixel_scores(self) -> Scores:
        """Accuracy of a head on the inputs themselves."""
        return measure_pixels(self._given)

    def __repr__(self) -> str:
        study = self._given
        counts = f"{len(study.x_train)} training and {len(study.x_test)} test images"
        return f"Problem({study.network._graph.model.graph.name!r}, {counts})"


def _analog_layers(network: Network, digital: Any) -> tuple[str, ...]:
    """Names of the layers that are analog, at least one."""
    analog = choose_hardware(list(network._specs), Hardware(), None, digital)
    if not analog:
        raise ValueError(f"digital: leaves no layer of {network!r} analog")
    return tuple(analog)
