# SPDX-License-Identifier: BSD-3-Clause
"""What a release is made with finds mistakes: the check of wheels, ``imperfect.test``, versions."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import imperfect as im
import imperfect.test
from imperfect import _core

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


# ---- versions ------------------------------------------------------------------------------


def test_minimum_versions_are_those_of_the_project() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(text for extra in ("study", "sweep", "test") for text in extras[extra]),
    ]
    oldest = {}
    for requirement in map(Requirement, wanted):
        lowest = [part.version for part in requirement.specifier if part.operator == ">="]
        if requirement.name != PROJECT["project"]["name"]:
            assert lowest, f"{requirement} has no lower bound"
            oldest[requirement.name] = Version(lowest[0])
    lines = (ROOT / "tests" / "minimum-versions.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: Version(version) for name, version in pinned.items()} == oldest


# ---- python -m imperfect.test --------------------------------------------------------------


def test_this_installation_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert im.test.check_level()
    out = capsys.readouterr().out
    assert re.match(rf"{im.simd_level()}: {len(im.test.CASES) + 2} passed, 0 failed in ", out)


def test_a_level_runs_in_a_process_of_its_own() -> None:
    passed, cells = im.test.run_level(im.available_simd_levels()[0])
    assert passed and re.fullmatch("[0-9a-f]{64}", cells)


def wrong_sums(layer: Any, x: Any, **arguments: Any) -> Any:
    y = layer._run_unbroken(x, **arguments)
    return y * np.float32(1.01)


def other_threads(layer: Any, x: Any, num_threads: Any = None, **arguments: Any) -> Any:
    y = layer._run_unbroken(x, **arguments)
    return np.nextafter(y, np.float32(9)) if num_threads == 2 else y


def other_parts(layer: Any, x: Any, **arguments: Any) -> Any:
    y = layer._run_unbroken(x, **arguments)
    return np.nextafter(y, np.float32(9)) if len(x) < 7 else y


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (wrong_sums, "output out of bounds"),
        (other_threads, "two threads: .* numbers differ"),
        (other_parts, "a batch in two parts: .* numbers differ"),
    ],
)
@pytest.mark.parametrize("name", im.test.CASES)
def test_a_broken_layer_is_noticed(
    name: str, broken: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = im.test.CASES[name]
    kind: Any = case.kind
    monkeypatch.setattr(kind, "_run_unbroken", kind.__call__, raising=False)
    monkeypatch.setattr(kind, "__call__", broken)
    with pytest.raises(AssertionError, match=reason):
        im.test.check_case(case)


@pytest.mark.parametrize("name", sorted(set(im.test.CASES) - {"integer tables"}))  # ideal cells
def test_other_draws_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = im.test.CASES[name]
    reference = im.test.Case.reference

    def with_other_seed(self: Any) -> Any:
        made = reference(self)
        made.program(1)
        return made

    monkeypatch.setattr(im.test.Case, "reference", with_other_seed)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        im.test.check_case(case)


def test_what_fails_is_said_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = im.test.CASES["folded"]
    monkeypatch.setattr(im.test, "CASES", {"odd": im.test.Case("fused", case.hardware), "ok": case})
    monkeypatch.setattr(im.test, "BESIDE", {"more": (print, ("no_such_package",), "study")})
    monkeypatch.setenv("IMPERFECT_SIMD", im.simd_level())
    assert im.test.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    reason = "AssertionError: the plan is 'folded', expected 'fused'"
    assert lines[0] == f"FAILED odd ({im.simd_level()}): {reason}"
    assert lines[1].startswith(f"{im.simd_level()}: 1 passed, 1 failed")
    assert lines[2].endswith(
        'skipped more (needs no_such_package: pip install "imperfect-cim[study]")'
    )


def test_cells_that_differ_between_levels_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(im, "available_simd_levels", lambda: ("base", "avx2"))
    monkeypatch.setattr(im.test, "run_level", lambda level: (True, level))
    assert not im.test.check_all_levels()
    assert "FAILED cells: written with other bits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "level", "code", "said"),
    [
        (["--help"], "", 0, "IMPERFECT_SIMD"),
        (["--fast"], "", 2, "unrecognized arguments: --fast"),
        ([], "sse9", 1, "sse9"),
    ],
)
def test_command(words: list[str], level: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imperfect.test", *words],
        env={**os.environ, "IMPERFECT_SIMD": level}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# ---- tools/check_wheel.py ------------------------------------------------------------------


@pytest.fixture(scope="module")
def check() -> Any:
    pytest.importorskip("elftools", reason="pyelftools is not installed (extra test)")
    return runpy.run_path(str(ROOT / "tools" / "check_wheel.py"))


def good_wheel(check: Any) -> dict[str, bytes]:
    """Content of a wheel as it should be, with the extension module that runs here."""
    fields = {
        "Name": PROJECT["project"]["name"],
        "Version": im.__version__,
        "License-Expression": PROJECT["project"]["license"],
        "Requires-Python": PROJECT["project"]["requires-python"],
    }
    info = f"imperfect_cim-{im.__version__}.dist-info"
    licences = [ROOT / "LICENSE", *(ROOT / "LICENSES").iterdir()]
    content = {f"imperfect/{name}": b"" for name in check["expected_files"]()}
    content["imperfect/lib/libimperfect.a"] = b"!<arch>\n"
    content[f"imperfect/{Path(_core.__file__).name}"] = Path(_core.__file__).read_bytes()
    content |= {f"{info}/licenses/{p.relative_to(ROOT).as_posix()}": b"" for p in licences}
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return content | {f"{info}/METADATA": text.encode()}


def mistakes(check: Any, content: dict[str, bytes], folder: Path) -> list[str]:
    path = folder / "made.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in content.items():
            wheel.writestr(name, data)
    found: list[str] = check["check_wheel"](path)
    return found


def test_a_good_wheel_has_no_mistakes(check: Any, tmp_path: Path) -> None:
    assert mistakes(check, good_wheel(check), tmp_path) == []


HOME = b"/home/someone/imperfect/src/cpp/base/check.hpp"


@pytest.mark.parametrize(
    ("name", "data", "mistake"),
    [
        ("imperfect/py.typed", None, "lacks ['py.typed']"),
        ("imperfect/_core.pyi", None, "lacks ['_core.pyi']"),
        ("imperfect/include/imperfect/layer.hpp", None, "lacks ['include/imperfect/layer.hpp']"),
        ("imperfect/lib/libimperfect.a", None, "must have one static library, has []"),
        ("imperfect/__pycache__/cli.cpython-311.pyc", b"", "do not belong there"),
        ("imperfect/_core.abi3.so", b"", "must have one extension module"),
        ("tests/test_layers.py", b"", "outside of the package: ['tests/test_layers.py']"),
        ("imperfect/lib/libimperfect.a", HOME, "names places of the build machine"),
        (
            "imperfect/lib/cmake/imperfect/imperfectTargets.cmake",
            b'set(x "/home/someone/include")',
            "names places of the build machine",
        ),
        ("imperfect_cim-{}.dist-info/METADATA", b"Name: imperfect\n", "its Name is 'imperfect'"),
        ("imperfect_cim-{}.dist-info/licenses/LICENSE", None, "lacks the licences ['LICENSE']"),
    ],
)
def test_mistakes_in_wheels_are_found(
    name: str, data: bytes | None, mistake: str, check: Any, tmp_path: Path
) -> None:
    content = good_wheel(check)
    name = name.format(im.__version__)
    content.pop(name, None)
    if data is not None:
        content[name] = data
    found = mistakes(check, content, tmp_path)
    assert len(found) == 1 or "METADATA" in name
    assert mistake in found[0]


def test_a_library_that_exports_and_needs_more_is_found(check: Any) -> None:
    numpy_module = sys.modules["numpy.random._generator"].__file__
    assert numpy_module is not None
    found = list(check["check_extension"]("x.so", Path(numpy_module).read_bytes(), {"a.libs/a.so"}))
    assert any("exports ['PyInit__generator'" in text for text in found)


# ---- nothing is sent or downloaded ---------------------------------------------------------

OFFLINE = """
import importlib, pkgutil, sys

def refuse(event, details):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        raise SystemExit(f"{event} {details}")

sys.addaudithook(refuse)
if sys.argv[1:]:
    importlib.import_module("socket").getaddrinfo("localhost", 80)
import imperfect as im
for module in pkgutil.walk_packages(im.__path__, "imperfect."):
    try:
        module.name.endswith("__main__") or importlib.import_module(module.name)
    except ImportError as error:
        if "torch" not in str(error):
            raise
x = im.data.scattered_fashion()[0][:20]
chip = im.AnalogNetwork(im.data.scattered_mobilenet(), im.Hardware(), seed=1)
chip(x)
"""


@pytest.mark.parametrize("looks_up", [False, True])
def test_nothing_is_sent_or_downloaded(looks_up: bool) -> None:
    """The second case shows that a look-up would be seen."""
    command = [sys.executable, "-c", OFFLINE, *["look up"] * looks_up]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == looks_up, done.stderr
    assert ("socket.getaddrinfo" in done.stderr) == looks_up
