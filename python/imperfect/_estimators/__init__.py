# SPDX-License-Identifier: BSD-3-Clause
"""The estimators; public through ``imperfect.estimators``."""
