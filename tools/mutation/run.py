# SPDX-License-Identifier: BSD-3-Clause
"""Builds the tree with mutants and runs the tests that reach each of them, the quickest first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pybind11

# Python tests that exercise the core; the others test what is built on it.
PYTHON_TESTS = (
    "array_use calibration_report chip chipfile circuit_solver circuit_wires converter_errors "
    "cost_counts curves drift effects_apart hardware_bad_input layers layers_bad_input measured "
    "pcm_product programming_laws read_noise recurrent recurrent_bad_input spatial_layers "
    "wired_layers"
)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Test:
    """One program of tests: its call, its time without a mutant, which mutants it reaches."""

    name: str
    command: list[str]
    seconds: float = 0.0
    reached: Collection[int] = ()

    @property
    def limit(self) -> float:
        """Seconds after which a mutant counts as one that never ends."""
        return 60.0 + 10.0 * self.seconds


class Work:
    """A folder with the tree, its build and what was found out so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.tree = self.folder / "tree"
        self.build = self.folder / "build"
        self.tests = self.folder / "tests.jsonl"
        self.results = self.folder / "results.jsonl"

    def compile(self) -> None:
        """Builds the C++ tests, and the extension into the tree's Python package."""
        define = {
            "CMAKE_BUILD_TYPE": "None",
            "CMAKE_CXX_FLAGS": f"-w -O2 -include {HERE / 'mutant.hpp'}",
            "IMPERFECT_PYTHON": "ON",
            "IMPERFECT_TESTS": "ON",
            "Python_EXECUTABLE": sys.executable,
            "pybind11_DIR": pybind11.get_cmake_dir(),
        }
        options = [f"-D{name}={value}" for name, value in define.items()]
        call = ["cmake", "-G", "Ninja", "-S", self.tree, "-B", self.build, *options]
        subprocess.run(call, check=True)
        subprocess.run(["cmake", "--build", self.build, "-j2"], check=True)
        (extension,) = self.build.glob("src/cpp/bindings/_core*.so")
        (self.tree / "python" / "imperfect" / extension.name).write_bytes(extension.read_bytes())

    def programs(self) -> list[Test]:
        """All programs of tests."""
        programs = sorted((self.build / "tests" / "cpp").glob("test_*"))
        found = [Test(path.name, [str(path), "-aa"]) for path in programs if path.is_file()]
        pytest = [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider"]
        pytest.append("--hypothesis-seed=0")
        for name in PYTHON_TESTS.split():
            file = f"tests/test_{name}.py"
            if (self.tree / file).exists():
                found.append(Test(f"test_{name}.py", [*pytest, file]))
        return found

    def call(self, test: Test, limit: float, **variables: str) -> str:
        """``passed``, ``failed``, ``crashed`` or ``timeout``."""
        environment = os.environ | variables | {"PYTHONPATH": str(self.tree / "python")}
        process = subprocess.Popen(
            test.command,
            cwd=self.tree,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "timeout"
        return "passed" if code == 0 else "crashed" if code < 0 else "failed"

    def trace(self) -> None:
        """Runs each test without a mutant, if it did not run before; a line of ``tests.jsonl``."""
        done = {test.name for test in self.traced()}
        for test in self.programs():
            if test.name not in done:
                self.trace_one(test)

    def trace_one(self, test: Test) -> None:
        reached = self.folder / f"{test.name}.reached"
        reached.write_text("")
        start = time.perf_counter()
        outcome = self.call(test, 3600.0, IMPERFECT_REACHED=str(reached))
        seconds = time.perf_counter() - start
        numbers = sorted({int(line) for line in reached.read_text().split()})
        print(f"{test.name}: {outcome}, {seconds:.1f} s, {len(numbers)} mutants", flush=True)
        if outcome == "passed":
            line = {"name": test.name, "command": test.command}
            append(self.tests, line | {"seconds": seconds, "reached": numbers})

    def traced(self) -> list[Test]:
        """Tests that pass without a mutant, C++ first, the quickest first."""
        tests = [Test(**line) for line in lines(self.tests)]
        return sorted(tests, key=lambda test: (test.name.endswith(".py"), test.seconds))

    def run(self, numbers: range) -> None:
        """Tries mutants that have no result yet; each result is a line of ``results.jsonl``."""
        tests, done = self.traced(), self.finished()
        for number in numbers:
            if number not in done:
                result = {"mutant": number} | self.attempt(number, tests)
                print(json.dumps(result), flush=True)
                append(self.results, result)

    def attempt(self, number: int, tests: list[Test]) -> dict[str, str]:
        """The first test that notices the mutant, and how."""
        reaching = [test for test in tests if number in test.reached]
        for test in reaching:
            outcome = self.call(test, test.limit, IMPERFECT_MUTANT=str(number))
            if outcome != "passed":
                return {"outcome": outcome, "by": test.name}
        return {"outcome": "survived" if reaching else "not reached", "by": ""}

    def finished(self) -> dict[int, dict[str, Any]]:
        """The last result of every mutant that was tried."""
        return {line["mutant"]: line for line in lines(self.results)}


def lines(path: Path) -> list[dict[str, Any]]:
    """The values in a file that has one on each line, if there is such a file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(path: Path, value: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(value) + "\n")
