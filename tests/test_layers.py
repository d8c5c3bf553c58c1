# SPDX-License-Identifier: BSD-3-Clause
"""Layers against the float64 reference, known answers, and what their docstrings promise."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from numpy.testing import assert_allclose, assert_array_equal

import imperfect as im
from golden_cases import CASES, load_case
from imperfect.testing import ReferenceLayer, assert_outputs_match
from strategies import Product, Workload, integer_products, workloads

KINDS = {2: im.AnalogLinear, 3: im.AnalogConv1d, 4: im.AnalogConv2d, 5: im.AnalogConv3d}
TRANSPOSED = {
    3: im.AnalogConvTranspose1d,
    4: im.AnalogConvTranspose2d,
    5: im.AnalogConvTranspose3d,
}
SLICED = im.Hardware(
    weight_bits=6,
    cell=im.Cell(bits=2, on_off_ratio=50, programming=im.device.Gaussian(0.03)),
    array=im.Array(rows=20),
    dac=im.DAC(bits=6, slice_bits=1),
    adc=im.ADC(bits=7, range="calibrated"),
)


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def make_layer(work: Workload) -> tuple[im.layers.AnalogLayer, tuple[int, ...]]:
    """The layer of a workload; a linear one with groups runs as a convolution of length 1."""
    arguments = dict(work.arguments)
    weight, extra = work.weight, ()
    if weight.ndim == 2 and arguments["groups"] > 1:
        weight, extra = weight[..., None], (1,)
    elif weight.ndim == 2:
        del arguments["groups"]
    kind = TRANSPOSED[weight.ndim] if work.is_transposed else KINDS[weight.ndim]
    layer = kind(weight, work.bias, hardware=work.hardware, **arguments)
    return layer, extra


@settings(max_examples=250, deadline=None)
@given(workloads())
def test_random_machines_agree_with_the_reference(work: Workload) -> None:
    reference = work.reference()
    layer, extra = make_layer(work)
    calibration = work.calibration.reshape(*work.calibration.shape, *extra)
    layer.calibrate(calibration)
    g = reference.conductances()
    assert_allclose(layer.conductances(), g, atol=2e-6 * max(1.0, float(g.max())))

    found = layer.state()
    if "input_range" in found:
        full_scale, _ = found["input_range"]
        needed = (work.hardware.dac.bits, work.hardware.adc.bits) != (None, None)
        if needed and work.hardware.dac.range == "calibrated":
            assert_allclose(full_scale, reference.input_range, rtol=1e-6)
            reference.input_range = float(full_scale)
        if reference.adc_ranges is not None:
            ranges = found["output_ranges"].reshape(reference.adc_ranges.shape)
            assert_allclose(ranges, reference.adc_ranges, rtol=1e-4, atol=1e-6)
            reference.adc_ranges = ranges
    layer = layer.at(work.seconds)
    reference.set_time(work.seconds)
    g = reference.conductances()
    assert_allclose(layer.conductances(), g, atol=3e-6 * max(1.0, float(np.abs(g).max())))
    if "WriteVerify" in repr(work.hardware):
        assert_array_equal(layer.pulses(), reference.pulses())
    x = work.x.reshape(*work.x.shape, *extra)
    numbers = {"first_sample": 2**40 + 5, "read": 3}
    expected, slack = reference.forward(work.x, return_slack=True, **numbers)
    assert_outputs_match(layer(x, **numbers).reshape(expected.shape), expected, slack)


def test_noise_of_cycles_with_singular_covariance() -> None:
    """Cells of one line whose deviations differ a hundredfold, and which all cycles share."""
    hardware = im.Hardware(
        cell=im.Cell(read_noise=im.device.Proportional(0.1, correlation="product")),
        array=im.Array(column_current_max=0.4),
        dac=im.DAC(bits=6, slice_bits=1, range=2.0, signed=True),
    )
    weight = np.array([[0.03, 1.0, 0.02, 0.01]], np.float32)
    x = normal(20_000, 4)
    reference = im.testing.ReferenceLayer(weight, hardware=hardware)
    expected, slack = reference.forward(x, return_slack=True)
    assert_outputs_match(im.AnalogLinear(weight, hardware=hardware)(x), expected, slack)


@settings(max_examples=150, deadline=None)
@given(integer_products(lossless=False) | integer_products(lossless=True))
def test_integers_multiply_exactly(product: Product) -> None:
    try:
        layer = im.AnalogConv1d(
            product.weight[..., None], groups=product.groups, hardware=product.hardware
        )
    except ValueError as error:
        assert "lossless" in str(error)
        assume(False)
    y = layer(product.x[..., None])[..., 0]
    assert_array_equal(y, product.expected)


@pytest.mark.parametrize("name", CASES)
def test_known_answers(name: str) -> None:
    case = load_case(name)
    layer = KINDS[case.weight.ndim](
        case.weight, case.bias, hardware=case.hardware, **case.convolution
    )
    assert_allclose(layer(case.x), case.expected, rtol=0, atol=case.error)


@pytest.mark.parametrize("level", ["base", "avx2", "avx512"])
def test_this_file_at_every_simd_level(level: str) -> None:
    if os.environ.get("IMPERFECT_SIMD"):
        pytest.skip("already running at the level that IMPERFECT_SIMD names")
    if level not in im.available_simd_levels():
        pytest.skip(f"this machine cannot run {level}")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "IMPERFECT_SIMD": level},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_simd_level_is_checked_against_the_machine() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import imperfect as im; im.AnalogLinear([[1.0]])"],
        env={**os.environ, "IMPERFECT_SIMD": "avx1024"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ValueError: IMPERFECT_SIMD='avx1024'" in run.stderr


def test_ideal_hardware_is_the_float_layer() -> None:
    x, weight, bias = normal(9, 300), normal(40, 300, seed=1), normal(40, seed=2)
    exact = x.astype(np.float64) @ weight.T + bias
    assert_allclose(im.AnalogLinear(weight, bias)(x), exact, atol=2e-4)


def test_threads_batches_and_out_do_not_change_bits() -> None:
    layer = im.AnalogConv2d(normal(16, 3, 3, 3), padding="same", hardware=SLICED, seed=3)
    x = normal(10, 3, 12, 11)
    layer.calibrate(x)
    y = layer(x, num_threads=1)
    assert_array_equal(layer(x, num_threads=2), y)
    assert_array_equal(np.concatenate([layer(x[:3]), layer(x[3:])]), y)
    out = np.empty_like(y)
    assert layer(x, out=out) is out
    assert_array_equal(out, y)


def test_one_sample_does_not_influence_another() -> None:
    layer = im.AnalogLinear(normal(8, 30), hardware=SLICED)
    layer.calibrate(normal(50, 30, seed=4))
    x = normal(2, 30)
    with_outlier = x.copy()
    with_outlier[1] *= 1000
    assert_array_equal(layer(x)[0], layer(with_outlier)[0])


def test_seed_layer_id_and_write_each_change_the_draws() -> None:
    weight = normal(5, 7)

    def cells(seed: int = 1, layer_id: int | str = "a", write: int = 0) -> Any:
        layer = im.AnalogLinear(weight, hardware=SLICED, seed=seed, layer_id=layer_id)
        layer.program(write=write)
        return layer.conductances()

    assert_array_equal(cells(), cells())
    for other in (cells(seed=2), cells(layer_id="b"), cells(write=1)):
        assert (other != cells()).mean() > 0.9


def test_stuck_cells_stay_stuck_when_written_again() -> None:
    hardware = im.Hardware(cell=im.Cell(faults=im.device.StuckAt(p_on=0.1)))
    layer = im.AnalogLinear(np.full((50, 50), 0.5), hardware=hardware, seed=5)
    before = layer.conductances()
    layer.program(write=1)
    assert_array_equal(layer.conductances(), before)
    layer.program(seed=6)
    assert (layer.conductances() != before).any()


def test_array_size_does_not_shift_the_draws() -> None:
    weight = normal(9, 30)
    cells = [
        im.AnalogLinear(weight, hardware=SLICED.with_field("array.rows", rows)).conductances()
        for rows in (None, 4, 20)
    ]
    assert_array_equal(cells[0], cells[1])
    assert_array_equal(cells[0], cells[2])


def test_the_state_of_a_layer_without_ranges_takes_them_away() -> None:
    hardware = SLICED.with_field("drift_compensation", "layer")
    layer = im.AnalogLinear(normal(3, 4), hardware=hardware, seed=9)
    before = layer.state()
    layer.calibrate(normal(20, 4))
    layer.restore(before)
    assert layer.needs_calibration and layer.state().keys() == before.keys()
    with pytest.raises(ValueError, match="calibrate"):
        layer(normal(1, 4))


def test_copies_pickles_and_saved_state_compute_the_same() -> None:
    layer = im.AnalogConv1d(normal(6, 2, 3), normal(6), groups=2, hardware=SLICED, seed=9)
    x = normal(4, 4, 10)
    layer.calibrate(x)
    y = layer(x)
    fresh = im.AnalogConv1d(layer.weight, layer.bias, groups=2, hardware=SLICED, seed=1)
    fresh.restore(layer.state())
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), fresh):
        assert_array_equal(other(x), y)
    clone = copy.copy(layer)
    clone.program(seed=10)
    assert_array_equal(layer(x), y)
    assert (clone(x) != y).any()


def test_calibration_saturates_what_lies_outside_and_counts_it() -> None:
    layer = im.AnalogLinear(normal(8, 30), hardware=SLICED)
    x = normal(50, 30, seed=4)
    layer.calibrate(x)
    assert layer.clipping(x).dac == 0.0
    assert max(layer.clipping(x).adc) < 0.05
    rates = layer.clipping(100 * x)
    assert rates.dac > 0.9
    assert len(rates.adc) == SLICED.num_slices


@pytest.mark.parametrize("subtract", ["analog", "digital"])
@pytest.mark.parametrize("tied", [True, False])
def test_tied_ranges_recombine_codes_by_shifts_alone(subtract: str, tied: bool) -> None:
    hardware = SLICED.with_field("subtract", subtract).with_field("adc.tie_slices", tied)
    layer = im.AnalogLinear(normal(8, 30), hardware=hardware)
    x = normal(50, 30, seed=4)
    layer.calibrate(x)
    found = layer.state()
    full_scale, lsb = found["input_range"][0], found["output_ranges"][:, 1].min() / 63
    # One code of the finest slice in the first cycle, in units of y: 31 weight and input steps,
    # 3 steps of a cell from g_min = 1/50 up.
    unit = np.abs(layer.weight).max() * full_scale / (31 * 31) * 3 / (1 - 1 / 50) * lsb
    steps = layer(x).astype(np.float64) / unit
    assert np.abs(steps).max() > 1000
    assert (np.abs(steps - np.rint(steps)).max() < 0.02) == tied


def test_effective_weight_is_what_the_layer_multiplies_with() -> None:
    hardware = SLICED.with_field("adc", im.ADC()).with_field("dac", im.DAC())
    layer = im.AnalogConv2d(normal(4, 2, 3, 3), groups=2, hardware=hardware, seed=2)
    same = im.AnalogConv2d(layer.effective_weight(), groups=2)
    x = normal(3, 4, 6, 5)
    assert_allclose(layer(x), same(x), atol=1e-4)


def test_plan_says_what_a_pass_costs() -> None:
    layer = im.AnalogLinear(normal(8, 30), hardware=SLICED)
    assert layer.plan.kind == "uncalibrated"
    layer.calibrate(normal(5, 30))
    plan = layer.plan
    assert (plan.kind, plan.slices, plan.cycles, plan.products) == ("bit_serial", 3, 5, 15)
    assert plan.row_blocks == 2
    assert plan.arrays == 2 * 3 * 2
    assert set(plan.not_taken) == {"folded", "fused"}
    assert plan.multiply_adds == 15 * 8 * 30
    assert 0 < plan.table_bytes < 2**20
    folded = im.AnalogLinear(normal(8, 30)).plan
    assert (folded.kind, folded.table_bytes) == ("folded", 0)
    assert set(folded.not_taken) == {"fused", "bit_serial"}


@pytest.mark.parametrize("slice_bits", [None, 2])
@pytest.mark.parametrize("kernel", [2, 3])
def test_small_kernels_whose_inputs_are_driven_in_two_passes(
    kernel: int, slice_bits: int | None
) -> None:
    """Read from the padded images, without a panel."""
    hardware = im.Hardware(
        weight_bits=5, cell=im.Cell(bits=4), adc=im.ADC(bits=8),
        dac=im.DAC(bits=4, slice_bits=slice_bits, signed=False, two_pass=True, range=2.0),
    )  # fmt: skip
    weight, x = normal(8, 2, kernel, kernel), normal(2, 2, 6, 6, seed=1)
    expected, slack = ReferenceLayer(weight, hardware=hardware).forward(x, return_slack=True)
    assert_outputs_match(im.AnalogConv2d(weight, hardware=hardware)(x), expected, slack)


BIT_SERIAL = im.Hardware(
    weight_bits=7,
    cell=im.Cell(bits=2, on_off_ratio=20, programming=im.device.Gaussian(0.02)),
    array=im.Array(rows=37),
    dac=im.DAC(bits=6, slice_bits=1, range=3.0),
    adc=im.ADC(bits=16),
)


@pytest.mark.parametrize(
    "changes",
    [{}, {"subtract": "digital"}, {"scheme": "offset"}, {"dac.two_pass": True}],
    ids=["analog", "digital", "offset", "two_pass"],
)
def test_fixed16_errs_within_its_bound(changes: dict[str, Any]) -> None:
    hardware = BIT_SERIAL
    for path, value in changes.items():
        hardware = hardware.with_field(path, value)
    weight, x = normal(19, 90), normal(70, 90, seed=1)
    exact, rounded = (
        im.AnalogLinear(weight, hardware=hardware, seed=2, precision=precision)
        for precision in ("float32", "fixed16")
    )
    for layer in (exact, rounded):
        layer.calibrate(x)
    assert "fixed16" in rounded.plan.reason and "fixed16" not in exact.plan.reason
    difference = np.abs(exact(x) - rounded(x))
    assert difference.max() > 0

    # In digits: n s / (65534 - rows) and one step of the converter for every conversion.
    g_min, rows, cycles = 1 / 20, 37, exact.plan.cycles
    digits = (exact.conductances() - g_min) * 3 / (1 - g_min)
    lines = digits.shape[1] if hardware.subtract == "digital" else 1
    sums = (
        np.abs(digits[:, 0] - digits[:, 1]).sum(-1)
        if lines == 1 and len(digits[0]) == 2
        else (np.abs(digits).sum((1, 3)))
    )
    step = 2 * rows / (2**16 - 2) * 3 / (1 - g_min)
    per_conversion = rows * sums / (65534 - rows) + step * lines * exact.plan.row_blocks
    places = (
        (4.0 ** np.arange(len(digits))) @ per_conversion * exact.plan.passes * (2.0**cycles - 1)
    )
    worth = np.abs(weight).max() * 3 / (63 * (2**cycles - 1))
    assert (difference <= worth * places).all()


def test_fixed16_changes_nothing_where_it_gains_nothing() -> None:
    x = normal(5, 30)
    for hardware in (im.Hardware(), SLICED.with_field("dac.slice_bits", None)):
        layers = [
            im.AnalogLinear(normal(8, 30), hardware=hardware, precision=precision)
            for precision in ("float32", "fixed16")
        ]
        for layer in layers:
            layer.calibrate(x)
        assert_array_equal(layers[0](x), layers[1](x))
    with pytest.raises(ValueError, match="precision='float64'"):
        im.AnalogLinear(normal(8, 30), precision="float64")  # type: ignore[arg-type]


def test_conversion_to_float32_is_explicit_about_what_it_takes() -> None:
    layer = im.AnalogLinear([[1, 2]])
    assert_array_equal(layer(np.array([[1, 2]])), [[5.0]])
    assert_array_equal(layer(np.asfortranarray(np.ones((3, 2)))), np.full((3, 1), 3.0))
    assert layer([1.0, 1.0]).shape == (1,)
    assert layer(np.empty((0, 2))).shape == (0, 1)


def test_import_loads_numpy_and_core_only() -> None:
    code = (
        "import sys, imperfect; heavy = {'sklearn', 'scipy', 'onnx', 'onnxruntime', 'torch', "
        "'pandas', 'matplotlib', 'tqdm', 'dask', 'joblib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
