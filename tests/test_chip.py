# SPDX-License-Identifier: BSD-3-Clause
"""Chips: which layers run on what, calibration, programming, and corrections layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import imperfect as im
import networks
from chips import NOISY, WRONG_WEIGHTS, noisy_chip, small
from imperfect.network import AnalogNetwork, Network


def test_a_layer_alone_has_the_cells_it_has_in_a_network() -> None:
    net, _ = small()
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 5)
    spec = net._specs["block.pw"]
    alone = im.AnalogConv2d(spec.weight, hardware=WRONG_WEIGHTS, seed=5, layer_id="block.pw")
    inside = chip.layers["block.pw"]
    np.testing.assert_array_equal(alone.conductances(), inside.conductances())
    fewer = AnalogNetwork(net, WRONG_WEIGHTS, 5, digital=["stem", "head*"])
    assert list(fewer.layers) == ["block.dw", "block.pw"]
    np.testing.assert_array_equal(fewer.layers["block.pw"].conductances(), inside.conductances())


def test_overrides_and_digital_layers() -> None:
    net, x = small()
    chip = AnalogNetwork(
        net, WRONG_WEIGHTS, overrides={"block*": im.Hardware(), "*dw": NOISY}, digital=["head*"]
    )
    hardware = {name: layer.hardware for name, layer in chip.layers.items()}
    assert hardware == {"stem": WRONG_WEIGHTS, "block.dw": NOISY, "block.pw": im.Hardware()}
    assert "3 analog layers, 2 of them overridden" in repr(chip)
    all_digital = AnalogNetwork(net, WRONG_WEIGHTS, digital=["*"])
    assert not all_digital.layers
    np.testing.assert_array_equal(all_digital(x), net(x))


def test_names_are_taken_literally_before_they_are_patterns() -> None:
    model = networks.small_cnn()
    model.graph.node[0].name = "stem[0]"
    net = Network.from_onnx(model)
    assert "stem[0]" not in AnalogNetwork(net, digital=["stem[0]"]).layers


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"digital": ["tail*"]}, ValueError, r"digital: pattern 'tail\*' fits no layer.*'stem'"),
        ({"overrides": {"x": NOISY}}, ValueError, "overrides: pattern 'x' fits no layer"),
        ({"digital": "head*"}, TypeError, "digital='head[*]': must be a list"),
        ({"digital": 3}, TypeError, "digital=3: must be a list of patterns"),
        ({"digital": None}, TypeError, "digital=None: must be a list"),
        ({"digital": {"stem": NOISY}}, TypeError, "digital={.*: must be a list"),
        ({"digital": [3]}, TypeError, "digital: pattern=3: must be a string; .*'stem'"),
        ({"digital": [["stem"]]}, TypeError, r"digital: pattern=\['stem'\]: must be a string"),
        ({"overrides": {"stem": 3}}, TypeError, r"overrides\['stem'\]=3: must be a Hardware"),
        ({"overrides": {3: NOISY}}, TypeError, "overrides: pattern=3: must be a string"),
        ({"overrides": [("stem", NOISY)]}, TypeError, "overrides=.*: must be a dictionary"),
        ({"overrides": "stem"}, TypeError, "overrides='stem': must be a dictionary"),
        ({"hardware": "ideal"}, TypeError, "hardware='ideal': must be a Hardware"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"chunk": 0}, ValueError, "chunk"),
    ],
)
def test_bad_arguments_of_a_chip(
    arguments: dict[str, Any], error: type[Exception], reason: str
) -> None:
    net, _ = small()
    with pytest.raises(error, match=reason):
        AnalogNetwork(net, **arguments)


NET, X = small()
OTHER_SHAPES = Network.from_onnx(networks.small_cnn(classes=7))


def visit_with(layer: Any) -> None:
    for visit in AnalogNetwork(NET).walk(X):
        visit.layer = layer


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        (lambda chip: chip.affine_corrected(X, reference=3), TypeError, "reference=3: must be a N"),
        (lambda chip: chip.affine_corrected(X, chip), TypeError, "reference=AnalogNetwork"),
        (lambda chip: chip.affine_corrected(X, b"onnx"), TypeError, "reference=b'onnx'"),
        (lambda chip: chip.layer_outputs(X, "a"), TypeError, "reference='a': must be a Network"),
        (lambda chip: chip.layer_outputs(X, OTHER_SHAPES), ValueError, r"head.fc' has .*\(7, 8\)"),
        (lambda chip: chip.features(X, np.array([1, 2])), TypeError, "output=array.*the name of a"),
        (lambda chip: chip.features(X, 3), TypeError, "output=3: must be the name of a tensor"),
        (lambda _: visit_with(3), TypeError, "visit to 'stem'=3: must be an AnalogConv2d"),
        (lambda chip: visit_with(chip.layers["head.fc"]), TypeError, "be an AnalogConv2d, not A"),
        (lambda chip: visit_with(chip.layers["block.pw"]), ValueError, r"must be \(8, 3, 3, 3\)"),
    ],
)
def test_bad_arguments_of_calls(call: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        call(AnalogNetwork(NET))


def test_a_chip_needs_a_network_with_layers() -> None:
    with pytest.raises(TypeError, match="network: must be a Network"):
        AnalogNetwork("model.onnx")  # type: ignore[arg-type]
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"])]
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 3]}, {}))
    with pytest.raises(ValueError, match=r"no layer of .* can be analog"):
        AnalogNetwork(net)
    with pytest.raises(ValueError, match="name a tensor"):
        net.features(np.zeros((1, 3)))


def test_chips_wait_for_calibration() -> None:
    net, x = small()
    chip = AnalogNetwork(net, im.Hardware(), overrides={"block*": NOISY})
    for call in (chip, chip.features, chip.walk, chip.reestimate_batch_norm):
        with pytest.raises(ValueError, match=r"calibrate.*\['block.dw', 'block.pw'\]"):
            call(x)
    broken = x.copy()
    broken[19, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="nan"):
        chip.calibrate(broken)
    assert chip.layers["block.dw"].needs_calibration
    chip.calibrate(x)
    assert chip(x).shape == (20, 4)


def test_a_failed_calibration_leaves_the_chip_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    chip, x = noisy_chip()
    before, calls = chip(x), []
    calibrate = im.AnalogConv2d.calibrate

    def fails_on_the_third(layer: im.AnalogConv2d, x: NDArray[Any]) -> None:
        calls.append(layer)
        if len(calls) == 3:
            raise ValueError("no more memory")
        calibrate(layer, x)

    monkeypatch.setattr(im.AnalogConv2d, "calibrate", fails_on_the_third)
    with pytest.raises(ValueError, match="no more memory"):
        chip.calibrate(3 * x)
    np.testing.assert_array_equal(chip(x), before)


def test_layers_are_calibrated_on_what_reaches_them() -> None:
    net, x = small()
    chip = AnalogNetwork(net, NOISY, 3, chunk=4)
    chip.calibrate(x)
    by_hand = AnalogNetwork(net, NOISY, 3)
    for visit in by_hand._walk(x, 0):
        visit.layer.calibrate(visit.x)
    np.testing.assert_array_equal(chip(x), by_hand(x))
    first, second = (dict(item.layers["head.fc"].state()) for item in (chip, by_hand))
    np.testing.assert_array_equal(first["output_ranges"], second["output_ranges"])
    np.testing.assert_array_equal(
        chip.features(x), np.concatenate([v.x for v in chip.walk(x) if v.name == "head.fc"])
    )


def test_programming_anew() -> None:
    chip, x = noisy_chip(1)
    first = chip(x)
    layers = dict(chip.layers)
    chip.program(2)
    assert chip.seed == 2 and not np.array_equal(chip(x), first)
    assert layers["stem"].seed == 1
    chip.program(1)
    np.testing.assert_array_equal(chip(x), first)
    chip.program(write=1)
    assert chip.seed == 1 and not np.array_equal(chip(x), first)


def test_walking_with_another_layer() -> None:
    net, x = small()
    chip = AnalogNetwork(net)
    wrong = AnalogNetwork(net, WRONG_WEIGHTS, 4)
    mixed = AnalogNetwork(net, overrides={"stem": WRONG_WEIGHTS}, seed=4)
    seen = []
    for visit in chip.walk(x):
        seen.append(visit.name)
        if visit.name == "stem":
            visit.layer = wrong.layers["stem"]
        if visit.name == "head.fc":
            np.testing.assert_array_equal(visit.x, mixed.features(x))
    assert seen == list(chip.layers)


def preactivations(chip: AnalogNetwork, x: NDArray[Any], name: str) -> NDArray[np.float64]:
    """A tensor as a matrix (samples and positions, channels)."""
    y = chip.features(x, name)
    return np.moveaxis(y, 1, -1).reshape(-1, y.shape[1]).astype(np.float64)


def test_reestimated_batch_norm_has_its_own_mean_and_deviation() -> None:
    net, x = small()
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 2)
    corrected = chip.reestimate_batch_norm(x)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in net._graph.constants.values()}
    for name, epsilon in (("1", 1e-5), ("2", 1e-3)):
        raw = preactivations(corrected, x, f"c{name}")
        y = preactivations(corrected, x, f"n{name}")
        gamma, beta = constants[f"bn{name}.gamma"], constants[f"bn{name}.beta"]
        np.testing.assert_allclose(y.mean(axis=0), beta, atol=1e-5)
        wanted = np.abs(gamma) * np.sqrt(raw.var(axis=0) / (raw.var(axis=0) + epsilon))
        np.testing.assert_allclose(y.std(axis=0), wanted, rtol=1e-4)
    for layer, old in zip(corrected.layers.values(), chip.layers.values(), strict=True):
        np.testing.assert_array_equal(layer.conductances(), old.conductances())
    corrected.layers["head.fc"].program(9)
    np.testing.assert_array_equal(chip(x), AnalogNetwork(net, WRONG_WEIGHTS, 2)(x))


def test_batch_norm_behind_an_addition() -> None:
    model, feeds = networks.matmul_left()
    chip = AnalogNetwork(Network.from_onnx(model)).reestimate_batch_norm(feeds["x"])
    y = preactivations(chip, feeds["x"], "bn")
    np.testing.assert_allclose(y.mean(axis=0), networks.batch_norm("bn", 4)["bn.beta"], atol=1e-5)


def test_affine_correction_is_the_least_squares_fit() -> None:
    net, x = small()
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 2)
    corrected = chip.affine_corrected(x)
    float_chip = AnalogNetwork(net)
    for raw_name, name in (("c1", "n1"), ("c2", "n2"), ("c3", "c3")):
        raw = preactivations(corrected, x, raw_name)
        wanted = preactivations(float_chip, x, name)
        scale, shift = (
            np.asarray(getattr(corrected.layers[{"c1": "stem", "c2": "block.dw"}.get(
                raw_name, "block.pw")].epilogue, field), np.float64)
            for field in ("scale", "shift")
        )  # fmt: skip
        if raw_name == "c3":  # the layer's own output is corrected too: take it off again
            raw = (raw - shift) / scale
        for channel in range(raw.shape[1]):
            columns = np.stack([raw[:, channel], np.ones(len(raw))], axis=1)
            gain, offset = np.linalg.lstsq(columns, wanted[:, channel])[0]
            np.testing.assert_allclose([scale[channel], shift[channel]], [gain, offset], rtol=2e-3)
    before, after = (np.square(item(x) - net(x)).sum() for item in (chip, corrected))
    assert after < before / 2


def test_affine_correction_changes_nothing_on_ideal_hardware() -> None:
    net, x = small()
    corrected = AnalogNetwork(net).affine_corrected(x)
    np.testing.assert_allclose(corrected(x), net(x), atol=1e-4)


def test_affine_correction_of_dead_outputs() -> None:
    model = networks.small_cnn()
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "w1")
    values = onnx.numpy_helper.to_array(weight).copy()
    values[3] = 0
    weight.CopyFrom(onnx.numpy_helper.from_array(values, "w1"))
    net, x = Network.from_onnx(model), networks.images(20, height=8)["x"]
    chip = AnalogNetwork(net, WRONG_WEIGHTS, overrides={"stem": im.Hardware()})
    corrected = chip.affine_corrected(x, reference=Network.from_onnx(networks.small_cnn()))
    scale = corrected.layers["stem"].epilogue.scale
    assert scale is not None and scale[3] == 0 and np.count_nonzero(scale) == 7
    assert np.isfinite(corrected(x)).all()


def test_layer_outputs_side_by_side() -> None:
    net, x = small()
    chip = AnalogNetwork(net, WRONG_WEIGHTS, 2, digital=["block.dw"])
    outputs = {item.name: item for item in chip.layer_outputs(x)}
    assert list(outputs) == list(chip.layers)
    for name, tensor in (("stem", "r1"), ("block.pw", "c3"), ("head.fc", "y")):
        wanted, mine = net.features(x, tensor), chip.features(x, tensor)
        np.testing.assert_allclose(outputs[name].reference, wanted, atol=1e-4)
        np.testing.assert_allclose(outputs[name].chip, mine, atol=1e-5)
    model, _ = networks.residual()
    with pytest.raises(ValueError, match="reference: must have the layers"):
        next(chip.layer_outputs(x, Network.from_onnx(model)))
