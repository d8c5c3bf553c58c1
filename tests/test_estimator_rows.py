# SPDX-License-Identifier: BSD-3-Clause
"""Estimators of a network: shapes and kinds of rows, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import imperfect as im
import networks
from chips import NOISY, WRONG_WEIGHTS, small
from imperfect.network import AnalogNetwork, Network
from networks import draw, h, model
from trained import labelled_images, trained


def test_rows_come_in_shape_or_flattened() -> None:
    net, _ = small()
    x, y = labelled_images()
    flat = x.reshape(len(x), -1)
    in_shape = im.AnalogFeatures(net, NOISY).fit(x)
    flattened = im.AnalogFeatures(net, NOISY).fit(flat)
    frame = pd.DataFrame(flat, columns=[f"pixel{i}" for i in range(flat.shape[1])])
    named = im.AnalogFeatures(net, NOISY).fit(frame)
    assert list(named.feature_names_in_) == list(frame.columns)
    for fitted in (in_shape, flattened):
        assert fitted.n_features_in_ == 192 and fitted.sample_shape_ == (3, 8, 8)
        for rows in (x, flat, x.tolist(), np.asfortranarray(x), x.astype(np.float64)):
            np.testing.assert_array_equal(fitted.transform(rows), in_shape.transform(x))
    np.testing.assert_array_equal(named.transform(frame), in_shape.transform(x))
    clf = im.RetrainedClassifier(net, hardware=NOISY).fit(flat, y)
    np.testing.assert_array_equal(clf.predict(x), clf.predict(flat))


def test_rows_of_networks_for_images_of_any_size() -> None:
    net, _ = small(size="side")
    x, _ = labelled_images()
    one_free, _ = small()
    assert im.AnalogFeatures(net).fit(x).transform(x.reshape(24, -1)).shape == (24, 8)
    with pytest.raises(ValueError, match=r"192 feature\(s\).*'x'.*\(3, side, side\)$"):
        im.AnalogFeatures(net).fit(x.reshape(24, -1))
    with pytest.raises(ValueError, match=r"rows of shape \(3, 8\).*\(3, 8, 8\), or 192 features"):
        im.AnalogFeatures(one_free).fit(x[:, :, 0])


def test_rows_of_integers() -> None:
    nodes = [
        h.make_node("Gather", ["table", "x"], ["a"]),
        h.make_node("ReduceSum", ["a", "axis"], ["b"], keepdims=0),
        h.make_node("MatMul", ["b", "w"], ["y"], name="fc"),
    ]
    constants = {"table": draw(5, 4), "w": draw(4, 3), "axis": np.array([1])}
    proto = model(nodes, {"x": ["n", 6]}, {"y": ["n", 3]}, constants)
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    words = np.random.default_rng(0).integers(5, size=(9, 6))
    got = im.AnalogFeatures(Network.from_onnx(proto)).fit_transform(words)
    np.testing.assert_allclose(got, constants["table"][words].sum(axis=1), rtol=1e-5)


def test_any_number_of_rows_on_a_network_for_fixed_batches() -> None:
    net, _ = small(batch=3)
    free, _ = small()
    x, y = labelled_images(25)
    fixed = im.RetrainedClassifier(net, hardware=WRONG_WEIGHTS).fit(x, y)
    wanted = im.RetrainedClassifier(free, hardware=WRONG_WEIGHTS).fit(x, y)
    for count in (1, 2, 3, 25):
        assert fixed.predict(x[:count]).shape == (count,)
        got = fixed.decision_function(x[:count])
        np.testing.assert_allclose(got, wanted.decision_function(x[:count]), atol=1e-3)


BAD_PARAMETERS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"network_or_chip": "net.onnx"}, TypeError, "network_or_chip: must be a Network or an"),
    ({"hardware": "ideal"}, TypeError, "hardware='ideal': must be a Hardware"),
    ({"seed": -1}, ValueError, "seed=-1"),
    ({"seed": 0.5}, TypeError, "seed=0.5"),
    ({"output": "r2"}, ValueError, r"no tensor 'r2'; close: \['r'\]"),
    ({"head": "logistic"}, TypeError, "head='logistic': must be a scikit-learn classifier"),
    ({"head": LogisticRegression}, TypeError, "head=.*LogisticRegression"),
    ({"head": Ridge()}, TypeError, r"head=Ridge\(\): must be a scikit-learn classifier"),
    ({"head": StandardScaler()}, TypeError, r"head=StandardScaler\(\)"),
    ({"refit": "no"}, TypeError, "refit='no': must be True or False"),
    ({"refit": False, "head": LogisticRegression()}, ValueError, "head=.* None with refit=False"),
]


@pytest.mark.parametrize(("parameters", "error", "reason"), BAD_PARAMETERS)
def test_bad_parameters_are_named_in_fit(
    parameters: dict[str, Any], error: type[Exception], reason: str
) -> None:
    net, X, y = trained()
    estimators: list[Any] = [im.RetrainedClassifier(net)]
    if not {"head", "refit"} & parameters.keys():
        estimators.append(im.AnalogFeatures(net))
    for estimator in estimators:
        with pytest.raises(error, match=reason):
            estimator.set_params(**parameters).fit(X, y)


@pytest.mark.parametrize("parameters", [{"hardware": NOISY}, {"seed": 3}])
def test_a_chip_has_its_own_hardware_and_seed(parameters: dict[str, Any]) -> None:
    net, X, _ = trained()
    (name,) = parameters
    with pytest.raises(ValueError, match=f"{name}=.*: a chip has its own"):
        im.AnalogFeatures(AnalogNetwork(net), **parameters).fit(X)


def test_a_network_with_several_inputs_has_no_rows() -> None:
    proto, _ = networks.several_inputs()
    with pytest.raises(ValueError, match=r"one input.*\['x', 'v', 'gain'\]"):
        im.AnalogFeatures(Network.from_onnx(proto)).fit(np.zeros((2, 5)))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (np.zeros((4, 9)), r"X has 9 feature"),
        (np.zeros((4, 2, 5)), r"X has rows of shape \(2, 5\)"),
        (np.zeros(10), "Expected 2D array"),
        (np.zeros((0, 10)), "0 sample"),
        (np.full((4, 10), np.nan), "NaN"),
        (np.full((4, 10), np.inf), "infinity"),
        (np.full((4, 10), 1e300), "finite in float32"),
        (np.full((4, 10), "a"), "not compatible with arrays of bytes/strings|could not convert"),
        (np.full((4, 10), 1j), "Complex data"),
        ([[1.0] * 10, [1.0] * 9], "inhomogeneous|sequence"),
    ],
)
def test_bad_rows_are_refused(rows: Any, reason: str) -> None:
    net, X, y = trained()
    fitted = im.AnalogFeatures(net, NOISY).fit(X)
    for call in (im.AnalogFeatures(net, NOISY).fit, fitted.transform):
        with pytest.raises(ValueError, match=reason):
            call(rows)
    with pytest.raises(ValueError, match=reason):
        im.RetrainedClassifier(net).fit(rows, y[: len(rows)])


@pytest.mark.parametrize("rows", [np.zeros((240, 3)), np.full((240, 9), np.nan)])
def test_a_fit_that_fails_changes_nothing(rows: Any) -> None:
    net, X, y = trained()
    for estimator in (
        im.AnalogFeatures(net, NOISY).fit(X, y),
        im.RetrainedClassifier(net).fit(X, y),
        im.RetrainedClassifier(net, refit=False).fit(X, y),
        im.AnalogLogisticRegression().fit(X, y),
    ):
        before = dict(vars(estimator))
        with pytest.raises(ValueError, match=r"X has 3 feature|NaN|class"):
            estimator.fit(rows, np.zeros(240, int))
        assert estimator.n_features_in_ == 10
        assert vars(estimator) == before


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 1, 2], "inconsistent numbers of samples"),
        (np.full(240, np.nan), "NaN"),
        (np.linspace(0, 1, 240), "continuous"),
        (None, "requires y"),
        (np.zeros((240, 2)), "1d array"),
        (np.zeros(240), "class"),
    ],
)
def test_bad_labels_are_refused(labels: Any, reason: str) -> None:
    net, X, _ = trained()
    for refit in (True, False):
        with pytest.raises(ValueError, match=reason):
            im.RetrainedClassifier(net, refit=refit).fit(X, labels)
