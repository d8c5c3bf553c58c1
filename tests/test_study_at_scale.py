# SPDX-License-Identifier: BSD-3-Clause
"""Studies of other classes, of images read piece by piece, kept on disk, and their summary R."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

import imperfect as im
import networks
from chips import NOISY
from imperfect import report
from imperfect._study import samples, trial
from imperfect._study.heads import named_head
from imperfect.images import Images
from imperfect.network import AnalogNetwork, Network
from imperfect.study import collapse_and_recover, default_head, recovered

SIGMA = "cell.programming.sigma"
WRONG = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.2)))


def pictures() -> tuple[Network, tuple[Any, ...]]:
    """A network for three classes, and images of four classes that it was not trained for."""
    network = Network.from_onnx(networks.small_cnn(classes=3))
    draw = np.random.default_rng(1)
    y = np.arange(160) % 4
    pixels = draw.integers(0, 120, size=(160, 8, 8, 3), dtype=np.uint8)
    pixels[..., 0] += (y[:, None, None] * 40).astype(np.uint8)
    x = Images(pixels, scale=(-2, 2))
    return network, (x[:120], y[:120], x[120:], y[120:])


def test_transfer_fits_a_head_in_float_that_stands_for_the_own_one() -> None:
    network, arrays = pictures()
    x_train, y_train, x_test, y_test = arrays
    results = collapse_and_recover(
        network, *arrays, WRONG, {SIGMA: [0.0, 0.3]}, chips=2, seed=8, transfer=True
    )
    own = default_head().fit(network.features(x_train).reshape(120, -1), y_train)
    of_float = own.score(network.features(x_test).reshape(40, -1), y_test)
    for (sigma, seed), rows in results.groupby(["value", "seed"]):
        hardware = WRONG.with_field(SIGMA, float(sigma))
        chip = AnalogNetwork(network, hardware, int(seed))
        accuracy = rows.set_index("method")["accuracy"]
        test = chip.features(x_test).reshape(40, -1)
        assert accuracy["float"] == of_float > 0.6
        assert accuracy["collapsed"] == own.score(test, y_test)
        head = clone(default_head()).fit(chip.features(x_train).reshape(120, -1), y_train)
        assert accuracy["refitted"] == head.score(test, y_test)
        affine = chip.affine_corrected(x_train[np.linspace(0, 119, 60).round().astype(int)])
        assert accuracy["affine"] == own.score(affine.features(x_test).reshape(40, -1), y_test)
    means = results.groupby(["value", "method"])["accuracy"].mean().unstack()
    assert means.loc[0.0, "collapsed"] == means.loc[0.0, "float"]
    assert means.loc[0.3, "collapsed"] < means.loc[0.3, "float"]


def test_pieces_and_bytes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (x_train, y_train, x_test, y_test) = pictures()
    pixels = [np.round((x.transpose(0, 2, 3, 1) + 2) * 63.75) for x in (x_train, x_test)]
    kept = [Images(x.astype(np.uint8), (-2, 2)) for x in pixels]
    options: dict[str, Any] = {"vary": {SIGMA: [0.1]}, "chips": 2, "transfer": True}
    whole = collapse_and_recover(network, x_train, y_train, x_test, y_test, NOISY, **options)
    monkeypatch.setattr(samples, "PIECE_BYTES", 7 * 4 * 3 * 8 * 8)
    parts = collapse_and_recover(network, kept[0], y_train, kept[1], y_test, NOISY, **options)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_large_inputs_are_averaged_for_the_control() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 128, 96)).astype(np.float32)
    rows = samples.raw_inputs(x).reshape(3, 2, 64, 64)
    np.testing.assert_allclose(rows.mean(axis=(2, 3)), x.mean(axis=(2, 3)), atol=0.02)
    halves = x.reshape(3, 2, 64, 2, 96).mean(axis=3)
    np.testing.assert_allclose(rows[..., 0], halves[..., :2].mean(axis=-1), rtol=1e-5, atol=1e-6)
    small = x[..., :64, :64]
    np.testing.assert_array_equal(samples.raw_inputs(small), small.reshape(3, -1))


def test_a_study_goes_on_where_it_stopped(tmp_path: Path) -> None:
    network, arrays = pictures()
    options: dict[str, Any] = {"chips": 2, "transfer": True, "head": RidgeClassifier()}
    vary: dict[str, Any] = {SIGMA: [0.1, 0.3]}
    alone = collapse_and_recover(network, *arrays, WRONG, vary, **options)

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise StoppedError

    cache = tmp_path / "new" / "cache"
    with pytest.raises(StoppedError):
        collapse_and_recover(network, *arrays, WRONG, vary, cache=cache, progress=stop, **options)
    done = set(cache.iterdir())
    assert done
    again = collapse_and_recover(network, *arrays, WRONG, vary, cache=cache, **options)
    pd.testing.assert_frame_equal(alone, again, check_exact=True)
    assert done < set(cache.iterdir())
    with patch.object(trial, "AnalogNetwork", side_effect=AssertionError("programmed again")):
        whole = collapse_and_recover(network, *arrays, WRONG, vary, cache=cache, **options)
    pd.testing.assert_frame_equal(alone, whole, check_exact=True)


def test_another_head_needs_no_chip_again_but_other_labels_count(tmp_path: Path) -> None:
    network, (x_train, y_train, x_test, y_test) = pictures()
    vary: dict[str, Any] = {SIGMA: [0.2]}

    def run(y: Any = y_train, **options: Any) -> pd.DataFrame:
        options = {"chips": 1, "transfer": True, "head": RidgeClassifier()} | options
        return collapse_and_recover(network, x_train, y, x_test, y_test, WRONG, vary, **options)

    first = run(cache=tmp_path)
    with patch.object(AnalogNetwork, "calibrate", side_effect=AssertionError("runs a chip")):
        other = run(cache=tmp_path, head=RidgeClassifier(alpha=100))
    pd.testing.assert_frame_equal(other, run(head=RidgeClassifier(alpha=100)), check_exact=True)
    assert (first["accuracy"] != other["accuracy"]).any()
    turned = (y_train + 1) % 4
    with_turned = run(turned, cache=tmp_path)
    pd.testing.assert_frame_equal(with_turned, run(turned), check_exact=True)


def test_a_damaged_file_is_computed_again(tmp_path: Path) -> None:
    network, arrays = pictures()
    options: dict[str, Any] = {"vary": {SIGMA: [0.2]}, "chips": 1, "transfer": True}
    first = collapse_and_recover(network, *arrays, WRONG, cache=tmp_path, **options)
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        content = path.read_bytes()
        path.write_bytes([b"", content[: len(content) // 2], b"words"][number % 3])
    again = collapse_and_recover(network, *arrays, WRONG, cache=tmp_path, **options)
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_without_knobs_the_hardware_is_measured_as_given() -> None:
    network, arrays = pictures()
    results = collapse_and_recover(network, *arrays, WRONG, chips=2, transfer=True)
    assert results[["knob", "value"]].drop_duplicates().to_numpy().tolist() == [
        ["hardware", "as given"]
    ]
    varied = collapse_and_recover(network, *arrays, WRONG, {SIGMA: [0.2]}, 2, transfer=True)
    assert results["accuracy"].tolist() == varied["accuracy"].tolist()


class InsideHead(LogisticRegression):  # type: ignore[misc]
    """A head that takes another tensor than the features."""

    output = ""


def test_a_head_may_name_the_tensor_it_takes() -> None:
    network, arrays = pictures()
    names = network._graph.tensor_names()
    tensor = network._feature_name(None)
    inside = names[names.index(tensor) - 1]
    InsideHead.output = inside
    results = collapse_and_recover(
        network, *arrays, WRONG, chips=1, transfer=True, head=InsideHead(max_iter=500)
    )
    chip = AnalogNetwork(network, WRONG, int(results["seed"].iloc[0]))
    train, test = (chip.features(x, inside).reshape(len(x), -1) for x in (arrays[0], arrays[2]))
    wanted = LogisticRegression(max_iter=500).fit(train, arrays[1]).score(test, arrays[3])
    accuracy = results.set_index("method")["accuracy"]
    assert accuracy["refitted"] == wanted
    raw = default_head().fit(arrays[0].reshape(120, -1), arrays[1])
    assert accuracy["pixels"] == raw.score(arrays[2].reshape(40, -1), arrays[3])


def table(**accuracy: list[float]) -> pd.DataFrame:
    rows = [
        {"knob": "k", "value": 1, "chip": chip, "method": method, "accuracy": value}
        for method, values in accuracy.items()
        for chip, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(n_train=9, n_test=9)


def test_recovery_is_a_ratio_of_means_with_its_interval() -> None:
    collapsed, refitted = np.array([0.1, 0.2, 0.4]), np.array([0.6, 0.5, 0.7])
    found = recovered(
        table(float=[0.9] * 3, collapsed=list(collapsed), refitted=list(refitted), pixels=[0.3] * 3)
    ).iloc[0]
    lost, gained = 0.9 - collapsed, refitted - collapsed
    ratio = gained.mean() / lost.mean()
    error = np.std(gained - ratio * lost, ddof=1) / np.sqrt(3) / lost.mean()
    half = 4.302653 * error  # Student's t at 97.5 %, two degrees of freedom
    got = found[["recovery", "low", "high"]].astype(float).tolist()
    np.testing.assert_allclose(got, [ratio, ratio - half, ratio + half], rtol=1e-6)
    assert found["control"] == 0.3 and found["chips"] == 3


def test_the_interval_covers_as_often_as_it_says() -> None:
    draw = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        lost = draw.normal(0.5, 0.05, 5)
        gained = 0.6 * lost + draw.normal(0, 0.02, 5)
        values = {"float": [0.9] * 5, "collapsed": 0.9 - lost, "refitted": 0.9 - lost + gained}
        row = recovered(table(**{k: list(v) for k, v in values.items()})).iloc[0]
        covered += row["low"] < 0.6 < row["high"]
    assert abs(covered / 400 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 400)


def test_recovery_where_nothing_was_lost_or_chips_are_few() -> None:
    nothing = recovered(table(float=[0.9], collapsed=[0.9], refitted=[0.8])).iloc[0]
    assert np.isnan(nothing["recovery"])
    one = recovered(table(float=[0.9], collapsed=[0.5], refitted=[0.7])).iloc[0]
    assert one["recovery"] == pytest.approx(0.5) and np.isnan(one["low"])
    text = report.shares(table(float=[0.9], collapsed=[0.9], refitted=[0.8]))
    assert "nothing was lost" in text


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"confidence": 1}, ValueError, "confidence=1: must be a number above 0"),
        ({"confidence": "high"}, TypeError, "confidence='high'"),
        ({"results": table(float=[1.0], collapsed=[0.5])}, ValueError, "lack method 'refitted'"),
        ({"results": [1]}, TypeError, "results="),
    ],
)
def test_bad_results(change: dict[str, Any], error: type[Exception], reason: str) -> None:
    good = table(float=[0.9] * 2, collapsed=[0.1] * 2, refitted=[0.5] * 2)
    with pytest.raises(error, match=reason):
        recovered(**{"results": good} | change)


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"transfer": 1}, TypeError, "transfer=1: must be True or False"),
        ({"transfer": False}, ValueError, "for 4 classes in y_train; .*unless transfer is True"),
        ({"cache": 3}, TypeError, "cache=3: must be the path of a folder"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], reason: str) -> None:
    network, arrays = pictures()
    with pytest.raises(error, match=reason):
        collapse_and_recover(network, *arrays, WRONG, **{"chips": 1, "transfer": True} | change)


def test_a_cache_that_is_a_file(tmp_path: Path) -> None:
    network, arrays = pictures()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        collapse_and_recover(network, *arrays, WRONG, transfer=True, cache=tmp_path / "file")


def test_heads_by_name() -> None:
    network, _ = pictures()
    assert named_head("head", "logistic", network) is None
    head = named_head("head", "sklearn.svm.LinearSVC(C=0.5, dual=False)", network)
    assert isinstance(head, LinearSVC) and head.C == 0.5 and head.dual is False
    assert isinstance(
        named_head("head", "sklearn.linear_model.RidgeClassifier", network), RidgeClassifier
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "svm",
        "last:",
        "last:two",
        "os.system('ls')",
        "sklearn.svm.SVR",
        "sklearn.svm.LinearSVC(1)",
        "sklearn.svm.LinearSVC(C=open('x'))",
        "sklearn.svm.LinearSVC(D=1)",
        "sklearn.nothing.X",
        "sklearn.svm.LinearSVC(C=1",
    ],
)
def test_texts_that_name_no_head(text: str) -> None:
    network, _ = pictures()
    with pytest.raises(ValueError, match=r'--head .*: must be "logistic", "last:K" or'):
        named_head("--head", text, network)
