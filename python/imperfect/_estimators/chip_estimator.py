# SPDX-License-Identifier: BSD-3-Clause
# mypy: allow-subclassing-any
"""What the estimators built on a network share: rows of X become samples, a chip is programmed.

A row of X is one sample, in the shape of the network's input or flattened to one axis, in C order.
Where converters take their ranges from data, they are calibrated on at most ``CALIBRATION_ROWS``
rows of X at even distances, the first and the last among them, so that nothing is drawn at random.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from imperfect._arrays import row_numbers
from imperfect._checks import refusal, refuse_first
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork, Network, TensorInfo

CALIBRATION_ROWS = 256


class ChipEstimator(BaseEstimator):
    """An estimator with a chip. Not made directly: subclasses define the parameters."""

    network_or_chip: Network | AnalogNetwork
    hardware: Hardware | None
    output: str | None
    seed: int
    chip_: AnalogNetwork
    sample_shape_: tuple[int, ...]

    def _fit_chip(self, X: Any, y: Any = None, *, labelled: bool = False) -> tuple[Any, Any]:
        """Check X, and labels y if there are any, and program the chip; returns both checked."""
        chip = _programmed(self.network_or_chip, self.hardware, self.seed)
        info = _only_input(chip.network)
        X, shape = _flattened(X)
        if labelled:
            X, y = validate_data(self, X, y)
            check_classification_targets(y)
        else:
            X = validate_data(self, X)
        self.sample_shape_ = _sample_shape(info, shape, X.shape[1])
        if any(layer.needs_calibration for layer in chip.layers.values()):
            count = min(len(X), CALIBRATION_ROWS)
            chosen = np.linspace(0, len(X) - 1, count).round().astype(int)
            chip.calibrate(_samples(info, X[chosen], self.sample_shape_))
        self.chip_ = chip
        return X, y

    def _checked(self, X: Any) -> Any:
        """Rows that the fitted estimator accepts, flattened."""
        check_is_fitted(self, "chip_")
        X, shape = _flattened(X)
        if shape is not None and shape != self.sample_shape_:
            raise ValueError(
                f"X has rows of shape {shape}: must be {self.sample_shape_} as in fit, or flat"
            )
        return validate_data(self, X, reset=False)

    def _tensor(self, X: Any, name: str | None) -> NDArray[Any]:
        """A tensor of the chip for checked rows, its trailing axes flattened."""
        x = _samples(_only_input(self.chip_.network), X, self.sample_shape_)
        has_noise = any(layer.hardware.cell.read_noise for layer in self.chip_.layers.values())
        # Why: what is predicted of a row must not depend on the rows around it.
        numbers = row_numbers(x) if has_noise else None
        values = self.chip_.features(x, name, samples=numbers)[: len(X)]
        return values.reshape(len(X), math.prod(values.shape[1:]))


def _programmed(source: Any, hardware: Hardware | None, seed: int) -> AnalogNetwork:
    """A new chip of a network, or a copy of a chip."""
    if isinstance(source, Network):
        return AnalogNetwork(source, hardware, seed)
    if not isinstance(source, AnalogNetwork):
        kind = type(source).__name__
        raise TypeError(f"network_or_chip: must be a Network or an AnalogNetwork, not {kind}")
    refuse_first([
        (hardware is not None, refusal("hardware", hardware, "None: a chip has its own")),
        (seed != 0, refusal("seed", seed, "0: a chip has its own")),
    ])  # fmt: skip
    return copy.copy(source)


def _only_input(network: Network) -> TensorInfo:
    if len(network.inputs) != 1 or not network.inputs[0].per_sample:
        names = [info.name for info in network.inputs]
        raise ValueError(f"network_or_chip: must have one input, that of the samples, not {names}")
    return network.inputs[0]


def _flattened(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """X with at most two axes, and the shape of its rows if it had more."""
    if getattr(X, "ndim", 0) in (1, 2):
        return X, None
    array = np.asarray(X)
    if array.ndim <= 2:
        return X, None
    shape = array.shape[1:]
    return array.reshape(len(array), math.prod(shape)), shape


def _sample_shape(info: TensorInfo, shape: tuple[int, ...] | None, size: int) -> tuple[int, ...]:
    """The shape of one sample, for rows of that shape or flat rows of ``size`` values."""
    assert info.shape is not None  # ``imperfect.onnx`` refuses inputs of unknown rank
    wanted = info.shape[1:]
    known = math.prod(length for length in wanted if isinstance(length, int))
    free = [length for length in wanted if not isinstance(length, int)]
    if shape is None and (size == known if not free else len(free) == 1 and size % known == 0):
        return tuple(length if isinstance(length, int) else size // known for length in wanted)
    if shape is not None and len(shape) == len(wanted):
        pairs = zip(shape, wanted, strict=True)
        if all(have == length or not isinstance(length, int) for have, length in pairs):
            return shape
    rows = f"{size} feature(s)" if shape is None else f"rows of shape {shape}"
    sizes = ", ".join("any" if length is None else str(length) for length in wanted)
    flat = f", or {known} features" if not free else ", or flat" if len(free) == 1 else ""
    raise ValueError(f"X has {rows}: input {info.name!r} of the network takes ({sizes}){flat}")


def _samples(info: TensorInfo, X: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Rows in the shape of the network's input, filled up to a multiple of its batch."""
    x: NDArray[Any] = X.reshape(len(X), *shape)
    batch = info.shape[0] if info.shape else None
    missing = -len(x) % batch if isinstance(batch, int) else 0
    return np.concatenate([x, np.repeat(x[-1:], missing, axis=0)]) if missing else x
