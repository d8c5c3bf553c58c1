# SPDX-License-Identifier: BSD-3-Clause
"""The report of a sweep: what it says."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import imperfect as im
from imperfect.sweep import Results
from made_sweeps import BITS, HOSTILE, SIGMA, accuracies, made, results

EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """Texts of a page; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        self.parts.append(" " * (tag == "small"))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.parts.append(" " * (tag not in ("a", "b", "text")))

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


def written(folder: Path, found: Results, **options: Any) -> Page:
    im.report.sweep(found, folder / "report.html", **options)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("usual") / "report.html"
    im.report.sweep(made(), path, targets=[0.7])
    return path


def marks(page: Page) -> list[dict[str, str | None]]:
    return [own for _, own in page.tags if own.get("class") == "mark"]


def test_it_answers_in_words(usual: Path) -> None:
    text = Page(usual.read_text()).text
    assert text.startswith("Sweep over 9 machines Sweep over 9 machines Which of these machines")
    assert "Refitted head: 3 of 9 machines are on the frontier of accuracy and energy" in text
    assert "from 0.760 at 1 µJ" in text and "to 0.880 at 4 µJ" in text
    assert "0.480 for 4 µJ, costs 1 µJ with a refitted head (−75 %" in text
    assert f"refitted head: {SIGMA} (0.613 to 0.813, 73 %" in text
    assert "better than both controls, shuffled weights and raw inputs, on 7 of 9 machines" in text
    assert "To keep Own head Refitted head 0.700 none is certain highest bound 0.448:" in text
    assert f"1 µJ {BITS}=1, {SIGMA}=0.0 at least 0.728, worst chip 0.740" in text
    assert "Computers somewhere SIMD levels avx2 Versions of imperfect 0.1.0" in text


def test_every_machine_has_a_row_and_marks(usual: Path) -> None:
    page = Page(usual.read_text())
    names = [own["data-name"] for tag, own in page.tags if tag == "tr" and "data-name" in own]
    assert set(names) == set(made().table["machine"])
    rows = [own["data-row"] for own in marks(page) if "data-row" in own]
    # Own head, refitted head, and the control with shuffled weights.
    assert sorted(rows) == sorted(3 * [str(i) for i in range(9)])
    first = next(own for own in marks(page) if own.get("data-row") == "0")
    assert first["data-tip"] == (
        "Own head: 0.360 (0.340 to 0.380)\n5 chips\nEnergy of an inference: 1 µJ\n"
        "On the frontier, in 100 % of resamples"
    )


