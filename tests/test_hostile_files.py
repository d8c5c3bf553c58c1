# SPDX-License-Identifier: BSD-3-Clause
"""Files made to break their reader are refused in words, at once and in little memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if not Path("/proc/self/statm").exists():
    pytest.skip("memory can be limited on Linux only", allow_module_level=True)

import hostile_files

SECONDS = 2  # of processor time
REFUSALS = {"ValueError", "TypeError", "SpecError"}
CASES = [
    (f"{ending}: {name}", ending, reason)
    for ending, (cases, _) in hostile_files.READERS.items()
    for name, (_, reason) in cases.items()
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What became of every file, all read by one process of little memory."""
    folder = tmp_path_factory.mktemp("hostile")
    run = subprocess.run(
        [sys.executable, "-W", "error", hostile_files.__file__, str(folder)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(("name", "ending", "reason"), CASES, ids=[name for name, *_ in CASES])
def test_hostile_files_are_refused(name: str, ending: str, reason: str, outcomes: Any) -> None:
    seconds, kind, message = outcomes[name]
    # A file that is no database at all is refused as such by SQLite.
    assert kind in REFUSALS | ({"OSError"} if ending == "db" else set()), message
    assert re.search(reason, message), message
    assert seconds < SECONDS
