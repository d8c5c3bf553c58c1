# SPDX-License-Identifier: BSD-3-Clause
"""The study on small networks: its table, its seeds, its controls, and what it refuses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from onnx import helper as h
from onnx import numpy_helper
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge

import imperfect as im
import networks
from chips import NOISY
from imperfect import _core
from imperfect._study.trial import NUM_SAMPLED, Study
from imperfect.network import AnalogNetwork, Network
from imperfect.study import METHODS, collapse_and_recover, default_head

SIGMA = "cell.programming.sigma"
WRONG = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.2)))
Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def convolutional() -> tuple[Network, Arrays]:
    """A network with batch normalisation, and images whose labels are its own answers."""
    model = networks.small_cnn(classes=3)
    x = networks.images(180, height=8)["x"]
    outputs = Network.from_onnx(model)(x)
    bias = next(constant for constant in model.graph.initializer if constant.name == "b4")
    balanced = numpy_helper.to_array(bias) - np.quantile(outputs, 0.6, axis=0)
    bias.CopyFrom(numpy_helper.from_array(balanced.astype(np.float32), "b4"))
    net = Network.from_onnx(model)
    y = net(x).argmax(axis=1)
    assert np.bincount(y[:120]).min() >= 20
    return net, (x[:120], y[:120], x[120:], y[120:])


def linear() -> tuple[Network, Arrays]:
    """Two linear layers without batch normalisation, and points labelled by the network."""
    weights = {"w1": networks.draw(6, 24), "w2": networks.draw(24, 3, seed=1)}
    nodes = [
        h.make_node("MatMul", ["x", "w1"], ["a"], name="first"),
        h.make_node("MatMul", ["a", "w2"], ["y"], name="second"),
    ]
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 6]}, {"y": ["n", 3]}, weights))
    x = np.random.default_rng(5).standard_normal((900, 6)).astype(np.float32)
    y = net(x).argmax(axis=1)
    return net, (x[:600], y[:600], x[600:], y[600:])


def means(results: pd.DataFrame) -> pd.Series[float]:
    return results.groupby("method")["accuracy"].mean()


def test_table_has_a_row_per_trial_and_method() -> None:
    net, arrays = convolutional()
    vary = {SIGMA: [0.1, 0.0], "cell.bits": [None, 2]}
    results = collapse_and_recover(net, *arrays, WRONG, vary, chips=2, seed=3)
    names = ["knob", "value", "chip", "seed", "method", "accuracy", "n_train", "n_test"]
    assert list(results.columns) == names
    assert len(results) == 4 * 2 * 7
    assert results["method"].tolist() == list(METHODS) * 8
    assert results["chip"].tolist() == [chip for _ in range(4) for chip in (0, 1) for _ in METHODS]
    assert results["knob"].tolist() == [SIGMA] * 28 + ["cell.bits"] * 28
    assert results["value"].tolist()[::14] == [0.1, 0.0, "None", 2]
    assert set(results["n_train"]) == {120} and set(results["n_test"]) == {60}
    assert results["accuracy"].between(0, 1).all()
    seeds = results.groupby("chip")["seed"].unique()
    assert [list(own) for own in seeds] == [[_core.trial_seed(3, 0)], [_core.trial_seed(3, 1)]]
    assert results["seed"].dtype == np.uint64
    fixed = results[results["method"].isin(["float", "pixels"])]
    assert (fixed.groupby("method")["accuracy"].nunique() == 1).all()


def test_no_error_means_no_collapse() -> None:
    net, arrays = convolutional()
    results = collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.0]}, chips=2)
    accuracy = means(results)
    assert accuracy["float"] == 1.0  # the labels are the network's own answers
    assert accuracy["collapsed"] == 1.0
    assert accuracy["affine"] == 1.0


def test_a_linear_problem_recovers_but_so_do_its_controls() -> None:
    net, arrays = linear()
    accuracy = means(collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.5]}, chips=5))
    assert accuracy["float"] == 1.0
    assert accuracy["collapsed"] < 0.75
    # Any 24 mixtures of 6 numbers hold all of them.
    assert accuracy[["refitted", "shuffled", "pixels"]].min() > 0.95
    assert "bn_reestimated" not in accuracy


def test_rows_are_what_the_parts_give_by_hand() -> None:
    net, arrays = convolutional()
    x_train, y_train, x_test, y_test = arrays
    results = collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.3]}, chips=2, seed=8)
    rows = results[results["chip"] == 1].set_index("method")
    seed = int(rows["seed"].iloc[0])
    hardware = WRONG.with_field(SIGMA, 0.3)
    chip = AnalogNetwork(net, hardware, seed)
    sampled = x_train[np.linspace(0, len(x_train) - 1, len(x_train) // 2).round().astype(int)]
    control = AnalogNetwork(net.shuffled(seed), hardware, seed).reestimate_batch_norm(sampled)

    def own(other: AnalogNetwork) -> float:
        return float(np.mean(other(x_test).argmax(axis=1) == y_test))

    def refitted(train: NDArray[Any], test: NDArray[Any]) -> float:
        return float(default_head().fit(train, y_train).score(test, y_test))

    assert len(sampled) < NUM_SAMPLED
    assert rows["accuracy"].to_dict() == {
        "float": 1.0,
        "collapsed": own(chip),
        "refitted": refitted(chip.features(x_train), chip.features(x_test)),
        "bn_reestimated": own(chip.reestimate_batch_norm(sampled)),
        "affine": own(chip.affine_corrected(sampled)),
        "shuffled": refitted(control.features(x_train), control.features(x_test)),
        "pixels": refitted(x_train.reshape(120, -1), x_test.reshape(60, -1)),
    }
    assert own(chip) < 1.0


def test_number_of_jobs_changes_nothing() -> None:
    net, arrays = convolutional()
    vary = {"cell.programming.sigma": [0.05, 0.2]}
    threads = im.get_num_threads()
    alone, together = (
        collapse_and_recover(net, *arrays, NOISY, vary, chips=2, jobs=jobs) for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    assert im.get_num_threads() == threads
    collapsed = alone[alone["method"] == "collapsed"]["accuracy"]
    assert collapsed.nunique() > 1  # chips and values differ


def test_seed_decides_the_chips() -> None:
    net, arrays = linear()
    tables = [
        collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.5]}, chips=2, seed=seed)
        for seed in (1, 1, 2)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert not tables[0]["seed"].isin(tables[2]["seed"]).any()
    assert (means(tables[0]) != means(tables[2])).any()


def test_labels_may_be_of_any_kind() -> None:
    net, (x_train, y_train, x_test, y_test) = convolutional()
    words = np.array(["ant", "bee", "cow"])
    by_number, *others = [
        collapse_and_recover(net, x_train, train, x_test, test, WRONG, {SIGMA: [0.1]}, chips=1)
        for train, test in (
            (y_train, y_test),
            (words[y_train], pd.Series(words[y_test])),
            (words[y_train].astype(object), words[y_test]),
            (y_train.astype(object), y_test.astype(float)),
        )
    ]
    for table in others:
        pd.testing.assert_frame_equal(by_number, table, check_exact=True)


def test_a_given_head_serves_the_chip_and_both_controls() -> None:
    net, arrays = convolutional()
    head = DummyClassifier(strategy="constant", constant=2)
    results = collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.1]}, chips=2, head=head)
    rows = results[results["method"].isin(["refitted", "shuffled", "pixels"])]
    assert len(rows) == 6
    assert (rows["accuracy"] == np.mean(arrays[3] == 2)).all()
    assert not hasattr(head, "classes_")


class Witness(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A head that remembers what it was shown."""

    fitted: ClassVar[list[tuple[int, int]]] = []
    asked: ClassVar[list[int]] = []

    def fit(self, X: Any, y: Any) -> Witness:
        self.fitted.append((len(X), len(y)))
        self.answer_ = y[0]
        return self

    def predict(self, X: Any) -> Any:
        self.asked.append(len(X))
        return np.full(len(X), self.answer_)


