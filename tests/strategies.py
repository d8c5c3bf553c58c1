# SPDX-License-Identifier: BSD-3-Clause
"""Hypothesis strategies: random machines with the work they do, and exact integer products.

A `Workload` is a hardware with weights, inputs and calibration inputs; a `Product` holds integers
that its hardware multiplies without any error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from imperfect import converters as laws
from imperfect import device
from imperfect._hardware.array import CORNERS, RESISTANCES
from imperfect.hardware import ADC, DAC, Array, Cell, Hardware
from imperfect.testing import ReferenceConvTranspose, ReferenceLayer
from imperfect.testing._circuits import solves_circuits

# With this ratio no leak is ever half a converter step: (L - 1) sum(u) / 6.3 is no odd half.
ON_OFF = 7.3

CELL_LAWS = (
    None,
    device.Gaussian(0.02),
    device.Proportional(0.1),
    device.LogNormal(0.2),
    device.Uniform(0.05),
    device.Table(g=(0.0, 0.5, 1.0), sigma=(0.01, 0.03, 0.02)),
    device.Table(g=(0.1, 0.7, 0.9), sigma=(0.01, 0.03, 0.02), mean=(0.02, -0.03, -0.1)),
    device.PCM(),
    device.RRAMWan2022(),
    device.SONOS(i_max=800.0),
    device.WriteVerify(tolerance=0.02, max_pulses=4, pulse_sigma=0.05),
    device.WeightGaussian(0.05),
    (device.Proportional(0.05), device.Gaussian(0.01)),
)

# Currents that bend by several per cent and rise at every voltage.
CURVES = (
    None,
    None,
    device.CurveTable(g=(4e-6, 20e-6), a2=(-5e-6, 1e-5), a3=(1e-5, 2e-5)),
)
# Wires that take a few per cent to half of the currents.
OHMS = (0.0, 30.0, 600.0)
LIMITS = (None, None, None, 0.4, 1.7)

# What a nonlinear input converter drives.
CURVE = ((0, 0), (0.3, 0.35), (1, 0.9))
FAULT_LAWS = (
    None,
    device.StuckAt(p_on=0.02, p_off=0.05),
    device.StuckAt(p_on=0.1, p_off=0.1, cluster="row"),
    (device.StuckAt(p_on=0.1, cluster="column"), device.StuckAt(p_off=0.1)),
)

DRIFT_LAWS = (
    device.PCM(),
    device.PowerLaw(0.06, 0.02, t0=1.0),
    device.RRAMCMO(),
    device.DriftTable(
        seconds=(60.0, 1e6),
        g=(0.1, 0.6, 1.0),
        mean=((0.15, 0.5, 0.9), (0.2, 0.45, 0.7)),
        sigma=((0.01, 0.02, 0.03), (0.05, 0.01, 0.0)),
    ),
    (device.PowerLaw(0.1), device.PCM()),
)
TIMES = (1.0, 30.0, 3600.0, 86400.0)

READ_LAWS = (
    None,
    None,
    device.Gaussian(0.03),
    device.Proportional(0.1, correlation="product"),
    device.PCMRead(0.03),
    device.PCMFlicker(),
    device.RRAMCMORead(),
    device.SONOSRead(i_max=800.0, correlation="product"),
    (device.PCMFlicker(correlation="cycle"), device.PCMRead(0.01, correlation="product")),
    (device.Table(g=(0.0, 1.0), sigma=(0.05, 0.01)), device.Gaussian(0.02, correlation="product")),
)


@dataclass(frozen=True)
class Workload:
    """A machine, the layer mapped to it, and inputs as rows or images."""

    hardware: Hardware
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    x: npt.NDArray[np.float32]
    calibration: npt.NDArray[np.float32]
    arguments: dict[str, Any]
    seconds: float
    is_transposed: bool

    def reference(self) -> ReferenceLayer:
        """The calibrated reference layer."""
        kind = ReferenceConvTranspose if self.is_transposed else ReferenceLayer
        layer = kind(self.weight, self.bias, hardware=self.hardware, **self.arguments)
        layer.calibrate(self.calibration)
        return layer


@dataclass(frozen=True)
class Product:
    """Integer weights (N, K_g) and inputs (M, groups K_g) that must multiply exactly."""

    hardware: Hardware
    weight: npt.NDArray[np.int64]
    x: npt.NDArray[np.int64]
    groups: int

    @property
    def expected(self) -> npt.NDArray[np.int64]:
        outputs = np.split(self.weight, self.groups)
        rows = np.split(self.x, self.groups, axis=1)
        return np.concatenate([r @ w.T for w, r in zip(outputs, rows, strict=True)], axis=1)


@dataclass(frozen=True)
class RecurrentWork:
    """A machine, a recurrent layer's arguments, sequences and their first states."""

    kind: str
    arguments: dict[str, Any]
    x: npt.NDArray[np.float32]
    calibration: npt.NDArray[np.float32]
    states: npt.NDArray[np.float32]
    seconds: float


