# SPDX-License-Identifier: BSD-3-Clause
"""A small trained network and the images it was made for, both part of the package.

"Scattered Fashion-MNIST": items of Fashion-MNIST scaled, rotated and placed anywhere on an empty
canvas of 48 × 48, so that a classifier of raw pixels fails and a convolutional network does not.
The network has never seen the training images here, so a head may be refitted on them.
``README.md`` in this folder tells where they come from, ``make_network.py`` how they were made.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Floats
from imperfect.network import Network

Labels = NDArray[np.int64]
Arrays = tuple[Floats, Labels, Floats, Labels]


def scattered_mobilenet() -> Network:
    """Load a small network of inverted residual blocks for ``scattered_fashion``.

    Its 23 layers are a convolution, seven blocks (expanding, depthwise, projecting), another
    convolution and a classifier; every convolution has its own batch normalisation.

    Returns
    -------
    Network
        From images of shape (n, 1, 48, 48) to ten outputs.

    Raises
    ------
    ImportError
        If the extra ``study`` is not installed.

    Examples
    --------
    >>> from imperfect.data import scattered_mobilenet
    >>> scattered_mobilenet()
    Network('scattered_mobilenet': image (n, 1, 48, 48) -> logits (n, 10); 23 of 67 nodes can be analog)
    """  # noqa: E501
    return Network.from_onnx(files(__package__).joinpath("scattered_mobilenet.onnx").read_bytes())


def scattered_fashion() -> Arrays:
    """Load the images of ``scattered_mobilenet``.

    Returns
    -------
    X_train : array of shape (2000, 1, 48, 48), float32
        Grey values from 0 to 1; the same number of images of every class, in mixed order.
    y_train : array of shape (2000,), int64
        Classes 0 to 9.
    X_test : array of shape (1000, 1, 48, 48), float32
        Made of the test items of Fashion-MNIST.
    y_test : array of shape (1000,), int64
        Classes 0 to 9.

    Examples
    --------
    >>> from imperfect.data import scattered_fashion
    >>> X_train, y_train, X_test, y_test = scattered_fashion()
    >>> X_test.shape, sorted(set(y_test.tolist()))
    ((1000, 1, 48, 48), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    with files(__package__).joinpath("scattered_fashion.npz").open("rb") as file:
        arrays: dict[str, NDArray[Any]] = dict(np.load(file, allow_pickle=False))
    x_train, x_test = (
        arrays[name][:, None].astype(np.float32) / np.float32(255) for name in ("x_train", "x_test")
    )
    return x_train, arrays["y_train"].astype(np.int64), x_test, arrays["y_test"].astype(np.int64)
