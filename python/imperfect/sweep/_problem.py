# SPDX-License-Identifier: BSD-3-Clause
"""What is recognised: a network and labelled images, shipped once to each process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

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
        self.study: Study = checked_study(
            network, X_train, y_train, X_test, y_test, head, folds, self.transfer
        )
        labels = samples_digest(self.study.y_train, self.study.y_test)
        self.digests = {
            "network": network.digest(),
            "data": f"{samples_digest(self.study.x_train, self.study.x_test)} {labels}",
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
    def float_scores(self) -> Scores:
        """Accuracy of the float network; also fits what stands for its head after a transfer."""
        self.study, scores = measure_float(self.study, self.transfer)
        return scores

    @cached_property
    def pixel_scores(self) -> Scores:
        """Accuracy of a head on the inputs themselves."""
        return measure_pixels(self.study)

    def __repr__(self) -> str:
        study = self.study
        counts = f"{len(study.x_train)} training and {len(study.x_test)} test images"
        return f"Problem({study.network._graph.model.graph.name!r}, {counts})"
