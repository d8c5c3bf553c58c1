# SPDX-License-Identifier: BSD-3-Clause
"""The same layer with a source of error switched off, or with one source alone.

All draws are keyed by seed, layer and kind of effect, so what stays on draws the same numbers.
"""

from __future__ import annotations

from typing import Any

from imperfect import _core, device
from imperfect._hardware.array import RESISTANCES
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.programmed import Layer, build_layer, with_epilogue_of
from imperfect.hardware import Hardware
from imperfect.layers import AnalogRecurrent

# Fields of each source, and their values without it.
SOURCES: dict[str, dict[str, Any]] = {
    "programming": {
        "cell.programming": None, "cell.g_min_sigma": 0.0, "cell.g_max_sigma": 0.0,
    },
    "faults": {"cell.faults": None},
    "drift": {"cell.drift": None},
    "read noise": {"cell.read_noise": None},
    "nonlinear cells": {"cell.nonlinearity": None},
    "wires": {f"array.{name}": 0.0 for name in RESISTANCES},
    "DAC": {
        "dac.bits": None, "dac.slice_bits": None, "dac.nonlinearity": None, "dac.two_pass": False,
        "dac.accumulate": "digital",
    },
    "ADC": {
        "adc.bits": None, "adc.gain_sigma": 0.0, "adc.offset_sigma": 0.0, "adc.inl": None,
        "adc.noise": 0.0, "adc.tie_slices": False, "array.column_current_max": None,
    },
}  # fmt: skip
# The error of integer weights and of cells with levels: what is left when all others are off.
WEIGHTS = "weights"


def sources_of(hardware: Hardware) -> list[str]:
    """The sources of error that this hardware has."""
    found = [name for name in SOURCES if switched_off(hardware, [name]) != hardware]
    has_levels = hardware.weight_bits is not None or hardware.cell.bits is not None
    clips = hardware.weight_range != "max"
    return [WEIGHTS, *found] if has_levels or clips else found


def switched_off(hardware: Hardware, sources: list[str]) -> Hardware:
    """The hardware without some sources.

    Drift that replaces the spread of programming goes with it. A range of the ADC that needs the
    steps of the DAC becomes the full one without them.
    """
    data = hardware.to_dict()
    for source in sources:
        for path, value in SOURCES[source].items():
            part, field = path.split(".")
            data[part][field] = value
    if "programming" in sources and isinstance(
        hardware.cell.drift, device.SONOS | device.RRAMWan2022
    ):
        data["cell"]["drift"] = None
    if "DAC" in sources and hardware.adc.range == "lossless":
        data["adc"]["range"] = "full"
    return Hardware.from_dict(data)


def same_layer(spec: LayerSpec, layer: Layer, hardware: Hardware) -> Layer:
    """The layer of a chip on other hardware: the same draws, ranges, epilogue and time."""
    other = build_layer(spec, hardware, layer.seed, layer.precision)
    other = with_epilogue_of(other, layer)
    if layer.write:
        other.program(layer.seed, write=layer.write)
    for mine, theirs in zip(_cores(layer), _cores(other), strict=True):
        if mine.calibration is not None and theirs.uses_calibration:
            theirs.set_calibration(*mine.calibration)
        if mine.readout_inputs is not None and hardware.drift_compensation is not None:
            theirs.set_readout_inputs(mine.readout_inputs)
    return other.at(layer.seconds) if layer.seconds and hardware.cell.drift is not None else other


def _cores(layer: Layer) -> list[_core.Layer]:
    """The compiled layers of a layer: one, or those of all arrays of a recurrent one."""
    if isinstance(layer, AnalogRecurrent):
        return [core._compiled for core in layer._cores.values()]
    return [layer._compiled]
