# SPDX-License-Identifier: BSD-3-Clause
"""Files made to break their readers: python hostile_files.py FOLDER reads them in little memory.

It prints, as JSON, for each of them how long reading took and what was raised.
"""

from __future__ import annotations

import gzip
import io
import json
import resource
import sqlite3
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import imperfect as im
from chips import NOISY
from hostile_networks import ONNX, Make, dense_network
from imperfect import sweep
from imperfect._network import chipfile
from imperfect.network import AnalogNetwork, Network

MEMORY = 2**30  # bytes above what the process has before it reads


# --- saved chips --------------------------------------------------------------------------------


def _chip_arrays() -> dict[str, Any]:
    net = Network.from_onnx(dense_network())
    chip = AnalogNetwork(net, NOISY, 1)
    chip.calibrate(np.ones((2, 3), np.float32))
    file = Path(sys.argv[1], "good.npz")
    chip.save(file)
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays}


def _forged(folder: Path, name: str, value: Any) -> Path:
    """A chip with another array, and the digest that belongs to it."""
    arrays = _chip_arrays() | {name: value}
    del arrays["sha256"]
    arrays["sha256"] = np.frombuffer(chipfile._digest(arrays), np.uint8)
    return _zipped(folder, *((f"{key}.npy", _array_bytes(a)) for key, a in arrays.items()))


def _zipped(folder: Path, *members: tuple[str, bytes], **options: Any) -> Path:
    path = folder / "zipped.npz"
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def _listed_often(folder: Path) -> Path:
    """One member of a megabyte that the directory of the file lists ten thousand times."""
    path = _zipped(folder, ("a.npy", _array_bytes(np.zeros(2**20, np.uint8))))
    content = path.read_bytes()
    at, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry, count = content[at:end], 10_000
    size, tail = (count * len(entry)).to_bytes(4, "little"), content[end + 16 :]
    path.write_bytes(
        content[:at] + entry * count + content[end : end + 8]
        + count.to_bytes(2, "little") * 2 + size + tail
    )  # fmt: skip
    return path


def _array_bytes(array: Any) -> bytes:
    if not array.itemsize:  # NumPy writes nothing, for as long as there are items
        return _header(_about("|V0", array.shape))
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def _about(kind: str, shape: object) -> str:
    return f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}}}"


def _header(text: str) -> bytes:
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode()


def _before_the_file(folder: Path) -> Path:
    """A member that begins before the file does."""
    path = _zipped(folder, ("a.npy", _array_bytes(np.zeros(100))))
    path.write_bytes(path.read_bytes()[200:])
    return path


CHIPS: dict[str, tuple[Make, str]] = {
    "a gigabyte of zeros, compressed": (
        lambda f: _zipped(f, ("a.npy", bytes(2**30)), compression=zipfile.ZIP_DEFLATED),
        "not a stored array",
    ),
    "one member ten thousand times": (_listed_often, "more members than names"),
    "a member before the file": (_before_the_file, "not a usable chip file"),
    "a header of 2^60 numbers": (
        lambda f: _zipped(f, ("a.npy", _header(_about("<f4", f"({2**60},)")))),
        "not a usable chip file",
    ),
    "a header that is nested": (
        lambda f: _zipped(f, ("a.npy", _header("(" * 9000))), "not a usable chip file",
    ),
    "numbers of no bytes": (lambda f: _forged(f, "0.cells", np.ndarray(2**40, "V0")), "cells|fill"),
    "text for cells": (lambda f: _forged(f, "0.cells", np.array(["a"])), "cells"),
    "complex cells": (lambda f: _forged(f, "0.cells", np.zeros(3, "c8")), "cells"),
    "records for cells": (lambda f: _forged(f, "0.cells", np.zeros(3, "f4,f4")), "cells"),
    "cells that overflow": (
        lambda f: _forged(f, "0.cells", np.full(12, 3e38, np.float32)), "cells"
    ),
    "a path out of the folder": (lambda f: _forged(f, "../../more", np.zeros(3)), "no layer needs"),
    "a description that is nested": (
        lambda f: _forged(f, "chip", np.frombuffer(b"[" * 10**6, np.uint8)), "cannot be read"
    ),
    "a description of one long number": (
        lambda f: _forged(f, "chip", np.frombuffer(b"1" * 10**6, np.uint8)), "cannot be read"
    ),
}  # fmt: skip


# --- text ---------------------------------------------------------------------------------------

