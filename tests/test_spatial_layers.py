# SPDX-License-Identifier: BSD-3-Clause
"""Convolutions of volumes and transposed ones: geometry, cells, draws, and chips that have them.

That random machines agree with the reference is tested in ``test_layers``.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from onnx import helper as h

import imperfect as im
import odd_networks
from imperfect.network import AnalogNetwork, Network
from imperfect.testing import ReferenceConvTranspose, assert_outputs_match
from networks import model

NOISY = im.Hardware(
    weight_bits=6,
    drift_compensation="column",
    cell=im.Cell(
        bits=2,
        g_max=25e-6,
        on_off_ratio=50,
        programming=im.device.WriteVerify(tolerance=0.02, max_pulses=4, pulse_sigma=0.05),
        drift=im.device.PowerLaw(0.05, 0.01, t0=20.0),
        read_noise=im.device.Gaussian(0.01),
    ),
    array=im.Array(rows=20),
    dac=im.DAC(bits=6),
    adc=im.ADC(bits=8, range="calibrated"),
)
LAYERS = {
    "volume": (lambda **more: im.AnalogConv3d(normal(6, 2, 2, 3, 3), padding=1, **more), 5),
    "transposed volume": (
        lambda **more: im.AnalogConvTranspose3d(normal(4, 3, 2, 3, 3), stride=2, **more),
        5,
    ),
    "transposed": (
        lambda **more: im.AnalogConvTranspose2d(normal(4, 3, 4, 4), stride=2, padding=1, **more),
        4,
    ),
    "transposed, 1-d": (lambda **more: im.AnalogConvTranspose1d(normal(4, 3, 5), **more), 3),
}


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run_onnx(op: str, x: Any, weight: Any, **attributes: Any) -> Any:
    node = h.make_node(op, ["x", "w"], ["y"], **attributes)
    shapes = {"x": x.shape}, {"y": [None] * x.ndim}
    session = onnxruntime.InferenceSession(
        model([node], *shapes, {"w": weight}).SerializeToString()
    )
    return session.run(None, {"x": x})[0]


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes of one to three axes whose outputs are not empty."""
    axes = draw(st.integers(1, 3))
    each = {
        name: [draw(st.integers(low, high)) for _ in range(axes)]
        for name, low, high in (
            ("kernel", 1, 4), ("stride", 1, 3), ("dilation", 1, 2), ("extra", 0, 2), ("size", 1, 6),
        )
    }  # fmt: skip
    # Why: ONNX Runtime refuses to add more.
    each["extra"] = [
        min(extra, s - 1) for extra, s in zip(each["extra"], each["stride"], strict=True)
    ]
    pads = [
        (draw(st.integers(0, (k - 1) * d)), draw(st.integers(0, (k - 1) * d)))
        for k, d in zip(each["kernel"], each["dilation"], strict=True)
    ]
    groups = draw(st.sampled_from([1, 2, 4]))
    return each | {"pads": pads, "groups": groups, "axes": axes}


def assert_same_product(
    y: NDArray[Any], kind: str, x: NDArray[Any], weight: NDArray[Any], attributes: dict[str, Any]
) -> None:
    """Equal to ONNX Runtime's, within the rounding of two sums of n products in single precision.

    Each differs from the exact sum by about sqrt(n) u of the sum of magnitudes, u = 2^-24: Higham &
    Mary, SIAM J. Sci. Comput. 41 (2019), theorem 2.4.
    """
    wanted = run_onnx(kind, x, weight, **attributes)
    sizes = run_onnx(kind, np.abs(x), np.abs(weight), **attributes)
    count = x.shape[1] * weight[0, 0].size
    bound = 2 * np.sqrt(count) * 2.0**-24 * sizes
    assert y.shape == wanted.shape
    assert (np.abs(y - wanted) <= bound).all(), np.max(np.abs(y - wanted) - bound)


