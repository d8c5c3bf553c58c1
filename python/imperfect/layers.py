# SPDX-License-Identifier: BSD-3-Clause
"""Analog layers: linear maps, convolutions, transposed ones too, and recurrent cells, on arrays.

A layer maps its weights to cells, programs them once, and then computes
y = W x + b as its hardware would: quantised inputs, imperfect conductances, converted sums.
Arrays are float32 throughout; inputs have shape (n, channels, …), (…, in) for a
linear layer, (n, steps, in) for a recurrent one.
"""

from imperfect._layers.base import AnalogLayer
from imperfect._layers.convolution import AnalogConv1d, AnalogConv2d, AnalogConv3d
from imperfect._layers.description import ArrayUse, Clipping, Epilogue, Plan
from imperfect._layers.gru import AnalogGRU
from imperfect._layers.linear import AnalogLinear
from imperfect._layers.lstm import AnalogLSTM
from imperfect._layers.recurrent import AnalogRecurrent
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
    "AnalogGRU",
    "AnalogLSTM",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogRecurrent",
    "ArrayUse",
    "Clipping",
    "Epilogue",
    "Plan",
]
