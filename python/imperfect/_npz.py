# SPDX-License-Identifier: BSD-3-Clause
"""Writes arrays to ``.npz`` files that appear complete or not at all, and reads them; no pickle."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imperfect._files import replaced

# What NumPy and zipfile raise for a file that is cut off or is something else.
UNREADABLE = (ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile)


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file, or those of some names that it has.

    Raises
    ------
    ValueError
        If it is damaged, no ``.npz`` file, or holds objects.
    OSError
        If it cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            return {n: found[n] for n in found.files if names is None or n in names}
    except UNREADABLE as error:
        raise ValueError(f"{path}: is no usable .npz file: {error}") from error


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name, uncompressed; a file that is there already is replaced.

    Raises
    ------
    OSError
        If the file cannot be written there; it names ``path``.
    """
    with (
        replaced(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