def test_heads_are_fitted_on_training_images_only() -> None:
    net, arrays = convolutional()
    Witness.fitted.clear()
    Witness.asked.clear()
    collapse_and_recover(net, *arrays, WRONG, {SIGMA: [0.1]}, chips=2, head=Witness())
    assert Witness.fitted == [(120, 120)] * 5  # the inputs, then features and control per chip
    assert Witness.asked == [60] * 5


def test_progress_counts_every_task() -> None:
    net, arrays = linear()
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    vary = {SIGMA: [0.1, 0.2]}
    collapse_and_recover(net, *arrays, WRONG, vary, chips=2, progress=note)
    assert seen == [(i, 9) for i in range(1, 10)]


def test_converters_of_the_control_fit_its_own_activations() -> None:
    """Measuring batch normalisation changes what reaches a layer, so ranges are found again."""
    net, (x_train, y_train, x_test, y_test) = convolutional()
    study = Study(net, x_train, y_train, x_test, y_test, default_head())
    control = study.normalised(study.program(net.shuffled(1), NOISY, 1))
    for visit in control.walk(x_train):
        full_scale = float(visit.layer.state()["input_range"][0])
        assert 0.8 < np.abs(visit.x).max() / full_scale < 1.25


class NoEstimator:
    """Has the methods of a head, but is none."""

    fit = predict = get_params = None


