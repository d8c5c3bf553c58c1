# SPDX-License-Identifier: BSD-3-Clause
"""Imperfect hardware as scikit-learn estimators.

``AnalogFeatures`` gives the features that a chip produces, ``RetrainedClassifier`` fits a new
head on them, ``AnalogLogisticRegression`` has its own weights on an array.
"""

from __future__ import annotations

from imperfect._estimators.analog_logistic import AnalogLogisticRegression
from imperfect._estimators.network_estimators import AnalogFeatures, RetrainedClassifier

__all__ = ["AnalogFeatures", "AnalogLogisticRegression", "RetrainedClassifier"]

# Why: pickles and documentation name the place that users import from.
for _class in (AnalogFeatures, AnalogLogisticRegression, RetrainedClassifier):
    _class.__module__ = __name__
