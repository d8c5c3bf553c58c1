# SPDX-License-Identifier: BSD-3-Clause
"""Writes what fuzzing of the Python targets begins with: python fuzz/seeds.py FOLDER.

Needs the folder tests on PYTHONPATH: its small networks and its sweep are among the seeds.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import imperfect as im
import networks
import odd_networks
from imperfect import sweep
from imperfect.network import AnalogNetwork, Network
from spec_files import TEXT

LARGEST = 6000  # bytes of a seed; small ones are mutated and read quickly

# That of the tests, with what the package holds in place of their files.
SPEC = (
    TEXT.replace('"net.onnx"', '"bundled"')
    .replace('"photos.npz"\nn_train = 30', '"bundled"\nn_train = 50\nn_test = 20')
    .replace('components = "mine.toml"\n', "")
)
SHORT_SPEC = """\
problem = { network = "bundled", data = "bundled", n_train = 50, n_test = 20 }
space = [{ kind = "sobol", count = 4, vary.cell.bits = { low = 1, high = 4, whole = true } }]
measure = [{ names = ["logit_error"] }]
"""
NOISY = im.Hardware(
    weight_bits=4,
    cell=im.Cell(bits=2, programming=im.device.Gaussian(0.02)),
    dac=im.DAC(bits=4),
    adc=im.ADC(bits=6, range="calibrated"),
)


def network() -> Iterator[bytes]:
    for case in (*networks.CASES.values(), *odd_networks.CASES.values()):
        yield case()[0].SerializeToString()
    for path in sorted(Path(networks.__file__).with_name("exports").glob("*.onnx")):
        yield path.read_bytes()


def hardware() -> Iterator[bytes]:
    machines = [im.Hardware(), NOISY, im.presets.isaac()]
    for law in im.device._LAWS.values():
        for role in ("programming", "faults", "drift", "read_noise", "nonlinearity"):
            try:
                cell = im.Cell(g_max=25e-6, on_off_ratio=20, **{role: law()})
                machines.append(im.Hardware(cell=cell))
            except (TypeError, ValueError):
                pass  # not a law of this role, or one that has no default
    for machine in machines:
        yield machine.to_json().encode()


def spec() -> Iterator[bytes]:
    yield SPEC.encode()
    yield SHORT_SPEC.encode()


def store() -> Iterator[bytes]:
    measure = sweep.Measure("numbers", 1, lambda subject: {"x": 0.5, "name": "a"})
    space = sweep.Space.grid(im.Hardware(), {"cell.bits": [1, 2]})
    for trials in (0, 2):
        path = Path(sys.argv[1], "made.db")
        sweep.run(sweep.tasks(space, measures=measure), path, stop=max(trials, 1))
        database = sqlite3.connect(path, isolation_level=None)
        if not trials:
            database.execute("DELETE FROM trials")
        for command in ("journal_mode = DELETE", "page_size = 512"):
            database.execute(f"PRAGMA {command}")
        database.execute("VACUUM")
        database.close()
        yield path.read_bytes()
        for left in path.parent.glob("made.db*"):
            left.unlink()


def chip() -> Iterator[bytes]:
    from onnx import helper

    path, rng = Path(sys.argv[1], "made.npz"), np.random.default_rng(0)
    dense = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", transB=1)]
    constants = {"w": networks.draw(2, 3), "b": networks.draw(2)}
    models = [networks.model(dense, {"x": ["n", 3]}, {"y": ["n", 2]}, constants)]
    conv = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv", group=2),
        helper.make_node("BatchNormalization", ["a", *networks.batch_norm("n", 2)], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    constants = {"w": networks.draw(2, 1, 2, 2), **networks.batch_norm("n", 2)}
    models.append(networks.model(conv, {"x": ["n", 2, 4, 4]}, {"y": ["n", 2, 3, 3]}, constants))
    drifting = NOISY.with_fields(
        {"cell.drift": im.device.PowerLaw(nu=0.05), "drift_compensation": "layer"}
    )
    for model in models:
        for machine in (NOISY, drifting):
            made = AnalogNetwork(Network.from_onnx(model), machine, 1)
            sizes = [4 if isinstance(n, str) else n for n in made.network.inputs[0].shape]
            made.calibrate(rng.normal(size=sizes).astype(np.float32))
            made.save(path)
            yield path.read_bytes()
            path.unlink()


def readings() -> Iterator[bytes]:
    rows = ["target,conductance,cell,read,time"]
    rows += [
        f"{g}e-6,{g}.{c + r}e-6,{c},{r},{time}"
        for g in (1, 5) for c in range(3) for r in range(2) for time in (1, 100)
    ]  # fmt: skip
    yield "\n".join(rows).encode()
    yield b"# mine\ntarget,conductance\n1e-6,9e-7\n1e-6,1e-6\n5e-6,5e-6\n5e-6,6e-6\n"


def main() -> None:
    for make in (network, hardware, spec, store, chip, readings):
        folder = Path(sys.argv[1], make.__name__)
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(make()):
            if len(content) <= LARGEST or make is store or make is chip:
                (folder / f"{number:03}").write_bytes(content)


if __name__ == "__main__":
    main()