def test_marks_of_knobs_say_their_values(usual: Path) -> None:
    tips = [own["data-tip"] for own in marks(Page(usual.read_text()))]
    assert f"{BITS} = 4\nRefitted head: 0.780 (0.760 to 0.800)\n3 machines, 15 chips" in tips
    assert f"{SIGMA} = 0.1\n{BITS} = 4\nOwn head: 0.280 (0.260 to 0.300)\n5 chips" in tips
    assert any(tip.startswith(f"{SIGMA}\n3 values, means from 0.613 to 0.813") for tip in tips)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            made(measured=lambda knobs, chip: {"speed": 1.0 * knobs[BITS]}),
            ["No frontier: no cost was measured", "What matters most for speed: cell.bits",
             "No targets were given, and there is no float network to take them from."],
        ),
        (
            results([{"machine": "", "trial": 0, "seed": 1, "refitted": 0.5}]),
            ["Sweep over 1 machine", "the results have no knobs", "Controls were not measured",
             "fewer than 5 chips were measured of 1 machine"],
        ),
        (
            made({BITS: [1], SIGMA: [0.1]}),
            ["No knob to compare:", "1 of 1 machine is on the frontier"],
        ),
        (
            made(measured=lambda knobs, chip: {"float": 0.9, "error": 0.1 * knobs[BITS]}),
            ["What matters most for error", "No targets were given, and the float network gives"],
        ),
        (
            made({"name": list("abcde")}, measured=lambda knobs, chip: {"x": ord(knobs["name"])}),
            ["What matters most for x: these machines are too few, or were chosen so, that knobs"
             " cannot be told apart."],
        ),
        (
            made(measured=lambda knobs, chip: {"x": 1.0}),
            ["What matters most for x: nothing, all machines are equal."],
        ),
        (
            made(chips=1, about={"failures": ["m, trial 3: ValueError: no"] * 23}),
            ["chips measured 9 ", "failed trials 23", "m, trial 3: ValueError: no", "and 3 more",
             "no machine has a lower bound: measure more chips"],
        ),
        (
            made(about={"failures": [], "spec": "# why", "question": "A <b>bold</b> one?"}),
            ["A <b>bold</b> one?", "Specification (TOML)", "# why"],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_said(tmp_path: Path, found: Results, says: list[str]) -> None:
    text = written(tmp_path, found).text
    for part in says:
        assert part in text


def test_machines_whose_cost_leaves_out_parts_are_counted(tmp_path: Path) -> None:
    def partly(knobs: Any, chip: int) -> dict[str, Any]:
        missing = "dac" * (knobs[BITS] < 4)
        return accuracies(knobs, chip) | {"energy_without": missing}

    line = "Mind: 6 of 9 machines are not considered: their energy leaves out dac."
    assert written(tmp_path, made(measured=partly)).text.count(line) == 1
    assert "not considered" not in written(tmp_path, made()).text


def test_rivals_are_compared_on_the_same_chips(tmp_path: Path) -> None:
    """Chips 3 and 4, on which the refitted head is better, have no rival."""

    def rivals(knobs: Any, chip: int) -> dict[str, Any]:
        found = accuracies(knobs, chip)
        if chip < 3:
            found["bn_reestimated"] = found["refitted"] + 0.005 * (knobs[BITS] - 2)
            found["affine"] = found["refitted"] - 0.1
        return found

    found = made(measured=rivals, named=lambda knobs: f"{knobs[BITS]}-{knobs[SIGMA]}")
    text = written(tmp_path, found).text
    same = "at least as good as a refitted head of the same chips on"
    assert (
        "Rivals (means over chips): batch norm re-estimated, best machine 0.880 (4-0.0),"
        f" {same} 6 of 9 machines; affine correction, best machine 0.770 (4-0.0), {same} 0 of 9"
    ) in text
    assert "Rivals" not in written(tmp_path, made()).text


def test_intervals_of_accuracies_end_at_0_and_1(tmp_path: Path) -> None:
    def wild(knobs: Any, chip: int) -> dict[str, Any]:
        return accuracies(knobs, chip) | {
            "refitted": [0.02, 0.3][chip],
            "collapsed": [0.9, 1][chip],
        }

    page = written(tmp_path, made(chips=2, measured=wild))
    assert "0.000–1.000" in page.text and "0.315–1.000" in page.text
    tips = " ".join(own["data-tip"] or "" for own in marks(page))
    assert "(0.000 to 1.000)" in tips and "-0." not in tips + page.text


def test_the_cost_is_another_measure_than_the_quality(tmp_path: Path) -> None:
    assert "No frontier: no cost was measured" in written(tmp_path, made(), quality="energy").text
    text = written(tmp_path, made(), quality="refitted", cost="collapsed").text
    assert "Refitted head: " in text and "Own head: " not in text


def test_gaps_and_text_make_no_number(tmp_path: Path) -> None:
    rows = [
        {"machine": f"m{i}", "bits": bits, "dac": dac, "trial": t, "seed": t,
         "refitted": 0.1 * i + 0.01 * t if t < 2 else None, "pixels": 0.3 if t == 2 else None,
         "energy": 1e-6 * i + 1e-6}
        for i, (bits, dac) in enumerate([(1, "None"), (None, "8"), (4, None), (4, "None")])
        for t in range(3)
    ]  # fmt: skip
    page = written(tmp_path, results(rows, ("bits", "dac")))
    assert "nan" not in page.text.lower()
    assert not any("nan" in (own["data-tip"] or "") for own in marks(page))


def test_texts_are_harmless(tmp_path: Path) -> None:
    own = made(
        {BITS: [1, 2], "text": [HOSTILE, "b"], HOSTILE: [1, 2]},
        measured=lambda knobs, chip: accuracies(knobs | {SIGMA: 0.0}, chip) | {HOSTILE: 1.0},
        named=lambda knobs: HOSTILE + str(knobs.values()),
        about={"failures": [HOSTILE], "spec": HOSTILE},
    )
    page = written(tmp_path, own, title=HOSTILE, question=HOSTILE)
    assert [tag for tag, _ in page.tags if tag in ("script", "img")] == ["script"]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert HOSTILE.split(maxsplit=1)[0] in page.text


def test_a_page_needs_nothing_else(usual: Path) -> None:
    text = usual.read_text()
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    ids = [own["id"] for _, own in page.tags if "id" in own]
    assert len(set(ids)) == len(ids)
    style, policy = text.partition("</style>")[0], text.partition("Security-Policy")[2][:300]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_many_machines_make_a_small_page(tmp_path: Path) -> None:
    many = made({BITS: list(range(1, 23)), SIGMA: [0.001 * i for i in range(16)]}, 5)
    im.report.sweep(many, tmp_path / "many.html")
    assert (tmp_path / "many.html").stat().st_size < 1_000_000


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="quality"):
        im.report.sweep(made(), path, quality="x")
    assert path.read_text() == "old"
    im.report.sweep(made(), str(path))
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [own.name for own in tmp_path.iterdir()] == ["report.html"]
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(OSError, match=r"taken\.html"):
        im.report.sweep(made(), tmp_path / "taken.html")
    assert {own.name for own in tmp_path.iterdir()} == {"report.html", "taken.html"}


