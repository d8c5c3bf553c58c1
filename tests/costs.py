# SPDX-License-Identifier: BSD-3-Clause
"""A small machine, layers on it and libraries of components, for tests of costs."""

from __future__ import annotations

from typing import Any

import numpy as np

import imperfect as im
from imperfect.cost import Component, Components

MACHINE = im.Hardware(
    weight_bits=4,
    cell=im.Cell(bits=1, g_max=1e-4, v_read=0.2),
    array=im.Array(rows=8, cols=8, adc_share=4),
    dac=im.DAC(bits=4, slice_bits=1, signed=False, range=1.0),
    adc=im.ADC(bits=6),
)
ENTRY = {"model": "energy", "energy": 2e-12, "source": "a test"}


def layer_of(hardware: im.Hardware = MACHINE, outputs: int = 16, inputs: int = 16) -> Any:
    weight = np.random.default_rng(0).normal(size=(outputs, inputs))
    return im.AnalogLinear(weight, hardware=hardware)


def timed(read: float, conversion: float) -> Components:
    """A library that knows nothing but these times."""
    array = Component(model="energy", per="array_reads", energy=1e-12, time=read, source="a test")
    return Components("t", {"array": array, "adc": Component(**ENTRY, time=conversion)})
