# SPDX-License-Identifier: BSD-3-Clause
"""What is recognised: a network and labelled images, shipped once to each process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from imperfect._checks import flag, integer
from imperfect._optional import require
from imperfect._study.heads import FOLDS, default_head
from imperfect._study.input import checked_study
from imperfect._study.run import measure_float
from imperfect._study.samples import samples_digest
from imperfect._study.trial import Scores, Study, measure_pixels
from imperfect.network import Network

if TYPE_CHECKING:
    from imperfect.images import Images

MOST_BUNDLED = 2000, 1000


class Problem:
    """A network with the images that heads are fitted on and those that test it.

    Parameters
    ----------
    network, X_train, y_train, X_test, y_test, head, transfer
        As in ``study.collapse_and_recover``.

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
    ) -> None:
        folds = FOLDS if head is None else 1
        head = default_head() if head is None else head
        self.transfer = bool(flag("transfer", transfer))
        self._given: Study = checked_study(
            network, X_train, y_train, X_test, y_test, head, folds, self.transfer
        )
        given = self._given
        images = samples_digest(given.x_train, given.x_test)
        self.digests = {
            "network": network.digest(),
            "data": f"{images} {samples_digest(given.y_train, given.y_test)}",
            "head": require("joblib").hash(head),
            "transfer": self.transfer,
        }

    @classmethod
    def bundled(cls, train: int = 1000, test: int = 500) -> Problem:
        """The bundled network and images.

        Parameters
        ----------
        train, test
            Numbers of images: 1 to 2,000 for training, 1 to 1,000 for tests.
        """
        from imperfect import data

        integer("train", train, 1, MOST_BUNDLED[0])
        integer("test", test, 1, MOST_BUNDLED[1])
        x_train, y_train, x_test, y_test = data.scattered_fashion()
        network = data.scattered_mobilenet()
        return cls(network, x_train[:train], y_train[:train], x_test[:test], y_test[:test])

    @cached_property
    def _in_float(self) -> tuple[Study, Scores]:
        return measure_float(self._given, self.transfer)

    @property
    def study(self) -> Study:
        """What trials share; after a transfer with the head that stands for the network's own."""
        return self._in_float[0] if self.transfer else self._given

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
