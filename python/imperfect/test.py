# SPDX-License-Identifier: BSD-3-Clause
"""``python -m imperfect.test``: does this installation compute what it should?

Small layers, one for each way to compute one, are compared with the float64 reference of
``imperfect.testing``; a layer must give the same bits for any number of threads, any split of a
batch, and after pickling. All of it at every SIMD level of this machine, and written cells must
have the same bits at all levels. NumPy is enough for that; what needs more is checked where it is
installed, and else said to be skipped.

Exit codes: 0, 1 (a check failed), 2 (bad usage).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import imperfect as im
from imperfect.testing import ReferenceConvTranspose, ReferenceLayer, assert_outputs_match

ROWS = 24  # of an array
CELLS = "cells "  # starts the line that tells the digest of all written cells
LONGEST = 300  # seconds that one SIMD level may take
NOISY = im.Cell(
    bits=2,
    g_max=25e-6,
    on_off_ratio=50.0,
    programming=im.device.Gaussian(0.02),
    faults=im.device.StuckAt(p_off=0.01),
    g_max_sigma=0.02,
)
FUSED = im.Hardware(
    weight_bits=6,
    cell=NOISY,
    array=im.Array(rows=ROWS),
    dac=im.DAC(bits=6),
    adc=im.ADC(bits=8, range="calibrated"),
)
BIT_SERIAL = FUSED.with_field("dac.slice_bits", 1)


@dataclass(frozen=True)
class Case:
    """A layer, its inputs, and what it is compared with.

    Attributes
    ----------
    plan
        The plan that the layer must choose.
    hardware
        The machine.
    kind
        Class of the layer.
    shape, size
        Of its weights, and of an input without the sample axis.
    arguments
        Others of the class that the reference takes too.
    precision
        As in ``AnalogLinear``.
    rounding
        Relative rounding error granted to sums of products.
    """

    plan: str
    hardware: im.Hardware
    kind: Callable[..., Any] = im.AnalogLinear
    shape: tuple[int, ...] = (19, 50)
    size: tuple[int, ...] = (50,)
    arguments: dict[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    rounding: float = 1e-6

    def weight(self) -> npt.NDArray[np.float32]:
        """Normal weights; of one size where cells are rounded, which makes the bound simple."""
        drawn = np.random.default_rng(1).normal(size=self.shape).astype(np.float32)
        return np.sign(drawn) if self.precision == "fixed16" else drawn

    def inputs(self) -> npt.NDArray[np.float32]:
        """Seven samples of both signs."""
        return np.random.default_rng(2).normal(size=(7, *self.size)).astype(np.float32)

    def layer(self) -> Any:
        """The layer, calibrated."""
        made = self.kind(
            self.weight(), hardware=self.hardware, seed=3, precision=self.precision,
            **self.arguments,
        )  # fmt: skip
        made.calibrate(self.inputs())
        return made

    def reference(self) -> ReferenceLayer:
        """The same layer in plain NumPy."""
        transposed = self.kind is im.AnalogConvTranspose2d
        kind = ReferenceConvTranspose if transposed else ReferenceLayer
        made = kind(self.weight(), hardware=self.hardware, seed=3, **self.arguments)
        made.calibrate(self.inputs())
        return made


CASES = {
    "folded": Case("folded", im.Hardware(weight_bits=6, cell=NOISY)),
    "fused": Case("fused", FUSED),
    "offset column": Case("fused", FUSED.with_field("scheme", "offset")),
    "bit serial": Case("bit_serial", BIT_SERIAL),
    "integer tables": Case("bit_serial", BIT_SERIAL.with_field("cell", im.Cell(bits=2))),
    # Cells of one bit line differ little in size, so at most 2 rows / (65534 - rows) of the sum.
    "fixed16": Case(
        "bit_serial", BIT_SERIAL, precision="fixed16", rounding=2 * ROWS / (65534 - ROWS)
    ),
    "read noise": Case("fused", FUSED.with_field("cell.read_noise", im.device.Gaussian(0.03))),
    "drift": Case("fused", FUSED.with_field("cell.drift", im.device.PowerLaw(nu=0.05, t0=20.0))),
    "convolution": Case(
        "fused", FUSED, im.AnalogConv2d, (6, 4, 3, 3), (4, 9, 8), {"padding": 1, "stride": 2}
    ),
    "depthwise": Case(
        "fused", FUSED.with_field("groups", "block_diagonal"),
        im.AnalogConv2d, (16, 1, 3, 3), (16, 6, 7), {"groups": 16},
    ),
    "transposed": Case("folded", im.Hardware(cell=NOISY), im.AnalogConvTranspose2d,
                       (4, 3, 3, 3), (4, 5, 6), {"stride": 2}),
    "wires": Case(
        "fused",
        FUSED.with_field("array", im.Array(rows=ROWS, cols=20, r_row=20.0, r_col=20.0)),
    ),
}  # fmt: skip


def check_case(case: Case) -> npt.NDArray[np.float32]:
    """Run all checks of a case; return the cells it wrote."""
    x, layer = case.inputs(), case.layer()
    if layer.plan.kind != case.plan:
        raise AssertionError(f"the plan is {layer.plan.kind!r}, expected {case.plan!r}")
    later = 3600.0 if case.hardware.cell.drift is not None else 0.0
    layer, reference = layer.at(later), case.reference()
    reference.set_time(later)
    np.testing.assert_allclose(layer.conductances(), reference.conductances(), atol=3e-6)
    take_over_ranges(layer, reference)
    expected, slack = reference.forward(x, return_slack=True, rounding=case.rounding)
    if not np.mean(slack) < 0.1 * np.std(expected):
        raise AssertionError("the reference allows so much rounding that nothing is checked")
    found = layer(x, num_threads=1)
    assert_outputs_match(found, expected, slack)
    same("two threads", layer(x, num_threads=2), found)
    parts = [layer(x[:3]), layer(x[3:], first_sample=3)]
    same("a batch in two parts", np.concatenate(parts), found)
    same("a pickled layer", pickle.loads(pickle.dumps(layer))(x), found)
    cells: npt.NDArray[np.float32] = layer.conductances()
    return cells


def take_over_ranges(layer: Any, reference: ReferenceLayer) -> None:
    """Compare the calibrated ranges, then give the reference the layer's own roundings of them."""
    state = layer.state()
    if reference.input_range is not None and "input_range" in state:
        own = float(state["input_range"][0])
        np.testing.assert_allclose(own, reference.input_range, rtol=1e-6)
        reference.input_range = own
    if reference.adc_ranges is not None:
        ranges = state["output_ranges"].reshape(reference.adc_ranges.shape)
        np.testing.assert_allclose(ranges, reference.adc_ranges, rtol=1e-4, atol=1e-6)
        reference.adc_ranges = ranges