@st.composite
def mappings(draw: st.DrawFn, *, continuous: bool) -> dict[str, Any]:
    """Fields of a Hardware that say how weights become cells, and the bits of a digit."""
    scheme = draw(st.sampled_from(["differential", "offset"]))
    weight_bits = draw(st.integers(2, 9)) if not continuous else None
    fields: dict[str, Any] = {"scheme": scheme, "weight_bits": weight_bits}
    if scheme == "differential":
        fields["subtract"] = draw(st.sampled_from(["analog", "digital"]))
        fields["two_sided"] = continuous and draw(st.booleans())
    else:
        fields["offset_removal"] = draw(st.sampled_from(["digital", "unit_column"]))
    fields["groups"] = draw(st.sampled_from(["separate", "block_diagonal"]))
    return fields


@st.composite
def arrays(
    draw: st.DrawFn, limits: tuple[float | None, ...], most_planes: int, *, wires: bool = False
) -> Array:
    """Arrays that hold at least two weights of at most ``most_planes`` cells."""
    layout = draw(st.sampled_from(["separate", "interleaved"]))
    least = 2 * (1 if layout == "separate" else most_planes)
    ohms = {name: draw(st.sampled_from(OHMS)) if wires else 0.0 for name in RESISTANCES}
    return Array(
        rows=draw(st.none() | st.integers(1, 12)),
        cols=draw(st.none() | st.integers(least, least + 7)),
        partition=draw(st.sampled_from(["equal", "fill"])),
        column_current_max=draw(st.sampled_from(limits)),
        layout=layout,
        gated=wires and draw(st.sampled_from([False, False, False, True])),
        corner=draw(st.sampled_from(CORNERS)),
        **ohms,
    )


def num_planes(mapping: dict[str, Any], bits: int | None) -> int:
    """Cells of a weight."""
    polarities = 2 if mapping["scheme"] == "differential" else 1
    return polarities * Hardware(**mapping, cell=Cell(bits=bits)).num_slices


@st.composite
def cell_bits(draw: st.DrawFn, mapping: dict[str, Any]) -> int | None:
    """Bits of a cell, at most those of the whole weight."""
    whole = mapping["weight_bits"]
    top = 4 if whole is None else min(4, whole - (mapping["scheme"] == "differential"))
    return draw(st.none() | st.integers(1, top))


