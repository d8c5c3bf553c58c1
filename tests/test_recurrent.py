# SPDX-License-Identifier: BSD-3-Clause
"""Recurrent layers against the float64 reference and each other: steps, parts, directions."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from imperfect.testing import ReferenceRecurrent, assert_outputs_match
from strategies import RecurrentWork, recurrent_works

Recurrent = im.AnalogLSTM | im.AnalogGRU
NUMBERS = {"first_sample": 2**40 + 5, "read": 3}
NOISY = im.Hardware(
    weight_bits=6,
    cell=im.Cell(
        bits=2,
        on_off_ratio=50,
        programming=im.device.Gaussian(0.03),
        read_noise=im.device.Gaussian(0.02),
    ),
    array=im.Array(rows=20),
    dac=im.DAC(bits=6),
    adc=im.ADC(bits=7, range="calibrated"),
)


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def make(kind: str, inputs: int = 5, hidden: int = 7, **changes: Any) -> Recurrent:
    """A layer with random weights and biases."""
    gates = 4 if kind == "lstm" else 3
    lead = (2,) if changes.get("direction") == "bidirectional" else ()
    shapes = ((inputs,), (hidden,), (), ())
    arrays = [
        normal(*lead, gates * hidden, *shape, seed=i, scale=0.7) for i, shape in enumerate(shapes)
    ]
    if kind == "lstm":
        return im.AnalogLSTM(*arrays, **changes)
    return im.AnalogGRU(*arrays, **{"reset_after": kind == "gru_reset_after"} | changes)


KINDS = ("lstm", "gru", "gru_reset_after")
DIRECTIONS = ("forward", "reverse", "bidirectional")


def states_of(layer: Recurrent, h: Any, c: Any) -> Any:
    return (h, c) if isinstance(layer, im.AnalogLSTM) else h


def split(layer: Recurrent, x: Any, state: Any = None, **given: Any) -> tuple[Any, Any, Any]:
    """y, h and c; a GRU's c is its h."""
    y, last = layer(x, state, **given)
    h, c = last if isinstance(last, tuple) else (last, last)
    return y, h, c


def reference_of(work: RecurrentWork) -> ReferenceRecurrent:
    given = dict(work.arguments)
    given["clip"] = np.inf if given["clip"] is None else given["clip"]
    return ReferenceRecurrent(work.kind, **given)


def layer_of(work: RecurrentWork) -> Recurrent:
    if work.kind == "lstm":
        return im.AnalogLSTM(**work.arguments)
    return im.AnalogGRU(**work.arguments, reset_after=work.kind == "gru_reset_after")


def calibrate_both(layer: Recurrent, reference: ReferenceRecurrent, x: Any) -> None:
    """The same ranges in both, each array's found by the reference on what the layer gave it."""
    layer.calibrate(x)
    cores = layer.cores
    ideal = {
        role: core if role.endswith("input") else im.AnalogLinear(core.weight, core.bias)
        for role, core in cores.items()
    }
    given = layer._checked(x, layer._states(None), None)
    for path, rows in layer._drives(given, ideal).items():
        role = path.removeprefix("forward.")
        reference.cores[role].calibrate(rows)
        adopt_ranges(cores[path], reference.cores[role])


def adopt_ranges(core: im.AnalogLinear, reference: Any) -> None:
    found = core.state()
    if "input_range" not in found:
        return
    needed = (core.hardware.dac.bits, core.hardware.adc.bits) != (None, None)
    if needed and core.hardware.dac.range == "calibrated":
        assert_allclose(found["input_range"][0], reference.input_range, rtol=1e-6)
        reference.input_range = float(found["input_range"][0])
    if reference.adc_ranges is not None:
        ranges = found["output_ranges"].reshape(reference.adc_ranges.shape)
        assert_allclose(ranges, reference.adc_ranges, rtol=1e-4, atol=1e-6)
        reference.adc_ranges = ranges