LONG = "9" * 10**6
MANY = ",".join(f'"k{i}":0' for i in range(300_000))
JSON: dict[str, tuple[Make, str]] = {
    "a million brackets": (lambda _: "[" * 10**6, "cannot be read"),
    "a million objects": (lambda _: '{"cell":' * 10**6, "cannot be read"),
    "a number of a million digits": (
        lambda _: f'{{"version": 1, "weight_bits": {LONG}}}', "cannot be read"
    ),
    "a decimal of a million digits": (
        lambda _: f'{{"version": 1, "array": {{"r_row": {LONG}.0}}}}', "Array.r_row"
    ),
    "a resistance that is no number": (
        lambda _: '{"version": 1, "array": {"r_row": NaN}}', "Array.r_row"
    ),
    "the last of many keys twice": (
        lambda _: f'{{{MANY},"k299999":0}}', "'k299999' occurs twice"
    ),
    "a key of ten million letters": (
        lambda _: f'{{"version": 1, "{"weight_bits" * 10**6}": 8}}', "has no"
    ),
    "bytes that are no text": (lambda _: b'{"version": 1, "\xff\xfe": 0}', "cannot be read"),
}  # fmt: skip

PROBLEM = 'problem = { network = "bundled", data = "bundled", n_train = 100, n_test = 50 }\n'
MEASURE = '[[measure]]\nnames = ["accuracy"]\n'


def _space(text: str) -> str:
    return f"{PROBLEM}[[space]]\n{text}\n{MEASURE}"


TOML: dict[str, tuple[Make, str]] = {
    "a million brackets": (lambda _: f"a = {'[' * 10**6}", "nested too deeply"),
    "a key of a million parts": (lambda _: "a." * 10**6 + "b = 1", "more than 50 dots"),
    "a table of a million parts": (lambda _: "['a'" + ' . "b"' * 10**6 + "]", "more than 50 dots"),
    "a number of a million digits": (lambda _: f"a = {LONG}", "not TOML"),
    "a thousand million machines": (
        lambda _: _space('kind = "random"\ncount = 1000000000\nvary."cell.bits" = [1]'), "count"
    ),
    "a grid of 10^18 machines": (
        lambda _: _space(
            'kind = "grid"\n' + "\n".join(
                f'vary."{name}" = {list(range(1, 1001))}'
                for name in ("array.rows", "array.cols", "array.adc_share", "cell.g_max",
                             "array.r_row", "array.r_col")
            )
        ),
        "machines; must be at most",
    ),
    "a thousand million chips": (
        lambda _: _space('kind = "grid"\nvary."cell.bits" = [1]') + "chips = 1000000000", "chips"
    ),
    "bytes that are no text": (lambda _: b"a = '\xff'", "not TOML"),
    "a key twice": (lambda _: "a = 1\na = 2", "not TOML"),
}  # fmt: skip


# --- readings -----------------------------------------------------------------------------------

HEAD = "target,conductance\n"
ROWS = "1e-6,1e-6\n1e-6,2e-6\n5e-6,5e-6\n5e-6,6e-6\n"
CSV: dict[str, tuple[Make, str]] = {
    "ten million columns": (lambda _: "target,conductance" + ",a" * 10**7, "a line of"),
    "ten million columns behind a gap": (lambda _: "\n \n" + "target" + ",a" * 10**7, "a line of"),
    "a remark that never ends": (lambda _: "#" * 10**7, "a line of"),
    "a field of ten million letters": (
        lambda _: f"{HEAD}{'a' * 10**7},1e-6\n{ROWS}", "not numbers"
    ),
    "NUL": (lambda _: f"{HEAD}\0,1e-6\n{ROWS}", "not finite|not numbers"),
    "UTF-16": (lambda _: f"{HEAD}{ROWS}".encode("utf-16"), "no CSV table"),
    "a row with a field too many": (lambda _: f"{HEAD}0,1e-6,2e-6\n{ROWS}", "more fields|no CSV"),
    "all rows with a field too many": (
        lambda _: HEAD + ROWS.replace("\n", ",7\n"), "more fields than names"
    ),
    "a number of a million digits": (lambda _: f"{HEAD}{LONG},1e-6\n{ROWS}", "target"),
    "an open quotation": (lambda _: f'{HEAD}"1e-6,1e-6\n{ROWS}', "no CSV table|not numbers"),
    "an archive": (lambda _: gzip.compress(f"{HEAD}{ROWS}".encode()), "data: "),
}  # fmt: skip


# --- stores -------------------------------------------------------------------------------------


def _measured(subject: sweep.Subject) -> dict[str, float]:
    return {"x": 0.5}


