# SPDX-License-Identifier: BSD-3-Clause
"""Checks tables before they are drawn or printed: nothing is left out without a word.

A table of results has one row per chip, value and method, its accuracies are from 0 to 1; what
``study.collapse_and_recover`` returns is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imperfect._checks import check_instance, check_known
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd


def check_table(
    field: str, table: Any, names: Sequence[str], numbers: Collection[str] = ()
) -> None:
    """Refuse a table without rows or one of these columns, or with a gap in one of them.

    Parameters
    ----------
    field
        What the caller calls the table.
    table
        A pandas.DataFrame.
    names
        Columns that must be there.
    numbers
        Those of them that must hold numbers.

    Raises
    ------
    ValueError, TypeError
        If it is no such table.
    """
    frame = require("pandas").DataFrame
    check_instance(field, table, frame, "a pandas.DataFrame")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(f"{field}: has no columns {missing}; it has {list(table.columns)}")
    if not len(table):
        raise ValueError(f"{field}: has no rows")
    for name in names:
        if isinstance(table[name], frame):
            raise ValueError(f"{field}: has several columns {name!r}")
        _check_column(field, table[name], is_number=name in numbers)


def _check_column(field: str, column: pd.Series[Any], *, is_number: bool) -> None:
    where = f"{field}: column {column.name!r}"
    gaps = column.isna()
    if gaps.any():
        is_text = column.name == "value" or str(column.name).endswith("_without")
        hint = "; read_csv takes None and empty text for gaps, unless it has keep_default_na=False"
        row = int(gaps.to_numpy().argmax())
        raise ValueError(f"{where} has no value in row {row}" + hint * is_text)
    if is_number and column.dtype.kind not in "iuf":
        raise TypeError(f"{where} has type {column.dtype}: must hold numbers")
    try:
        column.unique()
    except TypeError as error:
        raise TypeError(f"{where} must hold numbers or text: {error}") from None


def check_results(
    results: Any, methods: Collection[str], more: Sequence[str] = (), counts: Sequence[str] = ()
) -> None:
    """Refuse a table that holds no results of a study.

    Parameters
    ----------
    results
        What the caller gave.
    methods
        Methods that the caller knows.
    more, counts
        Further columns that are needed: any, and such that hold numbers.

    Raises
    ------
    ValueError, TypeError
        As ``check_table``; if a method is unknown, or an accuracy is not from 0 to 1.
    """
    names = ("knob", "value", "method", "accuracy", *more, *counts)
    check_table("results", results, names, ("accuracy", *counts))
    for method in results["method"].unique():
        check_known("results: column 'method'", method, methods)
    accuracy = results["accuracy"].to_numpy()
    wrong = (accuracy < 0) | (accuracy > 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        value = accuracy[row].item()
        raise ValueError(f"results: accuracy={value} in row {row}: must be from 0 to 1")
