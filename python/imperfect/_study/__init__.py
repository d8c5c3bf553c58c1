# SPDX-License-Identifier: BSD-3-Clause
"""The parts of the study; public through ``imperfect.study``."""
