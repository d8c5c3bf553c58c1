# SPDX-License-Identifier: BSD-3-Clause
"""What imperfect in-memory hardware does to a trained network, and what a refitted head restores.

Importing the package loads NumPy and the compiled core only; everything that needs another
library is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imperfect import converters, device, presets
from imperfect._config import (
    available_simd_levels,
    get_num_threads,
    set_num_threads,
    show_config,
    simd_level,
)
from imperfect._core import __version__
from imperfect.hardware import ADC, DAC, Array, Cell, Hardware
from imperfect.layers import (
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
    AnalogGRU,
    AnalogLinear,
    AnalogLSTM,
    Clipping,
    Epilogue,
    Plan,
)

if TYPE_CHECKING:
    from imperfect import (
        circuit,
        comparison,
        cost,
        data,
        diagnosis,
        images,
        plot,
        report,
        study,
        sweep,
        testing,
        torch,
        zoo,
    )
    from imperfect.comparison import compare
    from imperfect.diagnosis import diagnose
    from imperfect.estimators import AnalogFeatures, AnalogLogisticRegression, RetrainedClassifier
    from imperfect.network import AnalogNetwork, Network

_MODULES = (
    "circuit",
    "comparison",
    "cost",
    "data",
    "diagnosis",
    "images",
    "plot",
    "report",
    "study",
    "sweep",
    "testing",
    "torch",
    "zoo",
)
_NAMES = {
    "AnalogFeatures": "estimators",
    "AnalogLogisticRegression": "estimators",
    "RetrainedClassifier": "estimators",
    "AnalogNetwork": "network",
    "Network": "network",
    "compare": "comparison",
    "diagnose": "diagnosis",
}

__all__ = [
    "ADC",
    "DAC",
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogConv3d",
    "AnalogConvTranspose1d",
    "AnalogConvTranspose2d",
    "AnalogConvTranspose3d",
    "AnalogFeatures",
    "AnalogGRU",
    "AnalogLSTM",
    "AnalogLinear",
    "AnalogLogisticRegression",
    "AnalogNetwork",
    "Array",
    "Cell",
    "Clipping",
    "Epilogue",
    "Hardware",
    "Network",
    "Plan",
    "RetrainedClassifier",
    "__version__",
    "available_simd_levels",
    "circuit",
    "compare",
    "comparison",
    "converters",
    "cost",
    "data",
    "device",
    "diagnose",
    "diagnosis",
    "get_num_threads",
    "images",
    "plot",
    "presets",
    "report",
    "set_num_threads",
    "show_config",
    "simd_level",
    "study",
    "sweep",
    "testing",
    "torch",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"imperfect.{name}")
    if name in _NAMES:
        return getattr(import_module(f"imperfect.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'imperfect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
