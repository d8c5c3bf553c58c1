# SPDX-License-Identifier: BSD-3-Clause
"""For tests of sweeps in files: a specification that has everything, and the files it names."""

from __future__ import annotations

from pathlib import Path

from commands import write_study
from imperfect import sweep

TEXT = """\
question = "How many bits?"
[problem]
network = "net.onnx"
data = "photos.npz"
n_train = 30
digital = ["stem*"]
[hardware]
weight_bits = 8
"cell.programming" = { law = "Gaussian", sigma = 0.1 }
[[space]]
kind = "grid"
[space.hardware]
"adc.bits" = 8
[space.vary]
"cell.bits" = [1, 2]
[[space]]
kind = "random"
count = 3
seed = 5
[space.vary]
"weight_bits, cell.bits" = [[4, 3], [5, 4]]
"cell.programming.sigma" = { low = 0.01, high = 0.1, log = true }
time = [0, 60]
[[space]]
kind = "list"
[[space.machine]]
name = "isaac"
preset = "isaac"
[[space.machine]]
name = "mine"
"cell.bits" = 3
[[measure]]
names = ["accuracy", "cost"]
components = "mine.toml"
chips = 3
[[measure]]
names = ["controls"]
stop = { trials = 8, measure = "shuffled", half_width = 0.1 }
[run]
seed = 7
seeds = "own"
"""
# Small enough to be run by tests of the command; needs the files of ``write_study``.
RUNNABLE = """\
question = "How many bits?"
[problem]
network = "net.onnx"
data = "photos.npz"
n_train = 30
head = "sklearn.naive_bayes.GaussianNB()"  # fitted in no time
[hardware]
weight_bits = 8
"cell.programming" = { law = "Gaussian", sigma = 0.1 }
[[space]]
kind = "grid"
vary = { "cell.bits" = [1, 2, 4], "adc.bits" = ["none"] }
[[measure]]
names = ["accuracy"]
chips = 4
[[measure]]
names = ["logit_error"]
chips = 2
"""
MINE = '[adc]\nmodel = "energy"\nenergy = 1e-12\nsource = "mine"\n'


def write_files(folder: Path) -> None:
    """What ``TEXT`` names."""
    write_study(folder)
    (folder / "mine.toml").write_text(MINE)


def load(folder: Path, text: str) -> sweep.Spec:
    (folder / "spec.toml").write_text(text, encoding="utf-8")
    return sweep.Spec.load(folder / "spec.toml")
