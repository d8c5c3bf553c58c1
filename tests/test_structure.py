# SPDX-License-Identifier: BSD-3-Clause
"""Rules of the source tree: who may include or import whom, where the version stands, licences."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import imperfect

ROOT = Path(__file__).parents[1]
CPP = ROOT / "src" / "cpp"
PYTHON = ROOT / "python" / "imperfect"

# Each folder may include itself and what is listed.
CPP_ORDER = {
    "base": {"imperfect"},
    "random": {"base", "imperfect"},
    "mapping": {"base", "random", "imperfect"},
    "device": {"base", "random", "imperfect"},
    "circuit": {"base", "random", "imperfect"},
    "kernels": {"base", "random", "mapping", "device", "circuit", "imperfect"},
    "plan": {"base", "random", "mapping", "device", "circuit", "kernels", "imperfect"},
    "layer": {"base", "random", "mapping", "device", "circuit", "kernels", "plan", "imperfect"},
    "capi": {"base", "kernels", "layer", "imperfect"},
    "bindings": {"base", "random", "kernels", "layer", "imperfect"},
    "include": {"imperfect"},
}

# Public modules from the bottom up: each may import itself and those on earlier lines.
PYTHON_ORDER = [
    {"hardware", "device", "converters", "presets", "circuit"},
    {"layers"},
    {"network", "onnx", "images"},
    {"cost", "estimators", "study", "diagnosis", "data", "torch", "zoo"},
    {"comparison", "sweep"},
    {"plot"},
    {"cli"},
]


def cpp_files() -> list[Path]:
    return sorted(p for p in CPP.rglob("*") if p.suffix in (".cpp", ".hpp", ".h"))


@pytest.mark.parametrize("path", cpp_files(), ids=lambda p: str(p.relative_to(CPP)))
def test_includes_run_one_way(path: Path) -> None:
    folder = path.relative_to(CPP).parts[0]
    text = path.read_text()
    included = set(re.findall(r'#include ["<](\w+)/', text))
    own = included & set(CPP_ORDER)
    assert own <= CPP_ORDER[folder] | {folder}, f"{folder} includes {own}"
    assert ("pybind11" in included) <= (folder == "bindings")
    assert ("Eigen" in included) <= (folder == "kernels")
    if folder == "include":
        assert not included & {"Eigen", "pybind11"}


def imported_modules(path: Path) -> set[str]:
    """Names of imperfect's public modules that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imperfect"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found.update(names)
        elif isinstance(node, ast.Import):
            found.update(
                a.name.split(".")[1] for a in node.names if a.name.startswith("imperfect.")
            )
    return found


def test_python_modules_import_downwards_only() -> None:
    level = {name: i for i, names in enumerate(PYTHON_ORDER) for name in names}
    for name, own in level.items():
        path = PYTHON / f"{name}.py"
        if not path.exists():
            path = PYTHON / name / "__init__.py"
        above = {other for other in imported_modules(path) if level.get(other, -1) > own}
        assert not above, f"{name} imports {above}"


def test_version_is_written_once() -> None:
    header = (CPP / "include" / "imperfect" / "version.hpp").read_text()
    version = re.search(r'IMPERFECT_VERSION "([^"]+)"', header)
    numbers = re.findall(r"IMPERFECT_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    assert version and version[1] == imperfect.__version__ == ".".join(numbers)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]


def test_every_source_file_names_its_licence() -> None:
    files = [*cpp_files(), *PYTHON.rglob("*.py"), *PYTHON.rglob("*.pyi")]
    files += [p for name in ("tests", "bench", "examples") for p in (ROOT / name).rglob("*.py")]
    without = [
        p for p in files if "SPDX-License-Identifier: BSD-3-Clause" not in p.read_text()[:90]
    ]
    assert not without


def test_torch_is_loaded_when_used_and_a_missing_one_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import imperfect as im\n"
        "try:\n    im.torch\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == 'torch is not installed: pip install "imperfect-cim[torch]"\n'
