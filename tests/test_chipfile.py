# SPDX-License-Identifier: BSD-3-Clause
"""Chips on disk, in pickles and as copies: the same bits, and nothing read from broken files."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import networks
from chips import NOISY, WRONG_WEIGHTS, noisy_chip, small
from imperfect._network import chipfile
from imperfect.network import AnalogNetwork, Network


def test_a_chip_is_saved_whole(tmp_path: Path) -> None:
    chip, x = noisy_chip()
    chip = chip.reestimate_batch_norm(x)
    path = tmp_path / "chip.npz"
    chip.save(path)
    loaded = AnalogNetwork.load(path)
    np.testing.assert_array_equal(loaded(x), chip(x))
    np.testing.assert_array_equal(loaded.features(x, "n1"), chip.features(x, "n1"))
    assert loaded.network.digest() == chip.network.digest()
    assert (loaded.hardware, loaded.seed, loaded.chunk) == (chip.hardware, chip.seed, chip.chunk)
    assert repr(loaded) == repr(chip)
    chip.program(9)
    loaded.program(9)
    np.testing.assert_array_equal(loaded(x), chip(x))
    assert [item.name for item in tmp_path.iterdir()] == ["chip.npz"]
    with np.load(path, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_tied_ranges_are_saved(tmp_path: Path) -> None:
    net, x = small()
    chip = AnalogNetwork(net, NOISY.with_field("adc.tie_slices", True), 1)
    chip.calibrate(x)
    chip.save(tmp_path / "chip.npz")
    loaded = AnalogNetwork.load(tmp_path / "chip.npz")
    np.testing.assert_array_equal(loaded(x), chip(x))
    assert loaded.hardware.adc.tie_slices
    for name, layer in loaded.layers.items():
        ranges = layer.state()["output_ranges"]
        np.testing.assert_array_equal(ranges, chip.layers[name].state()["output_ranges"])
        steps = np.log2(ranges[:, 1] / ranges[:, 1].min())
        np.testing.assert_array_equal(steps, np.rint(steps))


@pytest.mark.parametrize("case", ["auto_pad any size", "time first", "1-d", "gemm scaled", "if"])
def test_saved_chips_of_other_networks(case: str, tmp_path: Path) -> None:
    model, feeds = networks.CASES[case]()
    chip = AnalogNetwork(Network.from_onnx(model), WRONG_WEIGHTS, 3)
    chip.save(tmp_path / "chip.npz")
    loaded = AnalogNetwork.load(tmp_path / "chip.npz")
    for other in (loaded, pickle.loads(pickle.dumps(chip)), copy.copy(chip), copy.deepcopy(chip)):
        np.testing.assert_array_equal(other(feeds["x"]), chip(feeds["x"]))


def test_copies_do_not_follow() -> None:
    chip, x = noisy_chip()
    first = chip(x)
    copies = [copy.copy(chip), copy.deepcopy(chip), pickle.loads(pickle.dumps(chip))]
    chip.program(7)
    for other in copies:
        np.testing.assert_array_equal(other(x), first)
        assert other.seed == 1


def test_networks_pickle() -> None:
    net, x = small()
    other = pickle.loads(pickle.dumps(net))
    assert other.digest() == net.digest() and repr(other) == repr(net)
    np.testing.assert_array_equal(other(x), net(x))
    assert type(other).__module__ == "imperfect.network"


def rewrite(path: Path, **changes: NDArray[Any] | None) -> None:
    """Change members of a chip file, leaving its digest as it was."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_broken_chip_files_are_refused(tmp_path: Path) -> None:
    chip, _ = noisy_chip()
    good = tmp_path / "good.npz"
    chip.save(good)
    content = good.read_bytes()
    path = tmp_path / "broken.npz"
    places = np.random.default_rng(0).integers(len(content), size=25)
    damaged = [content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :]
               for place in places]  # fmt: skip
    cut = [content[:length] for length in np.linspace(0, len(content) - 1, 25).astype(int)]
    for item in [*damaged, *cut, b"PK\3\4 and nothing else", content + b"more", b"text"]:
        path.write_bytes(item)
        try:
            AnalogNetwork.load(path)
        except ValueError as error:
            assert "broken.npz: is not a usable chip file" in str(error)
        else:  # bytes that zip itself does not read, such as a date
            assert item in damaged or item == content + b"more"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("chip", None, "has no 'chip'|SHA-256"),
        ("sha256", None, "has no 'sha256'"),
        ("sha256", np.zeros(32, np.uint8), "SHA-256"),
        ("0.cells", np.zeros(7, np.float32), "SHA-256"),
        ("extra", np.zeros(7, np.float32), "SHA-256"),
    ],
)
def test_edited_chip_files_are_refused(
    name: str, value: NDArray[Any] | None, reason: str, tmp_path: Path
) -> None:
    chip, _ = noisy_chip()
    path = tmp_path / "edited.npz"
    chip.save(path)
    rewrite(path, **{name: value})
    with pytest.raises(ValueError, match=f"edited.npz: .*({reason})"):
        AnalogNetwork.load(path)


