# SPDX-License-Identifier: BSD-3-Clause
"""The parts of a machine; `imperfect.hardware` is where they are found."""
