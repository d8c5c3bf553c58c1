# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the description of a machine: fields, laws, presets, JSON, digest and repr."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imperfect import device, presets
from imperfect.hardware import ADC, DAC, Array, Cell, Hardware

NAMES = dict(Hardware=Hardware, Cell=Cell, Array=Array, DAC=DAC, ADC=ADC, device=device)
INF = math.inf
GAUSS = device.Gaussian(0.1)
drift_table = partial(device.DriftTable, g=[0, 1])
two_laws = partial(Hardware, cell=Cell(programming=(GAUSS, device.Gaussian(0.2))))
lossless = partial(Hardware, adc=ADC(bits=8, range="lossless"), weight_bits=8)

pick = lambda *values: st.sampled_from(values)  # noqa: E731
positive, ratio = st.floats(1e-6, 1e6), st.floats(1.1, 1e9) | st.just(INF)
sigma = st.just(0.0) | st.floats(1e-9, 2.0)
percentile = st.tuples(st.just("percentile"), st.floats(50, 100, exclude_min=True))
interval = st.tuples(st.just(0.0) | st.floats(-100, -1e-6), positive)
size = st.none() | st.integers(2, 4096)
arrays = st.builds(
    Array,
    rows=size,
    cols=size,
    partition=pick("equal", "fill"),
    column_current_max=st.none() | positive,
)
probability, cluster = st.floats(1e-6, 1), pick(None, "row", "column")
stuck = st.builds(device.StuckAt, p_on=probability, p_off=probability, cluster=cluster)
tables = st.dictionaries(st.floats(1e-3, 1), sigma, min_size=2, max_size=5).map(
    lambda points: device.Table(g=sorted(points), sigma=[points[g] for g in sorted(points)])
)
mean_tables = tables.map(
    lambda table: device.Table(g=table.g, sigma=table.sigma, mean=[-x for x in table.sigma])
)
reading_laws = (
    st.builds(device.SONOSRead, st.floats(1, 3200), correlation=pick("cycle", "product"))
    | st.builds(device.PCMFlicker, correlation=pick("cycle", "product"))
    | st.builds(device.PCMRead, sigma)
    | tables
)
simple_laws = (
    mean_tables
    | tables
    | st.one_of(
        st.builds(law, sigma)
        for law in (device.Gaussian, device.Proportional, device.LogNormal, device.Uniform)
    )
)
number = st.floats(1e-6, 1)
verified = st.builds(
    device.WriteVerify, tolerance=sigma, max_pulses=st.integers(1, 99), pulse_sigma=sigma
)
drift_laws = st.builds(device.PowerLaw, sigma, sigma, number) | st.builds(
    lambda t, m, s: drift_table(seconds=[t, 2 * t], mean=[[0, m], [0, 1]], sigma=[[s, 0], [0, s]]),
    positive, number, number,
)  # fmt: skip
# The laws in microsiemens, the g_max they are used with here, and their on/off ratios.
TECHNOLOGIES = [
    (pick(device.PCM(), device.PCMJoshi(), device.RRAMWan(), device.RRAMWan2022()), 25e-6, ratio),
    (st.just(device.RRAMMilo()), 225e-6, st.floats(1.1, 4.5)),
    (st.builds(device.RRAMCMO, pick("0.2%", "2%")), 88.2e-6, st.floats(1.1, 9.8)),
]


@st.composite
def cells(draw: st.DrawFn, most_bits: int) -> Cell:
    fitted, g_max, ratios = draw(st.sampled_from(TECHNOLOGIES))
    several = st.lists(simple_laws | verified | fitted, max_size=3)
    drifting = fitted.filter(lambda law: isinstance(law, device.PCM | device.RRAMCMO))
    drifts = st.none() | st.lists(drift_laws, max_size=2)
    drifts |= drifting if g_max == 88.2e-6 else st.just(device.PCM())
    return Cell(
        bits=draw(st.none() | st.integers(1, most_bits)),
        g_max=g_max,
        on_off_ratio=draw(ratios),
        programming=draw(several | st.builds(device.WeightGaussian, sigma)),
        faults=draw(st.none() | st.lists(stuck, max_size=2)),
        drift=draw(drifts),
        read_noise=draw(st.none() | st.lists(reading_laws, max_size=2)),
        g_min_sigma=draw(sigma),
        g_max_sigma=draw(sigma),
    )


@st.composite
def dacs(draw: st.DrawFn) -> DAC:
    two_pass, bits = draw(st.booleans()), draw(st.none() | st.integers(2, 16))
    return DAC(
        bits=bits,
        slice_bits=draw(st.none() | st.integers(1, bits - 1)) if bits else None,
        signed=draw(pick(None, False) if two_pass else pick(None, False, True)),
        two_pass=two_pass,
        accumulate=draw(pick("digital", "analog")),
        range=draw(st.just("calibrated") | positive),
        method=draw(pick("max", "mse") | percentile),
    )


