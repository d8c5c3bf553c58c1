# SPDX-License-Identifier: BSD-3-Clause
"""The page on embedding: its code compiles, its files exist, its CMake is what is tested."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "embedding.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler, c++")
def test_cpp_compiles() -> None:
    (code,) = blocks("cpp")
    source = (
        "#include <imperfect/layer.hpp>\n"
        "void run(std::vector<float> weight, std::vector<float> x, std::vector<float> y) {\n"
        f"{code}}}\n"
    )
    command = ["c++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++"]
    include = ROOT / "src" / "cpp" / "include"
    done = subprocess.run(
        [*command, f"-I{include}", "-"], input=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_cmake_is_what_is_tested() -> None:
    tested = "".join(
        (ROOT / name / "CMakeLists.txt").read_text()
        for name in ("examples/embed", "tests/subproject")
    )
    for line in filter(None, "".join(blocks("cmake")).splitlines()):
        # The program, and where the library comes from, have other names there.
        command = line.split(" GIT_REPOSITORY")[0].removeprefix("target_link_libraries(simulator ")
        assert command in tested, line


def test_links_lead_somewhere() -> None:
    for page in (
        "docs/embedding.md",
        "examples/embed/README.md",
        "examples/embed/systemc/README.md",
    ):
        text = (ROOT / page).read_text()
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"
