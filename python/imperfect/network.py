# SPDX-License-Identifier: BSD-3-Clause
"""Trained networks, and the same networks with their large layers on analog arrays.

``Network`` is the trained network itself, in float. ``AnalogNetwork`` is one chip: every Conv,
ConvTranspose, Gemm, MatMul, LSTM and GRU with constant weights is computed by arrays programmed for
it, everything else by ONNX Runtime.
"""

from __future__ import annotations

from imperfect._network.chip import AnalogNetwork
from imperfect._network.corrections import LayerOutputs
from imperfect._network.graph import TensorInfo
from imperfect._network.network import Network
from imperfect._network.report import NodeInfo
from imperfect._network.stream import LayerVisit

__all__ = ["AnalogNetwork", "LayerOutputs", "LayerVisit", "Network", "NodeInfo", "TensorInfo"]

# Why: pickles and documentation name the place that users import from.
for _class in (AnalogNetwork, LayerOutputs, LayerVisit, Network, NodeInfo, TensorInfo):
    _class.__module__ = __name__
