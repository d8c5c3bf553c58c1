# SPDX-License-Identifier: BSD-3-Clause
"""Analog layers: linear maps, convolutions and recurrent cells computed by simulated arrays.

A layer maps its weights to cells, programs them once, and then computes
y = W x + b as its hardware would: quantised inputs, imperfect conductances, converted sums.
Arrays are float32 throughout; inputs have shape (n, channels, …), (…, in) for a
linear layer, (n, steps, in) for a recurrent one.
"""

from imperfect._layers.base import AnalogLayer
from imperfect._layers.convolution import AnalogConv1d, AnalogConv2d
from imperfect._layers.description import Clipping, Epilogue, Plan
from imperfect._layers.gru import AnalogGRU
from imperfect._layers.linear import AnalogLinear
from imperfect._layers.lstm import AnalogLSTM
from imperfect._layers.recurrent import AnalogRecurrent

__all__ = [
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogGRU",
    "AnalogLSTM",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogRecurrent",
    "Clipping",
    "Epilogue",
    "Plan",
]
