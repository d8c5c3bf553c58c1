# SPDX-License-Identifier: BSD-3-Clause
"""Labelled images: what is read, which are chosen, how they become numbers, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imperfect import images
from imperfect._images.selection import balanced
from imperfect.images import Images


def pixels(count: int = 4, side: int = 8, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    draw = np.random.default_rng(seed).integers
    return draw(256, size=(count, side, side, channels), dtype=np.uint8)


def write(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_classes(folder: Path, counts: dict[str, int], seed: int = 0) -> None:
    for name, count in counts.items():
        for place, image in enumerate(pixels(count, seed=seed + len(name))):
            write(folder / name / f"{place}.png", image)


@pytest.mark.parametrize("index", [slice(None), slice(1, 3), np.array([3, 0]), 2])
def test_bytes_become_floats_when_read(index: Any) -> None:
    x = pixels()
    both = {(-1, 1): x / 127.5 - 1, (0, 255): x * 1.0, (1, 0): 1 - x / 255}
    mean, deviation = (np.array(values) for values in images.IMAGENET)
    both["imagenet"] = (x / 255 - mean) / deviation  # type: ignore[index]
    for scale, wanted in both.items():
        read = Images(x, scale)[index]
        assert read.dtype == np.float32 and read.flags.c_contiguous
        np.testing.assert_allclose(read, np.moveaxis(wanted, -1, -3)[index], rtol=1e-5, atol=1e-5)


def test_an_array_of_all_has_the_stated_shape() -> None:
    x = Images(pixels(5, channels=1))
    assert np.asarray(x).shape == x.shape == (5, 1, 8, 8) and len(x) == 5
    assert np.asarray(x, np.float64).dtype == np.float64
    assert repr(x) == "Images(5 of 1 × 8 × 8)"


@pytest.mark.parametrize(
    ("x", "scale", "error", "reason"),
    [
        ([1], (0, 1), TypeError, "pixels=.*: must be an array of uint8, not list"),
        (np.zeros((1, 2, 2, 3)), (0, 1), TypeError, "pixels: must be an array of uint8, not float"),
        (np.zeros((1, 2, 3), np.uint8), (0, 1), ValueError, r"pixels.shape=\(1, 2, 3\): must be"),
        (pixels(channels=2), (0, 1), ValueError, "1 or 3"),
        (pixels(0), (0, 1), ValueError, "none of them 0"),
        (pixels(), "black", ValueError, "scale='black': must be"),
        (pixels(channels=1), "imagenet", ValueError, "scale='imagenet'.*three channels"),
        (pixels(), 3, TypeError, "scale=3: must be"),
        (pixels(), (0, 1, 2), TypeError, "scale="),
        (pixels(), (1, 1), ValueError, "scale=.*two different"),
        (pixels(), (0, np.nan), ValueError, r"scale\[1\]=nan"),
        (pixels(), ("a", 1), TypeError, r"scale\[0\]='a'"),
    ],
)
def test_bad_images(x: Any, scale: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        Images(x, scale)


@pytest.mark.parametrize("cached", [False, True])
def test_a_folder_of_classes(tmp_path: Path, cached: bool) -> None:
    write_classes(tmp_path / "photos", {"cat": 9, "tiger": 5})
    cache = tmp_path if cached else None
    data = images.load(tmp_path / "photos", 8, cache=cache)
    assert data.y_train.tolist() == ["cat"] * 7 + ["tiger"] * 4
    assert data.y_test.tolist() == ["cat"] * 2 + ["tiger"]
    assert isinstance(data.X_test, Images) and isinstance(data.X_train, Images)
    np.testing.assert_array_equal(data.X_test.pixels[:2], pixels(9, seed=3)[[3, 7]])
    if cached:
        assert isinstance(data.X_train.pixels, np.memmap)
        assert len(list(tmp_path.glob("images-*.npy"))) == 2
        again = images.load(tmp_path / "photos", 8, cache=cache)
        np.testing.assert_array_equal(again.X_train[:], data.X_train[:])
        write(tmp_path / "photos" / "cat" / "0.png", pixels(1, seed=9)[0])
        changed = images.load(tmp_path / "photos", 8, cache=cache)
        assert (changed.X_train[0] != data.X_train[0]).any()
        assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["test", "val"])
def test_a_folder_that_tells_test_images_apart(tmp_path: Path, name: str) -> None:
    write_classes(tmp_path / "train", {"a": 3, "b": 2})
    write_classes(tmp_path / name, {"a": 1, "b": 4}, seed=5)
    data = images.load(tmp_path, 4, channels=1)
    assert data.y_train.tolist() == ["a"] * 3 + ["b"] * 2
    assert data.y_test.tolist() == ["a"] + ["b"] * 4
    assert data.X_test.shape == (5, 1, 4, 4)


def test_a_folder_of_names(tmp_path: Path) -> None:
    for label, count in (("0003", 4), ("0010", 8)):
        for place, image in enumerate(pixels(count)):
            write(tmp_path / f"{label}_{place}.png", image)
    (tmp_path / "README.md").write_text("no image")
    data = images.load(tmp_path, 8)
    assert data.y_train.tolist() == ["0003"] * 3 + ["0010"] * 6
    assert data.y_test.tolist() == ["0003"] + ["0010"] * 2


def test_the_central_square_is_resized(tmp_path: Path) -> None:
    photo = np.zeros((20, 40, 3), np.uint8)
    photo[:, 10:30] = 200
    for place in range(4):
        write(tmp_path / f"a_{place}.png", photo)
        write(tmp_path / f"b_{place}.png", photo)
    data = images.load(tmp_path, 10, scale=(0, 255))
    np.testing.assert_array_equal(data.X_train[:], 200)
    photo[5:15, 15:25] = 90
    for place in range(4):
        write(tmp_path / f"a_{place}.png", photo)
    data = images.load(tmp_path, 4, crop=0.5, scale=(0, 255))
    np.testing.assert_array_equal(data.X_train[0], 90)


def test_a_file_of_bytes_or_numbers(tmp_path: Path) -> None:
    x, y = pixels(12, side=6), np.arange(12) % 3
    path = tmp_path / "photos.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x[:6], y_test=y[:6])
    data = images.load(path, 6, n_train=9, n_test=3, scale=(0, 255))
    assert np.bincount(data.y_train).tolist() == [3, 3, 3]
    np.testing.assert_array_equal(data.X_test[:], x[:3].transpose(0, 3, 1, 2))
    assert images.load(path, 12, channels=1).X_train.shape == (12, 1, 12, 12)
    np.savez(path, x_train=x[..., 0], y_train=y, x_test=x[..., 0], y_test=y)
    assert images.load(path, 6).X_train.shape == (12, 3, 6, 6)
    np.savez(path, x_train=x / 255, y_train=y, x_test=x / 255, y_test=y)
    assert images.load(path, 6).X_train.shape == (12, 6, 6, 3)  # numbers stay as they are


def test_choices_are_even_and_repeat() -> None:
    labels = np.repeat(["a", "b", "c"], [100, 4, 50])
    chosen = balanced("n", labels, 40)
    names, counts = np.unique(labels[chosen], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"a": 18, "b": 4, "c": 18}
    assert (np.diff(chosen) > 0).all()
    assert np.diff(chosen[labels[chosen] == "a"]).max() <= 6
    np.testing.assert_array_equal(balanced("n", labels, None), np.arange(154))
    assert len(balanced("n", labels, 2)) == 2


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"path": 3}, TypeError, "path=3: must be the path"),
        ({"path": "nowhere"}, FileNotFoundError, "no folder or file 'nowhere'"),
        ({"size": 0}, ValueError, "size=0"),
        ({"size": 4097}, ValueError, "size=4097"),
        ({"size": 2.5}, TypeError, "size=2.5"),
        ({"channels": 2}, ValueError, "channels=2: must be 3"),
        ({"channels": 4}, ValueError, "channels=4"),
        ({"crop": 0}, ValueError, "crop=0"),
        ({"crop": 1.5}, ValueError, "crop=1.5"),
        ({"crop": "all"}, TypeError, "crop='all'"),
        ({"scale": "imagenet", "channels": 1}, ValueError, "scale='imagenet'"),
        ({"n_train": 10}, ValueError, "n_train=10: must be at most 6"),
        ({"n_test": 1}, ValueError, "n_test=1"),
        ({"cache": "nowhere"}, FileNotFoundError, "nowhere"),
    ],
)
def test_bad_arguments(
    change: dict[str, Any], error: type[Exception], reason: str, tmp_path: Path
) -> None:
    write_classes(tmp_path, {"a": 4, "b": 4})
    with pytest.raises(error, match=reason):
        images.load(**{"path": tmp_path, "size": 8} | change)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path: .* has no folders of classes and no images"):
        images.load(tmp_path, 8)
    write_classes(tmp_path, {"a": 2, "b": 3})
    with pytest.raises(ValueError, match="no class has 4 images"):
        images.load(tmp_path, 8)
    write_classes(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "2.png").write_bytes(b"\x89PNG is not enough")
    with pytest.raises(ValueError, match=r"path: .*2\.png cannot be read as an image"):
        images.load(tmp_path, 8, cache=tmp_path)
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob(".*"))
    flat = tmp_path / "flat"
    write(flat / "photo.png", pixels(1)[0])
    with pytest.raises(ValueError, match=r"'photo.png' in .* must begin with its class"):
        images.load(flat, 8)


X, Y = pixels(4), np.arange(4) % 2


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x_train": X}, "has no .'y_train', 'x_test', 'y_test'."),
        ({"x_train": X, "y_train": Y[:3], "x_test": X, "y_test": Y}, r"y_train has shape \(3,\) f"),
        ({"x_train": X[0, 0], "y_train": np.arange(8), "x_test": X, "y_test": Y}, "has shape"),
        ({"x_train": X, "y_train": Y, "x_test": np.array([{}] * 4), "y_test": Y}, "no usable .npz"),
        ({"x_train": X, "y_train": Y, "x_test": X * 1j, "y_test": Y}, "x_test has dtype complex"),
    ],
)
def test_bad_files_of_arrays(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises((ValueError, TypeError), match=reason):
        images.load(tmp_path / "a.npz", 8)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for content in (b"", b"PK\x03\x04 cut off", b"words"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"no usable \.npz file"):
            images.load(path, 8)


def test_images_are_counted_as_they_are_loaded(tmp_path: Path) -> None:
    write_classes(tmp_path / "photos", {"cat": 6, "dog": 9})
    loaded = images.load(tmp_path / "photos", 4)
    counts = images.count_images(tmp_path / "photos")
    assert counts == (len(loaded.X_train), len(loaded.X_test)) == (12, 3)
    np.savez(tmp_path / "a.npz", x_train=pixels())
    with pytest.raises(ValueError, match="has no"):
        images.count_images(tmp_path / "a.npz")
    with pytest.raises(TypeError, match="path=3"):
        images.count_images(3)  # type: ignore[arg-type]
