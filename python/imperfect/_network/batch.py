# SPDX-License-Identifier: BSD-3-Clause
"""Checks what a caller gives to a network, and hands it out in chunks of samples.

Arrays are converted chunk by chunk (to float32, or to the integer type that an input declares),
so that a large or memory-mapped array is never copied whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imperfect._network.graph import TensorInfo

Feeds = dict[str, NDArray[Any]]
Input = ArrayLike | Mapping[str, ArrayLike]


class Batch:
    """The inputs of one call, checked.

    Parameters
    ----------
    inputs
        What the network takes.
    defaults
        Inputs that have a default value; a dictionary may override them.
    fixed
        The number of samples of one run, or None where it is free.
    x
        One array, or a dictionary from the names of inputs to arrays.

    Attributes
    ----------
    count
        Number of samples.
    """

    def __init__(
        self, inputs: tuple[TensorInfo, ...], defaults: Feeds, fixed: int | None, x: Input
    ) -> None:
        given = _by_name(inputs, defaults, x)
        self._stacked: Feeds = {}
        self._whole = defaults | {
            name: _convert(name, np.asarray(given.pop(name)), values.dtype.name)
            for name, values in defaults.items()
            if name in given
        }
        self._dtypes = {info.name: info.dtype for info in inputs}
        for info in inputs:
            array = np.asarray(given[info.name])
            _check_shape(info, array)
            if info.per_sample:
                self._stacked[info.name] = array
            else:
                self._whole[info.name] = _convert(info.name, array, info.dtype)
        counts = {name: len(array) for name, array in self._stacked.items()}
        self.count = next(iter(counts.values()))
        if set(counts.values()) != {self.count}:
            raise ValueError(f"the inputs have different numbers of samples: {counts}")
        if fixed is not None and self.count % fixed:
            raise ValueError(
                f"{self.count} samples: the network computes {fixed} at a time, "
                f"so their number must be a multiple of {fixed}"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs that hold samples."""
        return {name: array.shape for name, array in self._stacked.items()}

    def chunk(self, first: int, stop: int) -> Feeds:
        """The samples from ``first`` until ``stop``, converted; refuses NaN and infinity."""
        parts = {
            name: _convert(name, array[first:stop], self._dtypes[name], first)
            for name, array in self._stacked.items()
        }
        return parts | self._whole

    def zeros(self, count: int) -> Batch:
        """The same kind of batch, ``count`` samples of zeros."""
        twin = object.__new__(Batch)
        twin.__dict__ |= self.__dict__
        twin.count = count
        twin._stacked = {
            name: np.zeros((count, *array.shape[1:]), self._dtypes[name])
            for name, array in self._stacked.items()
        }
        return twin


def _by_name(inputs: tuple[TensorInfo, ...], defaults: Feeds, x: Input) -> dict[str, ArrayLike]:
    names = [info.name for info in inputs]
    if not isinstance(x, Mapping):
        if len(names) != 1:
            raise ValueError(f"the network has inputs {names}: give a dictionary with all of them")
        return {names[0]: x}
    missing = [name for name in names if name not in x]
    unknown = [name for name in x if name not in names and name not in defaults]
    if missing or unknown:
        raise ValueError(f"the network has inputs {names}: missing {missing}, unknown {unknown}")
    return dict(x)


def _check_shape(info: TensorInfo, array: NDArray[Any]) -> None:
    assert info.shape is not None  # ``imperfect.onnx`` refuses inputs of unknown rank
    first = 1 if info.per_sample else 0
    fits = array.ndim == len(info.shape) and all(
        size == have
        for size, have in zip(info.shape[first:], array.shape[first:], strict=True)
        if isinstance(size, int)
    )
    if not fits:
        wanted = ", ".join(
            "n" if axis < first else "any" if size is None else str(size)
            for axis, size in enumerate(info.shape)
        )
        raise ValueError(f"input {info.name!r}: shape {array.shape} does not fit ({wanted})")


def _convert(name: str, array: NDArray[Any], dtype: str, first: int = 0) -> NDArray[Any]:
    """A contiguous array of the wanted type with the same values; checks that they are."""
    to_float = dtype == "float32"
    if array.dtype.kind not in ("biuf" if to_float else "biu"):
        kinds = "real numbers" if to_float else "integers"
        raise TypeError(f"input {name!r}: must be {kinds}, not {array.dtype}")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype)
    good = np.isfinite(result) if to_float else result == array
    if not good.all():
        place = np.argwhere(~good)[0].tolist()
        value = array[tuple(place)]
        index = tuple([place[0] + first, *place[1:]]) if place else ()
        wanted = "finite in float32" if to_float else f"within {dtype}"
        raise ValueError(f"input {name!r}: value {value} at index {index} must be {wanted}")
    return result
