# SPDX-License-Identifier: BSD-3-Clause
"""The cases: what is timed, against what, and how its answer is checked.

A case has a name, the logical multiply-adds of one call, our call, the baseline's call and a
check that raises if our answer is wrong; ``limit`` is the ratio it must keep, ``aim`` the one that
would be good. Sizes follow published comparisons of simulators.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import numpy as np
from case import Call, Case
from hardware import converted
from network_cases import network_cases
from wire_cases import wire_cases

import imperfect as im
from imperfect.testing import ReferenceLayer, assert_outputs_match


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@cache
def activations() -> Any:
    """What a layer of the bundled network gets from the bundled images, (256, 1024), 0 to 4."""
    network, images = im.data.scattered_mobilenet(), im.data.scattered_fashion()[2]
    tensor = network._specs["block5/project/conv"].input
    values = network.features(images[:256], tensor).reshape(256, -1)[:, :1024]
    return np.ascontiguousarray(4 / values.max() * values)


def zero_bits(x: Any, dac: Any) -> float:
    """Fraction of zeros among the bits of the inputs' magnitudes, as the converters see them."""
    bits = dac.bits - dac.signed
    top = 2**bits - 1
    numbers = np.rint(np.abs(np.clip(x / dac.range, -dac.signed, 1)) * top).astype(np.uint8)
    return 1 - float(np.unpackbits(numbers).sum()) / (bits * x.size)


def check_layer(layer: Any, x: Any, hardware: Any, **arguments: Any) -> None:
    """The first outputs and samples against the float64 reference, cell by cell."""
    few = layer.weight[:8] if arguments.get("groups", 1) == 1 else layer.weight
    reference = ReferenceLayer(few, hardware=hardware, **arguments)
    reference.set_conductances(layer.conductances()[:, :, : len(few)])
    reference.cells.ranges[:] = np.abs(layer.weight).max()
    expected, slack = reference.forward(x[:2], return_slack=True)
    assert_outputs_match(layer(x[:2])[:, : len(few)], expected, slack)


def linear_case(
    name: str,
    hardware: Any,
    limit: float | None,
    aim: float | None,
    precision: Literal["float32", "fixed16"] = "float32",
) -> Case:
    weight, x = normal(0, 1024, 1024), normal(1, 256, 1024)
    if hardware.dac.signed is False:
        x = np.abs(x)
    layer = im.AnalogLinear(weight, hardware=hardware, precision=precision)

    def check() -> None:
        if hardware == im.Hardware():
            np.testing.assert_allclose(layer(x), x @ weight.T, atol=1e-3)
        elif precision == "fixed16":
            exact = im.AnalogLinear(weight, hardware=hardware)(x)
            assert (layer(x) - exact).std() < 0.01 * exact.std()
        else:
            check_layer(layer, x, hardware)

    return Case(
        name,
        256 * 1024 * 1024,
        lambda: layer(x, num_threads=1),
        lambda: x @ weight.T,
        check,
        limit,
        aim,
        real=lambda: layer(activations(), num_threads=1),
        on_threads=lambda threads: layer(x, num_threads=threads),
    )


def conv_session(weight: Any, stride: int, padding: int, groups: int) -> Call:
    """ONNX Runtime's float convolution on one thread."""
    import onnxruntime
    from onnx import helper, numpy_helper

    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], pads=[padding] * 4, strides=[stride] * 2, group=groups
    )
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "conv", [value("x", 1, None)], [value("y", 1, None)],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda x: session.run(None, {"x": x})[0]


