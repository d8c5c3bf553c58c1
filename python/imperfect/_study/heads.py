# SPDX-License-Identifier: BSD-3-Clause
"""The classifier that is refitted where a caller gives none, and those that a command names.

Fits start from zeros. Starting from a head fitted on the float network's features was measured: on
features of EfficientNet-Lite0 with 1 % error (2,000 images, five penalties) it took as many
iterations to the same optimum, 0.9 to 1.1 times at a tolerance of 1e-4.
"""

from __future__ import annotations

import ast
import importlib
from typing import TYPE_CHECKING, Any

from imperfect._estimators.fitting import check_classifier

if TYPE_CHECKING:
    from imperfect.network import Network

# Why: of the bundled images' raw pixels the best is 1e-3, of few and clean features 1 or more.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FOLDS = 3
# Why: 1e-4 takes three times as long and moves no accuracy by 0.01, which is less than 1,000 test
# images can tell.
TOLERANCE = 2e-3


def default_head() -> Any:
    """The classifier that is refitted where none is given.

    Features are standardised; the penalty of a logistic regression is chosen by threefold
    cross-validation on the training data alone.

    Returns
    -------
    sklearn.model_selection.GridSearchCV
        Not fitted.

    Examples
    --------
    >>> from imperfect.study import default_head
    >>> head = default_head().fit([[0.0], [1.0]] * 3, ["cat", "dog"] * 3)
    >>> head.predict([[0.9]])
    array(['dog'], dtype='<U3')
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from imperfect._study.row_space import RowSpace

    regression = LogisticRegression(tol=TOLERANCE, max_iter=1000)
    grid = {"logisticregression__C": list(PENALTIES)}
    return GridSearchCV(make_pipeline(StandardScaler(), RowSpace(), regression), grid, cv=FOLDS)


def named_head(field: str, text: str, network: Network) -> Any:
    """The classifier that a text names: "logistic", "last:K" or a class of scikit-learn.

    Parameters
    ----------
    field
        What the caller calls the text.
    text
        ``logistic``; ``last:2`` for the last two layers by gradient descent; or the full name of a
        class, with plain arguments if any: ``sklearn.svm.LinearSVC(C=0.01)``.
    network
        The network whose layers are meant.

    Returns
    -------
    classifier or None
        Not fitted; None is the default head.

    Raises
    ------
    ValueError
        If it names no classifier.
    ImportError
        If ``last:K`` needs torch, which is not installed.
    """
    allowed = f'{field} {text!r}: must be "logistic", "last:K" or a classifier of scikit-learn'
    if text == "logistic":
        return None
    if text.startswith("last:"):
        if not text[5:].isdecimal():
            raise ValueError(f"{allowed}; K is a number of layers")
        from imperfect.torch import LastLayers

        return LastLayers(network, int(text[5:]))
    try:
        return _called(text)
    except (ImportError, AttributeError, TypeError, ValueError, SyntaxError) as error:
        raise ValueError(f"{allowed}: {error}") from error


def _called(text: str) -> Any:
    """An object of a class of scikit-learn; its arguments are plain values, nothing is run."""
    node = ast.parse(text, mode="eval").body
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    module, _, name = ast.unparse(call.func).rpartition(".")
    if not module.startswith("sklearn.") or call.args:
        raise ValueError("such as sklearn.svm.LinearSVC(C=0.01)")
    options = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
    head = getattr(importlib.import_module(module), name)(**options)
    check_classifier(head)
    return head
