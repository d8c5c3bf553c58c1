# SPDX-License-Identifier: BSD-3-Clause
"""What estimators share: checked heads, fits that fail without a trace, answers from scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_classifier(head: Any) -> None:
    """Refuse a head that is no scikit-learn classifier, such as a class or a regression.

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> check_classifier(LogisticRegression())
    """
    from sklearn.base import is_classifier

    methods = ("fit", "predict", "get_params")
    accepted = not isinstance(head, type) and all(hasattr(head, name) for name in methods)
    try:
        accepted = accepted and is_classifier(head)
    except AttributeError:  # it has the methods, but nothing that says what it is
        accepted = False
    if not accepted:
        raise TypeError(f"head={head!r}: must be a scikit-learn classifier or None")


def labels_of(scores: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """The class of each row of scores, (n, classes), or (n,) for two classes: above 0 the second.

    Examples
    --------
    >>> labels_of(np.array([-1.0, 2.0]), np.array(["cat", "dog"])).tolist()
    ['cat', 'dog']
    """
    chosen = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
    return np.asarray(classes[chosen])


def probabilities_of(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax of scores, (n, classes); of (n,) scores of two classes their logistic function.

    Examples
    --------
    >>> probabilities_of(np.array([0.0])).tolist()
    [[0.5, 0.5]]
    """
    scores = scores.astype(np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros_like(scores), scores])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return probabilities


@contextmanager
def unchanged_by_failure(estimator: Any) -> Iterator[None]:
    """Take back every attribute that was set meanwhile, if there is an exception."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
