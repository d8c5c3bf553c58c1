# SPDX-License-Identifier: BSD-3-Clause
"""Cutting random graphs: any branches, any outputs, any tensor asked for, any layers digital."""

from __future__ import annotations

import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper as h

import imperfect as im
import networks
from imperfect._network.cut import AnalogStep, DigitalStep
from imperfect.network import AnalogNetwork, Network


def random_model(seed: int) -> onnx.ModelProto:
    """Twenty nodes on tensors of one shape, each reading any tensors made before it."""
    rng = np.random.default_rng(seed)
    constants = {"low": np.float32(-0.5), "high": np.float32(1)}
    tensors, nodes = ["x"], []
    for index in range(20):
        # Recent tensors are likelier, so that there are chains to absorb as well as branches.
        first, second = (tensors[-1 - min(int(rng.exponential(1.5)), index)] for _ in range(2))
        name, kind = f"t{index}", rng.integers(7)
        if kind < 3:
            group = int(rng.choice([1, 4]))
            constants[f"w{index}"] = networks.draw(4, 4 // group, 3, 3, seed=index)
            inputs, options = [first, f"w{index}"], {"pads": [1] * 4, "group": group}
            nodes.append(h.make_node("Conv", inputs, [name], **options))
        elif kind == 3:
            bn = networks.batch_norm(f"bn{index}", 4, seed=index)
            constants |= bn
            nodes.append(h.make_node("BatchNormalization", [first, *bn], [name]))
        elif kind == 4:
            nodes.append(h.make_node("Clip", [first, "low", "high"], [name]))
        elif kind == 5:
            nodes.append(h.make_node("Relu", [first], [name]))
        else:
            nodes.append(h.make_node("Add", [first, second], [name]))
        tensors.append(name)
    chosen = sorted({tensors[-1], *rng.choice(tensors[8:], 2)}, key=tensors.index)
    shape = ["n", 4, 6, 5]
    arrays = {name: np.asarray(values) for name, values in constants.items()}
    return networks.model(nodes, {"x": shape}, dict.fromkeys(chosen, shape), arrays)


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs_are_cut_rightly(seed: int) -> None:
    model = random_model(seed)
    net = Network.from_onnx(model)
    if not net.layers:
        pytest.fail("a graph without layers tests nothing: change random_model")
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 4, 6, 5)).astype(np.float32)
    asked = str(rng.choice(list(net._graph.writers)))
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    names = [value.name for value in model.graph.output]
    if asked not in names:
        exposed.graph.output.append(onnx.ValueInfoProto(name=asked))
    session = onnxruntime.InferenceSession(exposed.SerializeToString())
    wanted = dict(zip([*names, asked], session.run([*names, asked], {"x": x}), strict=True))
    digital = [info.name for info in net.layers if rng.random() < 0.3]
    for chip in (AnalogNetwork(net, chunk=2), AnalogNetwork(net, digital=digital)):
        got = chip(x)
        got = got if isinstance(got, dict) else {names[0]: got}
        assert list(got) == names
        for name, values in {**got, asked: chip.features(x, asked)}.items():
            np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-4)


def test_one_session_for_each_stage() -> None:
    net = Network.from_onnx(networks.small_cnn())
    plan = net._plan(net._graph.output_names, [info.name for info in net.layers])
    kinds = ["analog" if isinstance(step, AnalogStep) else "digital" for step in plan.steps]
    assert kinds == ["analog", "analog", "analog", "digital", "analog"]
    digital = next(step for step in plan.steps if isinstance(step, DigitalStep))
    assert digital.inputs == ("c3", "r1") and digital.outputs == ("pool",)
    assert digital.release == ("c3", "r1")
    pool = net._plan(("n2",), [info.name for info in net.layers])
    assert len(pool.steps) == 2
    assert not net._plan(("x",), []).steps


def test_a_forked_child_can_compute() -> None:
    net, x = Network.from_onnx(networks.small_cnn()), networks.images(9, height=8)["x"]
    chip = AnalogNetwork(net, im.Hardware(), chunk=2)
    wanted = chip(x)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, chip(x).tobytes())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == wanted.tobytes()
    assert os.waitpid(child, 0)[1] == 0