@st.composite
def integer_products(draw: st.DrawFn, *, lossless: bool) -> Product:
    """Every scheme, number of slices and cycles, and way to cut arrays, without any error."""
    mapping = draw(mappings(continuous=False))
    leak_cancels = "analog" in mapping.values() or "unit_column" in mapping.values()
    ratio = draw(st.sampled_from([np.inf, ON_OFF])) if leak_cancels or not lossless else np.inf
    two_pass = draw(st.booleans())
    signed = False if two_pass else draw(st.booleans())
    levels = draw(cell_bits(mapping))
    bits = draw(st.integers(2, 7))
    m = bits - signed
    top_weight, top_input = 2 ** (mapping["weight_bits"] - 1) - 1, 2**m - 1
    hardware = Hardware(
        **mapping,
        weight_range=float(top_weight),
        cell=Cell(bits=levels, on_off_ratio=ratio),
        array=draw(arrays((None, 1000.0) if lossless else (None,), num_planes(mapping, levels))),
        dac=DAC(
            bits=bits,
            slice_bits=draw(st.none() | st.integers(1, m)),
            signed=signed,
            two_pass=two_pass,
            accumulate=draw(st.sampled_from(["digital", "analog"])),
            range=float(top_input),
        ),
        adc=ADC(bits=16, range="lossless") if lossless else ADC(),
    )
    groups, outputs, rows = (draw(st.integers(1, top)) for top in (4, 4, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = rng.integers(-top_weight, top_weight + 1, (groups * outputs, rows))
    lowest = -top_input if signed or two_pass else 0
    x = rng.integers(lowest, top_input + 1, (3, groups * rows))
    return Product(hardware, weight, x, groups)


@st.composite
def converter_errors(draw: st.DrawFn, bits: int | None) -> dict[str, Any]:
    """Errors of output converters of at most 12 bits; every other time none."""
    if bits is None or draw(st.booleans()):
        return {}
    table = ((0, 0.3), (1, -0.7), (2**bits - 1, 0.4))
    drawn = (laws.Ramp(0.1), laws.SAR(0.05), laws.Pipeline(2, 0.01))
    return {
        "gain_sigma": draw(st.sampled_from([0.0, 0.02])),
        "offset_sigma": draw(st.sampled_from([0.0, 0.7])),
        "inl": draw(st.sampled_from([None, table, *drawn])),
        "noise": draw(st.sampled_from([0.0, 0.6])),
    }


@st.composite
def converters(draw: st.DrawFn) -> dict[str, Any]:
    """A DAC and an ADC; ranges are found by calibration, or the word lines in use."""
    two_pass = draw(st.booleans())
    signed = draw(st.sampled_from([None, False] if two_pass else [None, False, True]))
    bits = draw(st.none() | st.integers(2, 8))
    top = None if bits is None else bits - (not two_pass and signed is not False)
    methods = st.sampled_from(["mse", ("percentile", 99.0)])
    dac = DAC(
        bits=bits,
        slice_bits=None if top is None else draw(st.none() | st.integers(1, top)),
        signed=signed,
        two_pass=two_pass,
        accumulate=draw(st.sampled_from(["digital", "analog"])),
        method=draw(st.just("max") | methods),
        nonlinearity=None if bits is None else draw(st.sampled_from([None, None, CURVE])),
    )
    adc_bits = draw(st.none() | st.integers(2, 12))
    adc_range = draw(st.sampled_from(["full", "calibrated"]))
    adc = ADC(
        bits=adc_bits,
        range=adc_range,
        tie_slices=adc_range == "calibrated" and draw(st.booleans()),
        method=draw(methods),
        **draw(converter_errors(adc_bits)),
    )
    return {"dac": dac, "adc": adc}


@st.composite
def cells(
    draw: st.DrawFn, bits: int | None, programming: Any, *, wires: bool
) -> tuple[Cell, float]:
    """A cell with errors, and the time that it has drifted for."""
    drift, seconds, g_max, ratios = None, 0.0, 25e-6, [np.inf, ON_OFF]
    if draw(st.booleans()):
        drift = draw(st.sampled_from(DRIFT_LAWS))
        if isinstance(programming, device.RRAMWan2022 | device.SONOS):
            drift = programming
        seconds = draw(st.sampled_from(TIMES))
        if isinstance(drift, device.RRAMWan2022):
            seconds = draw(st.sampled_from([1.0, 86400.0, 172800.0]))
    read_noise = draw(st.sampled_from(READ_LAWS))
    if isinstance(drift, device.RRAMCMO) or isinstance(read_noise, device.RRAMCMORead):
        g_max, ratios = 80e-6, [ON_OFF]
    cell = Cell(
        bits=bits,
        g_max=g_max,
        on_off_ratio=draw(st.sampled_from(ratios)),
        programming=programming,
        faults=draw(st.sampled_from(FAULT_LAWS)),
        drift=drift,
        g_min_sigma=draw(st.sampled_from([0.0, 0.01])),
        g_max_sigma=draw(st.sampled_from([0.0, 0.05])),
        read_noise=read_noise,
        # Circuits that are not linear take the reference long.
        nonlinearity=draw(st.sampled_from((*CURVES, None, None, None) if wires else CURVES)),
        v_read=0.3,
    )
    return cell, seconds


@st.composite
def machines(draw: st.DrawFn) -> tuple[Hardware, float]:
    """A machine with every kind of error, and the time that its cells have drifted for."""
    mapping = draw(mappings(continuous=draw(st.booleans())))
    programming = draw(st.sampled_from(CELL_LAWS))
    wires = not isinstance(programming, device.WeightGaussian) and draw(st.booleans())
    levels = draw(cell_bits(mapping))
    cell, seconds = draw(cells(levels, programming, wires=wires))
    hardware = Hardware(
        **mapping,
        per=draw(st.sampled_from(["layer", "channel"])),
        weight_range=draw(st.sampled_from(["max", ("percentile", 95.0)])),
        drift_compensation=draw(st.sampled_from([None, None, "layer", "column"])),
        cell=cell,
        array=draw(arrays(LIMITS, num_planes(mapping, levels), wires=wires)),
        **draw(converters()),
    )
    return hardware, seconds


@st.composite
def geometries(draw: st.DrawFn, kernel: tuple[int, ...], is_transposed: bool) -> dict[str, Any]:
    """Strides, paddings and dilations of a convolution; nothing for a linear layer."""
    if not kernel:
        return {}
    arguments: dict[str, Any] = {
        "stride": draw(st.integers(1, 2)),
        "padding": draw(st.integers(0, 1)),
        "dilation": draw(st.integers(1, 2)),
    }
    if is_transposed:
        arguments["output_padding"] = draw(st.integers(0, 1))
        arguments["padding"] = 0 if 1 in kernel else arguments["padding"]
    return arguments


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """A random machine with cell errors, and a small layer with groups: linear, a convolution of
    one to three dimensions, or a transposed one.
    """
    hardware, seconds = draw(machines())
    groups, outputs, channels = (draw(st.integers(1, top)) for top in (3, 4, 3))
    kernels = [(), (3,), (2, 3), (2, 1, 3)]
    kernel = draw(st.sampled_from([()] if solves_circuits(hardware) else kernels))
    size = {0: (), 1: (7,), 2: (5, 6), 3: (3, 2, 5)}[len(kernel)]
    is_transposed = bool(kernel) and draw(st.booleans())
    arguments: dict[str, Any] = {"groups": groups, "seed": draw(st.integers(0, 2**64 - 1))}
    arguments |= draw(geometries(kernel, is_transposed))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    x, calibration = normal(3, groups * channels, *size), normal(4, groups * channels, *size)
    if draw(st.booleans()):
        x, calibration = np.maximum(x, 0), np.maximum(calibration, 0)
    weight = normal(groups * outputs, channels, *kernel)
    if is_transposed:
        weight = normal(groups * channels, outputs, *kernel)
    bias = normal(groups * outputs)
    return Workload(hardware, weight, bias, x, calibration, arguments, seconds, is_transposed)


@st.composite
def recurrent_works(draw: st.DrawFn) -> RecurrentWork:
    """The random machines of ``workloads`` with a small recurrent layer of one direction."""
    work = draw(workloads())
    kind = draw(st.sampled_from(["lstm", "gru", "gru_reset_after"]))
    inputs, hidden, gates = draw(st.integers(1, 4)), draw(st.integers(1, 4)), 3 + (kind == "lstm")
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    arguments: dict[str, Any] = {
        "weight_ih": normal(gates * hidden, inputs),
        "weight_hh": normal(gates * hidden, hidden),
        "bias_ih": draw(st.sampled_from([None, normal(gates * hidden)])),
        "bias_hh": normal(gates * hidden),
        "hardware": work.hardware,
        "seed": work.arguments["seed"],
        "clip": draw(st.sampled_from([None, 0.7])),
    }
    if kind == "lstm":
        arguments["peepholes"] = draw(st.sampled_from([None, normal(3 * hidden)]))
        arguments["input_forget"] = draw(st.booleans())
    x, calibration = normal(2, 3, inputs), normal(3, 4, inputs)
    return RecurrentWork(kind, arguments, x, calibration, normal(2, 2, 1, hidden), work.seconds)