def conv_case(
    name: str,
    hardware: Any,
    outputs: int,
    channels: int,
    size: int,
    groups: int = 1,
    limit: float | None = None,
) -> Case:
    batch = 8
    weight, x = normal(2, outputs, channels // groups, 3, 3), normal(3, batch, channels, size, size)
    layer = im.AnalogConv2d(weight, padding=1, groups=groups, hardware=hardware)
    session = conv_session(weight, 1, 1, groups)

    def check() -> None:
        if hardware == im.Hardware():
            np.testing.assert_allclose(layer(x), session(x), atol=1e-3)
        else:
            check_layer(layer, x[:1, :, :8, :8].copy(), hardware, padding=1, groups=groups)

    return Case(
        name,
        batch * outputs * size * size * channels // groups * 9,
        lambda: layer(x, num_threads=1),
        lambda: session(x),
        check,
        limit,
        on_threads=lambda threads: layer(x, num_threads=threads),
    )


def programming_case(
    name: str,
    hardware: Any,
    limit: float | None = None,
    aim: float | None = None,
    seconds: float = 0.0,
) -> Case:
    """Writing every cell of a layer anew, and letting it drift, against one float product."""
    weight, x = normal(0, 1024, 1024), normal(1, 256, 1024)
    layer = im.AnalogLinear(weight, hardware=hardware)

    def run() -> im.AnalogLinear:
        layer.program(seed=1)
        return layer.at(seconds) if seconds else layer

    def check() -> None:
        reference = ReferenceLayer(weight[:4], hardware=hardware, seed=1)
        reference.cells.ranges[:] = np.abs(weight).max()
        reference.set_time(seconds)
        # The reference numbers its cells in planes of 4 outputs: only in the first plane are they
        # the layer's own.
        np.testing.assert_allclose(
            run().conductances()[0, 0, :4], reference.conductances()[0, 0], atol=1e-5
        )
        check_layer(layer, x, hardware)

    return Case(name, 256 * 1024 * 1024, run, lambda: x @ weight.T, check, limit, aim)


def linear_cases() -> Iterator[Case]:
    yield linear_case("linear 1024, ideal", im.Hardware(), None, 1.0)
    yield linear_case("linear 1024, ADC per 1024 rows", converted(None), 1.15, 1.0)
    yield linear_case("linear 1024, ADC per 128 rows", converted(128), 1.25, 1.0)
    yield linear_case("linear 1024, 4 slices, ADC per 128 rows", converted(128, 2), 4.4, 4.0)
    bits = converted(128, 2, 1)
    yield linear_case("linear 1024, 4 slices x 8 one-bit cycles", bits, 18, 16)
    ideal = converted(128, 2, 1, sigma=0)
    yield linear_case("linear 1024, 4 x 8 one-bit cycles, ideal levels", ideal, 10, 7)
    yield linear_case("linear 1024, 4 x 8 one-bit cycles, fixed16", bits, 10, 7, "fixed16")
    noisy = converted(128).with_field("cell.read_noise", im.device.Gaussian(0.01))
    yield linear_case("linear 1024, read noise, ADC per 128 rows", noisy, 3.5, 2.5)


def all_cases() -> Iterator[Case]:
    """Every case, made when asked for."""
    yield from linear_cases()
    yield conv_case("conv 64-64 3x3 56x56, ideal", im.Hardware(), 64, 64, 56)
    yield conv_case("conv 64-64 3x3 56x56, 4 slices", converted(128, 2), 64, 64, 56, limit=5)
    yield conv_case("depthwise 128 3x3 28x28, ideal", im.Hardware(), 128, 128, 28, groups=128)
    yield conv_case("depthwise 128 3x3 28x28, ADC", converted(128), 128, 128, 28, 128, limit=4)
    yield from network_cases()
    yield from wire_cases()
    pcm = im.Cell(g_max=25e-6, on_off_ratio=100, programming=im.device.PCM())
    yield programming_case("program 1024x1024, 4 slices", converted(128, 2), 4, 2)
    yield programming_case("program 1024x1024, PCM pairs", im.Hardware(cell=pcm))
    drifting = im.Hardware(cell=pcm).with_field("cell.drift", im.device.PCM())
    yield programming_case("program and drift 1024x1024, PCM pairs", drifting, 5, seconds=86400.0)