@st.composite
def machines(draw: st.DrawFn) -> Hardware:
    pair, weight_bits = draw(st.booleans()), draw(st.none() | st.integers(2, 16))
    cell = draw(cells((weight_bits - pair) if weight_bits else 16))
    mapping: dict[str, Any] = {"weight_bits": weight_bits, "cell": cell}
    if pair:
        mapping |= {"subtract": draw(pick("analog", "digital"))}
        mapping |= {"two_sided": weight_bits is None and draw(st.booleans())}
    else:
        mapping |= {"scheme": "offset", "offset_removal": draw(pick("digital", "unit_column"))}
    slices = Hardware(**mapping).num_slices
    ranges = interval | st.lists(interval, min_size=slices, max_size=slices)
    return Hardware(
        **mapping,
        weight_range=draw(st.just("max") | percentile | positive),
        per=draw(pick("layer", "channel")),
        groups=draw(pick("separate", "block_diagonal")),
        drift_compensation=draw(pick(None, "layer", "column")),
        clock=draw(st.none() | st.floats(1, 1e12)),
        array=draw(arrays),
        dac=draw(dacs()),
        adc=ADC(
            bits=draw(st.none() | st.integers(2, 16)),
            range=(adc_range := draw(pick("full", "calibrated") | ranges)),
            method=draw(st.just("mse") | percentile),
            tie_slices=adc_range == "calibrated" and draw(st.booleans()),
        ),
    )


