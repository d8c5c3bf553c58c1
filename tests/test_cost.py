# SPDX-License-Identifier: BSD-3-Clause
"""Costs: published figures, components as data, what is not modelled, bad input."""

from __future__ import annotations

import math
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imperfect as im
from costs import ENTRY, MACHINE, layer_of
from imperfect.cost import Component, Components, Schedule

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "cost.md").read_text()
FIGURES = runpy.run_path(str(ROOT / "examples" / "published_costs.py"))


# Published figures


@pytest.mark.parametrize("name", ["isaac", "neurram", "hermes", "converters"])
def test_published_figures(name: str) -> None:
    limits = {"isaac": 0.1, "neurram": 0.25, "hermes": 0.25, "converters": 0.03}
    for what, published, here, _ in FIGURES[name]():
        assert here == pytest.approx(published, rel=limits[name]), what


def test_page_shows_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    FIGURES["main"]()
    assert capsys.readouterr().out in PAGE


def test_page_runs() -> None:
    for code in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(code, {})


def test_isaac_by_hand() -> None:
    # Table I: 24.08 mW of an IMA and 40.9/12 of a tile for 16 cycles of 100 ns, 128 × 128 products.
    found = FIGURES["cost_of"](
        im.Hardware(
            weight_bits=16, scheme="offset", cell=im.Cell(bits=2),
            array=im.Array(rows=128, cols=128, adc_share=128),
            dac=im.DAC(bits=16, slice_bits=1, signed=False, range=1.0),
            adc=im.ADC(bits=8, range=(0.0, 85.0)), clock=10e6,
        ),
        "isaac", 128, 128,
    )  # fmt: skip
    watt = 24.08e-3 + 40.9e-3 / 12
    assert found.energy_per_multiply_add == pytest.approx(watt * 1.6e-6 / 128**2, rel=5e-3)
    assert found.latency == pytest.approx(17 * 100e-9)
    assert found.left_out == {"energy": (), "latency": (), "area": ()}


def test_libraries_name_their_sources() -> None:
    for name in im.cost.LIBRARIES:
        library = im.cost.components(name)
        assert library.source and library.title
        for entries in library.entries.values():
            assert all(len(entry.source) > 10 for entry in entries)
        assert (library.machine is None) == (name == "generic")
    machine = im.cost.components("isaac").machine
    assert machine is not None
    same = machine.with_field("clock", None).with_field("array.adc_share", 1)
    assert same == im.presets.isaac()


# Models


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (ENTRY, 2e-12),
        ({"model": "energy_per_bit", "energy": 1e-12}, 6e-12),
        ({"model": "power", "power": 2.0, "units": 4, "time": 1e-9}, 0.5e-9),
        ({"model": "walden", "fom": 1e-15}, 64e-15),
        ({"model": "schreier", "fom": 160.0}, 0.5 * 10 ** ((6.02 * 6 + 1.76 - 160) / 10)),
        ({"model": "table", "table": [[4, 1e-12], [8, 4e-12]]}, 2e-12),
        ({"model": "table", "table": [[6, 3e-12]]}, 3e-12),
        ({"model": "survey", "node_nm": 32, "rate": 1e9}, im.cost.survey_energy(6, 1e9, 32)),
        ({"model": "resistor", "resistance": 1e4, "time": 1e-8}, 0.04 / 1e4 * 1e-8),
        ({"model": "capacitance", "capacitance": 1e-17}, 8 * 1e-17 * 0.04),
    ],
)
def test_energy_of_a_conversion(fields: dict[str, Any], expected: float) -> None:
    library = Components("t", {"adc": Component(**{"source": "a test", **fields})})
    found = layer_of().cost(np.ones((2, 16)), library)
    conversions = found.totals.adc_conversions / 2
    assert found.by_component.loc["adc", "energy"] == pytest.approx(expected * conversions)


def test_rate_of_the_survey_follows_the_clock() -> None:
    # Four bit lines take turns in a period of 1 µs.
    found = layer_of(MACHINE.with_field("clock", 1e6)).cost(np.ones((1, 16)))
    each = im.cost.survey_energy(6, 4e6, 32)
    assert found.by_component.loc["adc", "energy"] == found.totals.adc_conversions * each


def test_survey_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="bits=3: must be 4 or more"):
        im.cost.survey_energy(3, 1e9, 32)
    with pytest.raises(ValueError, match="rate=0: must be a positive finite number"):
        im.cost.survey_energy(8, 0, 32)


def test_alternatives_are_chosen_by_their_range() -> None:
    few = Component(**{**ENTRY, "energy": 1e-12}, valid={"bits": (1, 5)})
    many = Component(**{**ENTRY, "energy": 7e-12}, valid={"bits": (6, 9)})
    found = layer_of().cost(np.ones((1, 16)), Components("t", {"adc": [few, many]}))
    assert found.energy == pytest.approx(7e-12 * found.totals.adc_conversions)


