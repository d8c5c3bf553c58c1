# SPDX-License-Identifier: BSD-3-Clause
"""For tests of commands: running one, and the files it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import networks


def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, after other code if given."""
    program = f"{code}\nimport sys; from imperfect.cli import main; sys.exit(main())"
    start = ["-c", program] if code else ["-m", "imperfect"]
    return subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def write_study(folder: Path) -> None:
    """A network and photos for it."""
    (folder / "net.onnx").write_bytes(networks.small_cnn(classes=3).SerializeToString())
    pixels = np.random.default_rng(0).integers(256, size=(90, 8, 8, 3), dtype=np.uint8)
    y = np.arange(90) % 3
    np.savez(
        folder / "photos.npz",
        x_train=pixels[:60], y_train=y[:60], x_test=pixels[60:], y_test=y[60:],
    )  # fmt: skip
