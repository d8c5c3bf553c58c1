# SPDX-License-Identifier: BSD-3-Clause
"""Puts the page of a report together and writes it.

The page holds everything that it needs; its policy forbids the browser to load anything else and
to run any script but the one whose hash it names. All texts of the results are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import os
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from imperfect._checks import check_instance
from imperfect._sweep_report.content import Content, counted
from imperfect._sweep_report.figures import Figure, figures_of
from imperfect._sweep_report.machines import shown_measures, table_of
from imperfect._sweep_report.words import (
    answers,
    minimum_table,
    provenance,
    question_of,
    specification,
    tiles,
)


def page_of(content: Content, title: str | None, question: str | None) -> str:
    """The whole page."""
    script, style = _own("script.js"), _own("style.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    given = title if title is not None else f"Sweep over {counted(len(content.places), 'machine')}"
    left_out = len(content.samples) - len(shown_measures(content))
    note = f" {left_out} more measures are in the results." if left_out else ""
    return Template(_own("page.html")).substitute(
        policy=f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'",
        title=escape(given),
        question=escape(question_of(content, question)),
        tiles=tiles(content),
        answers=answers(content),
        minimum=minimum_table(content),
        figures="\n".join(map(_figure, figures_of(content))),
        note=note,
        table=table_of(content),
        specification=specification(content),
        provenance=provenance(content),
        style=style,
        script=script,
    )  # fmt: skip


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _figure(figure: Figure) -> str:
    if not figure.svg:
        why = f'<p class="none">No figure: {escape(figure.caption)}.</p>'
        return f"<figure><h3>{escape(figure.title)}</h3>{why}</figure>"
    return (
        f"<figure><h3>{escape(figure.title)}</h3>{figure.svg}"
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def checked_path(path: Any) -> Path:
    """Refuse what is no path of an HTML file."""
    check_instance("path", path, (str, os.PathLike), "the path of a file that ends with .html")
    if Path(path).suffix != ".html":
        raise ValueError(f"path={str(path)!r}: must end with .html")
    return Path(path)
