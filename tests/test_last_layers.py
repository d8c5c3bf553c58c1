# SPDX-License-Identifier: BSD-3-Clause
"""The last layers of a network as a classifier: what the tail computes, its training, bad input."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import imperfect as im
import networks
from chips import small
from imperfect.network import Network
from networks import batch_norm, draw, h, model

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")
from imperfect._torch.tail import Tail, feature_shape, find_cut  # noqa: E402

torch.set_num_threads(1)
LastLayers = im.torch.LastLayers

CELLS = im.Cell(bits=2, programming=im.device.Gaussian(0.03))
CONVERTERS: dict[str, Any] = {"dac": im.DAC(bits=8), "adc": im.ADC(bits=8, range="calibrated")}
MACHINE = im.Hardware(weight_bits=8, cell=CELLS, array=im.Array(rows=32), **CONVERTERS)
READ_NOISE = im.Hardware(cell=im.Cell(read_noise=im.device.Gaussian(0.05)))


def constants_of_many_operators() -> dict[str, Any]:
    constants = {
        "w1": draw(6, 3, 3, 3), "b1": draw(6), "w2": draw(8, 3, 3, 1, seed=1),
        "w3": draw(8, 8, 1, 1), "w4": draw(16, 8, 3, 2, seed=2), "w5": draw(16, 9, seed=3),
        "w6": draw(5, 9, seed=4), "b5": draw(9, seed=6), "b6": draw(5, seed=7),
        "half": np.array([[[0.5]]]), "low": np.array(-0.4), "high": np.array(1.5),
        "axes": np.array([3]), "shape": np.array([-1, 16]),
    }  # fmt: skip
    return {k: v.astype("i8" if k in ("axes", "shape") else "f4") for k, v in constants.items()}


def many_operators(size: int | str = 12) -> Any:
    """A network that has every operator that the tail of one may have."""
    constants, bn = constants_of_many_operators(), batch_norm("bn", 8)
    nodes = [
        h.make_node("Conv", ["x", "w1", "b1"], ["a"], name="first", pads=[1, 0, 1, 2]),
        h.make_node("Conv", ["a", "w2"], ["b"], name="grouped", group=2, dilations=[2, 1]),
        h.make_node("BatchNormalization", ["b", *bn], ["c"], epsilon=1e-3),
        h.make_node("HardSwish", ["c"], ["d"]),
        h.make_node("Conv", ["d", "w3"], ["e"], name="inner"),
        h.make_node("Sigmoid", ["e"], ["f"]),
        h.make_node("Mul", ["e", "f"], ["g"]),
        h.make_node("Add", ["g", "d"], ["i"], name="add"),
        h.make_node("Mul", ["i", "half"], ["j"]),
        h.make_node(
            "MaxPool", ["j"], ["k"], kernel_shape=[3, 2], strides=[1, 2], pads=[1, 0, 1, 0]
        ),
        h.make_node("Clip", ["k", "low", "high"], ["l"]),
        h.make_node("Conv", ["l", "w4"], ["m"], name="same", auto_pad="SAME_UPPER", strides=[2, 1]),
        h.make_node("AveragePool", ["m"], ["n"], kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
        h.make_node("ReduceMean", ["n"], ["o"], axes=[2], keepdims=1),
        h.make_node("ReduceMean", ["o"], ["p"], axes=[-1], keepdims=1),
        h.make_node("Squeeze", ["p", "axes"], ["q"]),
        h.make_node("Reshape", ["q", "shape"], ["r"]),
        h.make_node("Identity", ["r"], ["s"]),
        h.make_node("Dropout", ["s"], ["t"]),
        h.make_node("MatMul", ["t", "w5"], ["u"], name="hidden"),
        h.make_node("Add", ["b5", "u"], ["v"]),
        h.make_node("Relu", ["v"], ["w"]),
        h.make_node("Gemm", ["w", "w6", "b6"], ["z"], name="last", transB=1, alpha=0.5, beta=2.0),
        h.make_node("Softmax", ["z"], ["y"]),
    ]
    return model(nodes, {"x": ["n", 3, size, size]}, {"y": ["n", 5]}, constants | bn)


def tail_of(net: Network, layers: int, x: Any, **more: Any) -> tuple[Any, Any]:
    """The tail, and its features as PyTorch takes them."""
    cut = find_cut(net, layers)
    features = net.features(x, cut.source)
    tail = Tail(cut, features.shape[1:], more.get("classes")).eval()
    return tail, torch.from_numpy(features.reshape(len(x), -1))


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("size", [12, "size"])
def test_the_tail_computes_what_the_network_does(layers: int, size: int | str) -> None:
    net = Network.from_onnx(many_operators(size))
    x = networks.images(7, height=12, width=12)["x"]
    tail, features = tail_of(net, layers, x)
    with torch.no_grad():
        np.testing.assert_allclose(tail(features).softmax(1).numpy(), net(x), atol=2e-6)
        tail.standardise(features)
        np.testing.assert_allclose(tail(features).softmax(1).numpy(), net(x), atol=2e-6)
    entering = tail.parts[next(iter(tail.layers.values()))]
    seen = (features.reshape(len(x), *tail._shape) - entering.mean) / entering.scale
    channels = seen.transpose(0, 1).flatten(1).double()
    varying = channels.std(1) > 0
    assert varying.sum() >= 3
    np.testing.assert_allclose(channels.square().mean(1)[varying], 1, atol=1e-3)


def test_one_dimensional_and_constant_on_the_left() -> None:
    nodes = [
        h.make_node("Conv", ["x", "w1"], ["a"], name="conv", pads=[1, 1], strides=[2]),
        h.make_node("Relu", ["a"], ["b"]),
        h.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2]),
        h.make_node("MatMul", ["w2", "c"], ["d"], name="left"),
        h.make_node("Flatten", ["d"], ["e"]),
        h.make_node("MatMul", ["e", "w3"], ["y"], name="last"),
    ]
    constants = {"w1": draw(4, 2, 3), "w2": draw(3, 4), "w3": draw(12, 5)}
    net = Network.from_onnx(model(nodes, {"x": ["n", 2, 10]}, {"y": ["n", 5]}, constants))
    x = np.random.default_rng(0).standard_normal((6, 2, 10)).astype(np.float32)
    for layers in (1, 2, 3):
        tail, features = tail_of(net, layers, x)
        with torch.no_grad():
            tail.standardise(features)
            np.testing.assert_allclose(tail(features).numpy(), net(x), atol=1e-6)


def labelled() -> tuple[Network, Any, Any, Any]:
    """A small network with a last layer of its own for four classes, and features of its images."""
    rng, y = np.random.default_rng(3), np.arange(300) % 4
    x = (draw(4, 3, 8, 8, seed=9)[y] * 40 + rng.normal(size=(300, 3, 8, 8))).astype(np.float32)
    proto = networks.small_cnn()
    pool = Network.from_onnx(proto).features(x, "pool")
    head = LogisticRegression(C=100, max_iter=5000).fit(pool, y)
    for tensor in proto.graph.initializer:
        if tensor.name in ("w4", "b4"):
            values = head.coef_ if tensor.name == "w4" else head.intercept_
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype("f4"), tensor.name))
    net = Network.from_onnx(proto)
    labels = np.array(["ash", "beech", "cedar", "date"])[y]
    return net, x, labels, net.features(x, "r1").reshape(300, -1)


def test_cut_and_shape_of_the_features() -> None:
    net, _ = small()
    assert LastLayers(net, 1).output == "pool"
    assert LastLayers(net, 3).output == "r1"
    assert feature_shape(net, "r1") == (8, 4, 4)
    free, _ = small(size="size")
    assert feature_shape(free, "r1") is None and feature_shape(free, "pool") == (8,)


def test_training_undoes_a_shift_of_the_features() -> None:
    net, x, y, _ = labelled()
    features = net.features(x, "pool")
    gains = np.random.default_rng(1).uniform(-2, 2, 8)
    wrong = (features * gains + 0.5).astype(np.float32)
    classes = np.unique(y)
    right, before = (np.mean(classes[own_answers(net, f)] == y) for f in (features, wrong))
    assert right > 0.95 and before < 0.6
    head = LastLayers(net, 1, learning_rate=0.3, epochs=60).fit(wrong[:200], y[:200])
    assert head.score(wrong[200:], y[200:]) > 0.9
    assert head.classes_.tolist() == classes.tolist()
    probabilities = head.predict_proba(wrong)
    assert (classes[probabilities.argmax(1)] == head.predict(wrong)).all()


def own_answers(net: Network, features: Any) -> Any:
    tail = Tail(find_cut(net, 1), (8,), None).eval()
    with torch.no_grad():
        return tail(torch.from_numpy(features)).argmax(1).numpy()


def test_another_number_of_classes_replaces_the_last_layer() -> None:
    net, x = small(classes=7)
    tail, features = tail_of(net, 3, x, classes=3)
    assert tail.outputs == (3,) and not tail(features).any()
    y = np.arange(20) % 3
    head = LastLayers(net, 1, epochs=2).fit(net.features(x, "pool"), y)
    assert head.decision_function(net.features(x, "pool")).shape == (20, 3)
    two = LastLayers(net, 1, epochs=2).fit(net.features(x, "pool"), y > 0)
    scores = two.decision_function(net.features(x, "pool"))
    assert scores.shape == (20,)
    assert ((scores > 0) == two.predict(net.features(x, "pool"))).all()


@pytest.mark.parametrize("hardware", [None, MACHINE], ids=["digital", "analog"])
def test_same_seed_same_bits_and_nothing_global_changes(hardware: Any) -> None:
    net, _, y, features = labelled()
    head = LastLayers(net, 3, hardware=hardware, epochs=2, shape=(8, 4, 4))
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    scores = head.fit(features, y).decision_function(features)
    with torch.no_grad():
        again = clone(head).fit(features, y)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    np.testing.assert_array_equal(again.decision_function(features), scores)
    other = clone(head).set_params(seed=1).fit(features, y)
    assert (other.decision_function(features) != scores).any()
    stored = pickle.loads(pickle.dumps(head))
    np.testing.assert_array_equal(stored.decision_function(features), scores)


def test_on_hardware_draws_are_those_of_a_chip_and_cells_stay() -> None:
    net, x, y, _ = labelled()
    features = net.features(x, "pool")
    faults = im.Hardware(cell=im.Cell(faults=im.device.StuckAt(p_on=0.3)))
    head = LastLayers(net, 1, hardware=faults, epochs=1, seed=5).fit(features, y)
    chip = im.AnalogNetwork(net, faults, seed=5)
    (part,) = [m for m in head.tail_.modules() if isinstance(m, im.torch.AnalogLinear)]
    stuck = [layer.conductances() == 1 for layer in (chip.layers["head.fc"], part.analog)]
    # The largest weight of either stands for full conductance as well.
    assert stuck[0].sum() > 10 and (stuck[0] != stuck[1]).sum() <= 2
    write = part.write
    head.predict(features)
    assert part.write == write


def test_answers_for_a_row_do_not_depend_on_the_others() -> None:
    net, _, y, features = labelled()
    head = LastLayers(net, 3, hardware=READ_NOISE, epochs=1).fit(features, y)
    scores = head.decision_function(features)
    np.testing.assert_allclose(head.decision_function(features[::-1])[::-1], scores, atol=1e-5)
    np.testing.assert_allclose(head.decision_function(features[7:9]), scores[7:9], atol=1e-5)


def test_as_the_head_of_an_estimator() -> None:
    net, x, y, _ = labelled()
    head = LastLayers(net, 3)
    chip = im.AnalogNetwork(net, im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1))))
    both = im.RetrainedClassifier(chip, head, output=head.output).fit(x[:200], y[:200])
    assert both.score(x[200:], y[200:]) > 0.9


def test_two_layers_recover_at_least_what_logistic_regression_does() -> None:
    """Bundled network, cells wrong by 10 % of g_max; bound: two standard errors of 1,000 images."""
    X, y, X_test, y_test = im.data.scattered_fashion()
    net = im.data.scattered_mobilenet()
    chip = im.AnalogNetwork(net, im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1))))
    collapsed = np.mean(chip(X_test).argmax(1) == y_test)
    from imperfect.study import default_head

    found = {}
    for name, head in (
        ("logistic", default_head()),
        ("one", LastLayers(net, 1)),
        ("two", LastLayers(net, 2, epochs=8)),
    ):
        output = getattr(head, "output", None)
        train, test = (chip.features(x, output).reshape(len(x), -1) for x in (X, X_test))
        found[name] = head.fit(train, y).score(test, y_test)
    print(f"collapsed {collapsed}, {found}")
    assert collapsed < 0.3
    assert found["one"] > found["logistic"] - 0.03
    assert found["two"] > found["logistic"] - 0.03


FEATURES = np.ones((6, 8), np.float32) * np.arange(6, dtype=np.float32)[:, None]
LABELS = np.arange(6) % 3


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"network": "net"}, TypeError, "network='net': must be a Network, not str"),
        ({"layers": 1.0}, TypeError, "layers=1.0: must be an integer"),
        ({"layers": True}, TypeError, "layers=True: must be an integer"),
        ({"layers": 0}, ValueError, "layers=0: must be an integer from 1"),
        ({"layers": 5}, ValueError, "layers=5: the network has 4 layers that can be analog"),
        ({"layers": 2}, ValueError, r"layers=2: node 'add' \(Add\) needs 'r1' from before the cut "
         "at 'r2'; layers=1 or 3 would work"),
        ({"hardware": 1}, TypeError, r"hardware=1: must be a Hardware or None \(digital\)"),
        ({"seed": -1}, ValueError, "seed=-1: must be an integer from 0"),
        ({"epochs": 0}, ValueError, "epochs=0: must be an integer from 1"),
        ({"learning_rate": 0}, ValueError, "learning_rate=0: must be a positive finite number"),
        ({"learning_rate": 1e20}, ValueError, "learning_rate=1e.20: is too large"),
        ({"batch_size": 1}, ValueError, "batch_size=1: must be an integer from 2"),
        ({"weight_decay": -1}, ValueError, "weight_decay=-1: must be a finite number >= 0"),
        ({"shape": 8}, TypeError, "shape=8: must be a tuple of integers, or None, not int"),
        ({"shape": (4, 2)}, ValueError, r"shape=\(4, 2\): 'pool' has shape \(8,\) for a sample"),
    ],
)  # fmt: skip
def test_bad_parameters(options: dict[str, Any], error: type[Exception], reason: str) -> None:
    net, _ = small()
    head = LastLayers(**{"network": net, "layers": 1} | options)
    with pytest.raises(error, match=reason):
        head.fit(FEATURES, LABELS)
    assert not hasattr(head, "classes_")


def test_bad_data() -> None:
    net, _ = small()
    head = LastLayers(net, 1)
    with pytest.raises(ValueError, match=r"X: has 7 columns, must have 8: 'pool' has shape \(8,\)"):
        head.fit(FEATURES[:, :7], LABELS)
    with pytest.raises(ValueError, match="contains NaN"):
        head.fit(np.where(FEATURES == 2, np.nan, FEATURES), LABELS)
    with pytest.raises(ValueError, match=r"infinity|too large"):
        head.fit(FEATURES.astype(float) * 1e300, LABELS)
    with pytest.raises(ValueError, match="y: has one class, 0; must have two or more"):
        head.fit(FEATURES, LABELS * 0)
    with pytest.raises(ValueError, match="features"):
        head.fit(FEATURES, LABELS).predict(FEATURES[:, :7])
    free = LastLayers(small(size="size")[0], 3)
    with pytest.raises(
        ValueError, match="shape: must be given, as the network leaves that of 'r1'"
    ):
        free.fit(np.ones((6, 128)), LABELS)


def test_networks_that_cannot_be_cut() -> None:
    shapes: Any = {"x": ["n", 4]}, {"y": ["n", 4]}
    node = h.make_node("Erf", ["a"], ["b"], name="odd")
    layers = [h.make_node("MatMul", [i, "w"], [o], name=o) for i, o in (("x", "a"), ("b", "y"))]
    net = Network.from_onnx(model([layers[0], node, layers[1]], *shapes, {"w": draw(4, 4)}))
    reason = r"node 'odd' \(Erf\) cannot be trained here; layers=1 would work"
    with pytest.raises(ValueError, match=reason):
        _ = LastLayers(net, 2).output
    none = Network.from_onnx(model([h.make_node("Relu", ["x"], ["y"])], *shapes, {}))
    with pytest.raises(ValueError, match="layers=1: the network has 0 layers"):
        _ = LastLayers(none, 1).output
    several = Network.from_onnx(networks.several_outputs()[0])
    with pytest.raises(ValueError, match=r"network: has outputs .* must have one"):
        _ = LastLayers(several, 1).output
