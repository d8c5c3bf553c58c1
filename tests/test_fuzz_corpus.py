# SPDX-License-Identifier: BSD-3-Clause
"""Every input that fuzzing kept is read or refused as the fuzz targets demand, without atheris."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
CORPUS = FUZZ / "corpus"
CORE = {"capi", "state"}  # run by CTest


@pytest.fixture(scope="module")
def targets() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FUZZ))
        import targets

        yield targets
        sys.modules.pop("targets")


def test_every_target_has_inputs(targets: Any) -> None:
    folders = {folder.name for folder in CORPUS.iterdir() if any(folder.iterdir())}
    assert folders == set(targets.TARGETS) | CORE


@pytest.mark.parametrize(
    "name", sorted(folder.name for folder in CORPUS.iterdir() if folder.name not in CORE)
)
def test_inputs_that_fuzzing_kept(name: str, targets: Any) -> None:
    for path in sorted((CORPUS / name).iterdir()):
        try:
            targets.TARGETS[name](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path}: {error!r}") from error
