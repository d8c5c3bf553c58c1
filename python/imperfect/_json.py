# SPDX-License-Identifier: BSD-3-Clause
"""Reads JSON text that a stranger may have written: every way to be no JSON is a ``ValueError``."""

from __future__ import annotations

import json
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


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return data
