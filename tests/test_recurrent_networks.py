# SPDX-License-Identifier: BSD-3-Clause
"""LSTM and GRU nodes of networks: against ONNX Runtime, and through everything a chip offers."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from recurrent_networks import CASES, HIDDEN, case, draw, recurrent

HARDWARE = im.Hardware(
    weight_bits=6,
    cell=im.Cell(
        bits=2,
        on_off_ratio=50,
        programming=im.device.Gaussian(0.03),
        read_noise=im.device.Gaussian(0.02),
        drift=im.device.PowerLaw(0.03, t0=1.0),
    ),
    dac=im.DAC(bits=6),
    adc=im.ADC(bits=7, range="calibrated"),
)


def answers(result: Any) -> list[np.ndarray[Any, Any]]:
    return list(result.values()) if isinstance(result, dict) else [result]


@pytest.mark.parametrize("name", CASES)
def test_ideal_hardware_is_onnx_runtime(name: str) -> None:
    model, feeds = case(name)
    network = im.Network.from_onnx(model)
    chip = im.AnalogNetwork(network)
    assert list(chip.layers) == ["cell"]
    assert {info.name: info.analog for info in network.nodes}["cell"]
    for mine, theirs in zip(answers(chip(feeds)), answers(network(feeds)), strict=True):
        assert_allclose(mine, theirs, atol=1e-5)
        assert theirs.std() > 0.01


def test_samples_first_inside_the_node_is_refused_by_name() -> None:
    """ONNX Runtime does not compute this layout, or the node stays digital with a reason."""
    model, _ = case("lstm states")
    nodes = {node.output[0]: node for node in model.graph.node}
    nodes["Y"].attribute.append(onnx.helper.make_attribute("layout", 1))
    with pytest.raises(ValueError, match="layout"):
        network = im.Network.from_onnx(model)
        raise ValueError(*(info.reason for info in network.nodes if info.name == "cell"))


DIGITAL: dict[str, tuple[dict[str, Any], str]] = {
    "activations": ({"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "its activations are"),
    "weights": ({"run_time_weights": True}, "its recurrent weight is computed at run time"),
}


@pytest.mark.parametrize("name", DIGITAL)
def test_reasons_to_stay_digital(name: str) -> None:
    arguments, reason = DIGITAL[name]
    if name == "weights":
        arguments = {**arguments, "batch": 1, "count": 1}
    network = im.Network.from_onnx(recurrent("LSTM", **arguments)[0])
    info = {info.name: info for info in network.nodes}["cell"]
    assert not info.analog and reason in info.reason


def test_operands_that_do_not_fit_are_refused() -> None:
    model, _ = case("lstm")
    for tensor in model.graph.initializer:
        if tensor.name == "B":
            tensor.CopyFrom(onnx.numpy_helper.from_array(draw(1, 41), "B"))
    with pytest.raises(ValueError, match="'cell'"):
        im.Network.from_onnx(model)


@pytest.mark.parametrize("name", ["lstm everything", "gru both", "gru after both"])
def test_a_chip_with_recurrent_layers_does_what_chips_do(name: str, tmp_path: Path) -> None:
    model, feeds = case(name)
    network = im.Network.from_onnx(model)
    chip = im.AnalogNetwork(network, HARDWARE, seed=3)
    with pytest.raises(ValueError, match="cell"):
        chip(feeds)
    chip.calibrate(feeds)
    whole = answers(chip(feeds, first_sample=5, read=2))
    parts = [
        answers(chip({k: v[a:b] for k, v in feeds.items()}, first_sample=5 + a, read=2))
        for a, b in ((0, 2), (2, 7))
    ]
    for mine, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        assert_array_equal(mine, np.concatenate(pieces))
    small = im.AnalogNetwork(network, HARDWARE, seed=3, chunk=2)
    small.calibrate(feeds)
    chip.save(tmp_path / "chip.npz")
    others = (
        small, copy.copy(chip), copy.deepcopy(chip), pickle.loads(pickle.dumps(chip)),
        im.AnalogNetwork.load(tmp_path / "chip.npz"),
    )  # fmt: skip
    for other in others:
        for mine, theirs in zip(answers(other(feeds, first_sample=5, read=2)), whole, strict=True):
            assert_array_equal(mine, theirs)
    assert any((a != b).any() for a, b in zip(answers(chip(feeds, read=3)), whole, strict=True))
    later = chip.at(1e5)
    assert later.layers["cell"].seconds == 1e5
    assert (answers(later(feeds))[0] != answers(chip(feeds))[0]).any()
    cells = chip.layers["cell"].conductances()
    chip.program(seed=4)
    assert (chip.layers["cell"].conductances() != cells).any()


def test_a_layer_alone_has_the_cells_it_has_in_a_network() -> None:
    model, _ = case("lstm")
    found = im.AnalogNetwork(im.Network.from_onnx(model), HARDWARE, seed=3).layers["cell"]
    assert isinstance(found, im.AnalogLSTM)
    alone = im.AnalogLSTM(
        found.weight_ih, found.weight_hh, hardware=HARDWARE, seed=3, layer_id="cell"
    )
    assert_array_equal(alone.conductances(), found.conductances())


@pytest.mark.parametrize("name", ["lstm lengths both", "gru"])
def test_walk_report_and_corrections(name: str) -> None:
    model, feeds = case(name)
    network = im.Network.from_onnx(model)
    chip = im.AnalogNetwork(network, HARDWARE, seed=3)
    chip.calibrate(feeds)
    (visit,) = chip.walk(feeds)
    assert visit.x.shape == (7, 6, 4)
    assert ("lengths" in visit.others) == ("lengths" in feeds)
    y = np.concatenate(list(visit.outputs()))
    assert y.shape == (7, 6, (2 if "both" in name else 1) * HIDDEN)
    report = chip.calibration_report(feeds)
    assert list(dict.fromkeys(report.layer)) == [f"cell/{r}" for r in chip.layers["cell"].cores]
    for same in (chip.affine_corrected(feeds), chip.reestimate_batch_norm(feeds)):
        for a, b in zip(answers(same(feeds)), answers(chip(feeds)), strict=True):
            assert_array_equal(a, b)
    (outputs,) = chip.layer_outputs(feeds)
    assert_array_equal(outputs.chip, y)
    assert 0 < np.abs(outputs.chip - outputs.reference).max() < 1


def test_diagnosis_takes_recurrent_layers_apart() -> None:
    model, feeds = case("gru last state only")
    chip = im.AnalogNetwork(im.Network.from_onnx(model), HARDWARE, seed=3)
    chip.calibrate(feeds)
    found = im.diagnose(chip, feeds["x"])
    assert found.layers.loc[0, "weights"] == 15 * (4 + 5)
    sources = found.sources.set_index("source")
    assert {"weights", "programming", "read noise", "DAC", "ADC"} <= set(sources.index)
    assert sources.loc["programming", "share"] > 0.2


def test_control_permutes_both_weights() -> None:
    model, _ = case("lstm both")
    network = im.Network.from_onnx(model)
    mixed = network.shuffled(seed=1)
    before, after = (im.AnalogNetwork(net).layers["cell"] for net in (network, mixed))
    assert isinstance(before, im.AnalogLSTM) and isinstance(after, im.AnalogLSTM)
    for name in ("weight_ih", "weight_hh"):
        old, new = getattr(before, name), getattr(after, name)
        assert_array_equal(np.sort(old, axis=None), np.sort(new, axis=None))
        assert (old != new).mean() > 0.9
    assert_array_equal(before.bias_ih, after.bias_ih)


def test_overrides_and_digital_layers() -> None:
    model, feeds = case("lstm")
    network = im.Network.from_onnx(model)
    chip = im.AnalogNetwork(network, overrides={"c*": HARDWARE})
    assert chip.layers["cell"].hardware == HARDWARE
    with pytest.raises(ValueError, match="lengths"):
        im.AnalogNetwork(im.Network.from_onnx(case("lstm lengths")[0]))(
            {**case("lstm lengths")[1], "lengths": np.full(7, 9, np.int32)}
        )
    mixed = im.Network.from_onnx(case("lstm")[0])
    float_chip = im.AnalogNetwork(mixed, HARDWARE, digital=["cell"])
    for a, b in zip(answers(float_chip(feeds)), answers(network(feeds)), strict=True):
        assert_array_equal(a, b)
