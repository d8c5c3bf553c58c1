# SPDX-License-Identifier: BSD-3-Clause
"""Results of sweeps that were never run, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imperfect import sweep


def results(
    quality: Any, cost: Any = None, *, own: bool = False, knobs: dict[str, Any] | None = None
) -> sweep.Results:
    """Machines m000, m001, … (rows of the arrays) with their chips (columns)."""
    quality = np.asarray(quality, float)
    machines, chips = quality.shape
    names = np.repeat([f"m{i:03}" for i in range(machines)], chips)
    table = {"task": names, "machine": names}
    table |= {knob: np.repeat(values, chips) for knob, values in (knobs or {}).items()}
    trial = np.tile(np.arange(chips), machines)
    table |= {"trial": trial, "seed": np.arange(machines * chips) if own else trial}
    table["refitted"] = quality.ravel()
    if cost is not None:
        table["energy"] = np.broadcast_to(np.asarray(cost, float).T, quality.T.shape).T.ravel()
    measures = ("refitted", "energy")[: 1 + (cost is not None)]
    return sweep.Results(pd.DataFrame(table), tuple(knobs or ()), measures)


def changed(given: sweep.Results, **columns: Any) -> sweep.Results:
    return sweep.Results(given.table.assign(**columns), given.knobs, given.measures)


def shuffled(given: sweep.Results) -> sweep.Results:
    """The same rows in another order."""
    return sweep.Results(given.table.sample(frac=1, random_state=3), given.knobs, given.measures)