def test_arrays_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, chip=np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"objects.npz.*does not fill"):
        AnalogNetwork.load(path)
    np.savez_compressed(path, chip=np.zeros(10**6))
    with pytest.raises(ValueError, match="is not a stored array"):
        AnalogNetwork.load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="has no 'sha256'"):
        AnalogNetwork.load(path)


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, NDArray[Any]]], Any]) -> None:
    """Change a chip file and give it the digest of its new content."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file if name != "sha256"}
    about = json.loads(arrays["chip"].tobytes())
    change(about, arrays)
    arrays["chip"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    arrays["sha256"] = np.frombuffer(chipfile._digest(arrays), np.uint8)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def fill(arrays: dict[str, NDArray[Any]], name: str, value: float) -> None:
    arrays[name] = np.full_like(arrays[name], value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda about, _: about.update(chunk="a"), "chunk='a': must be an integer"),
        (lambda about, _: about.update(chunk=-5), "chunk=-5: must be an integer from 1"),
        (lambda about, _: about.update(chunk=1.5), "chunk=1.5: .*not float"),
        (lambda about, _: about.update(chunk=0), "chunk=0"),
        (lambda about, _: about.update(chunk=[]), r"chunk=\[\]"),
        (lambda about, _: about.update(version=True), "version=True: must be 2"),
        (lambda about, _: about.update(version=2.0), "version=2.0: must be 2"),
        (lambda about, _: about.update(version=1), "version=1: must be 2"),
        (lambda about, _: about.update(format="chip"), "format='chip': must be"),
        (lambda about, _: about.update(seed=-1), "seed=-1"),
        (lambda about, _: about.update(seed=1.5), "seed=1.5"),
        (lambda about, _: about.update(hardware=None), "Hardware=None: must be a dictionary"),
        (lambda about, _: about.update(layers=[]), r"layers \['block.dw'\], its network has"),
        (lambda about, _: about.update(layers=3), "layers=3: must be a list"),
        (lambda about, _: about.update(layers=[3]), "layers=3: must be a list of dictionaries"),
        (lambda about, _: about.update(digital=[]), "its network has .*'block.dw'"),
        (lambda about, _: about.update(digital=["stem", "block.dw"]), "its network has"),
        (lambda about, _: about.update(digital=["tail"]), "the layers .*'tail'"),
        (lambda about, _: about.update(digital="block.dw"), "digital='block.dw': must be a list"),
        (lambda about, _: about.pop("digital"), "has no 'digital'"),
        (lambda about, _: about["layers"].pop(), "its network has .*'head.fc'"),
        (lambda about, _: about["layers"].append(about["layers"][0]), "its network has"),
        (lambda about, _: about["layers"][0].update(name=3), "name of a layer=3"),
        (lambda about, _: about["layers"][0].update(seed="a"), "seed='a'"),
        (lambda about, _: about["layers"][0].update(state=3), "state=3: must be a list"),
        (lambda about, _: about["layers"][0].update(epilogue=1), "epilogue=1: must be True"),
        (lambda about, _: about["layers"][0].update(epilogue=False), "no layer needs: .*'0.scale'"),
        (lambda about, _: about["layers"][0]["state"].append("more"), "has no '0.more'"),
        (lambda _, arrays: arrays.update(more=np.zeros(3)), r"no layer needs: \['more'\]"),
        (lambda _, arrays: fill(arrays, "0.cells", np.nan), "layer 'stem': cells holds NaN"),
        (lambda _, arrays: fill(arrays, "0.input_range", np.inf), "'stem': input_range holds"),
        (lambda _, arrays: fill(arrays, "1.output_ranges", np.nan), "'block.pw': output_ranges"),
        (lambda _, arrays: fill(arrays, "1.output_ranges", 1.0), r"must be \(lo, hi\) pairs"),
        (lambda _, arrays: fill(arrays, "0.shift", np.nan), "'stem': shift holds NaN"),
        (
            lambda _, arrays: arrays.update({"0.scale": arrays["0.scale"] * (1 + 1j)}),
            "'stem': scale is of complex64, must be of real numbers",
        ),
    ],
)
def test_forged_chip_files_are_refused(change: Any, reason: str, tmp_path: Path) -> None:
    net, x = small()
    chip = AnalogNetwork(net, NOISY, digital=["block.dw"])
    chip.calibrate(x)
    path = tmp_path / "forged.npz"
    chip.save(path)
    forge(path, lambda about, arrays: None)
    np.testing.assert_array_equal(AnalogNetwork.load(path)(x), chip(x))
    forge(path, change)
    with pytest.raises(ValueError, match=f"forged.npz: is not a usable chip file: .*{reason}"):
        AnalogNetwork.load(path)


def test_values_that_overflow_inside_name_the_layer(tmp_path: Path) -> None:
    chip, x = noisy_chip()
    path = tmp_path / "large.npz"
    chip.save(path)
    forge(path, lambda _, arrays: fill(arrays, "0.scale", 3e38))
    with pytest.raises(ValueError, match=r"layer 'stem': the output is not finite"):
        AnalogNetwork.load(path)(1e3 * x)


@pytest.mark.parametrize(
    ("path", "error", "reason"),
    [
        (None, TypeError, "path=None: must be the path of a file"),
        (b"x", TypeError, "path=b'x': must be the path of a file"),
        (3, TypeError, "path=3"),
        ("", ValueError, "path='': must be the path of a file"),
        (".", ValueError, "path='.'"),
        ("a\0b", ValueError, "path="),
        (
            "nowhere/chip.npz",
            FileNotFoundError,
            r"\] No such file or directory: 'nowhere/chip.npz'$",
        ),
    ],
)
def test_bad_paths(path: Any, error: type[Exception], reason: str) -> None:
    chip, _ = noisy_chip()
    for call in (chip.save, AnalogNetwork.load):
        with pytest.raises(error, match=reason):
            call(path)


def test_a_folder_is_no_chip_file(tmp_path: Path) -> None:
    chip, _ = noisy_chip()
    with pytest.raises(IsADirectoryError, match=f"directory: '{tmp_path}'$"):
        chip.save(tmp_path)
    assert list(tmp_path.parent.glob(".*.tmp")) == []