def same(what: str, actual: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    """Refuse a single other bit."""
    if actual.tobytes() != expected.tobytes():
        differing = np.count_nonzero(actual != expected)
        raise AssertionError(f"{what}: {differing} of {expected.size} numbers differ")


def check_estimator() -> None:
    """A classifier on analog arrays learns two separate clouds of points."""
    rng = np.random.default_rng(4)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 5)) + 4.0 * y[:, None]
    score = im.AnalogLogisticRegression(hardware=FUSED, seed=1).fit(x, y).score(x, y)
    if score < 0.95:
        raise AssertionError(f"it classifies {score:.0%} of two separate clouds of points")


def check_network() -> None:
    """A network on a chip: ideal hardware is the float network, and a saved chip is the chip."""
    network, x = im.data.scattered_mobilenet(), im.data.scattered_fashion()[0][:4]
    exact = network(x)
    np.testing.assert_allclose(
        im.AnalogNetwork(network)(x), exact, atol=1e-4 * float(np.abs(exact).max())
    )
    chip = im.AnalogNetwork(network, FUSED, seed=5)
    chip.calibrate(x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chip.npz"
        chip.save(path)
        same("a saved chip", im.AnalogNetwork.load(path)(x), chip(x))


# What is checked beside the layers: the packages it needs, and the extra that installs them.
BESIDE: dict[str, tuple[Callable[[], None], tuple[str, ...], str]] = {
    "estimator": (check_estimator, ("sklearn",), ""),
    "network": (check_network, ("onnx", "onnxruntime"), "study"),
}


def attempt(name: str, check: Callable[[], Any]) -> tuple[Any, bool]:
    """The result of a check, and whether it passed; what failed is printed."""
    try:
        return check(), True
    except Exception as error:
        text = " ".join(str(error).split())
        print(f"FAILED {name} ({im.simd_level()}): {type(error).__name__}: {text[:500]}")
        return None, False


def check_level() -> bool:
    """Run every check at the SIMD level of this process, and say how it went."""
    start, num_failed = time.perf_counter(), 0
    digest = hashlib.sha256()
    for name, case in CASES.items():
        cells, passed = attempt(name, partial(check_case, case))
        num_failed += not passed
        digest.update(b"" if cells is None else cells.tobytes())
    skipped = []
    for name, (check, packages, extra) in BESIDE.items():
        if missing := [package for package in packages if find_spec(package) is None]:
            skipped.append(f'{name} (needs {missing[0]}: pip install "imperfect-cim[{extra}]")')
        else:
            num_failed += not attempt(name, check)[1]
    num_run = len(CASES) + len(BESIDE) - len(skipped)
    seconds = time.perf_counter() - start
    counts = f"{num_run - num_failed} passed, {num_failed} failed in {seconds:.1f} s"
    print(f"{im.simd_level()}: {counts}")
    for what in skipped:
        print(f"{im.simd_level()}: skipped {what}")
    print(f"{CELLS}{digest.hexdigest()}")
    return num_failed == 0


def run_level(level: str) -> tuple[bool, str]:
    """Check a level in a process of its own; whether it passed, and the digest of its cells."""
    command = [sys.executable, "-m", "imperfect.test"]
    environment = {**os.environ, "IMPERFECT_SIMD": level}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        print(f"FAILED {level}: not finished after {LONGEST} s")
        return False, ""
    lines = done.stdout.splitlines()
    print("\n".join(line for line in lines if not line.startswith(CELLS)))
    if done.returncode not in (0, 1):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"FAILED {level}: ended with code {done.returncode}: {last}")
    found = [line.removeprefix(CELLS) for line in lines if line.startswith(CELLS)]
    return done.returncode == 0, "".join(found)


