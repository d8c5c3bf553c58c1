# SPDX-License-Identifier: BSD-3-Clause
"""Mistakes in a specification are told with their line and field, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_files import MINE, TEXT, load, write_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mistakes")
    write_files(made)
    (made / "bad.toml").write_text(MINE.replace("energy", "joule", 1))
    return made


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[problem]", "[problem", "2: not TOML: "),
        ('seeds = "own"', 'seeds = "own', "41: not TOML: "),
        ("seed = 7", "seed = 7\nseed = 8", "41: not TOML: "),
        ("[run]", "x = [[[1,\n", "41: not TOML: "),
        ("question", "x = " + "[" * 3000 + "]" * 3000 + "\nquestion", "1: not TOML: values are n"),
        ('question = "How many bits?"', "question = 3", "1: question: question=3: must be a text"),
        ("[run]", "[ran]", "39: ran: the file has no 'ran'; did you mean 'run'?"),
        ("[problem]", "[problem2]", "2: problem2: the file has no 'problem2'; did you mean"),
        ("network =", "netwrok =", "3: problem.netwrok: problem has no 'netwrok'; did you mean 'n"),
        ('network = "net.onnx"\n', "", "2: problem: has no 'network', which problem needs"),
        ("net.onnx", "net2.onnx", "3: problem.network: network '{folder}/net2.onnx': must be an O"),
        ('"net.onnx"', "3", "3: problem.network: network=3: must be a text"),
        ("photos.npz", "photos", "4: problem.data: data '{folder}/photos': must be a folder of im"),
        ("n_train = 30", "n_train = 1000", "5: problem.n_train: n_train=1000: must be at most 60"),
        ("n_train = 30", "n_train = 2.5", "5: problem.n_train: n_train=2.5: must be an integer"),
        ("n_train = 30", "n_train = 8", "5: problem.n_train: n_train=8: must be at least 9, 3 of"),
        (
            "n_train = 30", 'n_train = "30"',
            "5: problem.n_train: n_train='30': must be an integer from 2 to 2147483647, or left",
        ),
        ("n_train = 30", "size = 9", "5: problem.size: size 9: the network takes 8×8"),
        ("n_train = 30", "size = 0", "5: problem.size: size=0: must be an integer from 1"),
        ("n_train = 30", "crop = 2.0", "5: problem.crop: crop=2.0: must be a number above 0"),
        ("n_train = 30", 'scale = "grey"', "5: problem.scale: scale='grey': must be (low, high)"),
        ("n_train = 30", 'head = "svm"', "5: problem.head: head 'svm': must be"),
        ("n_train = 30", "head = 3", "5: problem.head: head=3: must be a text"),
        ("n_train = 30", "transfer = 1", "5: problem.transfer: transfer=1: must be true or false"),
        ('["stem*"]', '["none*"]', "6: problem.digital: digital: pattern 'none*' fits no layer"),
        ('["stem*"]', '"stem*"', "6: problem.digital: digital='stem*': must be a list of patterns"),
        ("weight_bits = 8", "weight_bit = 8", "8: hardware.weight_bit: Hardware has no 'weight_bi"),
        ("weight_bits = 8", "weight_bits = 1", "8: hardware.weight_bits: Hardware.weight_bits=1: "),
        ("weight_bits = 8", 'weight_bits = 2019-01-01', "8: hardware.weight_bits: Hardware.weight"),
        ("weight_bits = 8", 'preset = "isac"', "8: hardware.preset: preset='isac': must be one of"),
        ("weight_bits = 8", 'file = "a.json"', "8: hardware.file: file='a.json': there is no file"),
        ("weight_bits = 8", 'file = "mine.toml"', "8: hardware.file: file='mine.toml': Hardware c"),
        (
            "weight_bits = 8", 'file = "a.json"\npreset = "isaac"',
            "8: hardware.file: must be a preset or a file, not both",
        ),
        ("weight_bits = 8", "two_sided = true\nweight_bits = 4", "8: hardware.two_sided: Hardware"),
        ("weight_bits = 8", "cell = 3", "7: hardware: changes: 'cell.programming' lies inside 'ce"),
        (
            "weight_bits = 8", "cell.bits = 0",
            '8: hardware.cell.bits: Cell.bits=0: must be an integer from 1 to 16, or "none" (ideal',
        ),
        (
            "weight_bits = 8", '"cell.bits" = 3\ncell.bits = 4',
            "9: hardware.cell.bits: sets 'cell.bits', which is set already",
        ),
        ('"Gaussian"', '"Gausian"', "9: hardware.cell.programming.law: cell.programming.law has n"),
        (
            '{ law = "Gaussian", sigma = 0.1 }', "{}",
            "9: hardware.cell.programming: cell.programming has no name: a law is written like",
        ),
        (
            'law = "Gaussian", sigma = 0.1', "sigma = 0.1",
            "9: hardware.cell.programming.sigma: cell.programming has no law yet; a law needs its"
            ' name, such as law = "Gaussian"',
        ),
        (
            "weight_bits = 8", "cell.faults.p_on = 0.1",
            "8: hardware.cell.faults.p_on: cell.faults has no law yet; a law needs its name, such "
            'as law = "StuckAt"',
        ),
        ('"Gaussian"', '"StuckAt"', "9: hardware.cell.programming.law: cell.programming.law has n"),
        (
            "weight_bits = 8", 'cell.faults = [{ law = "PCM" }]',
            "8: hardware.cell.faults: cell.faults[0].law has no 'PCM' (allowed: StuckAt)",
        ),
        ("sigma = 0.1", "sigma = -1", "9: hardware.cell.programming.sigma: Gaussian.sigma=-1"),
        ("sigma = 0.1", "mean = -1", "9: hardware.cell.programming: cell.programming has no 'mean"),
        ("[[space]]\n" + 'kind = "grid"', '[space]\nkind = "grid"', "16: not TOML: "),
        ('kind = "grid"', 'kind = "gird"', "11: space.kind: kind='gird': must be one of 'grid', "),
        ('kind = "grid"\n', "", "10: space: has no 'kind', which space needs"),
        ('kind = "grid"', 'kind = "grid"\ncount = 3', "12: space.count: space has no 'count' (all"),
        ("[space.hardware]", "[space.hardwear]", "12: space.hardwear: space has no 'hardwear'; di"),
        ('"adc.bits" = 8', '"adc.bits" = 0', "13: space.hardware.adc.bits: ADC.bits=0: must be"),
        ('"cell.bits" = [1, 2]\n', "", "14: space.vary: vary: names no field"),
        ('"cell.bits" = [1, 2]', '"cell.bits" = [1, 0]', "15: space.vary.cell.bits: vary: cell.bi"),
        ('"cell.bits" = [1, 2]', '"cell.bits" = [2, 2]', "15: space.vary.cell.bits: machines: the"),
        ('"cell.bits" = [1, 2]', '"cell.bits" = 1', "15: space.vary.cell.bits: vary['cell.bits']="),
        ('"cell.bits" = [1, 2]', '"cell.bits" = []', "15: space.vary.cell.bits: vary['cell.bits']"),
        ('"cell.bits" = [1, 2]', '"cell.bit" = [1]', "15: space.vary.cell.bit: vary: cell.bit=1:"),
        (
            '"cell.bits" = [1, 2]', '"cell.bits" = { low = 1, high = 2 }',
            "15: space.vary.cell.bits: vary['cell.bits']=Range(low=1, high=2",
        ),
        (
            '"cell.bits" = [1, 2]', 'two_sided = [false, true]',
            "15: space.vary.two_sided: vary: two_sided=True: Hardware.two_sided=True needs",
        ),
        ("count = 3", "count = 0", "18: space.count: count=0: must be an integer from 1"),
        ("count = 3\n", "", "16: space: has no 'count', which space needs"),
        ("seed = 5", "seed = -5", "19: space.seed: seed=-5"),
        ("[5, 4]]", "[5]]", "21: space.vary.weight_bits, cell.bits: vary[('weight_bits', 'cell.bi"),
        ("high = 0.1", "high = 0.001", "22: space.vary.cell.programming.sigma.high: Range.high=0."),
        ("low = 0.01, ", "", "22: space.vary.cell.programming.sigma: has no 'low', which a range"),
        ("log = true", "lag = true", "22: space.vary.cell.programming.sigma: cell.programming.sig"),
        ("time = [0, 60]", "time = [-1]", "23: space.vary.time: vary: time=-1: time=-1: must be"),
        ('name = "mine"', 'name = "isaac"', "30: space.machine.name: name='isaac': is given twice"),
        ('name = "mine"\n', "", "29: space.machine: has no 'name', which machine needs"),
        ('name = "mine"', 'name = "cell.bits=1"', "29: space.machine: a space before it has a mac"),
        (
            '"cell.bits" = 3', 'preset = "isaac"',
            "29: space.machine: 'mine' is the same machine as 'isaac'",
        ),
        (
            '"cell.bits" = 3', '"cell.bits" = 2\n"adc.bits" = 8',
            "29: space.machine: 'mine' is the same machine as 'cell.bits=2'",
        ),
        (
            "[[measure]]",
            '[[space]]\nkind = "grid"\n'
            'vary = { two_sided = [false], "cell.bits" = [3] }\n[[measure]]',
            "32: space: 'two_sided=False, cell.bits=3' is the same machine as 'mine'",
        ),
        ('"cell.bits" = 3', '"cell.bits" = 99', "31: space.machine.cell.bits: Cell.bits=99: must"),
        ('["controls"]', '["control"]', "37: measure.names: sweep.measure has no 'control'; did y"),
        ('["controls"]', '"controls"', "37: measure.names: names='controls': must be a list"),
        ('["controls"]', "[3]", "37: measure.names: names=3: must be a list of names"),
        ('["controls"]', "[]", "37: measure.names: measures: is empty"),
        ('["controls"]', '["cost"]', "37: measure.names: 'cost' is in an earlier [[measure]]"),
        ('"mine.toml"', '"isac"', "34: measure.components: components='{folder}/isac': must be"),
        ('"mine.toml"', "3", "34: measure.components: components=3: must be the name"),
        ('"mine.toml"', '"bad.toml"', "34: measure.components: component 'adc': Component.model"),
        ('["accuracy", "cost"]', '["accuracy"]', "34: measure.components: is for the measure 'cos"),
        ("chips = 3", "chips = 0", "35: measure.chips: chips=0: must be an integer from 1"),
        ("chips = 3", 'chips = 3\nstop = { trials = 2 }', "35: measure.chips: must be in the tabl"),
        ("chips = 3", "chip = 3", "35: measure.chip: measure has no 'chip'; did you mean 'chips'?"),
        ("trials = 8", "trials = 0", "38: measure.stop.trials: Stop.trials=0: must be"),
        (
            '"shuffled"', '"shufled"',
            "38: measure.stop.measure: measure='shufled': must be one of 'shuffled', 'pixels'; did",
        ),
        ('"shuffled"', '"refitted"', "38: measure.stop.measure: measure='refitted': must be one o"),
        (
            '["controls"]\nstop = { trials = 8, measure = "shuffled"',
            '["layer_errors", "rivals"]\nstop = { trials = 8, measure = "error of x"',
            "38: measure.stop.measure: measure='error of x': must be one of 'error of ",
        ),
        ("trials = 8", "trial = 8", "38: measure.stop.trial: stop has no 'trial'; did you mean"),
        ("seed = 7", "seed = -7", "40: run.seed: Task.seed=-7"),
        ("seed = 7", "sed = 7", "40: run.sed: run has no 'sed'; did you mean 'seed'?"),
        ('seeds = "own"', 'seeds = "mine"', "41: run.seeds: Task.seeds='mine': must be one of"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_line_and_field(
    old: str, new: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert old in TEXT
    with pytest.raises(ValueError) as error:
        load(Path(), TEXT.replace(old, new, 1))
    expected = message.replace("{folder}", str(folder))
    assert str(error.value).startswith(f"spec.toml:{expected}")
