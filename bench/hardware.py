# SPDX-License-Identifier: BSD-3-Clause
"""The machines that are timed: 8-bit converters, Gaussian programming error of 1 %."""

from __future__ import annotations

from typing import Any

import imperfect as im

SIGMA = 0.01


def converted(
    rows: int | None,
    cell_bits: int | None = None,
    slice_bits: int | None = None,
    *,
    sigma: float = SIGMA,
) -> Any:
    """A single layer's: full scale of inputs 4; 9-bit weights in 2-bit cells make four slices."""
    return im.Hardware(
        weight_bits=9 if cell_bits else 8,
        cell=im.Cell(bits=cell_bits, programming=im.device.Gaussian(sigma) if sigma else None),
        array=im.Array(rows=rows),
        dac=im.DAC(bits=8, slice_bits=slice_bits, signed=slice_bits is None, range=4.0),
        adc=im.ADC(bits=8),
    )


def calibrated(cell_bits: int | None = None, slice_bits: int | None = None) -> Any:
    """A network's: the same with 128 rows and every converter's range taken from data."""
    return im.Hardware(
        weight_bits=9 if cell_bits else 8,
        cell=im.Cell(bits=cell_bits, programming=im.device.Gaussian(SIGMA)),
        array=im.Array(rows=128),
        dac=im.DAC(bits=8, slice_bits=slice_bits),
        adc=im.ADC(bits=8, range="calibrated"),
    )


def fidelities() -> dict[str, Any]:
    """Hardware for networks, from ideal to one bit a cycle."""
    return {
        "ideal": im.Hardware(),
        "1 slice": calibrated(),
        "4 slices": calibrated(2),
        "4 slices x 8 one-bit cycles": calibrated(2, 1),
    }
