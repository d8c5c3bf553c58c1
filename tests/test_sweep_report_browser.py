# SPDX-License-Identifier: BSD-3-Clause
"""The report of a sweep in a real browser: it loads nothing, sorts, filters, tells, and is safe."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import imperfect as im
from made_sweeps import BITS, HOSTILE, SIGMA, made, results

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Why: with the driver's path given, selenium looks for none in the network.
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("usual") / "report.html"
    im.report.sweep(made(), path, targets=[0.7])
    return path.as_uri()


def opened(browser: Any, page: str, width: int = 1280, scheme: str = "light") -> Any:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(page)
    return browser


# Why: a scroll that is still under way would hide the tip.
SCROLL = """
const done = arguments[arguments.length - 1];
arguments[0].scrollIntoView({ block: "center", behavior: "instant" });
requestAnimationFrame(() => requestAnimationFrame(done));
"""


def requests(browser: Any) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [own["params"] for own in events if own["method"] == "Network.requestWillBeSent"]
    return [own["request"]["url"].partition(",")[0] for own in sent]


def cells(browser: Any, heading: str) -> list[str]:
    """What stands in a column, in the rows that are shown."""
    return browser.execute_script(
        "const place = [...document.querySelectorAll('#machines th')]"
        ".findIndex((own) => own.textContent === arguments[0]);"
        "return [...document.querySelectorAll('#machines tbody tr:not([hidden])')]"
        ".map((row) => row.cells[place].firstChild?.textContent ?? '')",
        heading,
    )


def head_of(browser: Any, heading: str) -> Any:
    found = browser.find_elements("css selector", "#machines th button")
    return next(own for own in found if own.text == heading)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_loaded_or_overflows(browser: Any, page: str, width: int, scheme: str) -> None:
    opened(browser, page, width, scheme)
    assert browser.get_log("browser") == []
    assert set(requests(browser)) <= {page, "data:image/png;base64"}
    sizes = "return [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
    document, body, inner = browser.execute_script(sizes)
    assert document <= inner and body <= inner
    colors = "const own = getComputedStyle(document.body); return [own.color, own.backgroundColor]"
    ink, ground = (
        sum(map(int, re.findall(r"\d+", text)[:3])) for text in browser.execute_script(colors)
    )
    assert (ink < ground) == (scheme == "light") and abs(ink - ground) > 500


def test_a_click_on_a_heading_sorts(browser: Any, page: str) -> None:
    opened(browser, page)
    values = sorted(round(0.72 + 0.04 * b - 2 * s, 3) for b in (1, 2, 4) for s in (0, 0.05, 0.1))
    assert [float(own) for own in cells(browser, "Refitted head")] == values[::-1]
    for order, wanted in (("ascending", values), ("descending", values[::-1])):
        head_of(browser, "Refitted head").click()
        assert [float(own) for own in cells(browser, "Refitted head")] == wanted
        heading = browser.find_element("css selector", "#machines th[aria-sort]")
        assert (heading.text, heading.get_attribute("aria-sort")) == ("Refitted head", order)


def test_a_heading_sorts_by_keyboard_and_puts_gaps_last(browser: Any, tmp_path: Path) -> None:
    rows = [
        {"machine": f"m{i}", "k": k, "trial": 0, "seed": 1, "x": 0.1 * i}
        for i, k in enumerate([10, "None", None, 9, 2])
    ]
    im.report.sweep(results(rows, ("k",)), tmp_path / "gaps.html")
    opened(browser, (tmp_path / "gaps.html").as_uri())
    for wanted in (["2", "9", "10", "None", "–"], ["None", "10", "9", "2", "–"]):
        head_of(browser, "k").send_keys("\n")
        assert cells(browser, "k") == wanted


def test_words_and_ranges_filter(browser: Any, page: str) -> None:
    opened(browser, page)
    count = browser.find_element("id", "count")
    browser.find_element("id", "words").send_keys(f"{BITS}=4 SIGMA=0.1")
    assert (cells(browser, "#"), count.text) == (["#9"], "1 of 9 machines")
    dim = "return [...document.querySelectorAll('.mark[data-row]:not(.off)')].length"
    assert browser.execute_script(dim) == 3
    browser.find_element("css selector", "#filters button").click()
    assert count.text == "9 of 9 machines"
    browser.find_element("css selector", "#filters summary").click()
    for label, text in (("Refitted head, from", "0.7"), (f"{BITS}, to", "2")):
        browser.find_element("css selector", f"[aria-label='{label}']").send_keys(text)
    assert sorted(cells(browser, "Refitted head")) == ["0.700", "0.760", "0.800"]
    assert set(cells(browser, BITS)) == {"1", "2"}


def test_the_pointer_over_a_marker_tells_the_machine(browser: Any, page: str) -> None:
    from selenium.webdriver import ActionChains

    opened(browser, page)
    tip = browser.find_element("id", "tip")
    assert not tip.is_displayed()
    # Machine 5 has 2 bits and sigma 0.05; other markers are farther away than 12 pixels.
    mark = browser.find_elements("css selector", ".mark[data-row='4']")[1]
    browser.execute_async_script(SCROLL, mark)
    ActionChains(browser).move_to_element(mark).perform()
    assert tip.text.splitlines() == [
        f"#5 {BITS}=2, {SIGMA}=0.05", "Refitted head: 0.700 (0.680 to 0.720)", "5 chips",
        "Energy of an inference: 2 µJ",
    ]  # fmt: skip
    lit = browser.find_elements("css selector", "tr.lit")
    assert [own.get_attribute("id") for own in lit] == ["m4"]
    ActionChains(browser).move_to_element(browser.find_element("id", "answers")).perform()
    assert not tip.is_displayed()
    row = browser.find_element("id", "m4")
    ActionChains(browser).scroll_to_element(row).move_to_element(row).perform()
    lit = browser.find_elements("css selector", ".mark.lit")
    assert [own.get_attribute("data-row") for own in lit] == ["4"] * 3


def test_arrow_keys_go_from_marker_to_marker(browser: Any, page: str) -> None:
    opened(browser, page)
    plot, tip = browser.find_element("css selector", ".plot"), browser.find_element("id", "tip")
    browser.execute_script("arguments[0].focus({ preventScroll: true })", plot)
    seen = []
    for _ in range(27):
        plot.send_keys("\ue014")
        (energy,) = re.findall("Energy.*", tip.text)
        seen.append(energy)
    assert seen == sorted(seen) and len(set(seen)) == 3
    plot.send_keys("\ue00c")
    assert not tip.is_displayed()


def test_texts_stay_texts_and_foreign_scripts_do_not_run(browser: Any, tmp_path: Path) -> None:
    own = made(named=lambda knobs: HOSTILE + str(knobs), about={"failures": [HOSTILE]})
    im.report.sweep(own, tmp_path / "hostile.html", title=HOSTILE, question=HOSTILE)
    opened(browser, (tmp_path / "hostile.html").as_uri())
    assert browser.get_log("browser") == []
    assert browser.find_element("tag name", "h1").text.startswith("</script><img src=x")
    assert not browser.find_elements("tag name", "img")
    add = (
        "const own = document.createElement('script'); own.textContent = 'window.hacked = 1';"
        "document.body.append(own); return window.hacked ?? 0"
    )
    assert browser.execute_script(add) == 0