@settings(max_examples=80, deadline=None)
@given(recurrent_works())
def test_random_machines_agree_with_the_reference(work: RecurrentWork) -> None:
    layer, reference = layer_of(work), reference_of(work)
    calibrate_both(layer, reference, work.calibration)
    layer = layer.at(work.seconds)
    for path, core in layer.cores.items():
        mine = reference.cores[path.removeprefix("forward.")]
        mine.set_time(work.seconds)
        g = mine.conductances()
        assert_allclose(core.conductances(), g, atol=3e-6 * max(1.0, float(np.abs(g).max())))

    # Every step from the state that the layer itself was in: rounding does not add up.
    steps, (h, c) = work.x.shape[1], work.states
    before: list[Any] = []
    samples = (NUMBERS["first_sample"] + np.arange(len(work.x), dtype=np.uint64)) * np.uint64(steps)
    after: list[Any] = []
    for t in range(steps):
        before.append((h[:, 0], c[:, 0]))
        own = samples + np.uint64(t)
        _, h, c = split(
            layer, work.x[:, t : t + 1], states_of(layer, h, c), samples=own, read=NUMBERS["read"]
        )
        after.append((h[:, 0], c[:, 0]))
    y, _, _ = split(layer, work.x, states_of(layer, *work.states), **NUMBERS)
    assert_array_equal(y, np.stack([h for h, _ in after], 1))

    x = work.x.astype(np.float64)
    h0, c0 = (np.stack(v, 1).astype(np.float64) for v in zip(*before, strict=True))
    reset = None
    if work.kind == "gru":
        given = layer._checked(work.x, layer._states(work.states[0]), None)
        trace = layer._run(given, layer._cores, (*NUMBERS.values(), None), traces=True)[4][0]
        assert_outputs_match(trace, *reference.reset(x, h0, **NUMBERS))
        reset = trace.astype(np.float64)
    (h1, c1), (h_slack, c_slack) = reference.step(x, h0, c0, reset=reset, **NUMBERS)
    assert_outputs_match(y, h1, h_slack)
    if work.kind == "lstm":
        assert_outputs_match(np.stack([c for _, c in after], 1), c1, c_slack)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_ideal_hardware_is_the_float_layer(kind: str, direction: str) -> None:
    lengths = np.array([9, 1, 4, 9])
    layer = make(kind, direction=direction)
    count, x = 1 + (direction == "bidirectional"), normal(4, 9, 5, seed=9)
    states = normal(2, 4, count, 7, seed=8)
    y, h, c = split(layer, x, states_of(layer, *states), lengths=lengths)
    arrays = [layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh]
    for place, name in enumerate(
        layer.cores and dict.fromkeys(r.split(".")[0] for r in layer.cores)
    ):
        own = [values[place] if count == 2 else values for values in arrays]  # type: ignore[index]
        reference = ReferenceRecurrent(kind, *own, hardware=im.Hardware(), name=name)  # type: ignore[arg-type]
        expected = reference.forward(x, states[0][:, place], states[1][:, place], lengths)
        assert_allclose(y[..., 7 * place : 7 * place + 7], expected[0], atol=2e-6)
        assert_allclose(h[:, place], expected[1], atol=2e-6)
        if kind == "lstm":
            assert_allclose(c[:, place], expected[2], atol=2e-6)


def test_gates_stand_in_the_order_of_torch() -> None:
    """One unit whose gates are set one by one: σ(±40) is 1 or 0."""
    on, off = 40.0, -40.0

    def lstm(i: float, f: float, g: float, o: float) -> tuple[float, float]:
        layer = im.AnalogLSTM([[i], [f], [g], [o]], np.zeros((4, 1)))
        _, (h, c) = layer([[[1.0]]], (np.zeros((1, 1, 1)), np.full((1, 1, 1), 0.25)))
        return float(h[0, 0, 0]), float(c[0, 0, 0])

    assert lstm(on, off, 0.5, on) == pytest.approx((np.tanh(np.tanh(0.5)), np.tanh(0.5)))
    assert lstm(off, on, 0.5, on) == pytest.approx((np.tanh(0.25), 0.25))
    assert lstm(off, on, 0.5, off) == pytest.approx((0.0, 0.25))

    def gru(r: float, z: float, n: float, reset_after: bool) -> float:
        weights = [[r], [z], [n]], [[0.0], [0.0], [2.0]]
        layer = im.AnalogGRU(*weights, reset_after=reset_after)
        return float(layer([[[1.0]]], np.full((1, 1, 1), 0.25))[1][0, 0, 0])

    for after in (True, False):
        assert gru(on, on, 0.5, after) == pytest.approx(0.25)
        assert gru(off, off, 0.5, after) == pytest.approx(np.tanh(0.5))
        assert gru(on, off, 0.5, after) == pytest.approx(np.tanh(1.0))


