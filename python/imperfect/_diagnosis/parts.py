# SPDX-License-Identifier: BSD-3-Clause
"""The error of each layer taken apart into its sources, on the inputs of the float network.

With y the layer's output on all its errors and ref the float one, a source's share is
1 - sum (y' - ref)^2 / sum (y - ref)^2, y' the output with that source switched off. The error of
quantised weights is switched off by taking as ref what the same layer gives with quantised weights
and no other error. Shares need not add up to 1: sources interact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imperfect._arrays import Floats
from imperfect._diagnosis.errors import Errors
from imperfect._diagnosis.sources import SOURCES, WEIGHTS, same_layer, sources_of, switched_off
from imperfect._network import corrections
from imperfect._network.stream import LayerVisit
from imperfect.network import AnalogNetwork


def source_rows(chip: AnalogNetwork, x: Floats) -> Iterator[dict[str, Any]]:
    """One row for each layer and source."""
    for position, (mine, ideal) in enumerate(corrections.walk_both(chip, x, None, 0), 1):
        for row in _rows_of_layer(mine, ideal):
            yield {"layer": mine.name, "position": position, **row}


def _rows_of_layer(mine: LayerVisit, ideal: LayerVisit) -> Iterator[dict[str, Any]]:
    layer, hardware = mine.layer, mine.layer.hardware
    sources = sources_of(hardware)
    others = [name for name in SOURCES if name in sources]
    quantised = same_layer(mine.spec, layer, switched_off(hardware, others))
    total = _compare(ideal, layer, None)
    for source in sources:
        if source == WEIGHTS:
            without, alone = _compare(ideal, layer, quantised), _compare(ideal, quantised, None)
        else:
            rest = switched_off(hardware, [source])
            only = switched_off(hardware, [name for name in others if name != source])
            without = _compare(ideal, same_layer(mine.spec, layer, rest), None)
            alone = _compare(ideal, same_layer(mine.spec, layer, only), quantised)
        yield {
            "source": source,
            "share": 1.0 - without.energy / total.energy if total.energy else 0.0,
            "relative_error_without": without.relative,
            "relative_error_alone": alone.relative,
            "relative_error": total.relative,
        }


def _compare(ideal: LayerVisit, layer: Any, reference: Any) -> Errors:
    """Errors of one layer against another, or the float one, on float inputs."""
    errors = Errors()
    for y, wanted in zip(ideal.outputs(layer), ideal.outputs(reference), strict=True):
        errors.add(y, wanted)
    return errors
