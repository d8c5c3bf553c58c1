# SPDX-License-Identifier: BSD-3-Clause
"""Crops and resizes images of bytes: the central square, then bicubic, widened when it shrinks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._optional import require

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """What images are made to fit: side × side pixels of ``crop`` of the shorter side."""

    side: int
    channels: int
    crop: float

    def fit(self, image: Any) -> Bytes:
        """One image of Pillow's, as bytes of shape (side, side, channels)."""
        image = image.convert("RGB" if self.channels == 3 else "L")
        width, height = image.size
        square = max(1, round(min(width, height) * self.crop))
        left, top = (width - square + 1) // 2, (height - square + 1) // 2
        image = image.crop((left, top, left + square, top + square))
        if square != self.side:
            image = image.resize((self.side,) * 2, require("PIL.Image").Resampling.BICUBIC)
        return np.asarray(image).reshape(self.side, self.side, self.channels)

    def fit_all(self, pixels: Bytes) -> Bytes:
        """Images of shape (n, height, width, 1 or 3) as (n, side, side, channels)."""
        if pixels.shape[1:] == (self.side, self.side, self.channels) and self.crop == 1:
            return np.ascontiguousarray(pixels)
        from_array = require("PIL.Image").fromarray
        result = np.empty((len(pixels), self.side, self.side, self.channels), np.uint8)
        for place, image in enumerate(pixels):
            one = image[..., 0] if image.shape[2] == 1 else image
            result[place] = self.fit(from_array(np.ascontiguousarray(one)))
        return result
