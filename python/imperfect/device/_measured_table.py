# SPDX-License-Identifier: BSD-3-Clause
"""The table of measured conductances: what it must hold, and the cells and levels in it.

A row is one reading of one cell: target and conductance in siemens, read its number, time in
seconds. Here conductances become relative to g_max, and readings one row per cell and time.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

Doubles = NDArray[np.float64]
NEEDED = ("target", "conductance")
KNOWN = (*NEEDED, "read", "cell", "time")
# More different targets than this are binned: then they hardly repeat.
MOST_LEVELS = 64
# Times this close, as a ratio, are one nominal time; several of them must not run together.
SAME_TIME, WIDEST_TIME = 1.05, 1.2
# Conductances this many times their targets are in another unit.
OTHER_UNIT = 300
# A reading this many times the largest target is no reading of the same device.
FAR_ABOVE = 10.0
LONGEST_LINE = 2**16  # bytes of the names of columns, or of a remark before them


def _read_file(path: str | os.PathLike[str]) -> pd.DataFrame:
    pandas = require("pandas")
    try:
        # Why opened here: from a name pandas also unpacks archives and fetches addresses.
        with open(path, "rb") as file:
            _check_first_line(path, file)
            with warnings.catch_warnings(action="error", category=pandas.errors.ParserWarning):
                # Why index_col: else a row with a number too many moves all its columns.
                frame: pd.DataFrame = pandas.read_csv(
                    file, comment="#", skipinitialspace=True, index_col=False, low_memory=False
                )
    except pandas.errors.ParserWarning as error:
        raise ValueError(
            f"data: {os.fspath(path)!r} has rows with more fields than names"
        ) from error
    except (pandas.errors.EmptyDataError, pandas.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"data: {os.fspath(path)!r} is no CSV table: {error}") from error
    return frame


def _check_first_line(path: str | os.PathLike[str], file: BinaryIO) -> None:
    """Refuse endless lines up to that of the names, before anything takes them apart."""
    for line in iter(lambda: file.readline(LONGEST_LINE), b""):
        if len(line) == LONGEST_LINE:
            what = f"a line of {LONGEST_LINE} bytes and more"
            raise ValueError(f"data: {os.fspath(path)!r} has {what}")
        if line.strip() and not line.startswith(b"#"):
            break
    file.seek(0)


def read_table(data: Any) -> pd.DataFrame:
    """The table with checked numbers in its columns, by their names in lower case."""
    pandas = require("pandas")
    frame: pd.DataFrame
    if isinstance(data, str | os.PathLike):
        frame = _read_file(data)
    elif isinstance(data, dict | pandas.DataFrame):
        frame = pandas.DataFrame(data)
    else:
        kind = type(data).__name__
        raise TypeError(f"data: must be the path of a CSV file or a DataFrame, not {kind}")
    if not len(frame):
        raise ValueError("data: has no rows")
    frame = _with_known_names(frame)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(f"data: has no columns {missing}; it has {list(frame.columns)}")
    for name in (*NEEDED, *(["time"] if "time" in frame.columns else [])):
        if frame[name].dtype.kind not in "iuf":
            raise TypeError(f"data: column {name!r} has type {frame[name].dtype}, not numbers")
        wrong = ~np.isfinite(frame[name].to_numpy(np.float64))
        if wrong.any():
            raise ValueError(
                f"data: column {name!r} is not finite in row {int(wrong.argmax())} (from 0)"
            )
    for name in ("cell", "read"):
        if name in frame.columns and frame[name].isna().any():
            row = int(frame[name].isna().to_numpy().argmax())
            raise ValueError(f"data: column {name!r} is empty in row {row}")
    _check_sizes(frame)
    if "time" in frame.columns:
        frame = frame.assign(time=_nominal(frame["time"].to_numpy(np.float64)))
    return frame


def _with_known_names(frame: pd.DataFrame) -> pd.DataFrame:
    names: dict[Any, str] = {}
    for column in frame.columns:
        name = str(column).strip().lower()
        if name in KNOWN:
            if name in names.values():
                same = [c for c in frame.columns if str(c).strip().lower() == name]
                raise ValueError(f"data: columns {same} are all {name!r}: must be one")
            names[column] = name
    return frame.rename(columns=names)


def _check_sizes(frame: pd.DataFrame) -> None:
    """Refuse negative targets and times, and what is not in siemens."""
    if (frame["target"] < 0).any():
        raise ValueError(f"data: target={frame['target'].min()}: must be 0 or more siemens")
    for name in NEEDED:
        largest = float(frame[name].abs().max())
        if largest > 1:
            hint = "are these microsiemens? Then multiply by 1e-6"
            raise ValueError(f"data: {name}={largest:g}: must be at most 1 siemens; {hint}")
    driven = frame[frame["target"] > 0]
    sizes = [float(driven[name].abs().median()) for name in NEEDED]
    if min(sizes) > 0 and not 1 / OTHER_UNIT < sizes[1] / sizes[0] < OTHER_UNIT:
        medians = f"target={sizes[0]:g} and conductance={sizes[1]:g} (medians)"
        raise ValueError(f"data: {medians}: must both be in siemens; is one in microsiemens?")
    top, found = float(frame["target"].max()), frame["conductance"]
    for value in (float(found.min()), float(found.max())):
        if top > 0 and not -top <= value <= FAR_ABOVE * top:
            limits = f"from -{top:g} to {FAR_ABOVE * top:g} siemens (largest target {top:g})"
            raise ValueError(f"data: conductance={value:g}: must be {limits}; is it another unit?")
    if "time" in frame.columns and (frame["time"] < 0).any():
        raise ValueError(f"data: time={frame['time'].min()}: must be 0 or more seconds")


def _nominal(time: Doubles) -> Doubles:
    """Times with those a few per cent apart made one: cells are read one after the other."""
    exact = np.unique(time)
    starts = np.append(True, exact[1:] > exact[:-1] * SAME_TIME)
    group = np.cumsum(starts) - 1
    nominal = np.empty(group[-1] + 1)
    for i in range(len(nominal)):
        members = exact[group == i]
        if members[-1] > members[0] * WIDEST_TIME:
            span = f"time={members[0]:g} to {members[-1]:g} s without a gap"
            raise ValueError(f"data: {span}: must be a few times that all cells are read at")
        nominal[i] = float(np.median(members))
    return np.asarray(nominal[group[np.searchsorted(exact, time)]], np.float64)


def cells_of(frame: pd.DataFrame, g_max: float) -> pd.DataFrame:
    """One row per cell and time: target, mean and variance over its readings, their number."""
    frame = frame.assign(target=frame["target"] / g_max, conductance=frame["conductance"] / g_max)
    has_time = "time" in frame.columns
    if not has_time:
        frame["time"] = 0.0
    if "cell" not in frame.columns:
        same = ["target", "time", *(["read"] if "read" in frame.columns else [])]
        frame["cell"] = frame.groupby(same).cumcount()
        _check_order(frame, g_max)
    groups = frame.groupby(["target", "cell", "time"])["conductance"]
    table = groups.agg(mean="mean", variance="var", readings="count")
    cells: pd.DataFrame = table.reset_index()
    return cells


def _check_order(frame: pd.DataFrame, g_max: float) -> None:
    """Refuse cells told apart by their order if some are missing at some times."""
    counts = frame.groupby(["target", "time"])["cell"].max().unstack("time") + 1
    uneven = counts.nunique(axis=1) > 1
    if uneven.any():
        times, rows = counts.columns.to_numpy(np.float64), counts.to_numpy(np.float64)
        first = int(uneven.to_numpy().argmax())
        target = float(counts.index.to_numpy(np.float64)[first])
        pairs = zip(rows[first], times, strict=True)
        found = ", ".join(f"{n:g} at {t:g} s" for n, t in pairs if np.isfinite(n))
        raise ValueError(
            f"data: target={target * g_max:g} has cells: {found}; where cells are missing a column "
            "'cell' must tell which is which"
        )


def level_of(cells: pd.DataFrame) -> pd.Series[Any]:
    """What tells the level of each cell: its target, or the bin of targets that hardly repeat."""
    target = cells["target"]
    if target.nunique() <= MOST_LEVELS:
        return target
    count = int(np.clip(np.sqrt(len(cells) / cells["time"].nunique() / 4), 4, 32))
    bins: pd.Series[Any] = require("pandas").qcut(target, count, labels=False, duplicates="drop")
    return bins