def test_resetting_before_or_after_the_product_differs_in_its_bias_only_here() -> None:
    """With one unit r·(R h + b) and R·(r h) + b differ by (r - 1) b."""
    arrays = [[0.3], [0.1], [0.5]], [[0.2], [0.4], [0.8]], None, [0.0, 0.0, 0.7]
    x, h = [[[1.0]]], np.full((1, 1, 1), 0.25)
    r, z = (1 / (1 + np.exp(-v)) for v in (0.3 + 0.2 * 0.25, 0.1 + 0.4 * 0.25))
    for after, sums in ((True, r * (0.2 + 0.7)), (False, r * 0.2 + 0.7)):
        expected = (1 - z) * np.tanh(0.5 + sums) + z * 0.25
        found = im.AnalogGRU(*arrays, reset_after=after)(x, h)[1]
        assert_allclose(found[0, 0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_parts_of_a_batch_do_not_change_bits(kind: str, direction: str) -> None:
    layer = make(kind, hidden=30, hardware=NOISY, direction=direction, seed=3)
    x, lengths = normal(70, 6, 5, seed=9), np.arange(70) % 6 + 1
    layer.calibrate(x, lengths=lengths)
    y, h, c = split(layer, x, num_threads=1, lengths=lengths, **NUMBERS)
    for threads in (2, 3):
        again = split(layer, x, num_threads=threads, lengths=lengths, **NUMBERS)
        for a, b in zip(again, (y, h, c), strict=True):
            assert_array_equal(a, b)
    first, read = NUMBERS.values()
    head = split(layer, x[:1], lengths=lengths[:1], first_sample=first, read=read)
    tail = split(layer, x[1:], lengths=lengths[1:], first_sample=first + 1, read=read)
    numbers = np.arange(first, first + 70, dtype=np.uint64)[::-1].copy()
    turned = split(layer, x[::-1], lengths=lengths[::-1], samples=numbers, read=read)
    for whole, one, rest, back in zip((y, h, c), head, tail, turned, strict=True):
        assert_array_equal(whole, np.concatenate([one, rest]))
        assert_array_equal(whole, back[::-1])
    other = split(layer, x, lengths=lengths, first_sample=first, read=read + 1)
    assert (other[0] != y).any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_a_samples_end_does_not_count(kind: str) -> None:
    layer = make(
        kind, direction="bidirectional", hardware=NOISY.with_field("cell.read_noise", None)
    )
    x = normal(3, 8, 5, seed=9)
    layer.calibrate(x)
    y, h, c = split(layer, x, lengths=[8, 3, 1])
    alone = split(layer, x[1:2, :3])
    assert_array_equal(y[1:2, :3], alone[0])
    assert_array_equal(h[1:2], alone[1])
    assert_array_equal(c[1:2], alone[2])
    assert not y[1, 3:].any() and not y[2, 1:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_in_pieces_are_the_whole(kind: str) -> None:
    """A state handed on; draws are numbered by hand."""
    layer = make(kind, hardware=NOISY.with_field("cell.read_noise", None))
    x = normal(3, 8, 5, seed=9)
    layer.calibrate(x)
    whole, h, c = split(layer, x)
    first, h1, c1 = split(layer, x[:, :5])
    last, h2, c2 = split(layer, x[:, 5:], states_of(layer, h1, c1))
    assert_array_equal(whole, np.concatenate([first, last], axis=1))
    assert_array_equal(h, h2)
    assert_array_equal(c, c2)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_pickles_and_saved_state_compute_the_same(kind: str) -> None:
    given: dict[str, Any] = {"peepholes": normal(2, 21)} if kind == "lstm" else {}
    hardware = NOISY.with_field("cell.drift", im.device.PowerLaw(0.05, t0=1.0))
    arguments = {"direction": "bidirectional", "clip": 2.0, "hardware": hardware, **given}
    layer = make(kind, seed=9, layer_id="a", **arguments)
    x = normal(4, 6, 5)
    layer.calibrate(x)
    layer = layer.at(100.0)
    y = split(layer, x)[0]
    fresh = make(kind, seed=1, layer_id="a", **arguments)
    fresh.restore(layer.state())
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), fresh):
        assert_array_equal(split(other, x)[0], y)
        assert repr(other) == repr(layer) and "at 100 s" in repr(layer)
    other = copy.copy(layer)
    other.program(write=1)
    assert (other.write, other.seconds, layer.write, layer.seconds) == (1, 0.0, 0, 100.0)
    assert (other.conductances() != layer.conductances()).any()
    assert_array_equal(split(layer, x)[0], y)


def test_every_array_has_draws_of_its_own() -> None:
    layer = make("gru", 7, direction="bidirectional", hardware=NOISY, layer_id="a")
    same = np.tile(layer.weight_hh[:1, :7], (2, 3, 1))
    layer = im.AnalogGRU(same, same, reset_after=False, direction="bidirectional", hardware=NOISY)
    names = [
        f"{d}.{role}"
        for d in ("forward", "reverse")
        for role in ("input", "recurrent", "candidate")
    ]
    assert list(layer.cores) == names
    found = [core.conductances()[..., :7, :] for core in layer.cores.values()]
    for place, mine in enumerate(found):
        for other in found[:place]:
            assert (mine != other).mean() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_cells_and_plan_cover_all_arrays(kind: str) -> None:
    layer = make(kind, direction="bidirectional", hardware=NOISY)
    gates = 4 if kind == "lstm" else 3
    assert layer.weight.shape == layer.effective_weight().shape == (2, gates * 7, 12)
    assert layer.conductances().shape == (3, 2, 2 * gates * 7, 12)
    assert layer.plan.kind == "uncalibrated" and layer.needs_calibration and layer.uses_calibration
    layer.calibrate(normal(4, 6, 5))
    plan = layer.plan
    assert plan.cells == 2 * 3 * layer.weight.size
    assert plan.arrays == len(layer.cores) * 2 * 3
    assert plan.multiply_adds == plan.products * layer.weight.size
    ideal = make(kind, direction="bidirectional")
    assert_allclose(ideal.effective_weight(), ideal.weight, atol=1e-6)
    role = "candidate" if kind == "gru" else "recurrent"
    last = layer.cores[f"reverse.{role}"].effective_weight()
    assert_array_equal(layer.effective_weight()[1, -len(last) :, 5:], last)


@pytest.mark.parametrize("kind", KINDS)
def test_report_and_clipping_count_what_enters_the_arrays(kind: str) -> None:
    layer, x, lengths = make(kind, hardware=NOISY), normal(6, 5, 5), np.array([5, 1, 2, 3, 4, 5])
    layer.calibrate(x, lengths=lengths)
    report = layer.calibration_report(x, lengths=lengths)
    assert list(dict.fromkeys(report.layer)) == list(layer.cores)
    rows = 20 * (4 if kind == "lstm" else 3) * 7
    blocks = report[report.layer == "forward.input"]
    assert blocks.conversions.tolist() == [rows] * 3
    clipping = layer.clipping(x, lengths=lengths)
    parts = report.groupby("layer", sort=False).input_clipped.first()
    sizes = np.array([20 * core.weight.shape[1] for core in layer.cores.values()])
    assert_allclose(clipping.dac, (parts * sizes).sum() / sizes.sum())
    assert clipping.dac < 0.02
    assert layer.clipping(100 * x, lengths=lengths).dac > 0.3
    total = (report.clipped_low + report.clipped_high) * report.conversions
    expected = (
        total.groupby(report["slice"]).sum() / report.conversions.groupby(report["slice"]).sum()
    )
    assert_allclose(clipping.adc, expected)
    assert make(kind).clipping(x) == im.Clipping(0.0)


def test_calibration_sees_the_states_of_long_sequences() -> None:
    layer = make("lstm", hardware=NOISY)
    layer.calibrate(normal(4, 30, 5))
    ranges = {role: core.state()["input_range"][0] for role, core in layer.cores.items()}
    assert ranges["forward.input"] > 2.0 and 0.3 < ranges["forward.recurrent"] <= 1.0


def test_drift_compensation_brings_states_back() -> None:
    cell = im.Cell(drift=im.device.PowerLaw(0.05, t0=1.0))
    x = normal(8, 6, 5)
    errors = []
    for compensation in (None, "layer"):
        hardware = im.Hardware(cell=cell, drift_compensation=compensation)
        layer = make("gru_reset_after", hardware=hardware)
        layer.calibrate(x)
        errors.append(np.abs(layer.at(1e6)(x)[0] - layer(x)[0]).max())
    assert errors[0] > 0.05 and errors[1] < 1e-5


def test_ranges_can_be_drawn() -> None:
    layer = make("gru", hardware=NOISY)
    x = normal(4, 6, 5)
    layer.calibrate(x)
    figure = im.plot.adc_ranges(layer, x)
    texts = " ".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )
    assert all(role in texts for role in layer.cores)
