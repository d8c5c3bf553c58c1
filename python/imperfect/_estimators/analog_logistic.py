# SPDX-License-Identifier: BSD-3-Clause
# mypy: allow-subclassing-any
"""A logistic regression whose weights are held by an array: scores = W x + b.

W has shape (classes, features), or one row for two classes; X has shape (n, features). Training
is scikit-learn's, in float64; the array computes in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from imperfect._arrays import row_numbers
from imperfect._estimators.fitting import labels_of, probabilities_of, unchanged_by_failure
from imperfect.hardware import Hardware
from imperfect.layers import AnalogLinear


class AnalogLogisticRegression(ClassifierMixin, BaseEstimator):
    """A logistic regression whose weights live on an array.

    It is trained in float by ``sklearn.linear_model.LogisticRegression`` (L2 penalty); then its
    weights are programmed, and every answer comes from the array: scores = W x + b, with W as
    programmed, and b added digitally.

    Parameters
    ----------
    hardware : Hardware or None
        The machine; None is ideal. Converters that take their ranges from data are calibrated on
        X in ``fit``.
    C : float
        Inverse of the strength of the penalty, above 0.
    fit_intercept : bool
        Whether there is a b.
    class_weight : dict, "balanced" or None
        Weights of the classes in training.
    tol : float
        Tolerance at which training stops.
    max_iter : int
        Largest number of iterations in training.
    seed : int
        Decides all random draws of the array, 0 to 2**64 - 1.

    Attributes
    ----------
    coef_ : array of shape (classes, features), or (1, features) for two classes
        The trained weights, before programming; what was programmed is
        ``layer_.effective_weight()``.
    intercept_ : array of shape (classes,) or (1,)
        b.
    classes_ : array of shape (classes,)
        The labels, sorted.
    layer_ : AnalogLinear
        The programmed layer.
    n_iter_ : array of shape (1,)
        Iterations of training.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : array of str
        Names of the columns, if X in ``fit`` had them.

    Notes
    -----
    All columns share one input range: put a ``StandardScaler`` before it where their scales
    differ. Errors of a parameter appear in ``fit``.

    Examples
    --------
    >>> import imperfect as im
    >>> X, y = [[0.0, 1.0], [1.0, 3.0], [3.0, 0.0], [4.0, 1.0]], ["a", "a", "b", "b"]
    >>> clf = im.AnalogLogisticRegression(im.presets.pcm_512(), seed=1).fit(X, y)
    >>> clf.predict([[0.5, 2.0], [3.5, 0.5]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(
        self,
        hardware: Hardware | None = None,
        *,
        C: float = 1.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        seed: int = 0,
    ) -> None:
        self.hardware = hardware
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.seed = seed

    def fit(self, X: Any, y: Any) -> AnalogLogisticRegression:
        """Train in float, program the weights, calibrate the converters.

        Parameters
        ----------
        X : array of shape (n, features)
            Finite real numbers.
        y : array of shape (n,)
            Labels.

        Returns
        -------
        AnalogLogisticRegression
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, X and y do not fit each other, or X exceeds float32.
        """
        with unchanged_by_failure(self):
            X, y = validate_data(self, X, y, dtype=np.float64)
            check_classification_targets(y)
            _check_range(X)
            self._train(X, y)
        return self

    def _train(self, X: NDArray[np.float64], y: NDArray[Any]) -> None:
        model = LogisticRegression(
            C=self.C,
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
            tol=self.tol,
            max_iter=self.max_iter,
        ).fit(X, y)
        self.coef_, self.intercept_ = model.coef_, model.intercept_
        self.classes_, self.n_iter_ = model.classes_, model.n_iter_
        layer = AnalogLinear(model.coef_, model.intercept_, hardware=self.hardware, seed=self.seed)
        if layer.needs_calibration:
            layer.calibrate(X)
        self.layer_ = layer

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Compute the scores W x + b on the array.

        Parameters
        ----------
        X : array of shape (n, features)
            Finite real numbers.

        Returns
        -------
        array of shape (n, classes), or (n,) for two classes, float32
            For two classes a score above 0 means the second one.

        Raises
        ------
        ValueError, TypeError
            If X does not fit what ``fit`` saw, holds NaN or infinity, or is so large that scores
            exceed single precision.
        """
        check_is_fitted(self, "layer_")
        X = validate_data(self, X, reset=False)
        # Why: what is predicted of a row must not depend on the rows around it.
        numbers = row_numbers(X) if self.layer_.hardware.cell.read_noise else None
        try:
            scores = self.layer_(X, samples=numbers)
        except ValueError as error:
            raise ValueError(f"X: {error}") from error
        return scores.ravel() if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Compute the label of each row.

        Parameters
        ----------
        X : array of shape (n, features)
            As in ``decision_function``.

        Returns
        -------
        array of shape (n,)
        """
        return labels_of(self.decision_function(X), self.classes_)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Compute the probability of each class: logistic function or softmax of the scores.

        Parameters
        ----------
        X : array of shape (n, features)
            As in ``decision_function``.

        Returns
        -------
        array of shape (n, classes), float64
            Columns in the order of ``classes_``.
        """
        return probabilities_of(self.decision_function(X))


def _check_range(X: NDArray[np.float64]) -> None:
    """Refuse rows that the array could not take afterwards."""
    too_large = np.abs(X) > np.finfo(np.float32).max
    if too_large.any():
        place = tuple(np.argwhere(too_large)[0].tolist())
        raise ValueError(f"X: value {X[place]} at index {place} must be finite in float32")
