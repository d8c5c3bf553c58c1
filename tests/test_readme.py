# SPDX-License-Identifier: BSD-3-Clause
"""The README: its code runs as it stands, its commands are those that are tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_first_example_collapses_and_recovers(capsys: Any) -> None:
    exec(BLOCKS[0], {})
    own, refitted = (float(line) for line in capsys.readouterr().out.split())
    assert own < refitted <= 1.0


def test_layer_example_runs() -> None:
    import imperfect as im

    names = {
        "im": im,
        "weight": np.ones((2, 3, 3, 3), np.float32),
        "bias": np.zeros(2, np.float32),
        "images": np.random.default_rng(0).normal(size=(4, 3, 8, 8)),
        "hardware": im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated")),
    }
    exec(BLOCKS[1], names)
    assert names["y"].shape == (4, 2, 8, 8)


def test_pictures_and_files_exist() -> None:
    for path in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert path.startswith("http") or (ROOT / path).exists(), path


def test_commands_are_single_lines() -> None:
    for command in ('pip install ".[study]" && imperfect demo', 'pip install ".[test]" && pytest'):
        assert f"\n    {command}\n" in TEXT
