# SPDX-License-Identifier: BSD-3-Clause
"""Checks what a caller gives to a study: a network, images of shape (n, …), labels of shape (n,).

Everything that could stop a trial after minutes is looked at before the first one starts.
"""

from __future__ import annotations

import inspect
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import as_float32
from imperfect._checks import check_instance, flag, refusal
from imperfect._estimators.fitting import check_classifier
from imperfect._study.heads import FOLDS, default_head
from imperfect._study.samples import Samples
from imperfect._study.trial import Study
from imperfect.images import Images
from imperfect.network import Network

LABELS = "integers or strings"


def checked_study(
    network: Network,
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    head: Any,
    transfer: Any,
) -> Study:
    """What all trials share; a head that is None is the default one."""
    transfer = flag("transfer", transfer)
    # Why: cross-validation needs rows of each class in each of its parts.
    folds = FOLDS if head is None else 1
    head = default_head() if head is None else head
    check_instance("network", network, Network, "a Network")
    check_classifier(head)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        counts = f"{len(network.inputs)} inputs and {len(network.outputs)} outputs"
        raise ValueError(f"network: has {counts}, must have one each")
    x_train, outputs = _images(network, "X_train", X_train)
    x_test, _ = _images(network, "X_test", X_test)
    train, test = _labels("y_train", y_train, x_train), _labels("y_test", y_test, x_test)
    classes, sizes = np.unique(train, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"y_train: has one class, {classes.tolist()[0]!r}; must have two or more")
    unknown = np.setdiff1d(test, classes).tolist()
    if unknown:
        raise ValueError(f"y_test: has classes {unknown} that y_train does not have")
    if sizes.min() < folds:
        few = classes.tolist()[sizes.argmin()]
        raise ValueError(f"y_train: has {sizes.min()} of class {few!r}; must have {folds} of each")
    if not transfer and outputs != (len(classes),):
        raise ValueError(
            f"network: has outputs of shape {outputs} for {len(classes)} classes in y_train; "
            "must have one for each class, unless transfer is True"
        )
    return Study(network, x_train, train, x_test, test, head)


def _images(network: Network, name: str, values: Any) -> tuple[Samples, tuple[int, ...]]:
    """Images, checked, and the shape of what the network gives for one of them."""
    if isinstance(values, Images):
        return values, _output_shape(network, name, values)
    x = as_float32(name, values)
    if x.ndim < 2 or not x.size:
        raise ValueError(f"{name}: has shape {x.shape}, must be (n, …) and not empty")
    if not np.isfinite(x).all():
        place = tuple(np.argwhere(~np.isfinite(x))[0].tolist())
        raise ValueError(f"{name}: value {x[place]} at index {place} must be finite")
    return x, _output_shape(network, name, x)


def _output_shape(network: Network, name: str, x: Samples) -> tuple[int, ...]:
    try:
        shape: tuple[int, ...] = network(x[: network._graph.batch or 1]).shape[1:]
        return shape
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _labels(name: str, values: Any, x: Samples) -> NDArray[Any]:
    try:
        y = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is not an array: {error}") from None
    if y.shape != (len(x),):
        raise ValueError(f"{name}: has shape {y.shape} for {len(x)} images, must be ({len(x)},)")
    if y.dtype.kind == "O":
        y = _of_one_kind(name, y)
    if y.dtype.kind == "f":
        wrong = ~np.isfinite(y) | (y != np.round(y))
        if wrong.any():
            place = int(np.argmax(wrong))
            raise ValueError(f"{name}: label {y[place]} at index {place}: must be {LABELS}")
    elif y.dtype.kind not in "biuU":
        raise TypeError(f"{name}: labels of type {y.dtype}: must be {LABELS}")
    return y


def _of_one_kind(name: str, y: NDArray[Any]) -> NDArray[Any]:
    """Labels that came as objects, as text or as whole numbers."""
    if all(isinstance(label, str) for label in y):
        return y.astype(np.str_)
    if all(isinstance(label, Integral) and abs(int(label)) < 2**63 for label in y):
        return y.astype(np.int64)
    found = sorted({type(label).__name__ for label in y})
    raise TypeError(f"{name}: labels must be of one kind, {LABELS} (64 bits); has {found}")


def check_progress(progress: Any) -> None:
    """Refuse what cannot be called with two numbers, before a trial has run for nothing."""
    if progress is None:
        return
    allowed = "a function of two numbers (finished tasks, all tasks), or None"
    if not callable(progress):
        raise TypeError(f"{refusal('progress', progress, allowed)}, not {type(progress).__name__}")
    try:
        signature = inspect.signature(progress)
    except ValueError:  # some functions written in C do not tell theirs
        return
    try:
        signature.bind(1, 2)
    except TypeError as error:
        raise TypeError(f"{refusal('progress', progress, allowed)}: {error}") from None