# Not modelled


def test_what_is_missing_is_named_and_is_no_number() -> None:
    found = layer_of().cost(np.ones((1, 16)), Components("t", {"adc": Component(**ENTRY)}))
    table = found.table.set_index("component")
    for quantity in ("energy", "latency", "area"):
        for value in table[quantity]:
            assert isinstance(value, str) or math.isfinite(value)
    assert table.loc["dac", "energy"] == "not modelled: no entry"
    assert table.loc["array", "latency"] == "not modelled: no entry"
    assert table.loc["adc", "area"] == "not modelled: no area given"
    assert (found.latency, found.area, found.tops_per_mm2) == (None, None, None)
    missing = {text.split()[0] for text in found.left_out["energy"]}
    assert missing == {
        "dac", "word_line", "array", "bit_line", "sample_hold", "shift_add", "multiply_add",
        "buffer",
    }  # fmt: skip
    assert "without dac (no entry)" in repr(found) and "latency  not modelled" in repr(found)


def test_nothing_known_is_no_zero() -> None:
    found = layer_of().cost(np.ones((1, 16)), Components("t", {}))
    assert (found.energy, found.latency, found.area) == (None, None, None)
    assert found.energy_per_multiply_add is None and found.tops_per_watt is None
    assert "energy   not modelled" in repr(found)


@pytest.mark.parametrize(
    ("path", "value", "component", "reason"),
    [
        ("adc.bits", None, "adc", "bits not known, valid from 4 to 14"),
        ("adc.bits", 3, "adc", "bits 3 outside 4 to 14"),
        ("dac.slice_bits", 2, "dac", "bits 2 outside 1 to 1"),
        ("cell.v_read", None, "array", "needs Cell.g_max and Cell.v_read"),
        ("cell.g_max", None, "array", "needs Cell.g_max and Cell.v_read"),
        ("dac", im.DAC(), "dac", "bits not known, valid from 1 to 1"),
    ],
)
def test_settings_that_no_entry_covers(path: str, value: Any, component: str, reason: str) -> None:
    layer = layer_of(MACHINE.with_field(path, value))
    layer.calibrate(np.ones((1, 16)))
    found = layer.cost(np.ones((1, 16)))
    table, row = found.table.set_index("component"), found.by_component.loc[component]
    assert table.loc[component, "energy"] == f"not modelled: {reason}"
    assert math.isnan(row["energy"]) and "energy" in row["not_modelled"]
    assert f"{component} ({reason})" in found.left_out["energy"]


def test_inputs_without_full_scale_heat_no_cells() -> None:
    ideal = im.Hardware(cell=im.Cell(g_max=1e-4, v_read=0.2))
    found = layer_of(ideal).cost(np.ones((1, 16)))
    table = found.table.set_index("component")
    assert "inputs have no full scale" in table.loc["array", "energy"]
    given = layer_of(ideal.with_field("dac.range", 1.0)).cost(np.ones((1, 16)))
    assert given.by_component.loc["array", "energy"] > 0


def test_pulses_are_counted_where_they_are_modelled() -> None:
    law = im.device.WriteVerify(tolerance=0.01, max_pulses=9, pulse_sigma=0.02)
    layer = layer_of(MACHINE.with_field("cell.programming", law))
    library = im.cost.components("generic").with_entry("write", **ENTRY)
    found = layer.cost(np.ones((3, 16)), library)
    pulses = int(layer.pulses().sum())
    assert found.totals.pulses == pulses
    assert found.programming_energy == pytest.approx(2e-12 * pulses)
    without = layer.cost(np.ones((3, 16)))
    assert found.energy == without.energy and without.programming_energy is None


# Files and bad input


def test_libraries_are_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[adc]\nmodel = "walden"\nfom = 5e-15\nsource = "mine"\n')
    library = Components.load(path)
    assert library.name == "mine" and library["adc"] == Component(
        model="walden", fom=5e-15, source="mine"
    )
    assert "dac" not in library and list(library) == ["adc"]
    assert library.with_entry("dac", **ENTRY).without("adc").name == "mine*"
    assert layer_of().cost(np.ones((1, 16)), library).components is library


