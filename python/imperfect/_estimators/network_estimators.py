# SPDX-License-Identifier: BSD-3-Clause
# mypy: allow-subclassing-any, allow-untyped-decorators
"""Estimators made of a network on imperfect hardware: its features, and a new head on them.

X has shape (n, …). Device errors are drawn once, in ``fit``; afterwards the answer for a row
depends on that row alone. What both estimators share is in ``chip_estimator.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if

from imperfect._estimators.chip_estimator import ChipEstimator
from imperfect._estimators.fitting import check_classifier, unchanged_by_failure
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork, Network


class AnalogFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ChipEstimator):
    """Features that a network produces on imperfect hardware.

    Parameters
    ----------
    network_or_chip : Network or AnalogNetwork
        A network is programmed in ``fit`` and, where converters take their ranges from data,
        calibrated on at most 256 rows of X at even distances. A chip is never changed: ``fit``
        takes a copy, which is calibrated in the same way if the chip is still to be.
    hardware : Hardware or None
        What a network is programmed on; None is ideal. Must be None for a chip.
    output : str or None
        Name of the tensor that holds the features; None is the input of the last layer that can
        be analog.
    seed : int
        Decides all random draws of the chip, 0 to 2**64 - 1. Must be 0 for a chip.

    Attributes
    ----------
    chip_ : AnalogNetwork
        The programmed chip.
    sample_shape_ : tuple of int
        Shape of one sample.
    n_features_in_ : int
        Values of one row.
    feature_names_in_ : array of str
        Names of the columns, if X in ``fit`` had them.

    Notes
    -----
    X has the shape (n, …) of the network's input, or its rows come flattened in C order. A
    network with several inputs does not fit. Errors of a parameter appear in ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> from onnx import helper, numpy_helper
    >>> import imperfect as im
    >>> x, y = (helper.make_tensor_value_info(name, 1, ["n", 2]) for name in "xy")
    >>> nodes = [
    ...     helper.make_node("MatMul", ["x", "w"], ["hidden"]),
    ...     helper.make_node("MatMul", ["hidden", "w"], ["y"]),
    ... ]
    >>> w = numpy_helper.from_array(np.array([[0, 1], [2, 0]], np.float32), "w")
    >>> graph = helper.make_graph(nodes, "two layers", [x], [y], [w])
    >>> net = im.Network.from_onnx(helper.make_model(graph))
    >>> im.AnalogFeatures(net).fit_transform([[1.0, 2.0], [3.0, 4.0]])
    array([[4., 1.],
           [8., 3.]], dtype=float32)
    """

    def __init__(
        self,
        network_or_chip: Network | AnalogNetwork,
        hardware: Hardware | None = None,
        *,
        output: str | None = None,
        seed: int = 0,
    ) -> None:
        self.network_or_chip = network_or_chip
        self.hardware = hardware
        self.output = output
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> AnalogFeatures:
        """Program and calibrate the chip.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            Finite real numbers.
        y : object
            Ignored.

        Returns
        -------
        AnalogFeatures
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, or X does not fit the network.
        """
        with unchanged_by_failure(self):
            X, _ = self._fit_chip(X)
            self._n_features_out = self._tensor(X[:1], self.output).shape[1]
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Compute the features on the chip.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            As in ``fit``.

        Returns
        -------
        array of shape (n, features)
            In the tensor's own type, its trailing axes flattened in C order.

        Raises
        ------
        ValueError, TypeError
            If X does not fit what ``fit`` saw, or holds NaN or infinity.
        """
        return self._tensor(self._checked(X), self.output)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _head_has(method: str) -> Callable[[RetrainedClassifier], bool]:
    """Whether the head, fitted or not, has a method; raises AttributeError if it has not."""

    def check(self: RetrainedClassifier) -> bool:
        head = self.head_ if hasattr(self, "head_") else self._new_head()
        if head is not None:
            return getattr(head, method) is not None
        if method != "decision_function":
            raise AttributeError("with refit=False: a network's outputs need not be probabilities")
        return True

    return check


