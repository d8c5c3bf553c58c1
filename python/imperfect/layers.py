# SPDX-License-Identifier: BSD-3-Clause
"""Analog layers: linear maps and convolutions, transposed ones too, computed by simulated arrays.

A layer maps its weights to cells, programs them once, and then computes
y = W x + b as its hardware would: quantised inputs, imperfect conductances, converted sums.
Arrays are float32 throughout; inputs have shape (n, channels, …), or (…, in) for a linear layer.
"""

from imperfect._layers.base import AnalogLayer
from imperfect._layers.convolution import AnalogConv1d, AnalogConv2d, AnalogConv3d
from imperfect._layers.description import ArrayUse, Clipping, Epilogue, Plan
from imperfect._layers.linear import AnalogLinear
from imperfect._layers.transposed import (
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
)

__all__ = [
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogConv3d",
    "AnalogConvTranspose1d",
    "AnalogConvTranspose2d",
    "AnalogConvTranspose3d",
    "AnalogLayer",
    "AnalogLinear",
    "ArrayUse",
    "Clipping",
    "Epilogue",
    "Plan",
]