def _store(folder: Path, *commands: str) -> Path:
    """A small store, changed by SQL."""
    path = folder / "results.db"
    path.unlink(missing_ok=True)
    measure = sweep.Measure("numbers", 1, _measured)
    sweep.run([sweep.Task(im.Hardware(), measures=measure)], path, stop=2)
    with sqlite3.connect(path) as database:
        for command in commands:
            database.execute(command)
    database.close()
    return path


def _cut(folder: Path) -> Path:
    path = _store(folder)
    path.write_bytes(path.read_bytes()[:5000])
    return path


ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
STORES: dict[str, tuple[Make, str]] = {
    "cut short": (_cut, "malformed|disk image|damaged|no such table"),
    "a later schema": (lambda f: _store(f, "PRAGMA user_version = 3"), "schema 3, must be 2"),
    "a view without end": (
        lambda f: _store(
            f, "DROP TABLE trials",
            f"CREATE VIEW trials AS {ENDLESS} SELECT 1 AS task, n AS trial, 0 AS seed, '{{}}' AS"
            " measured, 1 AS worker, '' AS started, 0.0 AS seconds FROM c",
        ),
        "'trials' is no table of stored values",
    ),
    "a trigger": (
        lambda f: _store(
            f, "CREATE TRIGGER more AFTER INSERT ON trials BEGIN DELETE FROM trials; END"
        ),
        "'more' is no table",
    ),
    "a column that is computed": (
        lambda f: _store(
            f, "ALTER TABLE failures ADD COLUMN big AS (hex(zeroblob(400000000)))"
        ),
        "'failures' is no table",
    ),
    "no tables": (lambda f: _store(f, "DROP TABLE workers"), "no such table"),
    "measures that are a list": (
        lambda f: _store(f, "UPDATE trials SET measured = '[1]'"), "damaged"
    ),
    "measures that are nested": (
        lambda f: _store(f, f"UPDATE trials SET measured = '{'[' * 10**5}'"), "damaged"
    ),
    "bytes for measures": (lambda f: _store(f, "UPDATE trials SET measured = x'ff00'"), "damaged"),
    "text for a seed": (lambda f: _store(f, "UPDATE trials SET seed = 'a'"), "damaged"),
    "text for a trial": (
        lambda f: _store(f, "UPDATE trials SET trial = 'a' WHERE trial = 1"), "damaged"
    ),
    "text for seconds": (lambda f: _store(f, "UPDATE trials SET seconds = 'a'"), "damaged"),
    "no worker": (lambda f: _store(f, "DELETE FROM workers"), "damaged"),
    "knobs that are a number": (lambda f: _store(f, "UPDATE tasks SET knobs = '3'"), "damaged"),
    "a name that is bytes": (lambda f: _store(f, "UPDATE tasks SET name = x'ff'"), "damaged"),
}  # fmt: skip


# --- reading ------------------------------------------------------------------------------------


def _written(folder: Path, made: Any, ending: str) -> Path:
    if isinstance(made, Path):
        return made
    path = folder / f"file.{ending}"
    path.write_bytes(made.encode() if isinstance(made, str) else made)
    return path


READERS: dict[str, tuple[dict[str, tuple[Make, str]], Callable[[Path], Any]]] = {
    "onnx": (ONNX, Network.from_onnx),
    "npz": (CHIPS, AnalogNetwork.load),
    "json": (JSON, lambda path: im.Hardware.from_json(path.read_bytes())),
    "toml": (TOML, sweep.Spec.load),
    "csv": (CSV, im.device.from_measurements),
    "db": (STORES, sweep.load),
}


def main() -> None:
    folder, done = Path(sys.argv[1]), {}
    _read_a_good_table(folder)
    for ending, (cases, read) in READERS.items():
        for name, (make, _) in cases.items():
            path = _written(folder, make(folder), ending)
            start, raised = time.process_time(), ["nothing", ""]
            try:
                with _little_memory():
                    read(path)
            except Exception as error:
                raised = [type(error).__name__, str(error)[:2000]]
            done[f"{ending}: {name}"] = [time.process_time() - start, *raised]
    json.dump(done, sys.stdout)


def _read_a_good_table(folder: Path) -> None:
    """Why: pandas sets memory aside for text when it first meets some."""
    path = _written(folder, f"remark,{HEAD}" + ROWS.replace("1e-6,", "a,1e-6,"), "csv")
    with suppress(ValueError):
        im.device.from_measurements(path)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Allow a gigabyte above what there is."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, -1))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))


if __name__ == "__main__":
    main()