class RetrainedClassifier(ClassifierMixin, ChipEstimator):
    """A network on imperfect hardware with a new head, fitted on the features of that very chip.

    Parameters
    ----------
    network_or_chip : Network or AnalogNetwork
        A network is programmed in ``fit`` and, where converters take their ranges from data,
        calibrated on at most 256 rows of X at even distances. A chip is never changed: ``fit``
        takes a copy, which is calibrated in the same way if the chip is still to be.
    head : classifier or None
        Any scikit-learn classifier; a clone of it is fitted. None is ``StandardScaler`` and
        ``LogisticRegression(max_iter=1000)``. The head runs in float.
    hardware : Hardware or None
        What a network is programmed on; None is ideal. Must be None for a chip.
    output : str or None
        Name of the tensor that holds the features; None is the input of the last layer that can
        be analog. With ``refit=False``: the tensor with one value for each class; None is the
        network's output.
    refit : bool
        False keeps the network's own head; ``head`` must then be None. The sorted classes are
        mapped to the network's outputs.
    seed : int
        Decides all random draws of the chip, 0 to 2**64 - 1. Must be 0 for a chip.

    Attributes
    ----------
    chip_ : AnalogNetwork
        The programmed chip.
    head_ : classifier or None
        The fitted head; None with ``refit=False``.
    classes_ : array of shape (classes,)
        The labels, sorted.
    sample_shape_ : tuple of int
        Shape of one sample.
    n_features_in_ : int
        Values of one row.
    feature_names_in_ : array of str
        Names of the columns, if X in ``fit`` had them.

    Notes
    -----
    X has the shape (n, …) of the network's input, or its rows come flattened in C order. A
    network with several inputs does not fit. Errors of a parameter appear in ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> from onnx import helper, numpy_helper
    >>> import imperfect as im
    >>> x, y = (helper.make_tensor_value_info(name, 1, ["n", 2]) for name in "xy")
    >>> nodes = [
    ...     helper.make_node("MatMul", ["x", "w"], ["hidden"]),
    ...     helper.make_node("MatMul", ["hidden", "w"], ["y"]),
    ... ]
    >>> w = numpy_helper.from_array(np.array([[0, 1], [2, 0]], np.float32), "w")
    >>> graph = helper.make_graph(nodes, "two layers", [x], [y], [w])
    >>> net = im.Network.from_onnx(helper.make_model(graph))
    >>> hardware = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.2)))
    >>> X, labels = [[1, 0], [2, 1], [0, 1], [1, 2]], ["cat", "cat", "dog", "dog"]
    >>> clf = im.RetrainedClassifier(net, hardware=hardware).fit(X, labels)
    >>> clf.predict([[9, 1], [1, 9]])
    array(['cat', 'dog'], dtype='<U3')
    >>> im.RetrainedClassifier(net, refit=False).fit(X, labels).decision_function([[9, 1]])
    array([-16.], dtype=float32)
    """

    def __init__(
        self,
        network_or_chip: Network | AnalogNetwork,
        head: Any = None,
        *,
        hardware: Hardware | None = None,
        output: str | None = None,
        refit: bool = True,
        seed: int = 0,
    ) -> None:
        self.network_or_chip = network_or_chip
        self.head = head
        self.hardware = hardware
        self.output = output
        self.refit = refit
        self.seed = seed

    def fit(self, X: Any, y: Any) -> RetrainedClassifier:
        """Program and calibrate the chip, and fit the head on its features.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            Finite real numbers.
        y : array of shape (n,)
            Labels.

        Returns
        -------
        RetrainedClassifier
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, X does not fit the network or y does not fit X, or, with
            ``refit=False``, the network has not one output for each class.
        """
        head = self._new_head()
        with unchanged_by_failure(self):
            X, y = self._fit_chip(X, y, labelled=True)
            if head is None:
                self._keep_head(X, np.unique(y))
            else:
                self.head_ = head.fit(self._tensor(X, self.output), y)
                self.classes_ = head.classes_
        return self

    def _keep_head(self, X: Any, classes: NDArray[Any]) -> None:
        """Map the sorted classes to the network's own outputs."""
        tensor = self._output_name()
        num_outputs = self._tensor(X[:1], tensor).shape[1]
        if num_outputs != len(classes):
            raise ValueError(
                f"refit=False: {tensor!r} has {num_outputs} values for {len(classes)} classes "
                "in y; the numbers must be equal"
            )
        self.head_, self.classes_ = None, classes

    def predict(self, X: Any) -> NDArray[Any]:
        """Compute the label of each row.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            As in ``fit``.

        Returns
        -------
        array of shape (n,)
            Labels; with ``refit=False`` those of the largest outputs.

        Raises
        ------
        ValueError, TypeError
            If X does not fit what ``fit`` saw, or holds NaN or infinity.
        """
        X = self._checked(X)
        if self.head_ is None:
            chosen = self._tensor(X, self._output_name()).argmax(axis=1)
            return np.asarray(self.classes_[chosen])
        return np.asarray(self.head_.predict(self._tensor(X, self.output)))

    @available_if(_head_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Compute the head's scores; there if the head has them.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            As in ``fit``.

        Returns
        -------
        array of shape (n, classes), or (n,) for two classes
            With ``refit=False`` the network's outputs, for two classes the second minus the
            first.

        Raises
        ------
        ValueError, TypeError
            As in ``predict``.
        """
        X = self._checked(X)
        if self.head_ is not None:
            return np.asarray(self.head_.decision_function(self._tensor(X, self.output)))
        outputs = self._tensor(X, self._output_name())
        if len(self.classes_) != 2:
            return outputs
        first, second = outputs.T
        # Why: equal infinities have no difference, but they do not favour a class either.
        difference: NDArray[Any] = np.zeros_like(first)
        np.subtract(second, first, out=difference, where=first != second)
        return difference

    @available_if(_head_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Compute the head's probabilities; there if the head has them, never for ``refit=False``.

        Parameters
        ----------
        X : array of shape (n, …) or (n, values of a sample)
            As in ``fit``.

        Returns
        -------
        array of shape (n, classes)

        Raises
        ------
        ValueError, TypeError
            As in ``predict``.
        """
        X = self._checked(X)
        return np.asarray(self.head_.predict_proba(self._tensor(X, self.output)))

    def _new_head(self) -> Any:
        """A head to be fitted, or None if the network keeps its own."""
        if not isinstance(self.refit, bool | np.bool_):
            raise TypeError(f"refit={self.refit!r}: must be True or False")
        if not self.refit:
            if self.head is not None:
                raise ValueError(f"head={self.head!r}: must be None with refit=False")
            return None
        if self.head is None:
            return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        check_classifier(self.head)
        return clone(self.head)

    def _output_name(self) -> str:
        """The tensor that holds the answers of the network's own head."""
        names = [info.name for info in self.chip_.network.outputs]
        if self.output is None and len(names) != 1:
            raise ValueError(f"output=None: must be one of {names} with refit=False")
        return names[0] if self.output is None else self.output
