# SPDX-License-Identifier: BSD-3-Clause
"""Laws fitted to measured conductances: from data whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import imperfect as im
from imperfect import device, plot

G_MAX = 20e-6


def measured(cells: int = 400, readings: int = 5, levels: int = 12, seed: int = 0) -> pd.DataFrame:
    """Programming error of 2 + 4 g % and read noise of 1 % of g_max, g being the target."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.linspace(0.05, 1, levels), cells)
    programmed = g + (0.02 + 0.04 * g) * rng.normal(size=g.size)
    read = np.tile(np.arange(readings), (g.size, 1))
    noisy = programmed[:, None] + 0.01 * rng.normal(size=read.shape)
    return pd.DataFrame(
        {
            "target": G_MAX * np.repeat(g, readings),
            "conductance": G_MAX * noisy.ravel(),
            "read": read.ravel(),
        }
    )


def test_known_laws_are_found() -> None:
    found = device.from_measurements(measured())
    assert found.g_max == G_MAX
    assert found.read_noise is not None
    g = np.array(found.programming.g)
    # 400 cells tell a deviation to 1 / sqrt(800) = 3.5 %, less where several levels count.
    assert_allclose(found.programming.sigma, 0.02 + 0.04 * g, rtol=0.08)
    assert_allclose(found.read_noise.sigma, 0.01, rtol=0.03)
    fit = found.fit
    z = (fit["sigma"] - (0.02 + 0.04 * fit["g"])) / fit["sigma_error"]
    assert np.abs(z).max() < 4 and 0.3 < z.std() < 2
    assert (fit["mean_error"].abs() < 5 * fit["sigma"] / np.sqrt(400)).all()


def test_without_readings_there_is_no_read_noise() -> None:
    found = device.from_measurements(measured(readings=1).drop(columns="read"), smoothing=0)
    assert found.read_noise is None and "read_sigma" not in found.fit
    assert_allclose(found.programming.sigma, found.fit["sigma"])


def test_cells_are_told_apart_by_name_or_by_order() -> None:
    table = measured(cells=50)
    by_order = device.from_measurements(table)
    names = table.assign(cell=np.repeat(np.arange(len(table) // 5), 5))
    shuffled = names.sample(frac=1, random_state=0)
    by_name = device.from_measurements(shuffled)
    assert_allclose(by_order.programming.sigma, by_name.programming.sigma)


def test_continuous_targets_are_binned() -> None:
    rng = np.random.default_rng(1)
    target = rng.uniform(1e-6, G_MAX, 5000)
    table = {"target": target, "conductance": target + 1e-6 * rng.normal(size=5000)}
    found = device.from_measurements(table, g_max=G_MAX)
    assert 4 <= len(found.fit) <= 32
    assert_allclose(found.programming.sigma, 0.05, rtol=0.1)


def test_csv_and_json_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    measured(cells=30).to_csv(path, index=False)
    found = device.from_measurements(path)
    assert found == device.from_measurements(str(path))
    hardware = im.Hardware(cell=found.cell(bits=2, on_off_ratio=20))
    assert im.Hardware.from_json(hardware.to_json()) == hardware
    layer = im.AnalogLinear(np.eye(3), hardware=hardware.with_field("weight_bits", 5), seed=1)
    assert (layer(np.ones((4, 3))) != layer(np.ones((4, 3)), read=1)).any()


def test_what_is_missing_is_said() -> None:
    table = measured(cells=30)
    table = table[(table["target"] < 0.3 * G_MAX) | (table["target"] > 0.7 * G_MAX)]
    found = device.from_measurements(pd.concat([table, table[:5]]), g_max=G_MAX)
    low, high = found.largest_gap
    assert low < 0.3 and high > 0.7
    few = device.from_measurements(measured(cells=5))
    assert (few.fit["note"] == "only 5 cells").all()


def test_figure(tmp_path: Path) -> None:
    figure = device.from_measurements(measured()).plot()
    figure.savefig(tmp_path / "device.png")
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert len(labels) == 5
    with pytest.raises(TypeError, match="device"):
        plot.measured_device(3)  # type: ignore[arg-type]


TABLE = measured(cells=3, levels=3)


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (lambda t: t.drop(columns="target"), ValueError, "no columns \\['target'\\]"),
        (lambda t: t.assign(target="a"), TypeError, "'target' has type"),
        (
            lambda t: t.assign(conductance=np.nan),
            ValueError,
            "'conductance' is not finite in row 0",
        ),
        (lambda t: t.assign(target=-1e-6), ValueError, "target=-1e-06"),
        (lambda t: t.assign(target=2.0), ValueError, "g_max=2.0"),
        (lambda t: t[t["target"] == t["target"].max()], ValueError, "has 1 level"),
        (lambda t: t.iloc[:16], ValueError, "1 cell at g="),
        (lambda t: 3, TypeError, "data: must be"),
        (lambda t: t.assign(target=0.0), ValueError, "g_max=0.0"),
    ],
)
def test_bad_tables(change: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        device.from_measurements(change(TABLE))


def test_bad_arguments() -> None:
    for arguments in ({"g_max": 1e-9}, {"g_max": 2}, {"smoothing": -1}, {"smoothing": np.nan}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            device.from_measurements(TABLE, **arguments)
    with pytest.raises(FileNotFoundError):
        device.from_measurements("nowhere.csv")
