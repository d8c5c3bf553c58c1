# SPDX-License-Identifier: BSD-3-Clause
"""What commands write while and after they measure: a folder, a progress bar."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imperfect._optional import require


def prepare(folder: Path) -> None:
    """Make the folder, and find out now whether files can be written there."""
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise ValueError(f"--out {str(folder)!r}: {part} is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """What shows finished tasks and the time that remains, where standard error is a terminal."""
    # Why: tasks take similar times, so the mean over all of them tells more than the latest.
    with require("tqdm").tqdm(
        total=1, file=sys.stderr, disable=not sys.stderr.isatty(), unit="task", smoothing=0
    ) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