@settings(max_examples=150, deadline=None)
@given(machines())
def test_every_form_gives_the_value_back(machine: Hardware) -> None:
    copies = [
        Hardware.from_dict(machine.to_dict()),
        Hardware.from_json(machine.to_json()),
        eval(repr(machine), dict(NAMES)),
        copy.copy(machine),
        copy.deepcopy(machine),
        replace(machine),
        *(pickle.loads(pickle.dumps(machine, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
    ]
    for other in copies:
        assert other == machine
        assert (repr(other), hash(other)) == (repr(machine), hash(machine))
        assert (other.digest(), other.to_json()) == (machine.digest(), machine.to_json())
    standard = json.loads(machine.to_json(), parse_constant=pytest.fail)
    assert standard == machine.to_dict()


ONE_CHANGE: dict[str, Any] = {
    "weight_bits": 8, "scheme": "offset", "two_sided": True, "subtract": "digital",
    "weight_range": 1.0, "per": "channel", "groups": "block_diagonal", "cell.bits": 2,
    "cell.g_max": 1e-6, "cell.on_off_ratio": 9, "cell.programming": GAUSS,
    "cell.faults": device.StuckAt(), "cell.g_min_sigma": 0.1, "cell.g_max_sigma": 0.1,
    "array.rows": 1, "array.cols": 1, "array.partition": "fill", "array.column_current_max": 1,
    "array.adc_share": 2, "clock": 1e9, "dac.bits": 8,
    "dac.signed": False, "dac.two_pass": True, "dac.accumulate": "analog", "dac.range": 1,
    "dac.method": "mse", "adc.bits": 8, "adc.range": (0, 1), "adc.method": ("percentile", 99),
    "adc": ADC(range="calibrated", tie_slices=True),
}  # fmt: skip


def test_every_field_changes_the_digest() -> None:
    changed = [Hardware().with_field(path, value) for path, value in ONE_CHANGE.items()]
    assert len({machine.digest() for machine in [Hardware(), *changed]}) == 1 + len(ONE_CHANGE)


def test_digest_is_that_of_the_canonical_text() -> None:
    text = '{"cell":{"g_max":2.5e-05,"programming":[{"law":"PCM"},{"law":"Gaussian","sigma":0.1}]}}'
    machine = Hardware(cell=Cell(g_max=25e-6, programming=(device.PCM(), GAUSS)))
    assert machine.digest() == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("preset", "digest"),
    [
        (presets.ideal, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (presets.isaac, "07c90d9e251c6e748a7542af33f4ba104cabc9db1776ec27df73410a2910698c"),
        (presets.rram_128, "a991b93604e5fd9da2d11303eaa3482738a6a375d2cdea7ae4db0e3ca9a124fc"),
        (presets.pcm_512, "eb894cdb7d31b6471a7183ee61e433ac29206d97109313fbf105285be7fe3913"),
    ],
)
def test_preset_keeps_its_digest(preset: Callable[[], Hardware], digest: str) -> None:
    # Results are stored under these digests; a change of any of them orphans stored results.
    assert preset().digest() == Hardware.from_json(preset().to_json()).digest() == digest
    assert eval(repr(preset()), dict(NAMES)) == preset()


def test_full_form_lists_every_field() -> None:
    data = Hardware(cell=Cell(programming=device.RRAMWan(), g_max=1e-5)).to_dict()
    assert set(data) == {"version"} | {field.name for field in fields(Hardware)}
    assert data["cell"]["on_off_ratio"] == "inf"
    assert data["cell"]["programming"] == {"law": "RRAMWan"}


def test_fields_are_normalised() -> None:
    cell = Cell(bits=np.int8(2), g_max=Fraction(1, 4), programming=[GAUSS], faults=[])
    assert (type(cell.bits), cell.g_max, cell.programming, cell.faults) == (int, 0.25, GAUSS, None)
    assert Cell(on_off_ratio=100) == Cell(on_off_ratio=np.float32(100))
    assert repr(ADC(range=np.array([[0, 1], [-0.0, 2]]))) == "ADC(range=((0.0, 1.0), (0.0, 2.0)))"
    assert ADC(range=[0, 1]).range == (0.0, 1.0)
    assert DAC(method=["percentile", 99]).method == ("percentile", 99.0)
    assert Hardware(two_sided=np.True_).two_sided is True
    assert device.Table(g=np.array([0, 1]), sigma=(0, 1)).g == (0.0, 1.0)
    assert repr(device.Gaussian(-0.0)) == "device.Gaussian(sigma=0.0)"


def test_values_are_frozen_and_without_dict() -> None:
    values = [Hardware(), Cell(), Array(), DAC(), ADC(), GAUSS, device.PCM(), device.StuckAt()]
    for value in values:
        assert not hasattr(value, "__dict__")
        for field in fields(value):
            with pytest.raises(FrozenInstanceError):
                setattr(value, field.name, 1)


def test_laws_of_one_number_differ_by_class() -> None:
    assert device.Gaussian(0.1) != device.Proportional(0.1)
    assert len({device.Gaussian(0.1), device.Gaussian(0.1), device.LogNormal(0.1)}) == 2


def test_pickle_names_changed_fields_only() -> None:
    rebuild, _ = Array(rows=3).__reduce__()
    assert (rebuild.func, rebuild.keywords) == (Array, {"rows": 3})


@pytest.mark.parametrize(
    ("weight_bits", "cell_bits", "scheme", "slices"),
    [
        (8, 2, "differential", 4), (8, 2, "offset", 4), (8, 7, "differential", 1),
        (9, 4, "differential", 2), (9, 4, "offset", 3), (16, 1, "offset", 16),
        (2, 1, "differential", 1), (8, None, "offset", 1), (None, 4, "differential", 1),
    ],
)  # fmt: skip
def test_num_slices(weight_bits: Any, cell_bits: Any, scheme: Any, slices: int) -> None:
    machine = Hardware(weight_bits=weight_bits, cell=Cell(bits=cell_bits), scheme=scheme)
    assert machine.num_slices == slices


def test_with_field_follows_paths() -> None:
    changed = two_laws().with_field("cell.programming.1.sigma", 0.5)
    assert changed.cell.programming == (GAUSS, device.Gaussian(0.5))
    assert two_laws().cell.programming == (GAUSS, device.Gaussian(0.2))
    assert Hardware(weight_range=("percentile", 99)).with_field("weight_range.1", 98) == Hardware(
        weight_range=("percentile", 98.0)
    )
    assert Hardware().with_field("cell", Cell(bits=4)) == Hardware(cell=Cell(bits=4))


def test_lossless_is_allowed_where_levels_are_exact() -> None:
    finite, dac = Cell(bits=2, on_off_ratio=9), DAC(bits=8)
    assert lossless(dac=dac, cell=finite).num_slices == 4
    assert lossless(dac=dac, cell=finite, scheme="offset", offset_removal="unit_column")
    assert lossless(dac=dac, cell=Cell(bits=2), weight_bits=None)
    assert Hardware(adc=ADC(range="lossless")).adc.bits is None


@pytest.mark.parametrize(
    ("law", "descending"),
    [
        (device.PCMJoshi(), [-0.00178767, 0.07585724, 0.28638599]),
        (device.RRAMMilo(), [-0.009107, 4.782321]),
        (device.RRAMWan(), [1.536e-4, -1.167e-2, 0.2374, 1.053]),
        (device.RRAMCMO(), [0.00106879, 0.00081107]),
        (device.RRAMCMO("2%"), [0.01129027418, 0.0112185391]),
    ],
)
def test_core_numbers_of_polynomials(law: device.ProgrammingLaw, descending: list[float]) -> None:
    assert law._core_spec() == ("polynomial", tuple(reversed(descending)))


def test_core_numbers() -> None:
    assert device.PCM()._core_spec() == ("polynomial_x", (25.0, 0.26348, 1.965, -1.1731))
    table = device.Table(g=(0, 0.5, 1), sigma=(0.1, 0.2, 0.3))
    assert table._core_spec() == ("table", (0.0, 0.5, 1.0, 0.1, 0.2, 0.3))
    for name in ("Gaussian", "Proportional", "LogNormal", "Uniform"):
        assert getattr(device, name)(0.25)._core_spec() == (name.lower(), (0.25,))
    assert device.WeightGaussian(0.25)._core_spec() == ("weight_gaussian", (0.25,))
