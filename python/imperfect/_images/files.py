# SPDX-License-Identifier: BSD-3-Clause
"""Finds labelled image files in a folder and decodes them, once where there is a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from imperfect._config import get_num_threads
from imperfect._files import replaced
from imperfect._images.resize import Bytes, Frame
from imperfect._optional import require

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TEST_FOLDERS = "test", "val", "valid", "validation"
Labelled = list[tuple[Path, str]]


def find_files(folder: Path) -> dict[str, Labelled]:
    """Files and their labels by part: "train" and, where the folder has them, "test"."""
    tests = [folder / name for name in TEST_FOLDERS if (folder / name).is_dir()]
    if (folder / "train").is_dir() and len(tests) == 1:
        return {"train": _by_class(folder / "train"), "test": _by_class(tests[0])}
    return {"train": _by_class(folder) or _by_name(folder)}


def _by_class(folder: Path) -> Labelled:
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [(path, own.name) for own in classes for path in _images(own.rglob("*"))]


def _by_name(folder: Path) -> Labelled:
    paths = list(_images(folder.iterdir()))
    if not paths:
        known = ", ".join(sorted(SUFFIXES))
        raise ValueError(f"path: {folder} has no folders of classes and no images ({known})")
    for path in paths:
        if "_" not in path.name:
            raise ValueError(f"path: {path.name!r} in {folder} must begin with its class and '_'")
    return [(path, path.name.partition("_")[0]) for path in paths]


def _images(paths: Any) -> Iterator[Path]:
    yield from sorted(path for path in paths if path.suffix.lower() in SUFFIXES)


def decoded(paths: Sequence[Path], frame: Frame, cache: Path | None) -> Bytes:
    """All images as bytes of shape (n, side, side, channels), from the cache if they are there."""
    shape = (len(paths), frame.side, frame.side, frame.channels)
    if cache is None:
        return _decode(paths, frame, np.empty(shape, np.uint8))
    target = cache / f"images-{_digest(paths, frame)}.npy"
    if not target.exists():
        with replaced(target) as temporary:
            mapped = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
            _decode(paths, frame, mapped)
            mapped.flush()
    mapped_again: Bytes = np.load(target, mmap_mode="r", allow_pickle=False)
    return mapped_again


def _digest(paths: Sequence[Path], frame: Frame) -> str:
    """SHA-256 of the files' contents, in order, and of what is made of them."""
    sha = hashlib.sha256(repr(frame).encode())
    for path in paths:
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def _decode(paths: Sequence[Path], frame: Frame, result: Bytes) -> Bytes:
    pillow = require("PIL.Image")

    def one(place: int) -> None:
        path = paths[place]
        try:
            with pillow.open(path) as image:
                result[place] = frame.fit(image)
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
            raise ValueError(f"path: {path} cannot be read as an image: {error}") from error

    with ThreadPoolExecutor(get_num_threads()) as pool:
        for _ in pool.map(one, range(len(paths))):
            pass
    return result
