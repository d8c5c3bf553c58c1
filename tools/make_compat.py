# SPDX-License-Identifier: BSD-3-Clause
"""Writes what a release saves to disk, and what it answers, for later releases to read back.

Run once for each release, with its package installed, before its tag: ``python
tools/make_compat.py``. It fills ``tests/compat/<version>``, which is never changed afterwards;
``tests/test_compat.py`` reads every such folder. Answers are of one SIMD level, no input of a
converter lies so near to a rounding boundary that another level answers otherwise: run the test at
each of them (``IMPERFECT_SIMD``) after this script.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import imperfect as im
from imperfect import sweep

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))
import networks  # noqa: E402

CELL = im.Cell(
    bits=2,
    g_max=25e-6,
    on_off_ratio=50.0,
    programming=im.device.PCM(),
    faults=im.device.StuckAt(p_on=0.01, p_off=0.02),
    drift=im.device.PCM(),
    read_noise=im.device.PCMRead(0.01),
    g_max_sigma=0.02,
)
CONVERTED = im.Hardware(
    weight_bits=6,
    cell=im.Cell(bits=2, on_off_ratio=50.0, programming=im.device.Gaussian(0.02)),
    array=im.Array(rows=24),
    dac=im.DAC(bits=6, slice_bits=1),
    adc=im.ADC(bits=8, range="calibrated"),
)
SWEEP = """\
# SPDX-License-Identifier: BSD-3-Clause
question = "Does a later release read this?"

[problem]
network = "network.onnx"
data = "images.npz"

[hardware]
weight_bits = 6
"cell.programming" = { law = "Gaussian", sigma = 0.02 }
"adc.bits" = 8
"adc.range" = "calibrated"
"dac.bits" = 8

[[space]]
kind = "grid"
[space.vary]
"cell.bits" = [2, 4]

[[measure]]
names = ["accuracy"]
chips = 2
"""


def normal(seed: int, *shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Normal numbers as a layer takes them."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layers() -> dict[str, tuple[Any, np.ndarray[Any, Any]]]:
    """Programmed and calibrated layers of several kinds, each with inputs."""
    x, image = normal(0, 4, 30), normal(1, 3, 4, 6, 6)
    device = im.Hardware(weight_bits=6, scheme="offset", cell=CELL)
    fold, fuse = (
        im.AnalogLinear(normal(2, 9, 30), normal(3, 9), hardware=hardware, seed=11, layer_id="fc")
        for hardware in (device, CONVERTED)
    )
    fold.program(write=3)
    relu = im.Epilogue(scale=np.full(6, 0.5, np.float32), low=0.0)
    conv = im.AnalogConv2d(
        normal(4, 6, 2, 3, 3), groups=2, padding=1, hardware=CONVERTED, seed=12, epilogue=relu
    )
    up = im.AnalogConvTranspose2d(normal(5, 4, 3, 2, 2), stride=2, hardware=device, seed=13)
    lstm = im.AnalogLSTM(normal(6, 20, 4), normal(7, 20, 5), hardware=device, seed=14)
    wires = im.Array(rows=24, cols=20, r_row=5.0, r_col=5.0)
    wired = im.AnalogLinear(
        normal(8, 9, 30), hardware=device.with_field("array", wires), seed=2**64 - 1
    )
    fuse.calibrate(x)
    conv.calibrate(image)
    return {
        "device": (fold, x),
        "later": (fold.at(3600.0), x),
        "converted": (fuse, x),
        "conv": (conv, image),
        "transposed": (up, image),
        "lstm": (lstm, normal(9, 2, 3, 4)),
        "wired": (wired, x),
    }


def write_layers(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Pickle the layers; return their inputs, outputs and written cells."""
    made, answers = layers(), {}
    for name, (layer, x) in made.items():
        answers[f"{name}.x"] = x
        y = layer(x)
        answers[f"{name}.y"] = y[0] if isinstance(y, tuple) else y
        answers |= {f"{name}.{k}": v for k, v in layer.state().items() if k.endswith("cells")}
    hardware = {name: layer.hardware for name, (layer, _) in made.items()}
    _pickle(folder / "layers.pkl", {name: layer for name, (layer, _) in made.items()})
    _pickle(folder / "hardware.pkl", hardware)
    (folder / "hardware.json").write_text(hardware["device"].to_json() + "\n")
    return answers


def write_chip(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Save a chip, pickle it and its network; return what it answers."""
    model = networks.small_cnn(classes=3)
    onnx.save(model, str(folder / "network.onnx"))
    x = networks.images(6, height=8)["x"]
    chip = im.AnalogNetwork(im.Network.from_onnx(model), CONVERTED, seed=5, digital=["block.dw"])
    chip.calibrate(x)
    chip.save(folder / "chip.npz")
    _pickle(folder / "chip.pkl", chip)
    _pickle(folder / "network.pkl", chip.network)
    return {"chip.x": x, "chip.y": chip(x), "network.y": chip.network(x)}


def write_store(folder: Path) -> None:
    """Run a sweep from a file into a store, which names neither this machine nor its folders."""
    x = networks.images(48, height=8)["x"]
    y = np.arange(48) % 3
    np.savez_compressed(
        folder / "images.npz", x_train=x[:36], y_train=y[:36], x_test=x[36:], y_test=y[36:]
    )
    (folder / "sweep.toml").write_text(SWEEP)
    store = folder / "store.db"
    for tasks, stop in sweep.Spec.load(folder / "sweep.toml").groups:
        sweep.run(tasks, store, stop=stop)
    with sqlite3.connect(store) as db:
        db.execute("UPDATE workers SET host = 'host'")
        db.execute("UPDATE tasks SET source = replace(source, ?, '')", (f"{folder}/",))
        db.execute("UPDATE about SET content = replace(content, ?, '')", (f"{folder}/",))
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("VACUUM")
    db.close()
    for beside in folder.glob("store.db?*"):
        beside.unlink()
    kept = ["task", "machine", "cell.bits", "trial", "seed", "collapsed", "refitted"]
    rows = sweep.load(store).table[kept].to_dict("records")
    (folder / "store.json").write_text(json.dumps(rows, indent=1) + "\n")


def _pickle(path: Path, value: Any) -> None:
    path.write_bytes(pickle.dumps(value))


def main() -> None:
    """Write the folder of the installed release."""
    folder = TESTS / "compat" / im.__version__
    if folder.exists():
        sys.exit(f"{folder}: is there already; what a release wrote stays as it is")
    folder.mkdir(parents=True)
    answers = write_layers(folder) | write_chip(folder)
    np.savez_compressed(folder / "answers.npz", **answers)  # type: ignore[arg-type]
    write_store(folder)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    print(*(f"{size:8,d} {name}" for name, size in sizes.items()), sep="\n")
    print(f"{sum(sizes.values()):8,d} in all")


if __name__ == "__main__":
    main()
