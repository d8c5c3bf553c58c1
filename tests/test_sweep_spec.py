# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps in files: they are those of Python, and mistakes are said with their line and field."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import imperfect as im
from imperfect import sweep
from imperfect.network import Network
from imperfect.sweep._measures import BUILT_IN
from imperfect.sweep._sources import SOURCE
from imperfect.sweep._spec import NUMBERS, TABLES
from imperfect.sweep._spec_machines import BASES, KINDS, RANGE
from spec_files import TEXT, load, write_files

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path


def test_a_file_and_python_make_the_same_tasks(folder: Path) -> None:
    spec = load(folder, TEXT)
    net, photos = Network.from_onnx(folder / "net.onnx"), im.images.load(
        folder / "photos.npz", 8, n_train=30
    )  # fmt: skip
    problem = sweep.Problem(net, *photos, digital=["stem"])
    base = im.Hardware(weight_bits=8, cell=im.Cell(programming=im.device.Gaussian(0.1)))
    vary = {
        ("weight_bits", "cell.bits"): [(4, 3), (5, 4)],
        "cell.programming.sigma": sweep.Range(0.01, 0.1, log=True), "time": [0, 60],
    }  # fmt: skip
    machines = {"isaac": im.presets.isaac(), "mine": base.with_field("cell.bits", 3)}
    space = (
        sweep.Space.grid(base.with_field("adc.bits", 8), {"cell.bits": [1, 2]})
        + sweep.Space.random(base, vary, 3, seed=5)
        + sweep.Space.listed(machines)
    )
    cost = sweep.measure("cost", components=str(folder / "mine.toml"))
    stops = sweep.Stop(trials=3), sweep.Stop(trials=8, measure="shuffled", half_width=0.1)
    for group, measures, stop in zip(
        spec.groups, (["accuracy", cost], ["controls"]), stops, strict=True
    ):
        expected = sweep.tasks(space, problem, measures, seed=7, seeds="own")
        assert [(task.name, task.id) for task in group.tasks] == [
            (task.name, task.id) for task in expected
        ]
        assert [dict(task.knobs) for task in group.tasks] == [dict(task.knobs) for task in expected]
        assert group.stop == stop
    assert [len(own) for own in spec.spaces] == [2, 3, 2]
    assert spec.question == "How many bits?" and spec.text == (folder / "spec.toml").read_text()


SMALL = """\
[problem]
network = "net.onnx"
data = "photos.npz"
[hardware]
{fields}
[[space]]
kind = "grid"
vary = {{ "cell.bits" = [2] }}
[[measure]]
names = ["accuracy"]
"""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", {}),
        ('"cell.on_off_ratio" = 20', {"cell.on_off_ratio": 20.0}),
        ("cell.on_off_ratio = 20.0", {"cell.on_off_ratio": 20.0}),
        ("cell = { on_off_ratio = 20 }\ncell.g_max = 1e-4", None),
        ("[hardware.cell]\non_off_ratio = 20", {"cell.on_off_ratio": 20.0}),
        ('preset = "isaac"\nadc.bits = "none"', {"preset": "isaac", "adc.bits": None}),
        ('file = "machine.json"\nweight_bits = 6', {"preset": "puma", "weight_bits": 6}),
        ("cell.on_off_ratio = inf", {"cell.on_off_ratio": np.inf}),
        ('cell.on_off_ratio = "inf"', {"cell.on_off_ratio": np.inf}),
        (
            'cell.faults = [{ law = "StuckAt", p_on = 0.1 }, { law = "StuckAt", p_off = 0.2 }]',
            {"cell.faults": (im.device.StuckAt(p_on=0.1), im.device.StuckAt(p_off=0.2))},
        ),
        (
            '[hardware.cell.programming]\nlaw = "Table"\ng = [0.0, 1.0]\nsigma = [0.01, 0.02]',
            {"cell.programming": im.device.Table(g=(0.0, 1.0), sigma=(0.01, 0.02))},
        ),
        (
            '"cell.programming" = { law = "Gaussian", sigma = 0.1 }\n"adc.range" = [-1, 1]',
            {"cell.programming": im.device.Gaussian(0.1), "adc.range": (-1, 1)},
        ),
    ],
)  # fmt: skip
def test_fields_are_written_in_several_ways(
    fields: str, expected: dict[str, Any] | None, folder: Path
) -> None:
    (folder / "machine.json").write_text(im.presets.puma().to_json())
    if expected is None:  # TOML itself refuses to add to an inline table
        with pytest.raises(ValueError, match=r"spec.toml:6: not TOML: "):
            load(folder, SMALL.format(fields=fields))
        return
    given = dict(expected)
    preset = given.pop("preset", "ideal")
    machine = getattr(im.presets, preset)().with_fields({**given, "cell.bits": 2})
    spec = load(folder, SMALL.format(fields=fields))
    assert [task.hardware for task in spec.groups[0].tasks] == [machine]
    assert spec.groups[0].stop == sweep.Stop() and not spec.question


