# SPDX-License-Identifier: BSD-3-Clause
"""Mutations that keep the form of a file, so that inputs get behind the parser.

Each takes the bytes of a file and a random generator and returns the bytes of another; bytes that
have not the form are returned as they are. Half of all mutations are libFuzzer's own, of bytes.
"""

from __future__ import annotations

import io
import random
import re
import sqlite3
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

Mutator = Callable[[bytes, random.Random], bytes]

WORDS = (
    "0", "1", "-1", "2", "8", "0.5", "1e308", "1e-320", "1e400", "nan", "inf", "-inf", "NaN",
    "Infinity", "null", "none", "true", "false", "[]", "{}", '""', "[[", "]]", "9" * 30,
    "2147483648", "18446744073709551616", '"inf"', '"none"', '"percentile"', '"\\u0000"', "\u00e9",
    "\ud800",
)  # fmt: skip
INTEGERS = (0, 1, -1, 2, 3, 7, 127, 2**31 - 1, 2**31, 2**40, 2**63 - 1, -(2**63))
NUMBERS = (0.0, -1.0, 0.5, 1e30, 1e-40, float("nan"), float("inf"))
_token = re.compile(r"[\w.+-]+|\"[^\"\n]*\"|\s+|.", re.DOTALL)


def text(content: bytes, rng: random.Random) -> bytes:
    """Words of a text left out, doubled, moved, and exchanged for others."""
    tokens = _token.findall(content.decode("utf-8", "surrogateescape")) or [""]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        change = rng.randrange(5)
        if change == 0 and len(tokens) > 1:
            first, last = sorted((at, other))
            del tokens[first : min(last, first + 8) + 1]
            tokens = tokens or [""]
        elif change == 1:
            tokens[at:at] = tokens[other : other + rng.randrange(1, 9)]
        elif change == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = rng.choice(WORDS) if change == 3 else tokens[other]
    return "".join(tokens).encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "replace")


def network(content: bytes, rng: random.Random) -> bytes:
    """Fields of an ONNX model's messages."""
    from onnx import ModelProto

    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        return content
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        messages = list(_messages(model))
        _change_message(rng.choice(messages), messages, rng)
    return model.SerializePartialToString()


def _messages(message: Message) -> Any:
    """The message and all inside it."""
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                yield from _messages(inner)


def _change_message(message: Message, others: list[Message], rng: random.Random) -> None:
    """Change one field: one that is there, or one in four times any."""
    there = [field for field, _ in message.ListFields()]
    field = rng.choice(there if there and rng.random() < 0.75 else message.DESCRIPTOR.fields)
    value = getattr(message, field.name)
    if rng.random() < 0.1:
        message.ClearField(field.name)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        _change_inner(value, field, others, rng)
    elif field.is_repeated:
        _change_list(value, field, others, rng)
    else:
        setattr(message, field.name, _new_value(value, field, others, rng))


def _change_inner(value: Any, field: Any, others: list[Message], rng: random.Random) -> None:
    """Add, drop, move or exchange messages of a field."""
    same = [item for item in others if item.DESCRIPTOR is field.message_type]
    if not field.is_repeated:
        if same:
            value.ParseFromString(rng.choice(same).SerializePartialToString())
        return
    if value and rng.random() < 0.4:
        del value[rng.randrange(len(value))]
    elif same and len(value) < 30:
        value.add().ParseFromString(rng.choice(same).SerializePartialToString())
    if len(value) > 1 and rng.random() < 0.3:
        copies = [type(item).FromString(item.SerializePartialToString()) for item in value]
        rng.shuffle(copies)
        del value[:]
        value.extend(copies)


def _change_list(value: Any, field: Any, others: list[Message], rng: random.Random) -> None:
    if value and rng.random() < 0.3:
        del value[rng.randrange(len(value))]
    elif value and rng.random() < 0.6:
        at = rng.randrange(len(value))
        value[at] = _new_value(value[at], field, others, rng)
    else:
        value.append(_new_value(value[0] if value else None, field, others, rng))


