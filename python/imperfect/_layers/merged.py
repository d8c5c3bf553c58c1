# SPDX-License-Identifier: BSD-3-Clause
"""Plans and counts of clipped values of several layers, taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imperfect import _core
from imperfect._layers.description import Clipping, Plan
from imperfect._layers.linear import AnalogLinear


def merged_plan(cores: Mapping[str, AnalogLinear]) -> Plan:
    """One plan for all: sums of what it takes, and of the kind of the most expensive one."""
    plans = {role: core.plan for role, core in cores.items()}
    largest = max(plans.values(), key=lambda plan: plan.multiply_adds)
    if any(plan.kind == "uncalibrated" for plan in plans.values()):
        largest = next(plan for plan in plans.values() if plan.kind == "uncalibrated")
    same = len({plan.reason for plan in plans.values()}) == 1
    reasons = (f"{role}: {plan.kind}, {plan.reason}" for role, plan in plans.items())
    return Plan(
        kind=largest.kind,
        reason=largest.reason if same else "; ".join(reasons),
        not_taken=largest.not_taken,
        products=largest.products,
        multiply_adds=sum(plan.multiply_adds for plan in plans.values()),
        table_bytes=sum(plan.table_bytes for plan in plans.values()),
        slices=largest.slices,
        cycles=largest.cycles,
        passes=largest.passes,
        arrays=sum(plan.arrays for plan in plans.values()),
        cells=sum(plan.cells for plan in plans.values()),
        row_blocks=max(plan.row_blocks for plan in plans.values()),
    )


def merged_clipping(
    reports: Sequence[_core.CalibrationReport], sizes: Sequence[int], *, has_converters: bool
) -> Clipping:
    """Fractions of all inputs, ``sizes`` of them in each report, and of all conversions."""
    inputs = sum(report.inputs_clipped * size for report, size in zip(reports, sizes, strict=True))
    dac = inputs / max(sum(sizes), 1)
    if not has_converters:
        return Clipping(dac)
    planes = zip(*(report.converters for report in reports), strict=True)
    return Clipping(
        dac,
        tuple(
            sum(use.clipped_low + use.clipped_high for use in uses)
            / sum(use.conversions for use in uses)
            for uses in planes
        ),
    )
