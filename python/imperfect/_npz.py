# SPDX-License-Identifier: BSD-3-Clause
"""Writes arrays to ``.npz`` files that appear complete or not at all, without pickle inside."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name, uncompressed; a file that is there already is replaced.

    Raises
    ------
    OSError
        If the file cannot be written there; it names ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        temporary.replace(path)
    except OSError as error:
        # Why: nobody asked for the temporary file, so no error names it.
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
