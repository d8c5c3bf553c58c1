# SPDX-License-Identifier: BSD-3-Clause
"""The check of the C interface passes as things are, and finds what would break programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "check_abi.py"

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """A copy of the headers that a test may change."""
    shutil.copytree(ROOT / "src" / "cpp" / "include", tmp_path / "include")
    shutil.copytree(ROOT / "tests" / "abi", tmp_path / "recorded")
    return tmp_path / "include"


def edit(headers: Path, name: str, old: str, new: str) -> None:
    path = headers / "imperfect" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def check(headers: Path, *options: str) -> subprocess.CompletedProcess[str]:
    given = ["--include", headers, "--recorded", headers.parent / "recorded", *options]
    return subprocess.run(
        [sys.executable, TOOL, *map(str, given)], capture_output=True, text=True, timeout=60
    )


def test_the_interface_is_as_recorded(headers: Path) -> None:
    done = check(headers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == ""


BREAKING = {
    "order of fields": ("  int32_t weight_bits;", "  int32_t added, weight_bits;"),
    "type of a field": ("  double g_max; ", "  float g_max; "),
    "field gone": ("  double adc_noise; ", "  "),
    "length of an array": ("  int32_t kernel[2];", "  int32_t kernel[3];"),
    "value of an enum": ("IMPERFECT_NO_MEMORY = 2", "IMPERFECT_NO_MEMORY = 4"),
    "field within the padding": (
        "  int32_t output_padding_depth;",
        "  int32_t output_padding_depth, added;",
    ),
    "type of an argument": ("* layer, double seconds,", "* layer, float seconds,"),
}


@pytest.mark.parametrize("what", BREAKING)
def test_what_breaks_programs_is_found(headers: Path, what: str) -> None:
    edit(headers, "imperfect.h", *BREAKING[what])
    done = check(headers)
    assert done.returncode == 1, done.stderr
    assert "would break" in done.stdout
    assert check(headers, "--update").returncode == 1  # it cannot be recorded either
    edit(headers, "version.hpp", "VERSION_MINOR 1", "VERSION_MINOR 2")
    assert check(headers, "--update").returncode == 0  # but a new minor version may
    assert check(headers).returncode == 0


def test_fields_at_the_end_may_be_added(headers: Path) -> None:
    last = "  int32_t output_padding_depth;"
    edit(headers, "imperfect.h", last, f"{last} double added;")
    done = check(headers)
    assert done.returncode == 1
    assert "nothing breaks" in done.stdout
    assert "imperfect_options added double offset 616" in done.stdout
    assert check(headers, "--update").returncode == 0
    assert check(headers).returncode == 0


def test_symbols_of_a_library(headers: Path) -> None:
    library = headers.parent / "library.so"
    names = (headers.parent / "recorded" / "symbols.txt").read_text().split()
    source = "".join(f"void {name}(void) {{}}\n" for name in [*names[1:], "imperfect_added"])
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=source, text=True, check=True)
    done = check(headers, "--library", str(library))
    assert done.returncode == 1
    assert f"symbols.txt: gone: {names[0]}" in done.stdout
    assert "symbols.txt: new: imperfect_added" in done.stdout
