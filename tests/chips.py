# SPDX-License-Identifier: BSD-3-Clause
"""Small chips for the tests: hardware with every kind of error, a network programmed on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import imperfect as im
import networks
from imperfect.network import AnalogNetwork, Network

NOISY = im.Hardware(
    weight_bits=8,
    cell=im.Cell(bits=2, programming=im.device.Gaussian(0.02)),
    array=im.Array(rows=16),
    dac=im.DAC(bits=8),
    adc=im.ADC(bits=8, range="calibrated"),
)
WRONG_WEIGHTS = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1)))


def small(**options: Any) -> tuple[Network, NDArray[np.float32]]:
    net = Network.from_onnx(networks.small_cnn(**options))
    return net, networks.images(20, height=8)["x"]


def noisy_chip(seed: int = 1) -> tuple[AnalogNetwork, NDArray[np.float32]]:
    net, x = small()
    chip = AnalogNetwork(net, NOISY, seed)
    chip.calibrate(x)
    return chip, x
