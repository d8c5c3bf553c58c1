# SPDX-License-Identifier: BSD-3-Clause
"""The subcommands; public through ``imperfect.cli``."""
