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
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 40

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


def sources(*endings: str) -> list[Path]:
    """Our own source files with these endings."""
    folders = ("src", "python", "tests", "bench", "examples", "docs", "tools", "fuzz")
    found = (path for name in folders for path in (ROOT / name).rglob("*"))
    return sorted(path for path in found if path.suffix in endings)


def test_no_file_is_long() -> None:
    files = sources(".py", ".cpp", ".hpp", ".h", ".c", ".cmake")
    lengths = {path: len(path.read_text().splitlines()) for path in files}
    assert not {str(path): length for path, length in lengths.items() if length > MOST_LINES}


def test_no_function_is_long() -> None:
    long = []
    for path in sources(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{path.name}: {node.name} has {lines} lines")
    assert not long


def test_private_names_stay_in_their_module() -> None:
    for path in PYTHON.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imperfect."):
                folder = PYTHON.joinpath(*(node.module or "").split(".")[1:])
                names = [alias.name for alias in node.names if alias.name.startswith("_")]
                # A module with an underscore is private to the package, not to its folder.
                private = [name for name in names if not (folder / f"{name}.py").exists()]
                assert not set(private) - {"__version__"}, f"{path.name} imports {private}"


def test_every_folder_says_what_it_is() -> None:
    folders = {path.parent for path in sources(".py", ".cpp", ".hpp", ".h", ".c")}
    for folder in sorted(folders):
        texts = [ROOT / "README.md", *(folder.parents[i] / "README.md" for i in range(2))]
        named = any(f"`{folder.name}`" in path.read_text() for path in texts if path.exists())
        first = ("README.md", "__init__.py", "__main__.py", "CMakeLists.txt", "index.md")
        assert named or any((folder / name).exists() for name in first), folder


def test_torch_is_loaded_when_used_and_a_missing_one_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import imperfect as im\n"
        "try:\n    im.torch\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == 'torch is not installed: pip install "imperfect-cim[torch]"\n'
