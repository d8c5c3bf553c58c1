# SPDX-License-Identifier: BSD-3-Clause
"""Fuzz targets of the Python readers: each takes the bytes of one file that a stranger may send.

A file is read or refused, by a ``ValueError`` or a ``TypeError`` with a message (a store that is no
database by an ``OSError``, as documented); every other exception, and every warning that is not
documented, passes through and is a finding. What was read is used a little, since a file that is
read must be usable.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Why: what is imported when first used would count as time of an input.
import onnx.checker
import onnx.external_data_helper
import onnx.helper
import onnx.inliner
import onnx.shape_inference  # noqa: F401
import onnxruntime  # noqa: F401
import pandas  # noqa: F401
import scipy.stats.qmc  # noqa: F401
import sklearn.linear_model  # noqa: F401

import imperfect as im
import imperfect.data
from imperfect import sweep
from imperfect.network import AnalogNetwork, Network
from imperfect.sweep import Problem, _sources, _space, _spec

# Why: a file in memory is written and read in microseconds.
FOLDER = Path(
    tempfile.mkdtemp(prefix="fuzz", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
)


atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


@contextmanager
def refusing(*also: type[Exception]) -> Iterator[None]:
    """Let a refusal be one, if it says something."""
    try:
        yield
    except (ValueError, TypeError, *also) as error:
        assert str(error), f"{type(error).__name__} without a message"
        assert not isinstance(error, UnicodeDecodeError), "text that cannot be decoded, not named"


def _file(name: str, content: bytes) -> Path:
    """A file of that content; what an earlier input left beside it is gone."""
    path = FOLDER / f"{os.getpid()}.{name}"
    path.write_bytes(content)
    return path


def network(content: bytes) -> None:
    """ONNX networks."""
    with refusing():
        found = Network.from_onnx(content)
        assert len(found.digest()) == 64 and repr(found)


def hardware(content: bytes) -> None:
    """Descriptions of machines as JSON."""
    with refusing():
        machine = im.Hardware.from_json(content)
        assert im.Hardware.from_json(machine.to_json()) == machine
        assert len(machine.digest()) == 64 and repr(machine)


def spec(content: bytes) -> None:
    """Sweeps as TOML; the package's network and images are read once, few machines are built."""
    # Why: a million machines take minutes.
    few = patch.object(_space, "MOST_MACHINES", 200)
    with few, patch.object(_spec, "problem_of", _problem_of), refusing(OSError):
        found = sweep.Spec.load(_file("toml", content))
        assert repr(found)


_problems: dict[str, Problem | ValueError | TypeError | OSError] = {}


def _problem_of(source: Mapping[str, Any]) -> Problem:
    key = repr(source)
    if key not in _problems:
        if len(_problems) > 100:
            _problems.clear()
        try:
            _problems[key] = _sources.problem_of(source)
        except (ValueError, TypeError, OSError) as error:
            _problems[key] = error
    found = _problems[key]
    if isinstance(found, Problem):
        return found
    raise found


def store(content: bytes) -> None:
    """Stores of results of sweeps."""
    path = _file("db", content)
    try:
        with refusing(OSError):
            found = sweep.load(path)
            assert repr(found)
            for name in found.table["machine"].unique():
                found.machine(name)
    finally:
        for name in ("-wal", "-shm", "-journal"):
            Path(f"{path}{name}").unlink(missing_ok=True)


def chip(content: bytes) -> None:
    """Saved chips."""
    with refusing():
        found = AnalogNetwork.load(_file("npz", content))
        assert repr(found)
        for layer in found.layers.values():
            layer.effective_weight()


def readings(content: bytes) -> None:
    """Readings of cells as CSV."""
    with refusing(), warnings.catch_warnings():
        # Why: that cells are far from the others is told of, as documented.
        warnings.filterwarnings("ignore", ".* robust standard deviations ", UserWarning)
        device = im.device.from_measurements(_file("csv", content))
        assert repr(device) and im.Hardware(cell=device.cell()).digest()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (network, hardware, spec, store, chip, readings)
}
