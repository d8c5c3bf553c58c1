# SPDX-License-Identifier: BSD-3-Clause
"""The page "What is modelled" names everything that can be set, and its figures can be drawn."""

from __future__ import annotations

import re
import runpy
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imperfect as im
from imperfect import converters, device

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "what-is-modelled.md").read_text()
NAMED = set(re.findall(r"`([\w.]+)`", TEXT))
PARTS = (im.Hardware, im.Cell, im.Array, im.DAC, im.ADC)


@pytest.fixture(scope="module")
def script() -> Any:
    """What ``docs/figures`` defines; its modules import each other from their own folder."""
    before = set(sys.modules)
    yield runpy.run_path(str(DOCS / "figures"), run_name="figures")
    for name in set(sys.modules) - before:
        where = getattr(sys.modules[name], "__file__", None) or ""
        if where.startswith(str(DOCS)):
            del sys.modules[name]


@pytest.mark.parametrize("name", [*device.__all__, *converters.__all__])
def test_every_law_is_on_the_page(name: str) -> None:
    assert NAMED & {name, f"device.{name}", f"converters.{name}"}, name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_is_on_the_page(part: Any) -> None:
    missing = {f"{part.__name__}.{field.name}" for field in fields(part)} - NAMED
    assert not missing


def test_fields_on_the_page_exist() -> None:
    known = {f"{part.__name__}.{field.name}" for part in PARTS for field in fields(part)}
    owners = {part.__name__ for part in PARTS}
    # DAC.bits=None is a field with a value, and stands in the text as that.
    mentioned = {name for name in NAMED if name.split(".")[0] in owners and "." in name}
    assert mentioned <= known


def test_every_figure_has_a_file_and_a_function(script: Any) -> None:
    figures = re.findall(r"\]\(images/(\w+)\.png\)", TEXT)
    assert len(figures) == len(set(figures))
    assert set(figures) == set(script["FIGURES"])
    for name, function in script["FIGURES"].items():
        assert function.__name__ == name
        assert function.__doc__
        assert 5_000 < (DOCS / "images" / f"{name}.png").stat().st_size < 60_000


def test_quick_mode_draws_every_figure(script: Any, tmp_path: Path) -> None:
    script["main"](["--quick", "--out", str(tmp_path)])
    assert {path.stem for path in tmp_path.iterdir()} == set(script["FIGURES"])
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.width == 1120
            assert len(image.convert("L").getcolors() or ()) > 3, path