def check_all_levels() -> bool:
    """Check every level that this machine has, one after the other."""
    im.show_config()
    levels = im.available_simd_levels()
    results = {level: run_level(level) for level in levels}
    passed = all(ok for ok, _ in results.values())
    if passed and len({cells for _, cells in results.values()}) > 1:
        print(f"FAILED cells: written with other bits at some of the levels {', '.join(levels)}")
        passed = False
    print("this installation works" if passed else "this installation does NOT work")
    return passed


def main(arguments: Sequence[str] | None = None) -> int:
    """Check this installation.

    Parameters
    ----------
    arguments
        Words after the name of the command; None takes those of the process. There is only
        ``--help``.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from imperfect.test import main
    >>> main([])  # doctest: +SKIP
    imperfect ...
    this installation works
    0
    """
    parser = argparse.ArgumentParser(
        prog="python -m imperfect.test",
        description="Check that this installation computes what it should, at every SIMD level of "
        "this machine or at the one that the environment variable IMPERFECT_SIMD names.",
    )
    parser.parse_args(arguments)
    try:
        im.simd_level()
    except ValueError as error:  # a level that this machine lacks
        print(f"FAILED {error}")
        return 1
    passed = check_level() if os.environ.get("IMPERFECT_SIMD") else check_all_levels()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
