# SPDX-License-Identifier: BSD-3-Clause
"""The citation file and the changelog name the version of the package."""

from __future__ import annotations

import re
from pathlib import Path

import imperfect

ROOT = Path(__file__).parents[1]
CITATION = (ROOT / "CITATION.cff").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def field(name: str) -> str:
    """A field of the citation file that stands on one line."""
    found = re.findall(rf"^{name}: *(.+)$", CITATION, flags=re.MULTILINE)
    assert len(found) == 1, name
    return str(found[0])


def test_citation_names_this_version() -> None:
    assert field("version") == imperfect.__version__


def test_citation_has_what_the_format_requires() -> None:
    assert field("cff-version") == "1.2.0"
    assert field("message") and field("title")
    assert re.search(r"^authors:\n  - name: .+$", CITATION, flags=re.MULTILINE)
    assert field("license") == "BSD-3-Clause"


def test_changelog_has_this_version_below_what_is_to_come() -> None:
    versions = re.findall(r"^## \[(.+?)\]", CHANGELOG, flags=re.MULTILINE)
    assert versions[:2] == ["Unreleased", imperfect.__version__]
    assert len(versions) == len(set(versions))