TEXTS = results([{"machine": "m", "trial": 0, "seed": 1, "word": "x"}])
PERCENT = results([{"machine": "m", "trial": 0, "seed": 1, "refitted": 80.0}])
UNKNOWN = Results(made().table.drop(columns="host"), (BITS, SIGMA), ("refitted",))


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda path: im.report.sweep(made().table, path), TypeError, "must be what sweep.run"),
        (lambda path: im.report.sweep(made(), 3), TypeError, "path=3: must be the path"),
        (lambda path: im.report.sweep(made(), "a.pdf"), ValueError, "'a.pdf': must end with .html"),
        (lambda path: im.report.sweep(made(), "/nowhere/a.html"), OSError, "/nowhere/a.html"),
        (lambda path: im.report.sweep(made(), path, title=3), TypeError, "title=3: must be a text"),
        (lambda path: im.report.sweep(made(), path, question=3), TypeError, "question=3"),
        (lambda path: im.report.sweep(made(), path, quality=3), TypeError, "quality=3"),
        (lambda path: im.report.sweep(made(), path, cost="price"), ValueError, "cost='price'"),
        (
            lambda path: im.report.sweep(made(), path, cost="refitted"),
            ValueError, "cost='refitted': must be another measure than quality",
        ),
        (
            lambda path: im.report.sweep(made(), path, targets=[0.9, 90]),
            ValueError, "targets=90: must be numbers from 0 to 1",
        ),
        (lambda path: im.report.sweep(made(), path, targets=0.9), TypeError, "targets=0.9"),
        (lambda path: im.report.sweep(made(), path, targets=["a"]), TypeError, "targets='a'"),
        (
            lambda path: im.report.sweep(made(), path, targets=[float("nan")]),
            ValueError, "targets=nan",
        ),
        (lambda path: im.report.sweep(TEXTS, path), ValueError, "hold no numbers"),
        (lambda path: im.report.sweep(PERCENT, path), ValueError, "refitted=80 of 'm': must be fr"),
        (lambda path: im.report.sweep(UNKNOWN, path), ValueError, "has no columns .'host'"),
    ],
)  # fmt: skip
def test_bad_input(tmp_path: Path, make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make(tmp_path / "a.html")
    assert not list(tmp_path.iterdir())
