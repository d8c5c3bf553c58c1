# SPDX-License-Identifier: BSD-3-Clause
"""Pages of the documentation: their code runs, their commands and links are right, nothing lacks.

Blocks of Python run page by page, in order, with the names that earlier blocks of the page left.
A comment ``<!-- not run: reason -->`` above a block leaves it out. What is a cell of a notebook
runs when the site is built.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imperfect as im
from imperfect import cli

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "imperfect"
API = sorted((ROOT / "docs" / "api").glob("*.rst"))
INDEX = ROOT / "docs" / "api" / "index.rst"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in ("", "docs", "docs/tutorials", "bench", "examples", "examples/embed", "src/cpp")
    for path in sorted((ROOT / folder).glob("*.md"))
}
BLOCK = re.compile(r"(?ms)(?:^<!-- not run: ([^\n]+) -->\n+)?^```python\n(.*?)^```")
BLOCKS = {page: BLOCK.findall(text) for page, text in PAGES.items() if BLOCK.search(text)}
LEFT_OUT = [(page, reason) for page, blocks in BLOCKS.items() for reason, _ in blocks if reason]
# Blocks of code and of directives, which are no text.
FENCED = re.compile(r"(?ms)^(`{3,}).*?^\1 *$")
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")


def run_blocks(page: str, names: dict[str, Any]) -> None:
    for reason, code in BLOCKS[page]:
        if not reason:
            exec(compile(code, page, "exec"), names)


@pytest.mark.parametrize("page", sorted(BLOCKS.keys() - {"README.md"}))
def test_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks(page, {"__name__": page})


def test_code_of_the_readme_collapses_and_recovers(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {
        "weight": np.ones((2, 3, 3, 3), np.float32),
        "bias": np.zeros(2, np.float32),
        "images": np.random.default_rng(0).normal(size=(4, 3, 8, 8)),
    }
    run_blocks("README.md", names)
    own, refitted = (float(line) for line in capsys.readouterr().out.split())
    assert own < refitted <= 1.0
    assert names["y"].shape == (4, 2, 8, 8)


@pytest.mark.parametrize(("page", "reason"), LEFT_OUT)
def test_code_that_is_left_out(page: str, reason: str) -> None:
    pytest.skip(f"{page}: {reason}")


def commands(text: str) -> list[str]:
    """Lines of a page that call ``imperfect``, in blocks that are fenced or indented."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [re.match(r"(?:    |\$ )?(?:.*&& )?(imperfect .*)$", line) for line in lines]
    return [match[1] for match in found if match]


@pytest.mark.parametrize(
    ("page", "command"),
    [(page, command) for page, text in PAGES.items() for command in commands(text)],
)
def test_commands_are_understood(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    try:
        cli._parser().parse_args(words[1:])
    except SystemExit as stop:
        assert stop.code == 0, f"{page}: {command}"


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as viewers of Markdown make them."""
    text = FENCED.sub("", path.read_text())
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    text = FENCED.sub("", PAGES[page])
    for target in map("".join, LINK.findall(text)):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), target


def test_commands_of_the_readme_are_single_lines() -> None:
    for command in ('pip install ".[study]" && imperfect demo', 'pip install ".[test]" && pytest'):
        assert f"\n    {command}\n" in PAGES["README.md"]


# Modules whose names users import from the package itself.
LIFTED = {"hardware", "layers", "network", "estimators", "diagnosis", "comparison"}


def reference() -> tuple[set[str], set[str]]:
    """Full names in the reference: of its entries and modules, and those in its summaries."""
    entries, summaries = {"imperfect", "imperfect.__version__"}, set()
    for path in set(API) - {INDEX}:
        module = ""
        for line in path.read_text().splitlines():
            if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
                module = match[1]
            elif match := re.fullmatch(r"\.\. auto(?:class|function|data):: (\S+)", line):
                entries.add(f"{module}.{match[1]}")
            elif match := re.fullmatch(r"\.\. automodule:: (\S+)", line):
                entries.add(match[1])
            elif match := re.fullmatch(r"   (\w+)", line):
                summaries.add(f"{module}.{match[1]}")
    return entries, summaries


def public_modules() -> dict[str, Path]:
    files = [*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py")]
    names = {path.parent.name if path.stem == "__init__" else path.stem: path for path in files}
    # What only `python -m imperfect.test` runs is no interface.
    return {name: path for name, path in names.items() if name[0] != "_" and name != "test"}


def public_names(path: Path) -> list[str]:
    """What a module offers: ``__all__``, or else what it defines without an underscore."""
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [name for name in defined if not name.startswith("_")]


@pytest.mark.parametrize(("module", "path"), sorted(public_modules().items()))
def test_every_public_name_is_in_the_reference(module: str, path: Path) -> None:
    entries, summaries = reference()
    full = "imperfect" if module == "imperfect" else f"imperfect.{module}"
    assert full in entries
    for name in public_names(path):
        places = {f"{full}.{name}"} | ({f"imperfect.{name}"} if module in LIFTED else set())
        assert places & entries, f"{full}.{name}"
    modules = {"imperfect"} | {f"imperfect.{name}" for name in public_modules()}
    assert summaries == entries - modules - {"imperfect.__version__"}


def test_first_page_of_the_reference_has_every_name_of_the_package() -> None:
    words = set(re.findall(r"\w+", INDEX.read_text()))
    assert not set(im.__all__) - words - {"__version__"}


def test_every_public_header_has_a_page() -> None:
    headers = (ROOT / "src" / "cpp" / "include" / "imperfect").glob("*.h*")
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "cpp").glob("*.rst"))
    assert {path.name for path in headers} == set(re.findall(r"doxygenfile:: (\S+)", pages))
