# SPDX-License-Identifier: BSD-3-Clause
"""Networks and images by name: of the package, of its zoo, or files; and problems made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imperfect._checks import check_instance, check_known, integer, refusal
from imperfect._images.selection import balanced
from imperfect._study.heads import FOLDS, named_head
from imperfect.images import Dataset, load
from imperfect.network import Network
from imperfect.sweep._problem import BUNDLED, Problem

__all__ = ["BUNDLED", "ZOO", "bundled_images", "own_images", "problem_of", "read_network"]

ZOO = tuple(f"efficientnet-lite{i}" for i in range(3))
IMAGES = ("size", "crop", "scale")  # how images of one's own are read
SOURCE = ("network", "data", "n_train", "n_test", *IMAGES, "digital", "transfer", "head")


def read_network(name: str, size: int | None = None, prefix: str = "") -> Network:
    """A network: the bundled one, one of the zoo, or an ONNX file.

    ``size`` is the side of the images of one of the zoo. ``prefix`` is what names of fields begin
    with in messages.
    """
    from imperfect import data, zoo

    if name == BUNDLED:
        return data.scattered_mobilenet()
    if name in ZOO:
        network: Network = getattr(zoo, name.replace("-", "_"))(size)
        return network
    if not Path(name).is_file():
        known = ", ".join([*ZOO, BUNDLED])
        raise ValueError(f"{prefix}network {name!r}: must be an ONNX file, or one of {known}")
    return Network.from_onnx(name)


def bundled_images(n_train: int | None, n_test: int | None) -> Dataset:
    """Images of the package, evenly from all classes; None takes all."""
    from imperfect import data

    x_train, y_train, x_test, y_test = data.scattered_fashion()
    train = balanced("n_train", y_train, integer("n_train", n_train, 1, none="all"))
    test = balanced("n_test", y_test, integer("n_test", n_test, 1, none="all"))
    return Dataset(x_train[train], y_train[train], x_test[test], y_test[test])


def own_images(
    path: str, network: Network, size: int | None, prefix: str = "", **options: Any
) -> Dataset:
    """Images of a folder or file, as a network takes them; options are those of ``images.load``."""
    shape = network.inputs[0].shape if len(network.inputs) == 1 else None
    if shape is None or len(shape) != 4 or shape[1] not in (1, 3):
        raise ValueError(f"{prefix}network: {network!r} must take images (n, 1 or 3, h, w) alone")
    known = {side for side in shape[2:] if isinstance(side, int)}
    sides = known | ({size} if size else set())
    if len(sides) != 1:
        wanted = "×".join(str(side or "any") for side in shape[2:])
        raise ValueError(f"{prefix}size {size}: the network takes {wanted}")
    return load(path, sides.pop(), channels=int(shape[1]), **options)


def problem_of(source: Mapping[str, Any]) -> Problem:
    """A problem from what says where it is from: plain values, which it then keeps.

    Parameters
    ----------
    source
        "network" and "data", and where they differ from what is usual "n_train", "n_test",
        "digital", "size", "crop", "scale", "transfer" and "head", as ``imperfect study`` has them.

    Raises
    ------
    ValueError, TypeError, OSError
        If a value does not fit, or a file is not there.

    Examples
    --------
    >>> source = {"network": "bundled", "data": "bundled", "n_train": 100, "n_test": 50}
    >>> problem_of(source)
    Problem('scattered_mobilenet', 100 training and 50 test images)
    """
    for name in source:
        check_known("problem", name, SOURCE)
    for name in ("network", "data"):
        check_instance(name, source.get(name), str, "a text")
    head, size = source.get("head", "logistic"), source.get("size")
    check_instance("head", head, str, "a text")
    integer("size", size, 1, none="that of the network")
    network = read_network(source["network"], size)
    classifier = named_head("head", head, network)
    images = _images(source, network)
    _check_count(source.get("n_train"), images, FOLDS if classifier is None else 1)
    made = Problem(
        network,
        *images,
        head=classifier,
        transfer=source.get("transfer", False),
        digital=source.get("digital", ()),
    )
    made.source = dict(source)
    return made


def _check_count(count: int | None, images: Dataset, each: int) -> None:
    """Refuse fewer training images than the head needs, before the network sees any."""
    classes = len(np.unique(np.concatenate([images.y_train, images.y_test])))
    if count is not None and count < each * classes:
        allowed = f"at least {each * classes}, {each} of each of {classes} classes"
        raise ValueError(refusal("n_train", count, allowed))


def _images(source: Mapping[str, Any], network: Network) -> Dataset:
    counts: dict[str, Any] = {name: source.get(name) for name in ("n_train", "n_test")}
    given = {name: source[name] for name in IMAGES if name in source}
    if source["data"] == BUNDLED:
        if given:
            name, value = next(iter(given.items()))
            raise ValueError(f"{name} {value!r}: the bundled images are read as they are")
        return bundled_images(**counts)
    if not Path(source["data"]).exists():
        raise ValueError(
            f"data {source['data']!r}: must be a folder of images, an .npz file, or {BUNDLED}"
        )
    return own_images(source["data"], network, given.pop("size", None), **given, **counts)
