# SPDX-License-Identifier: BSD-3-Clause
"""Keeps what takes long to compute in files, each named by what it depends on.

A key is a dictionary of plain values; the file is named by the SHA-256 of its canonical JSON. So a
result is found again if, and only if, everything that decides it is the same, and several processes
may share a folder: they write the same content, and files appear complete or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._json import digest_of
from imperfect._npz import read_npz, write_npz

Arrays = dict[str, NDArray[Any]]


def digest_of_arrays(*arrays: NDArray[Any]) -> str:
    """SHA-256 of types, shapes and values."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(repr((array.dtype.str, array.shape)).encode())
        sha.update(np.ascontiguousarray(array).data if array.size else b"")
    return sha.hexdigest()


@dataclass(frozen=True, slots=True)
class Cache:
    """Arrays by key, in a folder that exists; without a folder nothing is kept."""

    folder: Path | None = None

    def arrays(self, key: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """The arrays of a key: read, or computed and kept."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{digest_of(dict(key))}.npz"
        found = _read(path)
        if found is None:
            found = compute()
            write_npz(path, found)
        return found


def _read(path: Path) -> Arrays | None:
    """All arrays of a file; None if it is missing or damaged, which computing again repairs."""
    try:
        return read_npz(path)
    except (OSError, ValueError):
        return None
