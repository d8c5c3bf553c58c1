# SPDX-License-Identifier: BSD-3-Clause
"""Laws fitted to measured conductances: from data whose truth is known."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import imperfect as im
from imperfect import device, plot
from imperfect.device._measured import _count_far

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


def test_mean_errors_are_found_and_applied() -> None:
    table = measured()
    miss = 0.05 - 0.1 * table["target"] / G_MAX
    found = device.from_measurements(table.assign(conductance=table["conductance"] + G_MAX * miss))
    g, mean = np.array(found.programming.g), np.array(found.programming.mean)
    # Several levels of 400 cells count, of a deviation up to 6 %.
    assert_allclose(mean, 0.05 - 0.1 * g, atol=4 * 0.06 / np.sqrt(400))
    hardware = im.Hardware(weight_range=1.0, cell=found.cell(read_noise=None))
    layer = im.AnalogLinear(np.full((1, 40_000), 0.7), hardware=hardware, seed=1)
    error = layer.conductances()[0, 0] - 0.7
    assert_allclose(error.mean(), np.interp(0.7, g, mean), atol=5 * 0.06 / 200)


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


def test_cells_far_from_their_level_are_told_of_and_fitted_all_the_same() -> None:
    g = np.repeat(np.linspace(0.1, 1, 8), 48)
    error = 0.016 * np.random.default_rng(0).normal(size=384)
    table = {"target": G_MAX * g, "conductance": G_MAX * (g + error)}
    clean = device.from_measurements(table, smoothing=0)
    assert (clean.fit["note"] == "").all() and clean.fit["sigma"].max() < 0.03
    table["conductance"][[0, 1]] = G_MAX
    text = r"^data: 2 of 384 cells .* \(g=0\.1 of g_max\).*faults=im\.device\.StuckAt\(\.\.\.\)"
    with pytest.warns(UserWarning, match=text) as told:
        found = device.from_measurements(table, smoothing=0)
    assert len(told) == 1 and told[0].filename == __file__
    assert found.fit["note"].tolist() == ["2 far from the median"] + 7 * [""]
    assert found.fit.columns.tolist() == clean.fit.columns.tolist()
    stuck = table["conductance"][:48] / G_MAX - 0.1
    assert_allclose(found.programming.sigma[0], stuck.std(ddof=1))
    assert_allclose(found.programming.sigma[1:], clean.programming.sigma[1:])


@pytest.mark.parametrize(
    ("cells", "note"), [(9, "only 9 cells"), (10, "only 10 cells; 1 far from the median")]
)
def test_few_or_equal_cells_are_not_judged(cells: int, note: str) -> None:
    error = 0.01 * np.linspace(-1, 1, cells)
    error[0] = 0.5
    g = np.repeat([0.3, 0.8], cells)
    alike = np.where(np.arange(cells) == 0, 0.5, 0.0)
    table = {"target": G_MAX * g, "conductance": G_MAX * (g + np.concatenate([error, alike]))}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        notes = device.from_measurements(table).fit["note"]
    assert notes[0] == note and notes[1] == f"only {cells} cells"
    assert len(told) == (cells >= 10)


def test_normal_cells_are_seldom_far_by_chance() -> None:
    rng = np.random.default_rng(5)
    laws = (lambda n: rng.normal(size=n), lambda n: np.exp(0.1 * rng.normal(size=n)))
    for law in laws:
        g = np.repeat(np.linspace(0.1, 1, 60), 400)
        table = {"target": G_MAX * g, "conductance": G_MAX * (g + 0.02 * law(g.size))}
        assert (device.from_measurements(table).fit["note"] == "").all()


@pytest.mark.parametrize("cells", [10, 50, 200])
@pytest.mark.parametrize(("spread", "most"), [(0.0, 0.01), (0.3, 0.02)])
def test_few_levels_are_told_of_by_chance(cells: int, spread: float, most: float) -> None:
    """Of levels without stuck cells, normal (0) or lognormal with that spread."""
    z = np.random.default_rng(6).normal(size=(4000, cells))
    told = [_count_far(level) > 0 for level in (np.exp(spread * z) if spread else z)]
    assert np.mean(told) < most


def test_figure(tmp_path: Path) -> None:
    figure = device.from_measurements(measured()).plot()
    figure.savefig(tmp_path / "device.png")
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert len(figure.axes) == 1 and len(labels) == 7 and "No level measured" in labels
    with pytest.raises(TypeError, match="device"):
        plot.measured_device(3)  # type: ignore[arg-type]


NU, NU_SIGMA, TIMES = 0.06, 0.02, (1.0, 60.0, 3600.0, 86400.0)


def drifting(cells: int = 400, readings: int = 3, levels: int = 8, seed: int = 0) -> pd.DataFrame:
    """g falls as (t / 1 s)^-nu, nu = 0.06 + 0.02 z, after errors of 5 %; read noise 1 %."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.linspace(0.1, 1, levels), cells)
    programmed = g + 0.05 * rng.normal(size=g.size)
    nu = NU + NU_SIGMA * rng.normal(size=g.size)
    parts = []
    for time in TIMES:
        true = (programmed * time**-nu)[:, None]
        noisy = true + 0.01 * rng.normal(size=(g.size, readings))
        parts.append(
            pd.DataFrame(
                {
                    "target": G_MAX * np.repeat(g, readings),
                    "conductance": G_MAX * noisy.ravel(),
                    "cell": np.repeat(np.arange(g.size), readings),
                    "read": np.tile(np.arange(readings), g.size),
                    "time": time,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def true_drift(g: Any, time: Any) -> tuple[Any, Any]:
    """Mean change and deviation of t^-nu for normal nu, times g."""
    log_t = np.log(time)
    mean = np.exp(-NU * log_t + (NU_SIGMA * log_t) ** 2 / 2)
    return g * (mean - 1), g * mean * np.sqrt(np.expm1((NU_SIGMA * log_t) ** 2))


def test_known_drift_is_found() -> None:
    found = device.from_measurements(drifting())
    assert found.drift is not None and found.drift_fit is not None
    assert found.drift.seconds == (59.0, 3599.0, 86399.0)
    fit = found.drift_fit
    assert set(fit["time"]) == set(TIMES[1:]) and (fit["cells"] == 400).all()
    change, sigma = true_drift(fit["g"], fit["time"])
    for name, truth in (("change", change), ("sigma", sigma)):
        z = (fit[name] - truth) / fit[f"{name}_error"]
        assert np.abs(z).max() < 4.5 and 0.3 < z.std() < 2, name
        assert np.abs(fit[f"{name}_fit"] - truth).max() < 0.006
    assert_allclose(found.programming.sigma, 0.05, rtol=0.1)


def test_drift_of_cells_is_that_of_the_fit() -> None:
    """Cells made with the fitted law spread as the measured ones do, and keep their order."""
    found = device.from_measurements(drifting())
    cell = found.cell(read_noise=None, programming=None)
    hardware = im.Hardware(weight_range=1.0, cell=cell)
    assert im.Hardware.from_json(hardware.to_json()) == hardware
    layer = im.AnalogLinear(np.full((1, 20_000), 0.7), hardware=hardware, seed=1)
    change, sigma = true_drift(0.7, 86400.0)
    day, before = (layer.at(s).conductances()[0, 0] for s in (86399.0, 3599.0))
    assert_allclose(day.mean() - 0.7, change, atol=0.006)
    assert_allclose(day.std(), sigma, rtol=0.1)
    assert np.corrcoef(day, before)[0, 1] > 0.99


def test_cells_without_names_are_told_apart_at_all_times() -> None:
    table = drifting(cells=60)
    named, unnamed = (
        device.from_measurements(t) for t in (table.sample(frac=1), table.drop(columns="cell"))
    )
    assert named.drift is not None and unnamed.drift is not None
    assert_allclose(named.drift.mean, unnamed.drift.mean)
    assert_allclose(named.drift.sigma, unnamed.drift.sigma)
    one_cell = range(60 * 8 * 3, 60 * 8 * 3 + 3)
    with pytest.raises(ValueError, match=r"60 at 1 s, 59 at 60 s.*'cell'"):
        device.from_measurements(table.drop(columns="cell").drop(index=one_cell))


def test_missing_levels_are_fitted_from_others_and_said() -> None:
    table = drifting(cells=60)
    is_missing = (table["time"] == 3600) & (table["target"] == table["target"].max())
    found = device.from_measurements(table[~is_missing])
    assert found.drift_fit is not None and found.drift is not None
    row = found.drift_fit[found.drift_fit["note"] != ""]
    assert row["note"].tolist() == ["0 cells read: fitted from other levels"]
    assert row["time"].tolist() == [3600.0] and row["change"].isna().all()
    assert_allclose(row["change_fit"], true_drift(1.0, 3600.0)[0], atol=0.08)
    assert np.isfinite(found.drift.mean).all()
    for smoothing in (0, 1e-4):
        alone = device.from_measurements(table[~is_missing], smoothing=smoothing)
        assert alone.drift is not None and np.isfinite(alone.drift.mean).all()


def test_times_a_little_apart_are_one_and_names_may_be_capitals(tmp_path: Path) -> None:
    table = drifting(cells=30)
    late = table.assign(time=table["time"] * (1 + 0.01 * np.tile([0, 1], len(table) // 2)))
    path = tmp_path / "cells.csv"
    late.rename(columns=str.title).rename(columns={"Time": " TIME"}).to_csv(path, index=False)
    path.write_text("# chip 7\n" + path.read_text())
    found = device.from_measurements(path)
    assert found.drift is not None and len(found.drift.seconds) == 3
    one_time = device.from_measurements(table[table["time"] == 60])
    assert one_time.drift is None and one_time.drift_fit is None


def test_drift_of_continuous_targets() -> None:
    table = drifting(cells=600, readings=1)
    rng = np.random.default_rng(3)
    shift = dict(enumerate(rng.uniform(-0.05, 0.05, 600 * 8)))
    g = table["target"] / G_MAX
    moved = (g + table["cell"].map(shift)).clip(0.02, 1)
    scaled = table["conductance"] * moved / g
    found = device.from_measurements(
        table.assign(target=G_MAX * moved, conductance=scaled), g_max=G_MAX
    )
    assert found.drift_fit is not None and len(found.fit) > 8
    fit = found.drift_fit
    change, _ = true_drift(fit["g"], fit["time"])
    # Read noise of 1 % moves a cell's two readings; bins hold 100 cells or more.
    assert np.abs(fit["change_fit"] - change).max() < 0.02


def test_drift_has_a_panel(tmp_path: Path) -> None:
    found = device.from_measurements(drifting(cells=30))
    figure = found.plot()
    figure.savefig(tmp_path / "device.png")
    assert len(figure.axes) == 2
    _, labels = figure.axes[1].get_legend_handles_labels()
    assert labels == ["59 s", "3.6e+03 s", "8.64e+04 s"]
    with pytest.raises(ValueError, match="1 axes for 2 panels"):
        plot.measured_device(found, figure.axes[0])


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
        (lambda t: t.assign(target=2.0), ValueError, "target=2: .* are these microsiemens"),
        (lambda t: t[t["target"] == t["target"].max()], ValueError, "has 1 level"),
        (lambda t: t.iloc[:16], ValueError, "1 cell at g="),
        (lambda t: 3, TypeError, "data: must be"),
        (lambda t: t.assign(target=0.0), ValueError, "g_max=0.0"),
        (lambda t: t.assign(conductance=5.0), ValueError, "conductance=5: .* microsiemens"),
        (
            lambda t: t.assign(conductance=[0.5, *t["conductance"][1:]]),
            ValueError,
            "conductance=0.5: .*another unit",
        ),
        (lambda t: t.iloc[:0], ValueError, "data: has no rows"),
        (
            lambda t: t.assign(conductance=t["conductance"] * 1e4),
            ValueError,
            "both be in siemens",
        ),
        (lambda t: t.assign(cell=np.nan), ValueError, "'cell' is empty in row 0"),
        (lambda t: t.assign(read=[None, *[0] * (len(t) - 1)]), ValueError, "'read' is empty"),
        (lambda t: t.assign(Target=1e-6), ValueError, "are all 'target'"),
        (lambda t: t.assign(time="1 h"), TypeError, "'time' has type"),
        (lambda t: t.assign(time=-1.0), ValueError, "time=-1"),
        (lambda t: t.assign(time=np.inf), ValueError, "'time' is not finite in row 0"),
        (
            lambda t: t.assign(time=1.02 ** np.arange(len(t))),
            ValueError,
            "without a gap",
        ),
        (
            lambda t: t.assign(time=(t["target"] == G_MAX) + 1.0),
            ValueError,
            "target=2e-05 was not read at time=1 s",
        ),
        (
            lambda t: pd.concat([t, t[t["target"] == G_MAX].assign(time=9)]).fillna({"time": 1}),
            ValueError,
            "time=9 s has 1 levels",
        ),
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
