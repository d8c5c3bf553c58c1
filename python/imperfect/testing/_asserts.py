# SPDX-License-Identifier: BSD-3-Clause
"""Assertions of tests: statistics with bounds from n, and outputs against the reference.

The mean of n draws has deviation sigma / sqrt(n), their standard deviation
sigma sqrt((kurtosis - 1) / (4 n)) for large n, a count of n draws sqrt(n p (1 - p)). A bound of 5
deviations fails by chance once in 1.7 million comparisons.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def _assert_within(
    what: str, actual: npt.ArrayLike, expected: npt.ArrayLike, bound: npt.ArrayLike
) -> None:
    actual, expected, bound = (
        np.atleast_1d(a) for a in np.broadcast_arrays(actual, expected, bound)
    )
    with np.errstate(invalid="ignore"):
        outside = ~(np.abs(actual - expected) <= bound)
    if not outside.any():
        return
    excess = np.where(outside, np.abs(actual - expected) - bound, -np.inf)
    worst = np.unravel_index(int(np.argmax(np.nan_to_num(excess, nan=np.inf))), excess.shape)
    place = tuple(int(i) for i in worst)
    raise AssertionError(
        f"{outside.sum()} of {outside.size}: {what} out of bounds; at {place} it is "
        f"{actual[worst]!r}, expected {expected[worst]!r} +- {bound[worst]!r}"
    )


def assert_within_sigma(
    sample_mean: npt.ArrayLike,
    expected: npt.ArrayLike,
    sigma: npt.ArrayLike,
    n: npt.ArrayLike,
    num_sigma: float = 5.0,
) -> None:
    """Means of n independent draws of deviation ``sigma`` lie within ``num_sigma`` standard errors.

    Parameters
    ----------
    sample_mean, expected, sigma, n : array
        Broadcast against each other; the first three in one unit.
    num_sigma : float
        Half-width of the window in standard errors.

    Raises
    ------
    AssertionError
        Naming the worst place.

    Examples
    --------
    >>> assert_within_sigma(0.01, 0.0, 1.0, n=10_000)
    """
    error = np.asarray(sigma, np.float64) / np.sqrt(np.asarray(n, np.float64))
    _assert_within("mean", sample_mean, expected, num_sigma * error)


def assert_mean_within_sigma(
    samples: npt.NDArray[np.floating],
    expected: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    axis: int = -1,
    num_sigma: float = 5.0,
) -> None:
    """The mean of samples along ``axis`` agrees with a law's mean ``expected``.

    Parameters
    ----------
    samples : array
        Independent draws.
    expected, sigma : array
        Mean and standard deviation of the law, of the shape of the result.

    Raises
    ------
    AssertionError
        Naming the worst place.

    Examples
    --------
    >>> assert_mean_within_sigma(np.array([-1.0, 1.0, -1.0, 1.0]), 0.0, 1.0)
    """
    mean = samples.mean(axis=axis, dtype=np.float64)
    assert_within_sigma(mean, expected, sigma, samples.shape[axis], num_sigma)


def assert_std_within_sigma(
    samples: npt.NDArray[np.floating],
    expected: npt.ArrayLike,
    *,
    kurtosis: npt.ArrayLike = 3.0,
    axis: int = -1,
    num_sigma: float = 5.0,
) -> None:
    """The standard deviation of samples along ``axis`` agrees with ``expected``.

    Parameters
    ----------
    samples : array
        Independent draws.
    expected : array
        Deviation of the law, of the shape of the result.
    kurtosis : array
        Fourth central moment over the squared variance of the law; 3 for a normal one.

    Raises
    ------
    AssertionError
        Naming the worst place.

    Examples
    --------
    >>> assert_std_within_sigma(np.array([-1.0, 1.0, -1.0, 1.0]), 1.0, kurtosis=1.0 + 1e-9)
    """
    n = samples.shape[axis]
    std = samples.std(axis=axis, dtype=np.float64)
    relative = np.sqrt((np.asarray(kurtosis, np.float64) - 1.0) / (4.0 * n))
    error = num_sigma * np.asarray(expected, np.float64) * relative
    _assert_within("standard deviation", std, expected, error)


def assert_fraction_within_sigma(
    count: npt.ArrayLike, probability: npt.ArrayLike, n: int, num_sigma: float = 5.0
) -> None:
    """A count among n independent trials agrees with a probability.

    Raises
    ------
    AssertionError
        Naming the worst place.

    Examples
    --------
    >>> assert_fraction_within_sigma(52, 0.5, 100)
    """
    p = np.asarray(probability, np.float64)
    fraction = np.asarray(count, np.float64) / n
    _assert_within("fraction", fraction, p, num_sigma * np.sqrt(p * (1.0 - p) / n))


def assert_outputs_match(
    actual: npt.ArrayLike, expected: npt.ArrayLike, slack: npt.ArrayLike = 0.0, atol: float = 0.0
) -> None:
    """Outputs of a layer agree with the reference up to its slack and their own rounding.

    Scaling and storing an output in single precision may move it by 2**-22 of its size.

    Parameters
    ----------
    actual : array
        Outputs under test.
    expected, slack : array
        From ``ReferenceLayer.forward(x, return_slack=True)``.
    atol : float
        Absolute tolerance on top, in the units of the outputs.

    Raises
    ------
    AssertionError
        Naming the worst place.

    Examples
    --------
    >>> assert_outputs_match([1.0, 2.25], [1.0, 2.0], slack=[0.0, 0.25])
    """
    if np.shape(actual) != np.shape(expected):
        raise AssertionError(f"shape {np.shape(actual)}, expected {np.shape(expected)}")
    actual = np.asarray(actual, np.float64)
    slack = np.asarray(slack, np.float64)
    rounding = 2.0**-22 * (np.abs(expected) + slack)
    _assert_within("output", actual, expected, slack + rounding + atol)
