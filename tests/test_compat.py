# SPDX-License-Identifier: BSD-3-Clause
"""What earlier releases saved is read back: chips, stores, pickles, hardware, sweeps.

``tools/make_compat.py`` wrote ``compat/<version>`` with that release. Draws must have the same
bits; outputs may differ by the rounding of another SIMD level.
"""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imperfect as im
from imperfect import sweep

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path for path in (ROOT / "tests" / "compat").iterdir() if path.is_dir())
LAYERS = ("device", "later", "converted", "conv", "transposed", "lstm", "wired")
each_release = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def unpickled(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def answers(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(folder / "answers.npz", allow_pickle=False) as file:
        return dict(file)


def assert_rounded_alike(actual: Any, expected: np.ndarray[Any, Any]) -> None:
    """Equal but for the order of sums; a converter's code is a larger step."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_every_release_has_a_folder() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?(.*)$", changelog, re.M)
    released = {version for version, rest in headings if "unreleased" not in rest.lower()}
    found = {folder.name for folder in FOLDERS}
    assert found, "no release is read back"
    assert released <= found <= {version for version, _ in headings}
    assert sum(p.stat().st_size for f in FOLDERS for p in f.iterdir()) < 500_000 * len(FOLDERS)


@each_release
@pytest.mark.parametrize("name", LAYERS)
def test_pickled_layers(folder: Path, name: str) -> None:
    layer, known = unpickled(folder / "layers.pkl")[name], answers(folder)

    def assert_same_cells() -> None:
        cells = {key: values for key, values in layer.state().items() if key.endswith("cells")}
        assert cells
        for key, values in cells.items():
            np.testing.assert_array_equal(values, known[f"{name}.{key}"])

    assert_same_cells()
    y = layer(known[f"{name}.x"])
    assert_rounded_alike(y[0] if isinstance(y, tuple) else y, known[f"{name}.y"])
    if isinstance(layer, im.AnalogLSTM):
        layer.program(seed=1)
        layer.program(seed=14)
    else:
        seed, write = layer.seed, layer.write
        layer.program(seed=1)
        with pytest.raises(AssertionError):
            assert_same_cells()
        layer.program(seed=seed, write=write)
    assert_same_cells()


@each_release
def test_hardware(folder: Path) -> None:
    pickles, layers = unpickled(folder / "hardware.pkl"), unpickled(folder / "layers.pkl")
    assert sorted(pickles) == sorted(LAYERS)
    for name, hardware in pickles.items():
        assert layers[name].hardware == hardware
    assert im.Hardware.from_json((folder / "hardware.json").read_text()) == pickles["device"]


@each_release
def test_chips_and_networks(folder: Path) -> None:
    known = answers(folder)
    x, pickled = known["chip.x"], unpickled(folder / "chip.pkl")
    loaded = im.AnalogNetwork.load(folder / "chip.npz")
    assert repr(loaded) == repr(pickled)
    for chip in (loaded, pickled):
        assert_rounded_alike(chip(x), known["chip.y"])
        assert "block.dw" not in chip.layers
    network = unpickled(folder / "network.pkl")
    assert_rounded_alike(network(x), known["network.y"])
    onnx = im.Network.from_onnx(folder / "network.onnx")
    assert network.digest() == onnx.digest() == loaded.network.digest()
    before = loaded.layers["stem"].state()["cells"]
    loaded.program(loaded.seed)
    np.testing.assert_array_equal(loaded.layers["stem"].state()["cells"], before)
    again = im.AnalogNetwork(onnx, loaded.hardware, loaded.seed, digital=["block.dw"])
    for name, layer in again.layers.items():
        cells = pickled.layers[name].state()["cells"]
        np.testing.assert_array_equal(layer.state()["cells"], cells)


@each_release
def test_stores_are_read_and_gone_on_with(folder: Path, tmp_path: Path) -> None:
    known = json.loads((folder / "store.json").read_text())
    for name in ("store.db", "sweep.toml", "network.onnx", "images.npz"):
        shutil.copy(folder / name, tmp_path)
    store = tmp_path / "store.db"
    table = sweep.load(store).table
    assert len(known) == 4
    for row, expected in zip(table.to_dict("records"), known, strict=True):
        assert {name: row[name] for name in expected} == expected
    ((tasks, stop),) = sweep.Spec.load(tmp_path / "sweep.toml").groups
    assert [task.id for task in tasks for _ in range(2)] == [row["task"] for row in known]
    assert [task.seed_of(t) for task in tasks for t in range(2)] == [row["seed"] for row in known]
    resumed = sweep.run(tasks, store, stop=stop).table
    assert list(resumed["started"]) == list(table["started"])
    more = sweep.run(tasks, store, stop=3).table
    assert len(more) == 6 and set(table["started"]) < set(more["started"])


def test_what_a_later_release_writes_is_refused(tmp_path: Path) -> None:
    newest = FOLDERS[-1]
    text = (newest / "hardware.json").read_text()
    with pytest.raises(ValueError, match="version=99: must be 1, the format read here"):
        im.Hardware.from_json(text.replace('"version": 1', '"version": 99'))
    with pytest.raises(ValueError, match="has no 'colour'"):
        im.Hardware.from_json(text.replace('"version": 1', '"version": 1, "colour": 3'))
    store = Path(shutil.copy(newest / "store.db", tmp_path))
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ValueError, match=r"store.db': has schema 99, must be 2"):
        sweep.load(store)


@pytest.mark.parametrize("name", ["layers.pkl", "chip.pkl", "hardware.pkl"])
def test_pickles_with_unknown_fields_are_refused(name: str) -> None:
    """As a later release would write them: a field of the hardware that is not known here."""
    content = (FOLDERS[-1] / name).read_bytes()
    short, other = b"\x8c\x0bweight_bits", b"\x8c\x0bweight_bitz"
    assert short in content
    with pytest.raises(TypeError, match="weight_bitz"):
        pickle.loads(content.replace(short, other))