NAN = np.zeros((120, 3, 8, 8), np.float32)
NAN[7, 1, 2, 3] = np.nan


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"network": "net"}, TypeError, "network='net': must be a Network, not str"),
        ({"X_train": np.zeros((119, 3, 8, 8))}, ValueError, r"y_train: has shape \(120,\) for 119"),
        ({"X_test": np.zeros((1, 3, 8, 8))}, ValueError, r"y_test: has shape \(60,\) for 1 images"),
        ({"X_train": NAN}, ValueError, r"X_train: value nan at index \(7, 1, 2, 3\)"),
        ({"X_test": np.full((60, 3, 8, 8), np.inf)}, ValueError, "X_test: value inf"),
        ({"X_train": np.zeros(120)}, ValueError, r"X_train: has shape \(120,\)"),
        ({"X_train": np.zeros((120, 3, 8, 9))}, ValueError, "X_train: .*does not fit"),
        ({"X_test": np.zeros((60, 3, 8, 9))}, ValueError, "does not fit"),
        ({"X_train": np.full((120, 3, 8, 8), "a")}, TypeError, "X_train has dtype"),
        ({"X_test": np.zeros((0, 3, 8, 8)), "y_test": []}, ValueError, "X_test: .*not empty"),
        ({"y_train": np.zeros((120, 1))}, ValueError, r"y_train: has shape \(120, 1\)"),
        ({"y_train": np.zeros(120)}, ValueError, "y_train: has one class, 0.0"),
        ({"y_train": np.full(120, np.nan)}, ValueError, "y_train: label nan at index 0: must be i"),
        ({"y_train": [0.0, 1.5, *[1, 2] * 59]}, ValueError, "y_train: label 1.5 at index 1: must"),
        ({"y_test": np.full(60, np.inf)}, ValueError, "y_test: label inf at index 0"),
        ({"y_train": np.full(120, b"a")}, TypeError, "y_train: labels of type .S1: must be"),
        ({"y_train": np.full(120, 1j)}, TypeError, "y_train: labels of type complex128"),
        ({"y_train": [2**70, *[0, 1] * 59, 1]}, TypeError, "y_train: labels must be of one kind"),
        ({"y_train": [[0], [1, 2]]}, ValueError, "y_train is not an array"),
        ({"y_train": np.array([None, 1] * 60)}, TypeError, "y_train: labels must"),
        ({"y_test": np.full(60, 7)}, ValueError, r"y_test: has classes \[7\]"),
        ({"y_train": np.arange(120) % 4}, ValueError, "outputs of shape .3,. for 4 classes"),
        ({"y_train": np.arange(120) % 2, "y_test": np.zeros(60)}, ValueError, "for 2 classes"),
        ({"y_train": [0, 0, *[1, 2] * 59]}, ValueError, "has 2 of class 0; must have 3"),
        ({"hardware": None}, TypeError, "hardware: must be a Hardware, not NoneType"),
        ({"vary": {}}, ValueError, "vary: names no field"),
        ({"vary": {SIGMA: []}}, ValueError, f"vary.'{SIGMA}'.: has no values"),
        ({"vary": [SIGMA]}, TypeError, "vary: must be a dictionary of lists, not list"),
        ({"vary": {SIGMA: 0.1}}, TypeError, f"vary.'{SIGMA}'.=0.1: must be a list"),
        ({"vary": {SIGMA: "0.1"}}, TypeError, "must be a list"),
        ({"vary": {SIGMA: [0.1, 0.1]}}, ValueError, "has a value twice"),
        ({"vary": {SIGMA: [np.nan]}}, ValueError, "Gaussian.sigma=nan"),
        ({"vary": {SIGMA: [-1]}}, ValueError, "Gaussian.sigma=-1"),
        ({"vary": {"cell.levels": [2]}}, ValueError, "'levels'"),
        ({"vary": {3: [2]}}, TypeError, "path=3"),
        ({"chips": 0}, ValueError, "chips=0: must be an integer from 1"),
        ({"chips": 1.5}, TypeError, "chips=1.5"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"jobs": 0}, ValueError, "jobs=0"),
        ({"head": DummyClassifier}, TypeError, "head=.*must be a scikit-learn classifier"),
        ({"head": "svm"}, TypeError, "head='svm'"),
        ({"head": Ridge()}, TypeError, r"head=Ridge\(\): must be a scikit-learn classifier"),
        ({"head": NoEstimator()}, TypeError, "head=.*NoEstimator"),
        ({"progress": 3}, TypeError, "progress=3: must be a function of two numbers"),
        ({"progress": lambda done: None}, TypeError, "progress=.*: must be a function of two"),
        ({"chips": 10**7}, ValueError, "chips=10000000: must be an integer from 1 to 10000"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], reason: str) -> None:
    net, arrays = convolutional()
    names = ("X_train", "y_train", "X_test", "y_test")
    given: dict[str, Any] = dict(zip(names, arrays, strict=True))
    given |= {"network": net, "hardware": WRONG, "vary": {SIGMA: [0.1]}, "chips": 1}
    with pytest.raises(error, match=reason):
        collapse_and_recover(**given | change)