@pytest.mark.parametrize(
    ("vary", "names"),
    [
        ('"cell.bits" = ["none", 2]', ["cell.bits=None", "cell.bits=2"]),
        ("[space.vary.cell]\nbits = [1]\ng_max = [1e-5]", ["cell.bits=1, cell.g_max=1e-05"]),
        ('[space.vary.cell]\n"bits,g_max" = [[1, 1e-5]]', ["cell.bits=1, cell.g_max=1e-05"]),
        ('"cell.on_off_ratio" = [inf, "inf", 9]', None),
        (
            '"cell.programming" = ["none", { law = "Gaussian", sigma = 0.1 }]',
            ["cell.programming=None", "cell.programming=device.Gaussian(sigma=0.1)"],
        ),
    ],
)
def test_values_vary(vary: str, names: list[str] | None, folder: Path) -> None:
    text = SMALL.format(fields="").replace('vary = { "cell.bits" = [2] }', f"[space.vary]\n{vary}")
    if names is None:
        with pytest.raises(
            ValueError, match=r"spec.toml:9: space.vary.cell.on_off_ratio: .*is given twice"
        ):
            load(folder, text)
        return
    assert [task.name for task in load(folder, text).groups[0].tasks] == names


def test_rules_may_look_at_all_numbers_that_measures_give(folder: Path) -> None:
    text = TEXT.replace('"mine.toml"', '"isaac"').replace('"controls"', ", ".join(
        f'"{name}"' for name in BUILT_IN if name not in ("accuracy", "cost")
    ))  # fmt: skip
    spec = load(folder, text)
    isaac = [task for group in spec.groups for task in group.tasks if task.name == "isaac"]
    given = set(sweep.run(isaac, stop=1).measures)
    layers = {name for name in given if name.startswith("error of ")}
    numbers = {name for names in NUMBERS.values() for name in names}
    assert layers and given == numbers | layers
    for name in sorted(given):
        has_cost = name in (*NUMBERS["accuracy"], *NUMBERS["cost"])
        rule = f'{{ measure = "{name}", half_width = 0.1 }}'
        with_rule = text.replace("chips = 3", f"stop = {rule}") if has_cost else text.replace(
            'measure = "shuffled"', f'measure = "{name}"'
        )  # fmt: skip
        stops = [group.stop.measure for group in load(folder, with_rule).groups]
        assert stops[not has_cost] == name


