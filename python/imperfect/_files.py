# SPDX-License-Identifier: BSD-3-Clause
"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file to write to, which then takes the place of ``path``.

    Raises
    ------
    OSError
        If it cannot be written there; it names ``path``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replaced(f"{folder}/a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     Path(folder, "a.txt").read_text()
    'whole'
    """
    target = Path(path)
    name = f".{target.stem[:100]}.{os.getpid()}.{threading.get_ident()}{target.suffix}"
    temporary = target.with_name(name)
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
