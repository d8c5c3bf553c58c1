# SPDX-License-Identifier: BSD-3-Clause
"""JSON: text that a stranger may have written, and the one text of plain values for digests."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any


def parse_json(owner: str, text: str | bytes) -> Any:
    """What the text says; ``owner`` is what is to be read from it.

    Raises
    ------
    ValueError
        If it is not JSON, is nested too deeply, has a number of thousands of digits, or names a
        key twice.

    Examples
    --------
    >>> parse_json("Hardware", '{"version": 1}')
    {'version': 1}
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    # Why: bytes that are not UTF-8 and numbers too long are ValueErrors of other kinds.
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{owner} cannot be read from this text: {error}") from error


def canonical_json(value: Any) -> str:
    """The text of plain values in which equal ones are equal: keys sorted, nothing to spare.

    Examples
    --------
    >>> canonical_json({"b": [1, None], "a": 0.5})
    '{"a":0.5,"b":[1,null]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: Any) -> str:
    """SHA-256 of plain values (64 hexadecimal digits)."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return data
