# SPDX-License-Identifier: BSD-3-Clause
"""The analog layers, one file for each kind; see ``imperfect.layers``."""
