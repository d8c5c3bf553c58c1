# SPDX-License-Identifier: BSD-3-Clause
"""Recurrent layers with the weights of PyTorch's modules, and networks exported from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import imperfect as im

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def arrays(module: Any) -> list[np.ndarray[Any, Any]]:
    """The module's parameters, with an axis of directions if there are two."""
    own = [getattr(module, name).detach().numpy() for name in NAMES]
    if not module.bidirectional:
        return own
    other = [getattr(module, f"{name}_reverse").detach().numpy() for name in NAMES]
    return [np.stack(pair) for pair in zip(own, other, strict=True)]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_ideal_layers_are_those_of_torch(kind: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(5, 7, batch_first=True, bidirectional=bidirectional)
    x = torch.randn(3, 9, 5)
    direction = "bidirectional" if bidirectional else "forward"
    with torch.no_grad():
        expected, last = module(x)
    layer = getattr(im, f"Analog{kind}")(*arrays(module), direction=direction)
    y, state = layer(x.numpy())
    assert_allclose(y, expected.numpy(), atol=1e-6)
    pairs = zip(state, last, strict=True) if kind == "LSTM" else [(state, last)]
    for mine, theirs in pairs:
        assert_allclose(mine.swapaxes(0, 1), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_networks_from_torch_have_analog_recurrent_layers(kind: str) -> None:
    class Tagger(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = getattr(torch.nn, kind)(5, 7, batch_first=True)
            self.head = torch.nn.Linear(7, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.cell(x)[0][:, -1])

    torch.manual_seed(0)
    module, x = Tagger().eval(), torch.randn(4, 9, 5)
    network = im.Network.from_torch(module, x)
    chip = im.AnalogNetwork(network)
    assert kind in {info.op for info in network.layers}
    with torch.no_grad():
        assert_allclose(chip(x.numpy()), module(x).numpy(), atol=1e-5)
