# SPDX-License-Identifier: BSD-3-Clause
"""The SystemC model of an accelerator computes, takes and needs what the Python API says."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imperfect import _core

FOLDER = Path(__file__).parents[1] / "examples" / "embed" / "systemc"
PREFIX = Path(_core.__file__).parent  # what `imperfect --cmake-dir` prints


def why_not() -> str:
    """What is missing to build the model; empty if nothing is."""
    for name in ("cmake", "pkg-config", "c++"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    if subprocess.run(["pkg-config", "--exists", "systemc"]).returncode:
        return "SystemC is not installed (Debian: libsystemc-dev)"
    if not list(PREFIX.glob("lib*/cmake/imperfect/imperfectConfig.cmake")):
        return "this copy of the package has no C++ library beside it"
    return ""


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "make_accelerator.py"))


@pytest.fixture(scope="module")
def simulated(script: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """Results of the simulation, one row for each inference, and what it prints."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("systemc")
    script["main"](str(folder / "accelerator.txt"))
    run("cmake", "-S", FOLDER, "-B", folder / "build", f"-Dimperfect_ROOT={PREFIX}")
    run("cmake", "--build", folder / "build", "--parallel", 2)
    results = folder / "results.txt"
    printed = run(folder / "build" / "testbench", folder / "accelerator.txt", results)
    return np.loadtxt(results), printed


@pytest.fixture(scope="module")
def in_python(script: dict[str, Any]) -> tuple[Any, list[list[Any]]]:
    """Outputs of the same chip in Python, and for each inference the costs of its layers."""
    parameters, calibration, tests, _ = script["train"]()
    layers = script["make_layers"](parameters, calibration)
    outputs, inputs = script["run"](layers, tests)
    costs = [
        [layer.cost(x[i : i + 1]) for layer, x in zip(layers, inputs, strict=True)]
        for i in range(len(tests))
    ]
    return outputs, costs


def test_outputs_have_the_same_bits(simulated: Any, in_python: Any) -> None:
    results, outputs = simulated[0], in_python[0]
    assert results.shape == (len(outputs), 3 + outputs.shape[1])
    np.testing.assert_array_equal(results[:, 3:].astype(np.float32), outputs)


def test_latency_is_the_same(simulated: Any, in_python: Any) -> None:
    expected = [sum(cost.latency for cost in costs) for costs in in_python[1]]
    picoseconds, latency = simulated[0][:, 0], simulated[0][:, 1]
    np.testing.assert_allclose(latency, expected, rtol=1e-12)
    # Each layer's latency is rounded to the picoseconds that SystemC counts.
    np.testing.assert_allclose(picoseconds * 1e-12, expected, atol=1e-12)


def test_energy_is_the_same(simulated: Any, in_python: Any) -> None:
    expected = [sum(cost.energy for cost in costs) for costs in in_python[1]]
    assert len(set(expected)) > 1  # it depends on the input
    np.testing.assert_allclose(simulated[0][:, 2], expected, rtol=1e-12)


def test_testbench_prints_every_transaction(simulated: Any, script: dict[str, Any]) -> None:
    printed = simulated[1]
    for i in range(script["NUM_TESTS"]):
        assert f"write input {i} " in printed
    assert printed.count("read output") == script["NUM_TESTS"]
    assert "wrong accesses" in printed
    assert "not all refused" not in printed
