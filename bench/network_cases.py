# SPDX-License-Identifier: BSD-3-Clause
"""Whole networks on arrays, against the float network in ONNX Runtime on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from case import Case
from hardware import fidelities

import imperfect as im
import networks
from imperfect.testing import ReferenceLayer, assert_outputs_match

BATCH = 32
# Ratios for ResNet-20, and what would be good.
LIMITS = {
    "1 slice": (2, 1.3),
    "4 slices": (6, 4.5),
    "4 slices x 8 one-bit cycles": (30, 20),
}
CHECKED = "stem.conv", "stage1.2.1.conv", "stage3.1.1.conv", "block1/depthwise/conv", "classifier"


@cache
def resnet() -> tuple[Any, Any]:
    """ResNet-20 with images for it."""
    return networks.resnet20(), networks.images(256)


@cache
def mobilenet() -> tuple[Any, Any]:
    """The bundled network with images for it."""
    return im.data.scattered_mobilenet()._graph.model, im.data.scattered_fashion()[0][:256]


SOURCES = {"ResNet-20 32x32": resnet, "bundled MobileNet 48x48": mobilenet}


def programmed(network: Any, hardware: Any, x: Any) -> Any:
    """A chip, ready to compute."""
    chip = im.AnalogNetwork(network, hardware)
    chip.calibrate(x)
    return chip


def on_threads(chip: Any, x: Any, threads: int) -> Any:
    im.set_num_threads(threads)
    try:
        return chip(x)
    finally:
        im.set_num_threads(1)


def multiply_adds(network: Any) -> float:
    return float(sum(info.macs or 0 for info in network.layers))


def check_step(visit: Any) -> None:
    """One image through one layer of a chip against the float64 reference, cell by cell."""
    layer, spec, x = visit.layer.with_epilogue(im.Epilogue()), visit.spec, visit.x[:1]
    geometry = {} if spec.kind == "linear" else {
        "stride": spec.stride, "padding": tuple(p for p, _ in spec.padding), "groups": spec.groups,
    }  # fmt: skip
    reference = ReferenceLayer(layer.weight, layer.bias, hardware=layer.hardware, **geometry)
    reference.set_conductances(layer.conductances())
    state = layer.state()
    reference.input_range, reference.signed = state["input_range"][0], bool(state["input_range"][1])
    reference.adc_ranges = state["output_ranges"].reshape(reference.encoding.num_slices, -1, 2)
    assert_outputs_match(layer(x), *reference.forward(x, return_slack=True))


def check_chip(chip: Any, x: Any, wanted: Any) -> None:
    """Ideal hardware gives the float network's answer; each checked layer does its own sums."""
    if chip.hardware == im.Hardware():
        np.testing.assert_allclose(chip(x), wanted, atol=1e-4, rtol=1e-4)
        return
    checked = [check_step(visit) for visit in chip.walk(x[:2]) if visit.name in CHECKED]
    assert len(checked) >= 2, "the network has other names for its layers"
    similarity = np.corrcoef(chip(x).ravel(), wanted.ravel())[0, 1]
    assert similarity > 0.9, f"logits correlate by {similarity:.2f} with the float network's"


def network_case(name: str, fidelity: str, limit: float | None, aim: float | None) -> Case:
    model, images = SOURCES[name]()
    network, session = im.Network.from_onnx(model), networks.session(model)
    chip = programmed(network, fidelities()[fidelity], images)
    x = images[:BATCH]
    feed = {session.get_inputs()[0].name: x}

    def baseline() -> Any:
        return session.run(None, feed)[0]

    return Case(
        f"{name}, batch {BATCH}: {fidelity}",
        BATCH * multiply_adds(network),
        lambda: on_threads(chip, x, 1),
        baseline,
        lambda: check_chip(chip, x, baseline()),
        limit,
        aim,
        on_threads=lambda threads: on_threads(chip, x, threads),
    )


def network_cases() -> Iterator[Case]:
    """Every case, made when asked for."""
    for name in SOURCES:
        for fidelity in fidelities():
            limits = LIMITS.get(fidelity) if name.startswith("ResNet") else None
            yield network_case(name, fidelity, *(limits or (None, None)))
