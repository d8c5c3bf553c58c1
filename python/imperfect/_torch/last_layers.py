# SPDX-License-Identifier: BSD-3-Clause
# mypy: allow-subclassing-any
"""The last layers of a network, trained again on the features of a chip, as a classifier.

X has shape (n, d): the tensor that enters the layers, flattened in C order. It is computed in
float32.
"""

from __future__ import annotations

import copy
import math
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from imperfect._arrays import Floats, as_seed, row_numbers
from imperfect._checks import check_instance, integer, nonnegative, positive, sequence
from imperfect._estimators.fitting import labels_of, probabilities_of, unchanged_by_failure
from imperfect._torch.tail import Cut, Tail, feature_shape, find_cut
from imperfect._torch.tail_training import Settings, analog_parts, train
from imperfect.hardware import Hardware
from imperfect.network import Network

# Rows that are computed at once in prediction.
CHUNK = 256


class LastLayers(ClassifierMixin, BaseEstimator):
    """The last layers of a network, trained again on features; a head for ``imperfect.study``.

    With ``layers=1`` a new last layer, as logistic regression is; with more, the layers before it
    are trained together with it, so that they can undo what the chip did to their inputs.

    Parameters
    ----------
    network : Network
        The trained network, with one output for each class or another number.
    layers : int
        How many of the layers that can be analog are trained. The tail that begins at the first
        of them must hold no others and need nothing else from before it: an addition may close
        a residual branch inside the tail, but not one that begins before.
    hardware : Hardware or None
        None computes the layers digitally, in float. Otherwise they are trained in float and then
        for as many epochs, at a tenth of the rate, on the hardware: every step writes their cells
        anew, and what was written last stays. Their draws are those that the same layers have on
        an ``AnalogNetwork`` of the same seed.
    seed : int
        Decides the order of the rows in training and all draws of the hardware, 0 to 2**64 - 1.
    epochs : int
        Passes over the training data.
    learning_rate : float
        Rate of the first step; it falls to zero along a cosine. A step moves a weight by about as
        much, so that few rows, and with them few steps, want a larger rate or more epochs.
    batch_size : int
        Rows of one step, 2 or more; fewer rows only where X has fewer.
    weight_decay : float
        Decoupled decay of AdamW, for weights but not for biases, scales and shifts. One layer on
        many columns and few rows wants 10 rather than the default.
    shape : tuple of int or None
        Shape of one sample's features; needed only where the network leaves it open.

    Attributes
    ----------
    output : str
        Name of the tensor that enters the layers: ``chip.features(x, head.output)``.
    tail_ : torch.nn.Module
        The trained layers and what is between them.
    classes_ : array of shape (classes,)
        The labels, sorted. If there are as many as the network has outputs, they stand for these
        in order, and the last layer starts from the network's own weights; otherwise from zeros.
    n_features_in_ : int
        Number of columns.

    Notes
    -----
    Layers that the features enter see every channel standardised on the training data; their
    weights are scaled the other way, so that training starts from what the network computes.
    Additions of constants are trained as biases of their layers, scale and shift of batch
    normalisation as well. Dropout does nothing.

    Nothing but X and y in ``fit`` is looked at. Equal seeds give equal bits for one number of
    threads and one version of torch; torch's own generator and its threads are left alone.
    Errors of a parameter appear in ``fit``, those of the cut in ``output`` already.

    Examples
    --------
    >>> import imperfect as im
    >>> X, y, _, _ = im.data.scattered_fashion()
    >>> net = im.data.scattered_mobilenet()
    >>> head = im.torch.LastLayers(net, 2, epochs=2)
    >>> head.output
    'block7/add'
    >>> chip = im.AnalogNetwork(net, im.Hardware(cell=im.Cell(bits=3)))
    >>> features = chip.features(X[:300], head.output).reshape(300, -1)
    >>> head.fit(features, y[:300]).predict(features[:2]).shape
    (2,)
    """

    def __init__(
        self,
        network: Network,
        layers: int = 2,
        *,
        hardware: Hardware | None = None,
        seed: int = 0,
        epochs: int = 20,
        learning_rate: float = 0.01,
        batch_size: int = 64,
        weight_decay: float = 0.01,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.network = network
        self.layers = layers
        self.hardware = hardware
        self.seed = seed
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.shape = shape

    @property
    def output(self) -> str:
        """Name of the tensor that enters the layers.

        Raises
        ------
        ValueError, TypeError
            If the network cannot be cut there; the message names the numbers that can be.
        """
        return find_cut(self.network, self.layers).source

    def fit(self, X: Any, y: Any) -> LastLayers:
        """Train the layers.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, finite in float32.
        y : array of shape (n,)
            Labels of two classes or more.

        Returns
        -------
        LastLayers
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, the network cannot be cut, X does not fit it or y does not
            fit X, or training diverges.
        """
        with unchanged_by_failure(self):
            settings = self._settings()
            cut = find_cut(self.network, self.layers)
            X, y = _float32(self, X, y)
            check_classification_targets(y)
            self.classes_, numbers = np.unique(y, return_inverse=True)
            if len(self.classes_) < 2:
                one = self.classes_.tolist()[0]
                raise ValueError(f"y: has one class, {one!r}; must have two or more")
            shape = self._feature_shape(cut, X.shape[1])
            # Why: callers may compute with other defaults, or without gradients.
            with torch.inference_mode(False), torch.enable_grad(), torch.device("cpu"):
                tail = _tail(cut, shape, len(self.classes_))
                rows, labels = torch.from_numpy(X.copy()), torch.from_numpy(numbers)
                train(tail, rows, labels, settings, self.hardware)
            self.tail_ = tail
        return self

    def _settings(self) -> Settings:
        if self.hardware is not None:
            check_instance("hardware", self.hardware, Hardware, "a Hardware or None (digital)")
        return Settings(
            epochs=cast(int, integer("epochs", self.epochs, 1)),
            rate=positive("learning_rate", self.learning_rate, "change of a weight per step"),
            batch=cast(int, integer("batch_size", self.batch_size, 2)),
            decay=nonnegative("weight_decay", self.weight_decay, "relative to the rate"),
            seed=as_seed("seed", self.seed),
        )

    def _feature_shape(self, cut: Cut, columns: int) -> tuple[int, ...]:
        found = feature_shape(self.network, cut.source)
        if self.shape is not None:
            sizes = sequence("shape", self.shape, "a tuple of integers, or None")
            given = tuple(cast(int, integer("shape", size, 1)) for size in sizes)
            if found not in (None, given):
                raise ValueError(f"shape={given}: {cut.source!r} has shape {found} for a sample")
            found = given
        if found is None:
            raise ValueError(
                f"shape: must be given, as the network leaves that of {cut.source!r} open"
            )
        if math.prod(found) != columns:
            raise ValueError(
                f"X: has {columns} columns, must have {math.prod(found)}: {cut.source!r} has "
                f"shape {found} for a sample"
            )
        return found

    def decision_function(self, X: Any) -> Floats:
        """Compute the scores of the classes.

        Parameters
        ----------
        X : array of shape (n, d)
            As in ``fit``.

        Returns
        -------
        array of shape (n, classes), or (n,) for two classes, float32
            For two classes the second score less the first.

        Raises
        ------
        ValueError, TypeError
            If X does not fit what ``fit`` saw, or is not finite in float32.
        """
        check_is_fitted(self, "tail_")
        X = _float32(self, X, reset=False)
        # Why: modules count reads, and one estimator may answer in several threads.
        tail = copy.deepcopy(self.tail_) if self.hardware is not None else self.tail_
        with torch.no_grad(), torch.device("cpu"):
            chunks = [_scores(tail, X[i : i + CHUNK]) for i in range(0, len(X), CHUNK)]
        scores = np.concatenate(chunks)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Compute the label of each row.

        Parameters
        ----------
        X : array of shape (n, d)
            As in ``fit``.

        Returns
        -------
        array of shape (n,)
        """
        return labels_of(self.decision_function(X), self.classes_)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Compute the probability of each class: softmax of the scores.

        Parameters
        ----------
        X : array of shape (n, d)
            As in ``fit``.

        Returns
        -------
        array of shape (n, classes), float64
            Columns in the order of ``classes_``.
        """
        return probabilities_of(self.decision_function(X))


def _float32(estimator: LastLayers, *arrays: Any, **more: Any) -> Any:
    # Why: what exceeds float32 becomes infinite here, and is refused as such.
    with np.errstate(over="ignore"):
        return validate_data(estimator, *arrays, dtype=np.float32, order="C", **more)


def _tail(cut: Cut, shape: tuple[int, ...], classes: int) -> Tail:
    """The tail with the network's own last layer if it has one output for each class."""
    own = len(cut.layers[-1].weight) == classes
    tail = Tail(cut, shape, None if own else classes)
    if tail.outputs != (classes,):
        raise ValueError(
            f"network: gives {tail.outputs} values for a sample, must give one for each of "
            f"{classes} classes"
        )
    return tail


def _scores(tail: Tail, rows: Floats) -> Floats:
    # Why: what is predicted of a row must not depend on the rows around it.
    numbers = row_numbers(rows)
    for part in analog_parts(tail):
        part.read, part._samples = 0, numbers
    scores: Floats = tail(torch.from_numpy(rows.copy())).numpy()
    return scores