@settings(max_examples=150, deadline=None)
@given(geometries())
def test_geometry_is_that_of_onnx_runtime(case: dict[str, Any]) -> None:
    axes, groups, pads = case["axes"], case["groups"], case["pads"]
    geometry = {"stride": case["stride"], "dilation": case["dilation"], "padding": pads}
    attributes = {
        "strides": case["stride"],
        "dilations": case["dilation"],
        "pads": [before for before, _ in pads] + [after for _, after in pads],
        "group": groups,
    }
    x = normal(2, 4, *case["size"])
    steps = zip(case["kernel"], case["dilation"], pads, case["size"], strict=True)
    if all(size + sum(pad) > d * (k - 1) for k, d, pad, size in steps):
        weight = normal(8, 4 // groups, *case["kernel"])
        kind = (im.AnalogConv1d, im.AnalogConv2d, im.AnalogConv3d)[axes - 1]
        y = kind(weight, groups=groups, **geometry)(x)
        assert_same_product(y, "Conv", x, weight, attributes)
    weight = normal(4, 3, *case["kernel"])
    kind = (im.AnalogConvTranspose1d, im.AnalogConvTranspose2d, im.AnalogConvTranspose3d)[axes - 1]
    layer = kind(weight, groups=groups, output_padding=case["extra"], **geometry)
    try:
        y = layer(x)
    except ValueError as error:
        assert "leaves nothing" in str(error)
        return
    assert layer.output_shape(x) == y.shape
    padded = attributes | {"output_padding": case["extra"]}
    assert_same_product(y, "ConvTranspose", x, weight, padded)


@pytest.mark.parametrize("name", LAYERS)
def test_threads_batches_copies_and_saved_state_give_the_same_bits(name: str) -> None:
    build, ndim = LAYERS[name]
    layer = build(hardware=NOISY, seed=3, groups=2 if "transposed" in name else 1)
    x = normal(6, len(layer.weight) if "transposed" in name else 2, *(3, 5, 6)[5 - ndim :])
    layer.calibrate(x)
    y = layer(x, num_threads=1)
    assert_array_equal(layer(x, num_threads=2), y)
    parts = [layer(x[:2]), layer(x[2:], first_sample=2)]
    assert_array_equal(np.concatenate(parts), y)
    assert_array_equal(layer(x[::-1].copy(), samples=np.arange(6)[::-1].copy()), y[::-1])
    assert (layer(x, read=1) != y).any()
    out = np.empty_like(y)
    assert layer(x, out=out) is not None
    assert_array_equal(out, y)
    later = layer.at(3600.0)
    assert_array_equal(later(x).shape, y.shape)
    fresh = build(hardware=NOISY, seed=1, groups=layer.groups)
    fresh.restore(later.state())
    for other in (copy.deepcopy(later), pickle.loads(pickle.dumps(later)), fresh):
        assert_array_equal(other(x), later(x))
    assert_array_equal(layer.pulses().shape, layer.conductances().shape)
    assert layer.effective_weight().shape == layer.weight.shape
    assert layer.with_weights(2 * layer.weight)(x).shape == y.shape
    assert layer.with_bias(np.ones(y.shape[1]))(x).shape == y.shape


def test_many_products_are_computed_in_parts() -> None:
    """With more than a million products per call, images are taken a few at a time."""
    layer = im.AnalogConvTranspose1d(
        normal(3, 40, 9), normal(40), stride=3, hardware=NOISY.with_field("cell.drift", None)
        .with_field("drift_compensation", None), seed=3, epilogue=im.Epilogue(low=0.0),
    )  # fmt: skip
    x = normal(5, 3, 1500)
    layer.calibrate(x[:1])
    y = layer(x, first_sample=7)
    assert 360 * 1500 < 2**20 < 2 * 360 * 1500
    alone = [layer(x[i : i + 1], first_sample=7 + i) for i in range(5)]
    assert_array_equal(np.concatenate(alone), y)
    named = layer(x, samples=np.arange(7, 12))
    assert_array_equal(named, y)


def test_columns_of_a_channel_share_their_weight_range() -> None:
    weight = normal(5, 3, 2, 2)
    weight[:, 1] *= 10
    hardware = im.Hardware(per="channel", weight_bits=8, cell=im.Cell(bits=7))
    layer = im.AnalogConvTranspose2d(weight, hardware=hardware)
    g = layer.conductances()[0]
    by_channel = (g[0] - g[1]).reshape(3, 4, 5)
    assert_array_equal(np.abs(by_channel).max(axis=(1, 2)), np.ones(3))
    largest = np.abs(weight).max(axis=(0, 2, 3))
    steps = np.rint(weight / largest[:, None, None] * 127) / 127
    assert_allclose(by_channel, steps.transpose(1, 2, 3, 0).reshape(3, 4, 5), atol=1e-6)
    assert_allclose(layer.effective_weight(), steps * largest[:, None, None], atol=1e-5)


def test_arrays_are_counted_by_columns() -> None:
    hardware = im.Hardware(array=im.Array(rows=8, cols=16))
    layer = im.AnalogConvTranspose2d(normal(20, 3, 4, 4), groups=2, hardware=hardware)
    use = layer.arrays
    # Of each of two groups: 10 rows in 2 blocks, 48 columns in 3, 2 polarities.
    assert (use.arrays, use.weight_cells) == (2 * 2 * 3 * 2, 2 * layer.weight.size)
    assert layer.plan.arrays == use.arrays
    network, _ = odd_networks.ALL_CASES["transposed, grouped"]()
    spec = Network.from_onnx(network)._specs["up"]
    assert spec.matrices[0] == (3, 2 * 9, 2)


def test_block_diagonal_arrays_hold_groups_of_a_transposed_convolution() -> None:
    hardware = im.Hardware(
        weight_bits=5, scheme="offset", offset_removal="unit_column", groups="block_diagonal",
        cell=im.Cell(bits=2, on_off_ratio=10, programming=im.device.Gaussian(0.02)),
        dac=im.DAC(bits=5), adc=im.ADC(bits=9),
    )  # fmt: skip
    weight, x = normal(6, 2, 3, 3), normal(2, 6, 4, 5)
    arguments = {"groups": 3, "stride": 2, "seed": 4}
    layer = im.AnalogConvTranspose2d(weight, hardware=hardware, **arguments)
    reference = ReferenceConvTranspose(weight, hardware=hardware, **arguments)
    for one in (layer, reference):
        one.calibrate(x)
    expected, slack = reference.forward(x, return_slack=True)
    assert_outputs_match(layer(x), expected, slack)


def test_epilogue_scales_each_channel_before_it_clips() -> None:
    weight, bias, x = normal(4, 3, 3, 3), normal(3), normal(2, 4, 5, 6)
    plain = im.AnalogConvTranspose2d(weight, bias, stride=2)(x)
    scale, shift = normal(3, seed=1), normal(3, seed=2)
    epilogue = im.Epilogue(scale=scale, shift=shift, low=-0.5, high=2.0)
    layer = im.AnalogConvTranspose2d(weight, bias, stride=2, epilogue=epilogue)
    wanted = np.clip(plain * scale[:, None, None] + shift[:, None, None], -0.5, 2.0)
    assert_allclose(layer(x), wanted, atol=1e-5)


def decoder_chip() -> tuple[AnalogNetwork, Any]:
    onnx_model, feeds = odd_networks.ALL_CASES["decoder"]()
    chip = AnalogNetwork(Network.from_onnx(onnx_model), NOISY, seed=2)
    chip.calibrate(feeds["x"])
    return chip, feeds["x"]


def test_a_chip_with_transposed_layers_does_what_chips_do(tmp_path: Path) -> None:
    chip, x = decoder_chip()
    y = chip(x)
    assert y.shape == (5, 2, 9, 8)
    assert_array_equal(np.concatenate([chip(x[:2]), chip(x[2:], first_sample=2)]), y)
    assert chip.features(x, "g").shape == (5, 4, 9, 8)
    chip.at(60.0).save(tmp_path / "chip.npz")
    later = chip.at(60.0)(x)
    assert (later != y).any()
    for other in (
        AnalogNetwork.load(tmp_path / "chip.npz"),
        pickle.loads(pickle.dumps(chip.at(60))),
    ):
        assert_array_equal(other(x), later)
    report = chip.calibration_report(x)
    assert list(dict.fromkeys(report["layer"])) == ["down", "up", "last"]
    table = im.diagnose(chip, x).layers
    assert len(table) == 3 and np.isfinite(table.select_dtypes("number")).all(axis=None)
    chip.program(9)
    assert (chip(x) != y).any()


def test_corrections_of_transposed_layers() -> None:
    chip, x = decoder_chip()
    wanted = chip.network(x)

    def error(other: AnalogNetwork) -> float:
        return float(np.abs(other(x) - wanted).mean())

    fitted = chip.affine_corrected(x)
    assert error(fitted) < error(chip)
    scale = fitted.layers["up"].epilogue.scale
    assert scale is not None and scale.shape == (4,)
    again = chip.reestimate_batch_norm(x)
    arrays = again.layers["up"].with_epilogue(im.Epilogue())
    outputs = arrays(again.features(x, "c"))
    spec = again.network._specs["up"]
    assert spec.batch_norm is not None
    normalised = again.layers["up"].with_epilogue(
        im.Epilogue(
            scale=again.layers["up"].epilogue.scale, shift=again.layers["up"].epilogue.shift
        )
    )(again.features(x, "c"))
    assert outputs.shape == normalised.shape
    assert_allclose(normalised.mean(axis=(0, 2, 3)), spec.batch_norm.beta, atol=1e-3)
    deviation = np.abs(spec.batch_norm.gamma)
    assert_allclose(normalised.std(axis=(0, 2, 3)), deviation, rtol=1e-3)
    mixed = chip.network.shuffled(seed=1)._specs["up"].weight
    assert_array_equal(np.sort(mixed, axis=None), np.sort(spec.weight, axis=None))
    assert (mixed != spec.weight).any()
