# SPDX-License-Identifier: BSD-3-Clause
# mypy: allow-subclassing-any
"""Fewer columns for linear classifiers with more features than samples, without changing them.

With X of shape (n, d), d > n, and X^T = Q R (Q of shape (d, n) with orthonormal columns), a
classifier with an L2 penalty has its weights in the space of the rows (Schölkopf, Herbrich &
Smola 2001, the representer theorem), w = Q v. So it may be fitted on X Q of shape (n, n): the same
answers for a fraction of the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin


class RowSpace(TransformerMixin, BaseEstimator):
    """Coordinates in the space that the training rows span; X itself if it has few columns.

    Attributes
    ----------
    basis_ : array of shape (d, n), or None
        Q; None where d <= n.
    """

    def fit(self, X: NDArray[Any], y: Any = None) -> RowSpace:
        """Find the basis of the rows of X, of shape (n, d)."""
        self.basis_ = np.linalg.qr(X.T)[0] if X.shape[1] > X.shape[0] else None
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        """Project rows, of shape (m, d), to shape (m, min(n, d))."""
        return X if self.basis_ is None else X @ self.basis_