BAD: list[tuple[Callable[[], object], type[Exception], list[str]]] = [
    (lambda: Component(), ValueError, ["Component.model=''", "'survey'"]),
    (lambda: Component(model="energy"), ValueError, ["Component.source=''"]),
    (lambda: Component(model="energy", source="x"), ValueError, ["Component.energy=None"]),
    (lambda: Component(**{**ENTRY, "energy": -1.0}), ValueError, ["energy=-1.0", "positive"]),
    (lambda: Component(**{**ENTRY, "energy": math.nan}), ValueError, ["energy=nan", "positive"]),
    (lambda: Component(**{**ENTRY, "energy": "1"}), TypeError, ["Component.energy='1'"]),
    (lambda: Component(**ENTRY, per="reads"), ValueError, ["Component.per='reads'"]),
    (lambda: Component(**ENTRY, area_per="mm2"), ValueError, ["Component.area_per='mm2'"]),
    (lambda: Component(**ENTRY, valid={"volts": (0, 1)}), ValueError, ["valid='volts'"]),
    (lambda: Component(**ENTRY, valid={"bits": (1, 2, 3)}), ValueError, ["valid['bits']"]),
    (lambda: Component(model="table", source="x", table=[]), ValueError, ["Component.table"]),
    (lambda: Component(model="table", source="x", table=[(8, 1e-12), (4, 1e-12)]), ValueError,
     ["rising bits"]),
    (lambda: Components("t", {"adc": 3}), TypeError, ["int"]),  # type: ignore[dict-item]
    (lambda: Components("t", {"adc": []}), ValueError, ["'adc'", "no entry"]),
    (lambda: Components("t", {"laser": Component(**ENTRY)}), ValueError, ["'laser'", "per="]),
    (lambda: Components("t", {"dac": Component(model="part_of", part_of="core", source="x")}),
     ValueError, ["'core'"]),
    (lambda: im.cost.components("isac"), ValueError, ["name='isac'", "did you mean 'isaac'"]),
    (lambda: im.cost.components("isaac")["laser"], ValueError, ["'laser'"]),
    (lambda: im.cost.components("isaac").without("laser"), ValueError, ["'laser'"]),
    (lambda: im.cost.components("isaac").with_entry("adc", mode="x"), ValueError, ["'mode'"]),
    (lambda: Components.load(3), TypeError, ["path=3"]),  # type: ignore[arg-type]
    (lambda: Schedule(copies=0), ValueError, ["Schedule.copies=0", "from 1"]),
    (lambda: Schedule(copies={"a": 1.5}), TypeError, ["Schedule.copies['a']=1.5"]),  # type: ignore[dict-item]
    (lambda: Schedule(copies="best"), ValueError, ["Schedule.copies='best'", "'balanced'"]),  # type: ignore[arg-type]
    (lambda: Schedule(copies="balanced"), ValueError, ["max_arrays=None"]),
    (lambda: Schedule(max_arrays=5), ValueError, ["max_arrays=5", "only there"]),
    (lambda: Schedule(arrays_at_once=0), ValueError, ["arrays_at_once=0"]),
    (lambda: Schedule(pipelined=1), TypeError, ["Schedule.pipelined=1"]),  # type: ignore[arg-type]
    (lambda: layer_of().cost(np.ones((0, 16))), ValueError, ["empty batch"]),
    (lambda: layer_of().cost(np.ones((1, 3))), ValueError, ["x has shape (1, 3)"]),
    (lambda: layer_of().cost([[math.nan] * 16]), ValueError, ["x"]),
    (lambda: layer_of().cost(np.ones((1, 16)), 3), TypeError, ["components=3"]),
    (lambda: layer_of().cost(np.ones((1, 16)), "isac"), ValueError,
     ["components='isac'"]),
    (lambda: layer_of().cost(np.ones((1, 16)), ""), ValueError, ["components=''"]),
    (lambda: layer_of().cost(np.ones((1, 16)), schedule=3), TypeError, ["schedule=3"]),
    (lambda: layer_of().cost(np.ones((1, 16)), lengths=[1]), TypeError, ["'lengths'"]),
    (lambda: layer_of(MACHINE.with_field("dac", im.DAC(bits=4))).cost(np.ones((1, 16))),
     ValueError, ["call calibrate(x) first"]),
    (lambda: im.cost.cost(3, np.ones((1, 16))), TypeError, ["machine=3", "AnalogNetwork"]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "words"), BAD)
def test_bad_input_is_refused_by_name(
    make: Callable[[], object], kind: type[Exception], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[adc", ["not TOML"]),
        ('[adc]\nmodel = "energy"\n', ["component 'adc'", "source"]),
        ('[adc]\nmodel = "energy"\nenergi = 1\nsource = "x"\n', ["'energi'", "did you mean"]),
        ('[machine]\npreset = "isac"\n', ["machine.preset='isac'"]),
        ('[machine]\npreset = "isaac"\n"array.row" = 1\n', ["no 'row'"]),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        Components.load(path)
    for word in words:
        assert word in str(caught.value)
