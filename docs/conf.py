# SPDX-License-Identifier: BSD-3-Clause
"""How Sphinx builds the site: sphinx-build -W --keep-going -b html docs OUT

It needs the extra ``docs`` and Doxygen; pages load nothing from the network. Three things here are
the site's own: formulas become MathML when the site is built, so that no script has to draw them;
links to source files of the project lead to pages that show the file; Doxygen is run for breathe.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Why: loaded later, it would take the torch that autodoc pretends to have for a real one.
import scipy.stats  # noqa: F401
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import imperfect

DOCS = Path(__file__).parent
ROOT = DOCS.parent

project = "imperfect"
author = "the imperfect developers"
copyright = author
version = release = imperfect.__version__

extensions = [
    "breathe",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "figures"]
highlight_language = "none"
nitpicky = True
# Every page of the C++ reference opens the same namespace.
suppress_warnings = ["duplicate_declaration.cpp"]
# What is not on this site: names of other projects, of our private modules, and of types.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|concurrent|enum|numpy|np|os|pandas|pd|pathlib|typing)\..*"),
    ("py:.*", r"(dask|distributed|matplotlib|onnx|pyarrow|sklearn|torch)\..*"),
    ("py:.*", r"(.*\[~)?imperfect\.(.+\.)?_.*"),
    ("py:class", r"ArrayLike|NDArray|Floats|Input|Knobs|Source|Values|corrections.LayerOutputs"),
    ("py:class", r"Axes|Figure|ModelProto"),
    ("cpp:identifier", r"std(::.*)?|size_t|u?int\d+_t|Impl"),
    ("c:identifier", r"size_t|u?int\d+_t"),
]

html_theme = "furo"
html_title = f"imperfect {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_math_renderer = "mathml"

myst_enable_extensions = ["colon_fence", "dollarmath", "html_image"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_mock_imports = ["torch"]
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
breathe_default_project = "imperfect"
breathe_show_include = False
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}

# Files outside of this folder that are pages of the site, each included by the page named.
INCLUDED = {
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "bench/README.md": "benchmarks",
    "examples/README.md": "gallery",
}
# Files that have pages of their own as soon as a link leads to them, by their endings.
LANGUAGES = {
    "": "bash",
    ".c": "c",
    ".cff": "yaml",
    ".cpp": "cpp",
    ".h": "c",
    ".hpp": "cpp",
    ".json": "json",
    ".md": "markdown",
    ".py": "python",
    ".sh": "bash",
    ".toml": "toml",
    ".txt": "cmake",
    ".yml": "yaml",
}
LINKS = (download_reference, pending_xref)


def visit_math(self: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers draw themselves."""
    is_block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=is_block)
    self.body.append(f'<div class="math">{formula}</div>\n' if is_block else formula)
    raise nodes.SkipNode


def mend_links(app: Sphinx, path: Path, docname: str, text: list[str]) -> None:
    """Make links of an included file relative to the page, which is in another folder."""
    folder = path.parent.as_posix()

    def mended(match: re.Match[str]) -> str:
        return match[1] + posixpath.normpath(posixpath.join(folder, match[2]))

    text[0] = re.sub(r'(\]\(|src=")(?!https?:|#)([^)"]+)', mended, text[0])


def linked_file(node: nodes.Element, folder: Path) -> Path:
    """The file that a link leads to; pages of other folders come as links to documents."""
    if node.get("refdomain") == "doc":
        return Path(f"{node['reftarget']}.md")
    return (folder / node["reftarget"]).resolve()


def link_files(app: Sphinx, doctree: nodes.document) -> None:
    """Turn links to files of the project into links to the pages that show them."""
    name = app.env.docname
    for node in list(doctree.findall(lambda node: isinstance(node, LINKS))):
        path = linked_file(node, (DOCS / name).parent)
        if not path.is_file() or not path.is_relative_to(ROOT) or path.suffix not in LANGUAGES:
            continue
        file = path.relative_to(ROOT).as_posix()
        if file not in INCLUDED:
            shown = app.env.metadata[name]
            shown["files"] = f"{shown.get('files', '')}{file}\n"
        uri = app.builder.get_relative_uri(name, INCLUDED.get(file, f"files/{file}"))
        if node.get("reftargetid"):
            uri += f"#{node['reftargetid']}"
        node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def file_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for every file that a link leads to."""
    shown = "".join(data.get("files", "") for data in app.env.metadata.values())
    for name in sorted(set(shown.splitlines())):
        text, language = (ROOT / name).read_text(), LANGUAGES[Path(name).suffix]
        code = app.builder.highlighter.highlight_block(text, language, force=True)
        context = {"title": name, "body": f"<h1>{name}</h1>\n{code}"}
        yield f"files/{name}", context, "page.html"


def run_doxygen(app: Sphinx, config: Any) -> None:
    """Read the comments of the installed headers."""
    if shutil.which("doxygen") is None:
        raise ExtensionError("the C++ reference needs Doxygen (Debian: apt install doxygen)")
    folder = Path(app.doctreedir) / "doxygen"
    folder.mkdir(parents=True, exist_ok=True)
    settings = (DOCS / "Doxyfile").read_text() + f'\nOUTPUT_DIRECTORY = "{folder}"\n'
    run = subprocess.run(["doxygen", "-"], input=settings, cwd=DOCS, text=True, capture_output=True)
    if run.returncode:
        raise ExtensionError(f"Doxygen: {run.stderr}")
    config.breathe_projects = {"imperfect": str(folder / "xml")}


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("config-inited", run_doxygen)
    app.connect("include-read", mend_links)
    # Why: before Sphinx copies what is to be downloaded.
    app.connect("doctree-read", link_files, priority=400)
    app.connect("html-collect-pages", file_pages)
