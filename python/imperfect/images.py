# SPDX-License-Identifier: BSD-3-Clause
"""Labelled images from a folder or a file, ready for a study: all of one size, kept as bytes.

Decoded images stay uint8, in memory or in a file that is mapped into it, and become float32 piece
by piece as a network reads them: a fourth of the memory, or none.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Floats, as_float32
from imperfect._checks import check_instance, integer, real, refusal
from imperfect._images.files import Labelled, decoded, find_files
from imperfect._images.resize import Frame
from imperfect._images.selection import balanced, split_by_class
from imperfect._npz import read_npz

__all__ = ["Dataset", "Images", "count_images", "load"]

Scale = tuple[float, float] | Literal["imagenet"]
# Means and standard deviations of the channels of ImageNet's photos, from 0 to 1: the convention of
# https://pytorch.org/vision/stable/models.html.
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALES = '(low, high), the values of black and white, or "imagenet"'
LARGEST_SIZE = 4096
PARTS = "x_train", "y_train", "x_test", "y_test"


class Images:
    """Images kept as bytes, which become float32 of shape (n, channels, height, width) when read.

    Parameters
    ----------
    pixels
        Array of shape (n, height, width, channels), uint8; 1 or 3 channels; not copied.
    scale
        What black (0) and white (255) become: ``(low, high)``; or ``"imagenet"``, (x / 255 - mean)
        / deviation with the means and deviations of ImageNet's three channels.

    Raises
    ------
    ValueError, TypeError
        If an argument is another; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from imperfect.images import Images
    >>> images = Images(np.full((5, 8, 8, 3), 255, np.uint8), scale=(-1, 1))
    >>> images
    Images(5 of 3 × 8 × 8)
    >>> images[1:3].shape, images[1:3].dtype.name, float(images[4].max())
    ((2, 3, 8, 8), 'float32', 1.0)
    """

    def __init__(self, pixels: NDArray[np.uint8], scale: Scale = (-1.0, 1.0)) -> None:
        check_instance("pixels", pixels, np.ndarray, "an array of uint8")
        if pixels.dtype != np.uint8:
            raise TypeError(f"pixels: must be an array of uint8, not {pixels.dtype}")
        if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or not pixels.size:
            allowed = "(n, height, width, 1 or 3), none of them 0"
            raise ValueError(refusal("pixels.shape", pixels.shape, allowed))
        self.pixels = pixels
        self._gain, self._offset = _affine(scale, pixels.shape[3])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As an array of float32 it would be (n, channels, height, width)."""
        count, height, width, channels = self.pixels.shape
        return count, channels, height, width

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Any) -> Floats:
        values = self.pixels[index] * self._gain
        values += self._offset
        axes = (*range(values.ndim - 3), values.ndim - 1, values.ndim - 3, values.ndim - 2)
        return np.ascontiguousarray(values.transpose(axes))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)

    def parts(self) -> tuple[NDArray[Any], ...]:
        """Everything that decides the values."""
        return self.pixels, self._gain, self._offset

    def __repr__(self) -> str:
        count, *sizes = self.shape
        return f"Images({count:,} of {' × '.join(map(str, sizes))})"


def _affine(scale: Any, channels: int) -> tuple[Floats, Floats]:
    """Gain and offset of each channel, so that a value is ``gain · byte + offset``."""
    if isinstance(scale, str):
        if scale != "imagenet" or channels != 3:
            raise ValueError(refusal("scale", scale, f"{SCALES} (three channels)"))
        mean, deviation = (np.array(values, np.float32) for values in IMAGENET)
        return np.float32(1 / 255) / deviation, -mean / deviation
    if not isinstance(scale, tuple | list) or len(scale) != 2:
        raise TypeError(refusal("scale", scale, SCALES))
    low, high = (
        real(f"scale[{i}]", v, "a finite number", np.isfinite) for i, v in enumerate(scale)
    )
    if low == high:
        raise ValueError(refusal("scale", scale, "two different numbers"))
    gain = np.full(channels, (high - low) / 255, np.float32)
    return gain, np.full(channels, low, np.float32)


class Dataset(NamedTuple):
    """Images to fit heads on and images to test them with, in the order that studies take.

    Attributes
    ----------
    X_train : Images or array
        Images to fit heads on: read when used, or all in memory.
    y_train : array
        Their labels, one for each image.
    X_test : Images or array
        Images to test with, of the same size.
    y_test : array
        Their labels.
    """

    X_train: Images | Floats
    y_train: NDArray[Any]
    X_test: Images | Floats
    y_test: NDArray[Any]


