# SPDX-License-Identifier: BSD-3-Clause
"""Estimators of a network: chips given and made, the two kinds of head, copies."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import imperfect as im
import networks
from chips import NOISY, WRONG_WEIGHTS, noisy_chip, small
from imperfect.network import AnalogNetwork, Network
from networks import h, model
from trained import LABELS, labelled_images, trained


def chip_states(chip: AnalogNetwork) -> list[NDArray[Any]]:
    return [array for layer in chip.layers.values() for array in layer.state().values()]


def test_a_new_head_restores_what_the_chip_broke() -> None:
    net, X, y = trained()
    hardware = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.4)))
    train, test = slice(0, None, 2), slice(1, None, 2)
    assert np.mean(LABELS[net(X[test]).argmax(axis=1)] == y[test]) > 0.95
    for seed in range(3):
        given: dict[str, Any] = {"hardware": hardware, "seed": seed}
        broken = im.RetrainedClassifier(net, refit=False, **given).fit(X[train], y[train])
        refitted = im.RetrainedClassifier(net, **given).fit(X[train], y[train])
        assert broken.score(X[test], y[test]) < 0.8
        assert refitted.score(X[test], y[test]) > 0.95


@pytest.mark.parametrize("output", [None, "pool", "c1"])
def test_features_are_those_of_the_chip(output: str | None) -> None:
    net, x = small()
    features = im.AnalogFeatures(net, NOISY, output=output, seed=3).fit(x)
    by_hand = AnalogNetwork(net, NOISY, 3)
    by_hand.calibrate(x)
    wanted = by_hand.features(x, output).reshape(20, -1)
    got = features.transform(x)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == np.float32
    names = features.get_feature_names_out()
    assert len(names) == wanted.shape[1] and names[1] == "analogfeatures1"


def test_calibration_takes_rows_at_even_distances() -> None:
    net, X, _ = trained()
    x = np.concatenate([X, 5 * X])
    fitted = im.AnalogFeatures(net, NOISY, seed=2).fit(x)
    by_hand = AnalogNetwork(net, NOISY, 2)
    rows = [round(i * 479 / 255) for i in range(256)]
    by_hand.calibrate(x[rows])
    np.testing.assert_array_equal(fitted.transform(X), by_hand.features(X))


def test_a_chip_given_is_unchanged() -> None:
    chip, x = noisy_chip()
    y = np.arange(len(x)) % 4
    before, answers = chip_states(chip), chip(x)
    for estimator in (
        im.AnalogFeatures(chip),
        im.RetrainedClassifier(chip),
        im.RetrainedClassifier(chip, refit=False),
    ):
        estimator.fit(3 * x, y)
        assert estimator.chip_ is not chip
        np.testing.assert_array_equal(estimator.chip_(x), answers)
        estimator.chip_.program(9)
    for old, new in zip(before, chip_states(chip), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(chip(x), answers)


def test_a_fitted_estimator_does_not_follow_the_chip() -> None:
    chip, x = noisy_chip()
    features = im.AnalogFeatures(chip).fit(x)
    before = features.transform(x)
    chip.program(9)
    np.testing.assert_array_equal(features.transform(x), before)


def test_a_chip_without_ranges_is_calibrated_as_a_copy() -> None:
    net, x = small()
    chip = AnalogNetwork(net, overrides={"stem": NOISY}, seed=4)
    fitted = im.AnalogFeatures(chip).fit(x)
    assert chip.layers["stem"].needs_calibration
    chip.calibrate(x)
    np.testing.assert_array_equal(fitted.transform(x), chip.features(x))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("hardware", [None, NOISY, WRONG_WEIGHTS])
def test_the_networks_own_head(classes: int, hardware: im.Hardware | None) -> None:
    net, X, y = trained(classes)
    clf = im.RetrainedClassifier(net, hardware=hardware, refit=False, seed=6).fit(X, y)
    outputs = clf.chip_(X)
    assert clf.head_ is None
    np.testing.assert_array_equal(clf.classes_, LABELS[:classes])
    np.testing.assert_array_equal(clf.predict(X), LABELS[outputs.argmax(axis=1)])
    wanted = outputs[:, 1] - outputs[:, 0] if classes == 2 else outputs
    np.testing.assert_array_equal(clf.decision_function(X), wanted)
    assert not hasattr(clf, "predict_proba")


def test_two_infinite_outputs_favour_no_class() -> None:
    constants = {"w": np.array([[1, 1]], np.float32), "zero": np.zeros(1, np.float32)}
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["a"], name="fc"),
        h.make_node("Div", ["a", "zero"], ["y"]),
    ]
    net = Network.from_onnx(model(nodes, {"x": ["n", 1]}, {"y": ["n", 2]}, constants))
    clf = im.RetrainedClassifier(net, refit=False).fit([[1.0], [2.0]], [0, 1])
    np.testing.assert_array_equal(clf.decision_function([[1.0]]), [0.0])


def test_outputs_and_classes_must_be_as_many() -> None:
    net, X, y = trained()
    clf = im.RetrainedClassifier(net, refit=False)
    with pytest.raises(ValueError, match=r"'y' has 3 values for 2 classes in y"):
        clf.fit(X[y != "ash"], y[y != "ash"])
    with pytest.raises(ValueError, match=r"'r' has 24 values for 3 classes in y"):
        clone(clf).set_params(output="r").fit(X, y)


def test_a_network_with_several_outputs_is_told_which_one() -> None:
    proto, feeds = networks.several_outputs()
    net, x = Network.from_onnx(proto), feeds["x"]
    y = np.arange(len(x))
    clf = im.RetrainedClassifier(net, refit=False)
    with pytest.raises(ValueError, match=r"output=None: must be one of \['a', 'y'\]"):
        clf.fit(x, y)
    with pytest.raises(ValueError, match=r"'y' has 6 values for 5 classes"):
        clf.set_params(output="y").fit(x, y)
    more = np.concatenate([x, x[:1]])
    clf.fit(more, np.arange(6))
    np.testing.assert_array_equal(clf.predict(x), net(x)["y"].argmax(axis=1))


def test_heads_and_what_they_offer() -> None:
    net, X, y = trained()
    for head, scores, probabilities in (
        (None, True, True),
        (RidgeClassifier(), True, False),
        (KNeighborsClassifier(), False, True),
        (make_pipeline(StandardScaler(), RidgeClassifier()), True, False),
    ):
        clf = im.RetrainedClassifier(net, head, hardware=NOISY)
        for fitted in (clf, clone(clf).fit(X, y)):
            assert hasattr(fitted, "decision_function") == scores
            assert hasattr(fitted, "predict_proba") == probabilities
        assert fitted.head_ is not head and fitted.score(X, y) > 0.9
        features = fitted.chip_.features(X)
        for name in ("decision_function", "predict_proba", "predict"):
            if hasattr(fitted, name):
                wanted = getattr(fitted.head_, name)(features)
                np.testing.assert_array_equal(getattr(fitted, name)(X), wanted)


def test_same_seed_same_bits() -> None:
    net, X, y = trained()
    answers = [
        im.RetrainedClassifier(net, hardware=NOISY, seed=seed).fit(X, y).decision_function(X)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_rows_are_answered_alone() -> None:
    net, _ = small()
    x, y = labelled_images()
    features = im.AnalogFeatures(net, NOISY).fit(x)
    clf = im.RetrainedClassifier(net, hardware=NOISY).fit(x, y)
    order = np.random.default_rng(0).permutation(len(x))
    for method in (features.transform, clf.predict):
        whole = method(x)
        np.testing.assert_array_equal(method(x[order]), whole[order])
        parts = [method(x[first : first + 5]) for first in range(0, len(x), 5)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_grid_search_over_fields_of_the_hardware_and_seeds() -> None:
    net, X, y = trained()
    grid = {
        "chip__hardware": [
            NOISY.with_field("cell.programming.sigma", sigma) for sigma in (0.02, 3.0)
        ],
        "chip__seed": [0, 1],
        "head__C": [0.1, 1.0],
    }
    steps = {
        "chip": im.AnalogFeatures(net),
        "scale": StandardScaler(),
        "head": LogisticRegression(),
    }
    pipeline = Pipeline(list(steps.items()))
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_["chip__hardware"].cell.programming.sigma == 0.02
    assert len(search.cv_results_["params"]) == 8 and search.score(X, y) > 0.9
    clf = im.RetrainedClassifier(net, LogisticRegression())
    inner = GridSearchCV(clf, {"hardware": [None, NOISY], "head__C": [1e-6, 1.0]}, cv=3)
    assert inner.fit(X, y).best_params_["head__C"] == 1.0


def test_cross_validation_in_other_processes() -> None:
    net, X, y = trained()
    clf = im.RetrainedClassifier(AnalogNetwork(net, WRONG_WEIGHTS, 3))
    alone = cross_val_score(clf, X, y, cv=3)
    np.testing.assert_array_equal(cross_val_score(clf, X, y, cv=3, n_jobs=2), alone)


@pytest.mark.parametrize("refit", [True, False])
def test_copies_on_disk_and_in_memory(refit: bool, tmp_path: Path) -> None:
    net, X, y = trained()
    chip = AnalogNetwork(net, NOISY, 5)
    for source in (net, chip):
        hardware = NOISY if source is net else None
        clf = im.RetrainedClassifier(source, hardware=hardware, refit=refit).fit(X, y)
        joblib.dump(clf, tmp_path / "clf.joblib")
        loaded = joblib.load(tmp_path / "clf.joblib")
        for other in (loaded, pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
            np.testing.assert_array_equal(other.decision_function(X), clf.decision_function(X))
            np.testing.assert_array_equal(other.predict(X), clf.predict(X))
        again = clone(clf).fit(X, y)
        np.testing.assert_array_equal(again.decision_function(X), clf.decision_function(X))
    assert type(loaded).__module__ == "imperfect.estimators"


def test_unfitted_estimators_say_so() -> None:
    net, X, _ = trained()
    with pytest.raises(NotFittedError):
        im.AnalogFeatures(net).transform(X)
    with pytest.raises(NotFittedError):
        im.RetrainedClassifier(net).predict(X)
