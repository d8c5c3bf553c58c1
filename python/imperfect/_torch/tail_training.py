# SPDX-License-Identifier: BSD-3-Clause
"""Trains the last layers of a network: cross-entropy, AdamW, a rate that falls to zero.

The rate falls along a cosine (Loshchilov & Hutter, arXiv:1608.03983 and 1711.05101), so the number
of epochs is fixed beforehand and nothing decides when to stop. Batch normalisation uses the
statistics of each batch and, once training is over, those of all training data: a chip shifts
every channel, so that the network's own statistics do not hold. Measured on the bundled network
with cells wrong by 4 to 10 % of g_max, two layers: 0.791 so, 0.778 with statistics measured once
before training, 0.774 with the network's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from imperfect._torch.modules import AnalogModule
from imperfect._torch.replace import build, calibrate, exchanged
from imperfect._torch.tail import Tail
from imperfect._torch.tail_parts import BatchNorm, layer_in
from imperfect.hardware import Hardware

# Rows that calibrate converters: at most this many, as in the study.
NUM_CALIBRATING = 256
# Why: the layers are trained already, and have to settle in hardware only.
RATE_IN_HARDWARE = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train."""

    epochs: int
    rate: float
    batch: int
    decay: float
    seed: int


def train(tail: Tail, x: Tensor, y: Tensor, settings: Settings, hardware: Hardware | None) -> None:
    """Train in float, then, if there is hardware, on it too."""
    draws = torch.Generator().manual_seed(settings.seed)
    tail.standardise(x)
    _run_epochs(tail, x, y, settings, draws, settings.rate, lambda: None)
    if hardware is not None:
        _put_on(tail, hardware, settings.seed)
        chosen = torch.linspace(0, len(x) - 1, min(len(x), NUM_CALIBRATING)).round().long()

        def set_ranges() -> None:
            calibrate(tail, x[chosen])

        rate = settings.rate * RATE_IN_HARDWARE
        _run_epochs(tail, x, y, settings, draws, rate, set_ranges)
        set_ranges()
        # Why: from here on the cells stay as they are.
        for part in analog_parts(tail):
            part.rewrite = "manual"
        settle(tail, x, settings.batch)
        set_ranges()
    settle(tail, x, settings.batch)
    tail.eval()


def _put_on(tail: Tail, hardware: Hardware, seed: int) -> None:
    """Lay the layers into cells, whose draws are keyed as those of a chip of the network."""
    built: dict[int, AnalogModule] = {}
    for name, place in tail.layers.items():
        layer = layer_in(tail.parts[place])
        built[id(layer)] = build(name, layer, hardware, {"seed": seed})
    exchanged(tail, built)


def analog_parts(tail: Tail) -> list[AnalogModule]:
    """The layers that lie in cells."""
    return [part for part in tail.modules() if isinstance(part, AnalogModule)]


def _run_epochs(
    tail: Tail,
    x: Tensor,
    y: Tensor,
    settings: Settings,
    draws: torch.Generator,
    rate: float,
    before_epoch: Callable[[], None],
) -> None:
    # Why: a bias, a scale or a shift that is pulled to zero takes the signal with it.
    matrices = [values for values in tail.parameters() if values.dim() > 1]
    vectors = [values for values in tail.parameters() if values.dim() == 1]
    decaying = {"params": matrices, "weight_decay": settings.decay}
    groups = [decaying, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, rate)
    # Why: batches are never smaller than asked for, as statistics of few rows mean nothing.
    batches = max(len(x) // settings.batch, 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * batches)
    for _ in range(settings.epochs):
        before_epoch()
        tail.train()
        for rows in torch.randperm(len(x), generator=draws).tensor_split(batches):
            loss = functional.cross_entropy(tail(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    if not all(bool(torch.isfinite(values).all()) for values in tail.parameters()):
        raise ValueError(f"learning_rate={settings.rate}: is too large, weights became infinite")


def settle(tail: nn.Module, x: Tensor, batch: int) -> None:
    """Give batch normalisation the mean of its statistics over all rows."""
    norms = [part for part in tail.modules() if isinstance(part, BatchNorm)]
    if not norms:
        return
    tail.train()
    with torch.no_grad():
        for count, rows in enumerate(x.tensor_split(max(len(x) // batch, 1)), 1):
            for norm in norms:
                norm.momentum = 1 / count
            tail(rows)
    for norm in norms:
        norm.momentum = 1.0
    tail.eval()
