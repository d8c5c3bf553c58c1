# SPDX-License-Identifier: BSD-3-Clause
"""Hardware read from text: what is refused, and by which words."""

from __future__ import annotations

from typing import Any

import pytest

from imperfect import Hardware


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("{}", ValueError, "version=None: must be 1"),
        ('{"version": 2}', ValueError, "version=2: must be 1"),
        ('{"version": true}', ValueError, "version=True: must be 1"),
        ('{"version": 1.0}', ValueError, "version=1.0: must be 1"),
        ("{", ValueError, "Hardware cannot be read from this text"),
        ("[" * 10**5, ValueError, "Hardware cannot be read from this text"),
        ("1" * 5000, ValueError, "Hardware cannot be read from this text"),
        (b"\xff", ValueError, "Hardware cannot be read from this text"),
        ('{"version": 1, "version": 1}', ValueError, "'version' occurs twice"),
        ('{"version": 1, "weight_range": NaN}', ValueError, "weight_range=nan"),
        (None, TypeError, "text=None: must be JSON text .*, not NoneType"),
        (3, TypeError, "text=3: must be JSON text .*, not int"),
        ("[]", TypeError, r"Hardware=\[\]: must be a dictionary"),
    ],
)
def test_bad_text_is_refused(text: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        Hardware.from_json(text)


@pytest.mark.parametrize("version", [None, True, 1.0, "1", 2])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(ValueError, match=r"version=.*: must be 1"):
        Hardware.from_dict({"version": version})
