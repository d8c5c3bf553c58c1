# SPDX-License-Identifier: BSD-3-Clause
"""Reading and resizing of labelled images; public through ``imperfect.images``."""
