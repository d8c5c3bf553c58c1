# SPDX-License-Identifier: BSD-3-Clause
"""What time does to written cells; conductances relative to g_max, t in seconds, z a normal draw.

Sources of the laws: each class of `imperfect.device` names its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imperfect import device
from imperfect.hardware import Cell
from imperfect.testing._random import Floats

DAY = 86400.0
WAN_2022 = {
    0.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}
SONOS_A = (19.88665, 25.59102, 28.72753, 31.04318, 33.76214, 34.57909)
SONOS_B = (176.3115, 186.85544, 193.56834, 198.90332, 204.77023, 207.34309)


def wan_2022_sigma(g: Floats, seconds: float) -> Floats:
    """Deviation at g; sigma in microsiemens is G_max / 40 times a polynomial in x = g."""
    microsiemens_at_40 = sum(c * g**i for i, c in enumerate(WAN_2022[seconds]))
    return np.asarray(microsiemens_at_40 / 40.0, np.float64)


def sonos_sigma(law: device.SONOS, g: Floats, seconds: float) -> Floats:
    """Deviation at g, as a fraction of the current at g_max; A and B linear between days."""
    days = np.arange(6.0)
    a, b = (np.interp(seconds / DAY, days, values) for values in (SONOS_A, SONOS_B))
    return np.asarray(a * (1.0 - np.exp(-g * law.i_max / b)) / law.i_max, np.float64)


def replaced_sigma(law: Any, g: Floats, seconds: float) -> Floats:
    """Deviation of a law that replaces its own spread, at a later time."""
    if isinstance(law, device.SONOS):
        return sonos_sigma(law, g, seconds)
    return wan_2022_sigma(g, seconds)


def pcm_exponent(target: Floats, z: Floats) -> Floats:
    """nu of phase-change memory for a target conductance."""
    log_x = np.log(np.maximum(target, 1e-7))
    mean = np.clip(-0.0155 * log_x + 0.0244, 0.049, 0.1)
    spread = np.clip(-0.0125 * log_x - 0.0059, 0.008, 0.045)
    return np.asarray(np.abs(mean + spread * z), np.float64)


def table_at(law: device.DriftTable, seconds: float) -> tuple[Floats, Floats]:
    """Change of the mean and deviation at the points of a table."""
    g = np.asarray(law.g)
    changes = np.asarray(law.mean) - g
    sigmas = np.asarray(law.sigma)
    times = np.asarray(law.seconds)
    if seconds <= times[0]:
        return changes[0] * seconds / times[0], sigmas[0] * seconds / times[0]
    at = math.log(seconds), np.log(times)
    columns = range(len(g))
    return (
        np.array([np.interp(*at, changes[:, j]) for j in columns]),
        np.array([np.interp(*at, sigmas[:, j]) for j in columns]),
    )


def drifted(law: Any, g: Floats, target: Floats, z: Floats, seconds: float, cell: Cell) -> Floats:
    """Conductances at a time after writing, which gave ``g`` for ``target``."""
    if law._replaces_spread:
        return g
    if isinstance(law, device.PowerLaw):
        nu = np.abs(law.nu + law.nu_sigma * z)
        return np.asarray(g * ((seconds + law.t0) / law.t0) ** -nu, np.float64)
    if isinstance(law, device.PCM):
        return np.asarray(g * ((seconds + 20.0) / 20.0) ** -pcm_exponent(target, z), np.float64)
    if isinstance(law, device.RRAMCMO):
        assert cell.g_max is not None
        log_t, g_max = math.log(seconds), cell.g_max * 1e6
        spread = max(0.0, 0.04201137 * log_t + 0.41183342)
        moved = g * g_max - 0.08900206 * log_t + spread * z
        return np.asarray(np.clip(moved / g_max, 1.0 / cell.on_off_ratio, 1.0), np.float64)
    if isinstance(law, device.DriftTable):
        change, sigma = table_at(law, seconds)
        moved = g + np.interp(g, law.g, change) + np.interp(g, law.g, sigma) * z
        return np.asarray(np.maximum(0.0, moved), np.float64)
    raise ValueError(f"cell.drift={law!r}: the reference does not model this law")