def load(
    path: str | os.PathLike[str],
    size: int,
    *,
    channels: int = 3,
    crop: float = 1.0,
    scale: Scale = (-1.0, 1.0),
    n_train: int | None = None,
    n_test: int | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read labelled images from a folder or an ``.npz`` file.

    Parameters
    ----------
    path
        One of

        - a folder with a folder for each class (``cat/1.jpg``), or with folders ``train`` and
          ``test`` (or ``val``) of such folders;
        - a folder of files whose names begin with the class and "_" (``0207_retriever.jpg``);
        - an ``.npz`` file with ``x_train``, ``y_train``, ``x_test``, ``y_test``: bytes of shape
          (n, height, width) or (n, height, width, channels), or finite numbers of any shape
          (n, …), which stay as they are.

        Where training and test images are not told apart, every fourth image of each class, in the
        order of names, is a test image.
    size
        Height and width of the images returned, 1 to 4096.
    channels
        3 for colours, 1 for grey.
    crop
        Side of the central square that is kept, in units of the shorter side; above 0, up to 1.
    scale
        Values of black and white; see ``Images``.
    n_train, n_test
        How many images of each to take, as evenly from the classes as they allow; None takes all.
    cache
        An existing folder for the decoded images of a folder, which then need no memory and are
        decoded once; None keeps them in memory, height × width × channels bytes each.

    Returns
    -------
    Dataset
        X_train, y_train, X_test, y_test.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, there are too few images, or one cannot be read; it is named.
    FileNotFoundError
        If there is no such folder or file.
    ImportError
        If Pillow is not installed: the extra ``study``.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from imperfect import images
    >>> draw = np.random.default_rng(0).integers
    >>> x, y = draw(256, size=(40, 32, 32, 3), dtype=np.uint8), np.arange(40) % 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/photos.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    ...     data = images.load(f"{folder}/photos.npz", size=32, n_train=20)
    >>> data.X_train, np.bincount(data.y_train).tolist()
    (Images(20 of 3 × 32 × 32), [10, 10])
    """
    place = _existing(path)
    side = integer("size", size, 1, LARGEST_SIZE)
    assert side is not None
    allowed = "a number above 0, up to 1 (of the shorter side)"
    share = real("crop", crop, allowed, lambda value: 0 < value <= 1)
    if integer("channels", channels, 1, 3) == 2:
        raise ValueError(refusal("channels", channels, "3 (colours) or 1 (grey)"))
    _affine(scale, channels)
    frame = Frame(side, channels, share)
    counts = [
        integer(name, value, 2, none="all")
        for name, value in (("n_train", n_train), ("n_test", n_test))
    ]
    if place.is_dir():
        kept = None if cache is None else _existing(cache)
        return _from_folder(place, frame, scale, counts, kept)
    return _from_npz(place, frame, scale, counts)


def _existing(path: Any) -> Path:
    check_instance("path", path, (str, os.PathLike), "the path of a folder or an .npz file")
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"path: there is no folder or file {str(path)!r}")
    return place


def _from_folder(
    folder: Path, frame: Frame, scale: Scale, counts: list[int | None], cache: Path | None
) -> Dataset:
    found = _find_parts(folder)
    results: list[Any] = []
    for part, count in zip(("train", "test"), counts, strict=True):
        labels = np.array([label for _, label in found[part]])
        taken = balanced(f"n_{part}", labels, count)
        paths = [found[part][i][0] for i in taken]
        results += [Images(decoded(paths, frame, cache), scale), labels[taken]]
    return Dataset(*results)


def _find_parts(folder: Path) -> dict[str, Labelled]:
    """Files and their labels of "train" and of "test"."""
    found = find_files(folder)
    if "test" in found:
        return found
    chosen = split_by_class([label for _, label in found["train"]])
    return {
        part: [found["train"][i] for i in indices]
        for part, indices in zip(("train", "test"), chosen, strict=True)
    }


def count_images(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Count the training and the test images that ``load`` finds when it takes all.

    Parameters
    ----------
    path
        As in ``load``.

    Returns
    -------
    tuple of int
        Training images, test images.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        As ``load``.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from imperfect import images
    >>> x, y = np.zeros((40, 32, 32), np.uint8), np.arange(40) % 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/photos.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    ...     images.count_images(f"{folder}/photos.npz")
    (40, 10)
    """
    place = _existing(path)
    if place.is_dir():
        parts = _find_parts(place)
        return len(parts["train"]), len(parts["test"])
    file = _read_parts(place, ("y_train", "y_test"))
    return len(file["y_train"]), len(file["y_test"])


def _read_parts(path: Path, names: Collection[str] = PARTS) -> dict[str, NDArray[Any]]:
    file = read_npz(path, names)
    missing = [name for name in names if name not in file]
    if missing:
        raise ValueError(f"{path}: has no {missing}; it has {list(file)}")
    return file


def _from_npz(path: Path, frame: Frame, scale: Scale, counts: list[int | None]) -> Dataset:
    file = _read_parts(path)
    arrays = [file[name] for name in PARTS]
    results: list[Any] = []
    for place, count in zip((0, 2), counts, strict=True):
        x, y = arrays[place], arrays[place + 1]
        if y.shape != x.shape[:1]:
            raise ValueError(f"{path}: {PARTS[place + 1]} has shape {y.shape} for {len(x)} images")
        taken = balanced(f"n_{PARTS[place][2:]}", y, count)
        results += [_images(f"{path}: {PARTS[place]}", x[taken], frame, scale), y[taken]]
    return Dataset(*results)


def _images(name: str, x: NDArray[Any], frame: Frame, scale: Scale) -> Images | Floats:
    if x.dtype != np.uint8:
        return as_float32(name, x)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[3] not in (1, 3) or not x.size:
        raise ValueError(f"{name}: has shape {x.shape}, must be (n, height, width[, 1 or 3])")
    return Images(frame.fit_all(x), scale)
