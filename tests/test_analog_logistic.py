# SPDX-License-Identifier: BSD-3-Clause
"""Logistic regression on an array: what is programmed, and how scores become answers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import imperfect as im
from chips import NOISY, WRONG_WEIGHTS


def iris(classes: int = 3) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    X, y = load_iris(return_X_y=True)
    names = np.array(["c", "a", "b"])[y]
    kept = y < classes
    return StandardScaler().fit_transform(X[kept]), names[kept]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ideal_hardware_gives_the_float_answers(classes: int, fit_intercept: bool) -> None:
    X, y = iris(classes)
    given: dict[str, Any] = {"C": 0.3, "fit_intercept": fit_intercept, "class_weight": "balanced"}
    ours = im.AnalogLogisticRegression(**given).fit(X, y)
    theirs = LogisticRegression(max_iter=1000, **given).fit(X, y)
    for name in ("coef_", "intercept_", "classes_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for name in ("decision_function", "predict_proba"):
        wanted = getattr(theirs, name)(X)
        np.testing.assert_allclose(getattr(ours, name)(X), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_come_from_the_programmed_array(classes: int) -> None:
    X, y = iris(classes)
    clf = im.AnalogLogisticRegression(WRONG_WEIGHTS, seed=4).fit(X, y)
    layer = im.AnalogLinear(clf.coef_, clf.intercept_, hardware=WRONG_WEIGHTS, seed=4)
    scores = clf.decision_function(X)
    np.testing.assert_array_equal(scores.reshape(len(X), -1), layer(X))
    assert np.abs(layer.effective_weight() - clf.coef_).max() > 0.01 * np.abs(clf.coef_).max()
    columns = scores.reshape(len(X), -1).astype(np.float64)
    if classes == 2:
        columns = np.hstack([np.zeros_like(columns), columns])
    wanted = np.exp(columns) / np.exp(columns).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), wanted, rtol=1e-9)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[columns.argmax(axis=1)])


def test_converters_are_calibrated_on_the_training_rows() -> None:
    X, y = iris()
    clf = im.AnalogLogisticRegression(NOISY, seed=2).fit(X, y)
    layer = im.AnalogLinear(clf.coef_, clf.intercept_, hardware=NOISY, seed=2)
    layer.calibrate(X)
    np.testing.assert_array_equal(clf.decision_function(X), layer(X))
    assert clf.score(X, y) > 0.9


def test_kinds_of_rows() -> None:
    X, y = iris()
    clf = im.AnalogLogisticRegression(NOISY).fit(X, y)
    single = X.astype(np.float32)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    named = im.AnalogLogisticRegression(NOISY).fit(frame, pd.Series(y))
    assert list(named.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(named.predict_proba(frame), clf.predict_proba(X))
    loaded = pickle.loads(pickle.dumps(np.asfortranarray(single)))
    for rows in (single, loaded, np.asfortranarray(X), X.tolist()):
        np.testing.assert_array_equal(clf.predict_proba(rows), clf.predict_proba(X))
    again = clone(clf).fit(single, y)
    np.testing.assert_array_equal(again.predict(single), clf.predict(X))


def test_same_seed_same_bits_and_rows_alone() -> None:
    X, y = iris()
    first, second, other = (
        im.AnalogLogisticRegression(NOISY, seed=seed).fit(X, y) for seed in (1, 1, 2)
    )
    scores = first.decision_function(X)
    np.testing.assert_array_equal(second.decision_function(X), scores)
    assert not np.array_equal(other.decision_function(X), scores)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(first.decision_function(X[order]), scores[order])
    rows = np.concatenate([first.decision_function(row[None]) for row in X])
    np.testing.assert_array_equal(rows, scores)


def test_pipelines_grids_and_copies(tmp_path: Path) -> None:
    X, y = iris()
    pipeline = make_pipeline(StandardScaler(), im.AnalogLogisticRegression())
    hardware = [NOISY.with_field("cell.programming.sigma", sigma) for sigma in (0.02, 3.0)]
    grid = {
        "analoglogisticregression__hardware": hardware,
        "analoglogisticregression__seed": [0, 1],
        "analoglogisticregression__C": [0.1, 1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_["analoglogisticregression__hardware"] == hardware[0]
    joblib.dump(search, tmp_path / "search.joblib")
    loaded = joblib.load(tmp_path / "search.joblib")
    for other in (loaded, pickle.loads(pickle.dumps(search))):
        np.testing.assert_array_equal(other.predict_proba(X), search.predict_proba(X))


def test_scores_beyond_single_precision_are_refused() -> None:
    X, y = iris()
    clf = im.AnalogLogisticRegression(C=100.0).fit(X, y)
    with pytest.raises(ValueError, match="X: the output is not finite"):
        clf.predict_proba([[1, 1, 1, 1], [3e38, -3e38, 3e38, 3e38]])
    with pytest.raises(ValueError, match="finite"):
        clf.predict([[1e39, 1, 1, 1]])
    with pytest.raises(ValueError, match=r"X: value .*e\+38 at index .* must be finite in float32"):
        clf.fit(X * 2e38, y)
    clf.predict(X)
    with pytest.raises(NotFittedError):
        clone(clf).predict(X)


@pytest.mark.parametrize(
    ("parameters", "error", "reason"),
    [
        ({"hardware": "ideal"}, TypeError, "hardware='ideal': must be a Hardware"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"seed": 1.5}, TypeError, "seed=1.5"),
        ({"C": 0}, ValueError, "'C' .* Got 0"),
        ({"C": "strong"}, TypeError, "'C' .* Got 'strong'"),
        ({"tol": -1.0}, ValueError, "'tol' .* Got -1.0"),
        ({"max_iter": -1}, ValueError, "'max_iter' .* Got -1"),
        ({"fit_intercept": "yes"}, ValueError, "'fit_intercept' .* Got 'yes'"),
        ({"class_weight": "fair"}, ValueError, "'class_weight' .* Got 'fair'"),
    ],
)
def test_bad_parameters_are_named_in_fit(
    parameters: dict[str, Any], error: type[Exception], reason: str
) -> None:
    X, y = iris()
    with pytest.raises(error, match=reason):
        im.AnalogLogisticRegression(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 1], "inconsistent numbers of samples"),
        (np.linspace(0, 1, 150), "continuous"),
        (np.zeros(150), "class"),
        (None, "requires y"),
    ],
)
def test_bad_labels_are_refused(labels: Any, reason: str) -> None:
    X, _ = iris()
    with pytest.raises(ValueError, match=reason):
        im.AnalogLogisticRegression().fit(X, labels)