def _new_value(value: Any, field: Any, others: list[Message], rng: random.Random) -> Any:
    kinds = FieldDescriptor
    if field.enum_type is not None:
        return rng.choice(field.enum_type.values).number
    if field.cpp_type in (kinds.CPPTYPE_FLOAT, kinds.CPPTYPE_DOUBLE):
        return rng.choice(NUMBERS)
    if field.type == kinds.TYPE_STRING:
        texts = [
            v
            for m in others
            for f, v in m.ListFields()
            if f.type == f.TYPE_STRING and not f.is_repeated
        ]
        return rng.choice([*texts, "", "a/b", "../x", "ai.onnx"])
    if field.type == kinds.TYPE_BYTES:
        data = bytearray(value or b"")
        if data and rng.random() < 0.5:
            data[rng.randrange(len(data))] = rng.randrange(256)
            return bytes(data)
        return bytes(data[: rng.randrange(len(data) + 1)]) + rng.randbytes(rng.randrange(5))
    limits = (
        (-(2**31), 2**31 - 1) if field.cpp_type == kinds.CPPTYPE_INT32 else (-(2**63), 2**63 - 1)
    )
    if field.cpp_type == kinds.CPPTYPE_UINT64:
        limits = (0, 2**64 - 1)
    number = rng.choice([*INTEGERS, (value or 0) + 1, (value or 0) - 1, rng.randrange(30)])
    return min(max(number, limits[0]), limits[1])


def chip(content: bytes, rng: random.Random) -> bytes:
    """Members of a saved chip, its digest made right again."""
    from imperfect._network import chipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            arrays = {
                i.filename.removesuffix(".npy"): _array(file.read(i)) for i in file.infolist()
            }
        arrays.pop("sha256", None)
        for _ in range(rng.choice((1, 1, 2))):
            _change_member(arrays, rng)
        digest = chipfile._digest(arrays)
    except (
        zipfile.BadZipFile,
        ValueError,
        NotImplementedError,
        KeyError,
        EOFError,
        RuntimeError,
        IndexError,
    ):
        return content
    stream = io.BytesIO()
    np.savez(stream, **arrays, sha256=np.frombuffer(digest, np.uint8))
    return stream.getvalue()


def _array(content: bytes) -> Any:
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _change_member(arrays: dict[str, Any], rng: random.Random) -> None:
    name = rng.choice(sorted(arrays) + ["chip"] * 2)
    array = arrays[name]
    if name in ("chip", "network"):
        new = (text if name == "chip" else network)(array.tobytes(), rng)
        arrays[name] = np.frombuffer(new, np.uint8)
        return
    change = rng.randrange(6)
    if change == 0:
        del arrays[name]
    elif change == 1:
        arrays[name] = array.astype(
            rng.choice(("f2", "f4", "f8", "i8", "u1", ">f4", "S4", "c8", "?"))
        )
    elif change == 2:
        arrays[name] = array.reshape(rng.choice(((-1,), (1, -1), (-1, 1), (*array.shape, 1))))
    elif change == 3:
        arrays[name] = array.ravel()[: rng.randrange(array.size + 1)]
    elif change == 4:
        arrays[rng.choice(sorted(arrays))] = array
    elif array.size:
        arrays[name] = array.copy()
        with np.errstate(all="ignore"):
            arrays[name].flat[rng.randrange(array.size)] = rng.choice((0, 1, 127, *NUMBERS[:5]))


VALUES = (
    None,
    0,
    1,
    -1,
    2**40,
    2**63 - 1,
    0.5,
    -1e300,
    "",
    "x",
    "{}",
    "[]",
    "null",
    "1",
    b"\xff\0",
    "inf",
)


def store(content: bytes, rng: random.Random) -> bytes:
    """Cells, rows and tables of a store."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        database.deserialize(content)
        for _ in range(rng.choice((1, 1, 2))):
            _change_table(database, rng)
        return database.serialize()
    except (sqlite3.Error, OverflowError, UnicodeDecodeError, MemoryError):
        return content
    finally:
        database.close()


def _change_table(database: sqlite3.Connection, rng: random.Random) -> None:
    tables = [
        name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    table = rng.choice(tables)
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    column, change = rng.choice(columns), rng.randrange(12)
    if change == 0:
        database.execute(f'DROP TABLE "{table}"')
    elif change == 1:
        database.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "c{rng.randrange(3)}"')
    elif change == 2:
        database.execute(f"PRAGMA user_version = {rng.randrange(4)}")
    elif change == 3:
        database.execute(f'ALTER TABLE "{table}" RENAME TO "old"')
        database.execute(f'CREATE VIEW "{table}" AS SELECT * FROM "old"')
    else:
        rows = database.execute(f'SELECT "{column}" FROM "{table}"').fetchall()
        old = rng.choice(rows)[0] if rows else None
        new = rng.choice(VALUES)
        if isinstance(old, str) and change > 5:
            new = text(old.encode(), rng).decode("utf-8", "replace")
        where = "IS ?" if change % 2 else "IS NOT ?"
        database.execute(
            f'UPDATE OR REPLACE "{table}" SET "{column}" = ? WHERE "{column}" {where}', (new, old)
        )


MUTATORS: dict[str, Mutator] = {
    "network": network, "hardware": text, "spec": text, "store": store, "chip": chip,
    "readings": text,
}  # fmt: skip
