# SPDX-License-Identifier: BSD-3-Clause
"""Results of trials in one SQLite file that a killed run leaves whole.

The driver of a run is its only writer, one transaction for each result (write-ahead log, so that
readers are never in the way). A second driver is refused: for as long as it runs, the first one
holds a lock in a file beside the store, which the system lets go of however it ends.
"""

from __future__ import annotations

import json
import mmap
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from imperfect._checks import check_instance
from imperfect._json import canonical_json, digest_of
from imperfect.sweep._measures import Values
from imperfect.sweep._task import Task

APPLICATION, SCHEMA = 0x696D7066, 2  # "impf"
TABLES = """
CREATE TABLE tasks (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, spec TEXT NOT NULL,
                    name TEXT NOT NULL, knobs TEXT NOT NULL, hardware TEXT NOT NULL,
                    source TEXT NOT NULL);
CREATE TABLE about (name TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE workers (number INTEGER PRIMARY KEY, version TEXT NOT NULL, simd TEXT NOT NULL,
                      host TEXT NOT NULL, UNIQUE (version, simd, host));
CREATE TABLE trials (task INTEGER NOT NULL REFERENCES tasks, trial INTEGER NOT NULL,
                     seed INTEGER NOT NULL, measured TEXT NOT NULL,
                     worker INTEGER NOT NULL REFERENCES workers, started TEXT NOT NULL,
                     seconds REAL NOT NULL, PRIMARY KEY (task, trial)) WITHOUT ROWID;
CREATE TABLE failures (task INTEGER NOT NULL REFERENCES tasks, trial INTEGER NOT NULL,
                       message TEXT NOT NULL, started TEXT NOT NULL, PRIMARY KEY (task, trial));
"""
# What has no page of its own, and columns that are computed from others.
COMPUTING = """
SELECT name FROM sqlite_master WHERE rootpage = 0 OR type NOT IN ('table', 'index')
UNION ALL SELECT tables.name
FROM sqlite_master AS tables, pragma_table_xinfo(tables.name) AS columns
WHERE tables.type = 'table' AND columns.hidden > 0
"""
# What becomes of a task that is there: one made by hand does not know where its problem is from.
RENAMED = (
    "UPDATE SET name = excluded.name, knobs = excluded.knobs,"
    " source = CASE WHEN excluded.source = 'null' THEN source ELSE excluded.source END"
)
WRAP = 2**64  # SQLite's integers have a sign, seeds have none
# Why: what json, NumPy and pandas raise for content that no driver has written.
DAMAGE = (
    AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class Trial(NamedTuple):
    """One measured chip: what it is, what came out, and where.

    Attributes
    ----------
    task : str
        Id of the task.
    trial, seed : int
        Number of the chip, and its seed.
    values : dict
        What the measures gave.
    version, simd, host : str
        Of the package, the SIMD level and the computer that measured it.
    started : str
        UTC, ISO 8601.
    seconds : float
        How long it took.
    """

    task: str
    trial: int
    seed: int
    values: Values
    version: str
    simd: str
    host: str
    started: str
    seconds: float


class Store:
    """An open store; close it, or use it in a ``with`` statement.

    Parameters
    ----------
    path
        The file; ":memory:" keeps results in memory only.
    write
        Whether results will be added; the file is made if it is not there.
    """

    connect = staticmethod(sqlite3.connect)

    def __init__(self, path: str | os.PathLike[str], *, write: bool = False) -> None:
        check_instance("store", path, (str, os.PathLike), "the path of a file")
        self.path = str(path)
        self._lock: sqlite3.Connection | None = None
        self._numbers: dict[str, int] = {}
        self._workers: dict[tuple[str, str, str], int] = {}
        in_memory = self.path == ":memory:"
        if not write and not in_memory and not Path(self.path).is_file():
            raise FileNotFoundError(f"store: there is no file {self.path!r}")
        if write and not in_memory:
            self._lock = _locked(self.path)
        try:
            with self._named_errors():
                self._open(write or in_memory)
        except BaseException:
            self.close()
            raise

    def _open(self, write: bool) -> None:
        where = ":memory:"
        if self.path != where:
            where = Path(self.path).absolute().as_uri() + ("" if write else "?mode=ro")
        self._db = self.connect(where, uri=True, isolation_level=None, timeout=60)
        try:
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
        except sqlite3.OperationalError:
            if write or Path(f"{self.path}-wal").exists():
                raise
            # Why: in a folder that cannot be written to, SQLite cannot have its files beside it.
            self._db.close()
            self._db = self.connect(f"{where}&immutable=1", uri=True, isolation_level=None)
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (schema,) = self._db.execute("PRAGMA user_version").fetchone()
        (objects,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if write and not objects:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(
                f"BEGIN; {TABLES} PRAGMA application_id = {APPLICATION};"
                f"PRAGMA user_version = {SCHEMA}; COMMIT"
            )
        elif application != APPLICATION:
            raise ValueError(f"store={self.path!r}: is no store of sweeps")
        elif schema != SCHEMA:
            raise ValueError(f"store={self.path!r}: has schema {schema}, must be {SCHEMA}")
        self._check_tables()
        # Why: a crash of the system may lose the last results, which are then measured again; a
        # killed process loses none.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._check_tasks()
        found = self._db.execute("SELECT version, simd, host, number FROM workers")
        self._workers = {(v, s, h): number for v, s, h, number in found}

    def _check_tables(self) -> None:
        """Refuse what computes when it is read: views, triggers, virtual tables and columns."""
        odd = self._db.execute(COMPUTING).fetchone()
        if odd is not None:
            raise ValueError(f"store={self.path!r}: {odd[0]!r} is no table of stored values")

    def _check_tasks(self) -> None:
        """Read the tasks; refuse one whose content is not that of its id."""
        for number, key, spec in self._db.execute("SELECT number, id, spec FROM tasks"):
            with self.refusing_damage():
                found = digest_of(json.loads(spec))
            if found != key:
                raise ValueError(f"store={self.path!r}: task {key[:12]} is damaged")
            self._numbers[key] = number

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Errors of SQLite as such of the file."""
        try:
            yield
        # Why: SQLite quotes a damaged schema in its message, which then may be no text.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise OSError(f"store={self.path!r}: {error}") from error
        except MemoryError as error:
            # Why: SQLite also runs out of memory at a length that a damaged file makes up.
            if not self._fits_in_memory():
                raise
            raise OSError(f"store={self.path!r}: is damaged: no memory for a row") from error

    def _fits_in_memory(self) -> bool:
        """Whether there is room for all rows of the file, as text and read."""
        try:
            # Why: memory that is mapped is promised but not touched, however large the file is.
            mmap.mmap(-1, 1 + 16 * os.path.getsize(self.path)).close()
        except (OSError, OverflowError):
            return False
        return True

    @contextmanager
    def refusing_damage(self) -> Iterator[None]:
        """Content that cannot be read as such of the file."""
        try:
            yield
        except DAMAGE as error:
            raise ValueError(f"store={self.path!r}: is damaged: {error!r}") from error

    def close(self) -> None:
        """Close the file, and let other drivers have it."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._named_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # Why: when the disk is full, SQLite may have rolled back itself.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        """Make tasks known; names and knobs of known ones are replaced."""
        rows = [
            (
                task.id,
                canonical_json(task.spec),
                task.name,
                knobs_text(task.knobs),
                _in_order(task.hardware.to_dict()),
                canonical_json(task.source),
            )
            for task in tasks
        ]
        with self._transaction():
            self._insert_tasks(rows)

    def _insert_tasks(self, rows: Iterable[tuple[str, ...]], known: str = RENAMED) -> None:
        self._db.executemany(
            "INSERT INTO tasks (id, spec, name, knobs, hardware, source) VALUES (?, ?, ?, ?, ?, ?)"
            f" ON CONFLICT (id) DO {known}",
            rows,
        )
        self._numbers = dict(self._db.execute("SELECT id, number FROM tasks"))

    def note(self, name: str, content: str) -> None:
        """Keep a text about the sweep, such as its specification."""
        with self._transaction():
            self._db.execute("REPLACE INTO about VALUES (?, ?)", (name, content))

    def notes(self) -> dict[str, str]:
        """Texts about the sweep, by name."""
        return dict(self.read("SELECT name, content FROM about"))

    def add(self, trial: Trial) -> None:
        """Keep a result, in a transaction of its own; a failure before it is forgotten."""
        with self._transaction():
            self._insert(trial)
            key = self._numbers[trial.task], trial.trial
            self._db.execute("DELETE FROM failures WHERE task = ? AND trial = ?", key)

    def _insert(self, trial: Trial) -> None:
        row = (
            self._numbers[trial.task],
            trial.trial,
            _signed(trial.seed),
            _in_order(trial.values),
            self._worker(trial),
            trial.started,
            trial.seconds,
        )
        self._db.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def add_failure(self, task: str, trial: int, message: str, started: str) -> None:
        """Keep the reason why a trial failed."""
        with self._transaction():
            row = (self._numbers[task], trial, message, started)
            self._db.execute("REPLACE INTO failures VALUES (?, ?, ?, ?)", row)

    def merge(self, source: Store) -> tuple[int, int]:
        """Add tasks and trials of another store; count new trials and known ones."""
        added = known = 0
        tasks = "SELECT id, spec, name, knobs, hardware, source FROM tasks"
        # Why: a run may be writing to the source; what is read of it is of one moment.
        with source._moment(), self._transaction():
            self._insert_tasks(source.read(tasks), "NOTHING")
            ids = {number: key for number, key in source.read("SELECT number, id FROM tasks")}
            for trial in source.trials(ids):
                if self._has(trial):
                    known += 1
                else:
                    self._insert(trial)
                    added += 1
            notes = list(source.read("SELECT name, content FROM about"))
            self._db.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", notes)
        return added, known

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Reads meanwhile see the store as it is now."""
        with self._named_errors():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def trials(self, ids: dict[int, str]) -> Iterator[Trial]:
        """Every result; ``ids`` are those of tasks by number."""
        rows = self.read(
            "SELECT task, trial, seed, measured, version, simd, host, started, seconds"
            " FROM trials JOIN workers ON worker = number ORDER BY task, trial"
        )
        for task, trial, seed, measured, *facts in rows:
            yield Trial(ids[task], trial, seed % WRAP, json.loads(measured), *facts)

    def _has(self, trial: Trial) -> bool:
        """Whether a trial is there; refuses one that is there with other results."""
        found = self._db.execute(
            "SELECT measured, version, simd FROM trials JOIN workers ON worker = number"
            " WHERE task = ? AND trial = ?",
            (self._numbers[trial.task], trial.trial),
        ).fetchone()
        if found is None:
            return False
        same_code = found[1:] == (trial.version, trial.simd)
        if same_code and json.loads(found[0]) != trial.values:
            where = f"task {trial.task[:12]}, trial {trial.trial}"
            raise ValueError(f"store={self.path!r}: {where} has other results in another store")
        return True

    def _worker(self, trial: Trial) -> int:
        key = trial.version, trial.simd, trial.host
        if key not in self._workers:
            done = self._db.execute(
                "INSERT INTO workers (version, simd, host) VALUES (?, ?, ?)", key
            )
            assert done.lastrowid is not None
            self._workers[key] = done.lastrowid
        return self._workers[key]

    def done(self, task: str) -> set[int]:
        """Numbers of the finished trials of a task."""
        with self._named_errors():
            number = self._numbers.get(task, -1)
            rows = self._db.execute("SELECT trial FROM trials WHERE task = ?", (number,))
            return {trial for (trial,) in rows}

    def measured(self, task: str, name: str) -> dict[int, tuple[Any, float]]:
        """One measured number and the seconds of every finished trial of a task."""
        with self._named_errors():
            number = self._numbers.get(task, -1)
            rows = self._db.execute(
                "SELECT trial, measured, seconds FROM trials WHERE task = ?", (number,)
            )
            return {trial: (json.loads(text).get(name), s) for trial, text, s in rows}

    def read(self, query: str, *parameters: Any) -> Iterator[Any]:
        """Rows of a query."""
        with self._named_errors():
            # Why: it is a cursor that `yield from` closes when a reader gives up, and a cursor of a
            # closed store cannot be closed.
            yield from (row for row in self._db.execute(query, parameters))


def _locked(path: str) -> sqlite3.Connection:
    """A lock that ends with the process at the latest."""
    # Why: links to a store are the same store.
    beside = f"{os.path.realpath(path)}.lock"
    try:
        lock = sqlite3.connect(beside, isolation_level=None, timeout=0)
    except sqlite3.DatabaseError as error:
        raise OSError(f"store={path!r}: {beside}: {error}") from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        lock.close()
        if "locked" in str(error):
            raise OSError(f"store={path!r}: another run is writing to it") from None
        raise OSError(f"store={path!r}: {beside}: {error}") from error
    return lock


def knobs_text(knobs: Mapping[str, Any]) -> str:
    """Knobs as JSON; they may be infinite, which Python reads back."""
    return json.dumps(dict(knobs), separators=(",", ":"))


def _in_order(values: Mapping[str, Any]) -> str:
    """Plain values as JSON, in their own order."""
    return json.dumps(dict(values), separators=(",", ":"), allow_nan=False)


def _signed(seed: int) -> int:
    return seed - WRAP if seed >= WRAP // 2 else seed
