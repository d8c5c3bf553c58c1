# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's own checks on the estimators.

``AnalogLogisticRegression`` and the estimators of a network that takes rows of any length pass
every check. A network takes rows of one length as a rule; then the checks whose data have another
one are listed, each with that reason, and all others pass. A listed check that passes is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

import imperfect as im
from chips import NOISY
from imperfect.network import Network
from networks import draw, h, model

Check = Callable[[BaseEstimator], None]
READ_NOISE = NOISY.with_field("cell.read_noise", im.device.Gaussian(0.005))


def any_length() -> ModelProto:
    """Rows of any length: each value is kept as its positive and its negative part."""
    signs = np.array([1, -1], np.float32).reshape(2, 1, 1)
    constants = {"axis": np.array([1]), "w1": signs, "w2": draw(3, 2, 1)}
    nodes = [
        h.make_node("Unsqueeze", ["x", "axis"], ["a"]),
        h.make_node("Conv", ["a", "w1"], ["b"], name="parts"),
        h.make_node("Relu", ["b"], ["c"]),
        h.make_node("Conv", ["c", "w2"], ["d"], name="mix"),
        h.make_node("ReduceMean", ["d"], ["y"], axes=[2], keepdims=0),
    ]
    return model(nodes, {"x": ["n", "length"]}, {"y": ["n", 3]}, constants)


def three_values() -> ModelProto:
    """Samples of shape (1, 3)."""
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], name="conv"),
        h.make_node("Relu", ["a"], ["b"]),
        h.make_node("Flatten", ["b"], ["c"]),
        h.make_node("MatMul", ["c", "w2"], ["y"], name="fc"),
    ]
    constants = {"w1": draw(6, 1, 3), "w2": draw(6, 3)}
    return model(nodes, {"x": ["n", 1, 3]}, {"y": ["n", 3]}, constants)


# Features of the data of each check that gives other rows than three values.
OTHER_LENGTHS = {
    "check_array_api_input": 10,
    "check_classifier_data_not_an_array": 2,
    "check_classifiers_classes": 2,
    "check_classifiers_train": 2,
    "check_decision_proba_consistency": 2,
    "check_dtype_object": 10,
    "check_estimators_dtypes": 5,
    "check_estimators_fit_returns_self": 2,
    "check_estimators_overwrite_params": 2,
    "check_fit2d_1sample": 10,
    "check_fit_check_is_fitted": 2,
    "check_fit_idempotent": 2,
    "check_n_features_in": 2,
    "check_n_features_in_after_fitting": 4,
    "check_positive_only_tag_during_fit": 4,
    "check_readonly_memmap_input": 2,
}


def other_lengths(estimator: BaseEstimator) -> dict[str, str]:
    reason = "its data have {} features, the network takes 3"
    return {check: reason.format(count) for check, count in OTHER_LENGTHS.items()}


def on_network(network: ModelProto) -> list[Any]:
    net = Network.from_onnx(network)
    return [im.AnalogFeatures(net, READ_NOISE), im.RetrainedClassifier(net, hardware=NOISY)]


@parametrize_with_checks(
    [
        im.AnalogLogisticRegression(),
        im.AnalogLogisticRegression(NOISY),
        im.AnalogLogisticRegression(im.presets.pcm_512()),
        im.AnalogLogisticRegression(READ_NOISE),
    ]
)
def test_analog_logistic_regression(estimator: BaseEstimator, check: Check) -> None:
    check(estimator)


@parametrize_with_checks(on_network(any_length()))
def test_estimators_of_a_network_for_rows_of_any_length(
    estimator: BaseEstimator, check: Check
) -> None:
    check(estimator)


@parametrize_with_checks(on_network(three_values()), expected_failed_checks=other_lengths)
def test_estimators_of_a_network_for_rows_of_three_values(
    estimator: BaseEstimator, check: Check
) -> None:
    check(estimator)
