# SPDX-License-Identifier: BSD-3-Clause
"""The mutation check's tool: what it changes in a source file, and whether its record adds up."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = """
int sum(const int* values, int count) {
  int total = 0;
  for (int i = 0; i < count; ++i)
    if (values[i] > 3) total += values[i];
  return total;
}
"""


def test_places_are_found_and_changed_one_inside_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("clang.cindex", reason="needs the package libclang")
    if shutil.which("clang") is None:
        pytest.skip("needs clang")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from mutation.places import find_places
    from mutation.rewrite import rewrite

    folder = tmp_path / "src" / "cpp" / "mapping"
    folder.mkdir(parents=True)
    (folder / "sum.cpp").write_text(SOURCE)
    places = find_places(tmp_path, ["mapping"])
    changes = {(SOURCE[p.begin : p.end], p.new) for p in places}
    assert ("i < count", "i <= count") in changes
    assert ("total += values[i]", "total -= values[i]") in changes
    assert ("total += values[i]", "") in changes
    assert ("3", "3 + 1") in changes
    assert ("values[i] > 3", "!(values[i] > 3)") in changes
    text = rewrite(SOURCE.encode(), dict(enumerate(places, 1))).decode()
    assert all(f"imperfect_mutation::on({n})" in text for n in range(1, len(places) + 1))


def test_record_adds_up() -> None:
    record = (ROOT / "tests" / "mutants.md").read_text()
    counts = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", record, re.MULTILINE
    )
    survivors = re.findall(r"^\| (\d+) \| `(\w+)/[\w.]+:\d+` \|", record, re.MULTILINE)
    assert len(counts) >= 2
    for folder, drawn, killed, equivalent, open_ in counts:
        assert int(drawn) == int(killed) + int(equivalent) + int(open_)
        own = [number for number, where in survivors if where == folder]
        assert len(own) == len(set(own)) == int(equivalent) + int(open_)
