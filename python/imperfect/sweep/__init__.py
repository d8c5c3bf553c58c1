# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps over machines: thousands of chips, on one computer or a cluster, never lost.

A ``Space`` holds machines, ``tasks`` says what is measured on their chips, ``run`` measures what a
store does not have yet. The unit of statistics is the trial: one programmed chip.
"""

from __future__ import annotations

from imperfect.sweep._effects import effects, interactions
from imperfect.sweep._frontier import frontier
from imperfect.sweep._load import combine, export, load
from imperfect.sweep._measures import Measure, measure
from imperfect.sweep._minimum import MinimumSpec, minimum_spec
from imperfect.sweep._problem import Problem
from imperfect.sweep._replay import replay
from imperfect.sweep._results import Results
from imperfect.sweep._run import iter_run, run
from imperfect.sweep._space import Machine, Range, Space
from imperfect.sweep._spec import Spec
from imperfect.sweep._stop import Stop
from imperfect.sweep._store import Trial
from imperfect.sweep._subject import Subject
from imperfect.sweep._task import Task, tasks

__all__ = [
    "Machine",
    "Measure",
    "MinimumSpec",
    "Problem",
    "Range",
    "Results",
    "Space",
    "Spec",
    "Stop",
    "Subject",
    "Task",
    "Trial",
    "combine",
    "effects",
    "export",
    "frontier",
    "interactions",
    "iter_run",
    "load",
    "measure",
    "minimum_spec",
    "replay",
    "run",
    "tasks",
]
