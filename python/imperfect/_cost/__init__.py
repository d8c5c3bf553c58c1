# SPDX-License-Identifier: BSD-3-Clause
"""What a machine costs: counts, components, schedule; public through ``imperfect.cost``."""
