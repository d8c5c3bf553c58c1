# SPDX-License-Identifier: BSD-3-Clause
"""Check the pages that Sphinx built: python tools/check_site.py OUT [--pictures FOLDER]

Every link and anchor of every page leads somewhere, nothing is loaded from the network, every page
has a title and is not too large. ``--pictures`` also makes pictures of some pages, as wide as a
phone and as a desktop, with Chromium and its driver, and says where a page is wider than the phone.
"""

from __future__ import annotations

import argparse
import base64
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

MOST_BYTES = 1_000_000  # of a page, without its pictures
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SHOWN = (
    "index",
    "getting-started",
    "tutorials/my-device-data",
    "what-is-modelled",
    "cost",
    "gallery",
    "api/index",
    "api/layers",
    "cpp/c",
    "cpp/layer",
)


class Page(HTMLParser):
    """What a page links to, loads and is called."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.title = ""
        self._in_title = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self._in_title = tag == "title"
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        # Why: `link` also names other pages, such as the next one, which is not loaded.
        if tag in LOADED and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loaded += [given[LOADED[tag]]] if given.get(LOADED[tag]) else []

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False


def problems_of(path: Path, pages: dict[Path, Page]) -> list[str]:
    """What is wrong with one page."""
    page = pages[path]
    found = [] if page.title else ["no title"]
    if path.stat().st_size > MOST_BYTES:
        found.append(f"{path.stat().st_size} bytes, more than {MOST_BYTES}")
    for target in (*page.loaded, *page.links):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if target in page.loaded and parts.scheme != "data":
                found.append(f"loads {target}")
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not file.is_file():
            found.append(f"{target} leads nowhere")
        elif file in pages and unquote(parts.fragment) not in {"", *pages[file].anchors}:
            found.append(f"{target}: no such anchor")
    return found


def style_problems(path: Path) -> list[str]:
    """Resources that a style sheet or a script of the site would fetch."""
    text = path.read_text(encoding="utf-8")
    marks = ("url(http", "url('http", 'url("http', "url(//", "@import", "importScripts(")
    return [f"may load {mark}" for mark in marks if mark in text]


def check(out: Path) -> int:
    """Print what is wrong and return how much it is."""
    pages = {path.resolve(): Page(path) for path in sorted(out.rglob("*.html"))}
    found = {path: problems_of(path, pages) for path in pages}
    found |= {path: style_problems(path) for path in sorted(out.rglob("*.css"))}
    for path, problems in found.items():
        for problem in problems:
            print(f"{path.relative_to(out)}: {problem}")
    count = sum(len(problems) for problems in found.values())
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links", end=", ")
    print(f"{count} problems")
    return count


def open_browser() -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.add_argument("--headless=new")
    for name in ("no-sandbox", "disable-gpu", "hide-scrollbars", "disable-background-networking"):
        options.add_argument(f"--{name}")
    return webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))


def take_pictures(out: Path, folder: Path) -> None:
    """Whole pages at each width, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    browser = open_browser()
    for size, (width, height) in SIZES.items():
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        metrics["mobile"] = size == "phone"
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for name in SHOWN:
            browser.get((out / f"{name}.html").as_uri())
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            print(f"{name} {size}: {wide} of {width} pixels wide")
            for theme in ("light", "dark"):
                script = f"document.body.dataset.theme = '{theme}'"
                browser.execute_script(script)
                picture = browser.execute_cdp_cmd(
                    "Page.captureScreenshot",
                    {"captureBeyondViewport": True, "clip": clip(browser, width)},
                )
                target = folder / f"{name.replace('/', '_')}_{size}_{theme}.png"
                target.write_bytes(base64.b64decode(picture["data"]))
    browser.quit()


def clip(browser: Any, width: int) -> dict[str, float]:
    """The page from its top, at most 4,000 pixels of it."""
    height = browser.execute_script("return document.documentElement.scrollHeight")
    return {"x": 0, "y": 0, "width": width, "height": min(height, 4000), "scale": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description="Check the pages that Sphinx built.")
    parser.add_argument("out", type=Path, help="folder with the built pages")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where pictures of it go")
    options = parser.parse_args()
    count = check(options.out.resolve())
    if options.pictures:
        take_pictures(options.out.resolve(), options.pictures)
    raise SystemExit(count > 0)


if __name__ == "__main__":
    main()
