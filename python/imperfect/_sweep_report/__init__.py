# SPDX-License-Identifier: BSD-3-Clause
"""The report of a sweep as one HTML file; public through ``imperfect.report``."""