def test_networks_need_one_input_and_one_output() -> None:
    model, feeds = networks.several_outputs()
    net = Network.from_onnx(model)
    x, y = feeds["x"], np.arange(5) % 2
    with pytest.raises(ValueError, match="network: has 1 inputs and 2 outputs"):
        collapse_and_recover(net, x, y, x, y, WRONG, {SIGMA: [0.1]})


def test_an_error_on_a_chip_names_the_trial() -> None:
    net, arrays = convolutional()
    narrow = im.Hardware(adc=im.ADC(bits=8, range="lossless"), dac=im.DAC(bits=8), weight_bits=4)
    with pytest.raises(ValueError, match=r"dac.bits=4, chip 0: .*lossless"):
        collapse_and_recover(net, *arrays, narrow, {"dac.bits": [4]}, chips=1)


def test_the_row_space_changes_no_answer() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from imperfect._study.row_space import RowSpace

    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(60, 200)), rng.normal(size=(40, 200))
    y = rng.integers(3, size=60)
    plain = LogisticRegression(tol=1e-10, max_iter=10_000).fit(train, y)
    reduced = make_pipeline(RowSpace(), LogisticRegression(tol=1e-10, max_iter=10_000))
    reduced.fit(train, y)
    assert reduced[-1].coef_.shape == (3, 60)
    np.testing.assert_allclose(
        reduced.decision_function(test), plain.decision_function(test), atol=1e-6
    )
    np.testing.assert_array_equal(RowSpace().fit(test.T).transform(test.T), test.T)
