# SPDX-License-Identifier: BSD-3-Clause
"""What every fit shares: heads are checked, and a fit that fails leaves its estimator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
