# SPDX-License-Identifier: BSD-3-Clause
"""Write python/imperfect/_core.pyi from the compiled core; with --check, fail if it is out of date.

Example: python tools/make_stubs.py --check
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(__file__).parents[1] / "python" / "imperfect" / "_core.pyi"
HEADER = "# SPDX-License-Identifier: BSD-3-Clause\n# Written by tools/make_stubs.py.\n"


def make_stub() -> str:
    """The stub of the installed core, formatted."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["pybind11-stubgen", "imperfect._core", "-o", directory, "--exit-code"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        text = (Path(directory) / "imperfect" / "_core.pyi").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("__version__")]
    text = HEADER + "\n".join(lines) + "\n__version__: str\n"
    for command in (["check", "--fix", "--quiet", "--exit-zero"], ["format", "--quiet"]):
        run = ["ruff", *command, "--stdin-filename", str(STUB), "-"]
        text = subprocess.run(run, input=text, text=True, capture_output=True, check=True).stdout
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    new, old = make_stub(), STUB.read_text() if STUB.exists() else ""
    if not check:
        STUB.write_text(new)
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(old.splitlines(True), new.splitlines(True), "committed", "generated")
    )
    return int(new != old)


if __name__ == "__main__":
    sys.exit(main())