def test_images_that_are_too_few_are_told_before_the_network_sees_any(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = TEXT.replace("net.onnx", "bundled").replace("photos.npz", "bundled")
    monkeypatch.setattr(Network, "__call__", None)
    for count in (1, 29):
        with pytest.raises(ValueError, match=f"toml:5: problem.n_train: n_train={count}: .* 30, 3"):
            load(folder, bundled.replace("n_train = 30", f"n_train = {count}"))


def test_files_that_are_no_specifications(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    with pytest.raises(FileNotFoundError):
        sweep.Spec.load(path)
    with pytest.raises(TypeError, match="path=3: must be the path of a TOML file"):
        sweep.Spec.load(3)  # type: ignore[arg-type]
    path.write_bytes(b"question = '\xff'")
    with pytest.raises(ValueError, match=r"spec.toml: not TOML: .*utf-8"):
        sweep.Spec.load(path)
    path.write_text("")
    with pytest.raises(ValueError, match=r"spec.toml:1: has no 'problem'"):
        sweep.Spec.load(path)


def test_bundled_images_are_read_as_they_are(tmp_path: Path) -> None:
    text = """\
[problem]
network = "bundled"
data = "bundled"
n_train = 100
n_test = 50
[[space]]
kind = "sobol"
count = 4
vary = { weight_bits = { low = 2, high = 8, whole = true } }
[[measure]]
names = ["accuracy"]
"""
    spec = load(tmp_path, text)
    bundled = sweep.Problem.bundled(100, 50)
    space = sweep.Space.sobol(im.Hardware(), {"weight_bits": sweep.Range(2, 8, whole=True)}, 4)
    expected = sweep.tasks(space, bundled, "accuracy")
    assert [task.id for task in spec.groups[0].tasks] == [task.id for task in expected]
    for line in ("size = 48", "crop = 0.5", 'scale = "imagenet"'):
        with pytest.raises(ValueError, match=r"spec.toml:4: .*: the bundled images are read as th"):
            load(tmp_path, text.replace("n_train = 100", line))


# --- rows measured again from the store ----------------------------------------------------------


@pytest.fixture
def stored(folder: Path) -> Path:
    """A store whose sweep came from a file."""
    spec = load(folder, TEXT)
    for tasks, _ in spec.groups:
        sweep.run(tasks[1:4], folder / "results.db", stop=1)
    return folder / "results.db"


def test_rows_are_measured_again_from_the_store_alone(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    table = sweep.load(stored).table
    assert len(table) == 6
    for _, row in table.iterrows():
        again = sweep.replay(row, stored)
        assert again.seed == row["seed"] and again.task == row["task"]
        assert again.values == {name: row[name] for name in again.values}
    other = table.iloc[0].copy()
    other["refitted"] += 1e-15
    with pytest.raises(ValueError, match=r"trial 0 gives refitted="):
        sweep.replay(other, str(stored))
    other["task"] = "0" * 64
    with pytest.raises(ValueError, match=r"results.db': task 000000000000 is not there"):
        sweep.replay(other, stored)


def test_what_cannot_be_measured_again_is_told(stored: Path, tmp_path: Path) -> None:
    row = sweep.load(stored).table.iloc[0]
    photos = dict(np.load(tmp_path / "photos.npz"))
    np.savez(tmp_path / "photos.npz", **photos | {"x_test": photos["x_test"][::-1]})
    with pytest.raises(ValueError, match="cannot be made again: another data now than when it w"):
        sweep.replay(row, stored)
    (tmp_path / "photos.npz").unlink()
    with pytest.raises(ValueError, match=r"data '.*photos.npz': must be a folder"):
        sweep.replay(row, stored)

    base, own = im.Hardware(), tmp_path / "own.db"
    pixels = np.zeros((6, 3, 8, 8), np.float32)
    y = np.arange(6) % 3
    net = Network.from_onnx(tmp_path / "net.onnx")
    problem = sweep.Problem(net, pixels, y, pixels, y, head=LogisticRegression())
    row = sweep.run([sweep.Task(base, problem, "logit_error")], own, stop=1).table.iloc[0]
    with pytest.raises(ValueError, match="has a problem made in Python"):
        sweep.replay(row, own)
    bundled = sweep.Problem.bundled(100, 10)
    measure = sweep.Measure("mine", 2, lambda subject: {"x": 1.0})
    row = sweep.run([sweep.Task(base, bundled, measure)], own, stop=1).table.iloc[0]
    with pytest.raises(ValueError, match="measures 'mine', version 2, which is not of the package"):
        sweep.replay(row, own)
    with pytest.raises(FileNotFoundError):
        sweep.replay(row, tmp_path / "nothing.db")


# --- examples and the page -----------------------------------------------------------------------


def test_examples_load() -> None:
    frontier = sweep.Spec.load(ROOT / "examples" / "frontier.toml")
    assert [len(group.tasks) for group in frontier.groups] == [352, 352]
    assert [group.stop.trials for group in frontier.groups] == [10, 5]
    serial = [task.hardware.dac.slice_bits is not None for task in frontier.groups[0].tasks]
    assert sum(serial) == 32
    small = sweep.Spec.load(ROOT / "examples" / "sweep.toml")
    assert small.question and [len(space) for space in small.spaces] == [8, 4]


PAGE = (ROOT / "docs" / "sweep-files.md").read_text()
# What a block of the page that shows one table is completed with.
REST = {
    "problem": '[problem]\nnetwork = "bundled"\ndata = "bundled"\nn_train = 100\nn_test = 50\n',
    "hardware": "[hardware]\nweight_bits = 8\n",
    "space": '[[space]]\nkind = "grid"\nvary = { "cell.on_off_ratio" = [9] }\n',
    "measure": '[[measure]]\nnames = ["controls"]\n',
}


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_blocks_of_the_page_load(block: str, folder: Path) -> None:
    known = tomllib.loads(block)
    rest = [text for name, text in REST.items() if name not in known]
    # Why: a key after a table would be in it.
    assert load(folder, block + "\n" + "".join(rest)).groups


def test_the_page_names_every_key() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE)) | set(re.findall(r"`\[+(?:space\.)?(\w+)\]+`", PAGE))
    keys = {*TABLES, *SOURCE, *BASES, *RANGE, "kind", "names", "components", "chips", "stop"}
    keys |= {key for own in KINDS.values() for key in own} | {"seed", "seeds", "name"}
    shown = set(re.findall(r"(\w+) = ", PAGE))
    assert keys <= named | shown
    assert {f'"{kind}"' for kind in KINDS} <= set(re.findall(r'"\w+"', PAGE))
    assert {f'"{name}"' for name in BUILT_IN} <= set(re.findall(r'"\w+"', PAGE))


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
