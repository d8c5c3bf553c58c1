# SPDX-License-Identifier: BSD-3-Clause
"""Figures: what they show, that nothing overlaps, and that nothing global changes."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import imperfect as im
from chips import noisy_chip
from imperfect import plot, report
from imperfect._plots.style import STYLES
from imperfect.study import METHODS

SIGMA = "cell.programming.sigma"


def study_table(values: dict[str, list[Any]], methods: tuple[str, ...] = METHODS) -> pd.DataFrame:
    """Results in which method m of chip c at place i has accuracy 0.1 m + 0.01 c + 0.001 i."""
    rows = [
        (knob, value, chip, method, 0.1 * m + 0.01 * chip + 0.001 * i)
        for knob, given in values.items()
        for i, value in enumerate(given)
        for chip in range(3)
        for m, method in enumerate(methods)
    ]
    columns = ["knob", "value", "chip", "method", "accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(n_train=200, n_test=100)


def layer_table(count: int = 3) -> pd.DataFrame:
    position = np.arange(1, count + 1)
    names = [f"block{i}/depthwise/conv" for i in position]
    columns = {"layer": names, "position": position, "snr_db": 30.0 - position, "own_snr_db": 30.0}
    return pd.DataFrame(columns)


def texts_overlap(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of labels whose boxes meet; also those that leave the figure."""
    figure.draw_without_rendering()
    texts = [text for ax in figure.axes for text in (ax.xaxis.label, ax.yaxis.label)]
    for ax in figure.axes:
        texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
        if ax.get_legend():
            texts += ax.get_legend().get_texts()
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    # Why: ticks beyond the limits of an axis have labels that are never drawn.
    visible = [text for text in texts if text.get_text() and text.get_window_extent().width]
    boxes = [(text.get_text(), text.get_window_extent()) for text in visible]
    outside = [
        (name, "figure")
        for name, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > figure.bbox.x1 or box.y1 > figure.bbox.y1
    ]
    pairs = itertools.combinations(boxes, 2)
    return outside + [(a, b) for (a, box), (b, other) in pairs if box.overlaps(other)]


def test_a_panel_per_knob_with_every_method() -> None:
    table = study_table({SIGMA: [0.0, 0.05, 0.15], "cell.bits": [1, 2, 4]})
    figure = plot.collapse_and_recover(table)
    assert len(figure.axes) == 2
    left, right = figure.axes
    assert left.get_xlabel() == r"Programming error $\sigma$ (%)"
    assert right.get_xlabel() == "Bits per cell"
    assert [ax.get_ylabel() for ax in figure.axes] == ["Test accuracy"] * 2
    assert left.get_ylim() == (0, 1)
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [plot.STYLES[method].label for method in METHODS]
    assert sum(label.startswith("Control") for label in labels) == 2
    np.testing.assert_allclose(left.lines[0].get_xdata(), [0, 5, 15])
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["1", "2", "4"]
    assert not texts_overlap(figure)


def test_lines_are_means_and_bands_reach_from_worst_to_best() -> None:
    ax = plot.collapse_and_recover(study_table({SIGMA: [0.1, 0.2]})).axes[0]
    for m, (line, band) in enumerate(zip(ax.lines, ax.collections, strict=True)):
        low = 0.1 * m + np.array([0, 0.001])
        np.testing.assert_allclose(line.get_ydata(), low + 0.01)
        y = band.get_paths()[0].vertices[:, 1]
        assert y.min() == pytest.approx(low[0])
        assert y.max() == pytest.approx(low[1] + 0.02)


def test_lines_differ_without_colour() -> None:
    ax = plot.collapse_and_recover(study_table({SIGMA: [0.1, 0.2]})).axes[0]
    looks = [(line.get_marker(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == len(METHODS)
    assert len({line.get_color() for line in ax.lines}) == len(METHODS)


def test_values_that_are_not_numbers_stand_side_by_side() -> None:
    table = study_table({"cell.bits": ["None", 4, 2]}, ("refitted",))
    ax = plot.collapse_and_recover(table).axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["None", "4", "2"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.01, 0.011, 0.012])


def test_numbers_are_sorted_and_near_ones_leave_the_ticks_alone() -> None:
    table = study_table({SIGMA: [0.2, 0.0, 0.001]}, ("refitted",))
    ax = plot.collapse_and_recover(table).axes[0]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0, 0.1, 20])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.011, 0.012, 0.01])
    assert 0.1 not in ax.get_xticks()


def test_one_value_has_a_column_for_each_method() -> None:
    table = study_table({"hardware": ["as given"]}, METHODS[:5])
    figure = plot.collapse_and_recover(table)
    (ax,) = figure.axes
    assert ax.get_xlabel() == "hardware: as given" and "mean" in ax.get_title()
    styles = [STYLES[method] for method in METHODS[:5]]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [s.label for s in styles]
    for m, (dots, mark) in enumerate(zip(ax.lines[::2], ax.lines[1::2], strict=True)):
        np.testing.assert_allclose(dots.get_ydata(), 0.1 * m + np.array([0, 0.01, 0.02]))
        assert np.abs(dots.get_xdata() - m).max() < 0.5
        assert (mark.get_xdata(), mark.get_ydata()) == ([m], [pytest.approx(0.1 * m + 0.01)])
        assert mark.get_color() == dots.get_color() == styles[m].color
    assert not figure.legends


def test_one_value_stands_beside_several() -> None:
    figure = plot.collapse_and_recover(study_table({SIGMA: [0.05], "cell.bits": [1, 2]}))
    left, right = figure.axes
    assert left.get_xlabel() == r"Programming error $\sigma$ (%): 5"
    assert right.get_xlabel() == "Bits per cell" and not right.get_title()
    (legend,) = figure.legends
    assert len(legend.get_texts()) == len(right.lines) == len(METHODS)
    given = Figure().subplots()
    plot.collapse_and_recover(study_table({SIGMA: [0.05]}), given)
    assert not given.get_title()


def test_labels_and_axes_may_be_given() -> None:
    table = study_table({SIGMA: [0.1, 0.2], "adc.bits": [4, 8]})
    figure = Figure()
    axes = figure.subplots(1, 2)
    returned = plot.collapse_and_recover(table, axes, labels={"adc.bits": "ADC (bits)"})
    assert returned is figure
    assert axes[1].get_xlabel() == "ADC (bits)"
    assert not figure.legends
    one = Figure().subplots()
    plot.collapse_and_recover(table[table["knob"] == SIGMA], one)
    assert len(one.lines) == len(METHODS)


def test_one_panel_fits_a_column() -> None:
    figure = plot.collapse_and_recover(study_table({SIGMA: [0.02, 0.05, 0.1, 0.15]}))
    assert figure.get_size_inches()[0] == plot.COLUMN_INCHES
    assert not texts_overlap(figure)


def test_layers_show_both_ratios_of_every_group() -> None:
    table = pd.concat([layer_table().assign(σ=f"{i} %", snr_db=20.0 - i) for i in (2, 5)])
    figure = plot.layers(table, by="σ")
    (ax,) = figure.axes
    assert ax.get_ylabel() == "Signal-to-error ratio (dB)"
    assert ax.get_xlabel() == "Layer, in the order of computation"
    (legend,) = figure.legends
    kinds = ("inside the chip", "each layer alone")
    wanted = [f"σ = {value}, {kind}" for value in ("2 %", "5 %") for kind in kinds]
    assert [text.get_text() for text in legend.get_texts()] == wanted
    np.testing.assert_allclose(ax.lines[2].get_ydata(), [15, 15, 15])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == table["layer"].tolist()[:3]
    assert not texts_overlap(figure)


def test_layers_leave_out_infinite_ratios_and_some_of_many_names() -> None:
    table = layer_table(100)
    table.loc[0, "snr_db"] = np.inf
    figure = plot.layers(table)
    assert figure.axes[0].lines[0].get_xdata()[0] == 2  # type: ignore[index]
    assert len(figure.axes[0].get_xticklabels()) == 34
    assert not texts_overlap(figure)


def test_files_are_written_without_pyplot_or_new_settings(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    study_table({SIGMA: [0.1, 0.2]}).to_csv(table, index=False)
    code = (
        "import sys, matplotlib, pandas; from imperfect import plot\n"
        "before = str(matplotlib.rcParams.copy())\n"
        "figure = plot.collapse_and_recover(pandas.read_csv(sys.argv[1]))\n"
        "figure.savefig(sys.argv[2])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert str(matplotlib.rcParams.copy()) == before\n"
    )
    picture = tmp_path / "figure.png"
    subprocess.run([sys.executable, "-c", code, str(table), str(picture)], check=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 5000


def test_settings_are_restored() -> None:
    before = str(matplotlib.rcParams.copy())
    plot.layers(layer_table())
    with pytest.raises(ValueError, match="ax: 0 axes"):
        plot.collapse_and_recover(study_table({SIGMA: [0.1]}), [])
    assert str(matplotlib.rcParams.copy()) == before


SLICED = im.Hardware(
    weight_bits=5,
    cell=im.Cell(bits=2),
    dac=im.DAC(bits=4),
    adc=im.ADC(bits=6, range="calibrated"),
)


def calibrated_layer(hardware: im.Hardware) -> tuple[im.AnalogLinear, np.ndarray[Any, Any]]:
    layer = im.AnalogLinear(np.random.default_rng(0).normal(size=(9, 30)), hardware=hardware)
    x = np.random.default_rng(1).normal(size=(50, 30))
    layer.calibrate(x)
    return layer, x


def test_adc_ranges_show_each_slice_and_polarity() -> None:
    layer, x = calibrated_layer(SLICED.with_field("subtract", "digital"))
    figure = plot.adc_ranges(layer, 3 * x)
    (ax,) = figure.axes
    assert figure.get_size_inches()[0] == plot.COLUMN_INCHES
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["slice 0 +", "slice 0 −", "slice 1 +", "slice 1 −"]
    report = layer.calibration_report(3 * x)
    clipped = 100 * (report["clipped_low"] + report["clipped_high"])
    wanted = [f"{p:.2g} %, {b:.1f}" for p, b in zip(clipped, report["bits_used"], strict=True)]
    (right,) = ax.child_axes
    assert [tick.get_text() for tick in right.get_yticklabels()] == wanted
    (legend,) = figure.legends
    kinds = ["within the range", "beyond it, clipped", "zero current"]
    assert [text.get_text() for text in legend.get_texts()] == kinds
    assert not texts_overlap(figure)


def test_adc_ranges_put_currents_where_they_lie() -> None:
    adc = im.ADC(bits=4, range=(-1.0, 3.0))
    hardware = im.Hardware(dac=im.DAC(bits=8, range=1.0, signed=True), adc=adc)
    layer = im.AnalogLinear([[1.0, 1.0]], hardware=hardware)
    ax = plot.adc_ranges(layer, [[1.0, 0.0], [-1.0, -0.5]], Figure().subplots()).axes[0]
    drawn = {}
    for patch in ax.patches[1:]:
        values, edges, _ = patch.get_data()  # type: ignore[attr-defined]
        (places,) = np.nonzero(values < 0)
        drawn[patch.get_label()] = [(edges[i], edges[i + 1]) for i in places]
    ((low, high),) = drawn["within the range"]
    assert low <= 0.5 + 1e-6 and high >= 0.5 - 1e-6
    ((low, high),) = drawn["beyond it, clipped"]
    assert low - 0.01 <= -0.125 <= high + 0.01


def test_adc_ranges_of_a_chip_name_its_layers() -> None:
    chip, x = noisy_chip()
    figure = plot.adc_ranges(chip, x)
    assert figure.get_size_inches()[0] == 2 * plot.COLUMN_INCHES
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert [name.split(" · ")[0] for name in names[::4]] == list(chip.layers)
    assert names[1:4] == ["slice 1", "slice 2", "slice 3"]
    assert not texts_overlap(figure)


def test_adc_ranges_refuse_what_has_none() -> None:
    layer = im.AnalogLinear([[1.0]])
    with pytest.raises(ValueError, match=r"ADC\.bits"):
        plot.adc_ranges(layer, [[1.0]])
    with pytest.raises(TypeError, match="layer=3: must be a layer"):
        plot.adc_ranges(3, [[1.0]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ax=3"):
        plot.adc_ranges(layer, [[1.0]], 3)  # type: ignore[arg-type]


GOOD = study_table({SIGMA: [0.1, 0.2]})
LAYERS = layer_table()
TABLES = (plot.collapse_and_recover, report.summary, report.recovery)
NO_RESULTS = [None, 3, [], {"knob": [1]}, np.zeros((2, 2)), "results.csv"]


def with_cell(column: str, value: Any) -> pd.DataFrame:
    """Good results, but for one cell of row 3."""
    table = GOOD.astype({column: object})
    table.loc[3, column] = value
    return table


@pytest.mark.parametrize("make", TABLES)
@pytest.mark.parametrize(
    ("results", "error", "reason"),
    [
        *((table, TypeError, "(?s)results=.*: must be a pandas.DataFrame") for table in NO_RESULTS),
        (GOOD[:0], ValueError, "results: has no rows"),
        (GOOD.drop(columns=["value"]), ValueError, "results: has no columns .'value'"),
        (GOOD.drop(columns=["accuracy"]), ValueError, "results: has no columns .'accuracy'"),
        (pd.concat([GOOD, GOOD["knob"]], axis=1), ValueError, "several columns 'knob'"),
        (with_cell("knob", np.nan), ValueError, "column 'knob' has no value in row 3"),
        (with_cell("value", None), ValueError, "'value' has no value in row 3.*keep_default_na"),
        (with_cell("value", [1]), TypeError, "column 'value' must hold numbers or text"),
        (with_cell("accuracy", "high"), TypeError, "'accuracy' has type object: must hold"),
        (GOOD.assign(accuracy=np.nan), ValueError, "column 'accuracy' has no value in row 0"),
        (GOOD.assign(accuracy=91.5), ValueError, "accuracy=91.5 in row 0: must be from 0 to 1"),
        (GOOD.assign(accuracy=-np.inf), ValueError, "accuracy=-inf in row 0"),
        (GOOD.assign(method="refited"), ValueError, "'refited'; did you mean 'refitted'"),
    ],
)
def test_bad_results(make: Any, results: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make(results)


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        *(
            (lambda ax=ax: plot.collapse_and_recover(GOOD, ax), TypeError, reason)
            for ax, reason in (
                ([1, 2], r"ax\[0\]=1: must be matplotlib Axes"),
                (Figure().subplots(2, 2), r"ax\[0\]=array.*must be matplotlib Axes"),
                (3, "ax=3: must be matplotlib Axes"),
                ("left", "ax='left': must be"),
                (Figure(), "ax=.*Figure.*: must be matplotlib Axes"),
            )
        ),
        (lambda: plot.collapse_and_recover(GOOD, labels=3), TypeError, "labels=3: must be a dict"),
        (lambda: plot.collapse_and_recover(GOOD, labels=["a"]), TypeError, r"labels=\['a'\]: must"),
        (lambda: plot.collapse_and_recover(GOOD, labels={SIGMA: 3}), TypeError, "sigma'.=3: must"),
        (lambda: plot.layers(None), TypeError, "report=None: must be a pandas.DataFrame"),
        (lambda: plot.layers(GOOD), ValueError, "report: has no columns .'layer'"),
        (lambda: plot.layers(LAYERS, by="chip"), ValueError, "no columns .'chip'"),
        (lambda: plot.layers(LAYERS, by=""), ValueError, "no columns .''"),
        (lambda: plot.layers(LAYERS, by=["layer"]), TypeError, r"by=\['layer'\]: must be the name"),
        (lambda: plot.layers(LAYERS, by=3), TypeError, "by=3: must be the name of a column"),
        (lambda: plot.layers(LAYERS, ax=[1, 2]), TypeError, r"ax=\[1, 2\]: must be matplotlib"),
        (lambda: plot.layers(LAYERS, ax=3), TypeError, "ax=3: must be matplotlib Axes"),
        (lambda: plot.layers(LAYERS.assign(snr_db="a")), TypeError, "column 'snr_db' has type"),
        (lambda: plot.layers(LAYERS.assign(own_snr_db=np.nan)), ValueError, "'own_snr_db' has no"),
        (lambda: plot.layers(layer_table(0)), ValueError, "has no rows"),
        (lambda: report.summary(GOOD.drop(columns="n_test")), ValueError, "no columns .'n_test'"),
        (lambda: report.summary(GOOD.assign(chip=None)), ValueError, "column 'chip' has no value"),
        (lambda: report.summary(GOOD.assign(n_train="a")), TypeError, "column 'n_train' has type"),
        *(
            (lambda m=m: report.recovery(GOOD[GOOD["method"] != m]), ValueError, f"of method '{m}'")
            for m in ("collapsed", "refitted", "shuffled", "pixels")
        ),
        (
            lambda: report.recovery(GOOD[(GOOD["method"] != "pixels") | (GOOD["value"] != 0.2)]),
            ValueError, f"no rows of method 'pixels' for {SIGMA} = 0.2",
        ),
        (lambda: report.recovery(GOOD, collapsed="a"), TypeError, "collapsed='a': must be a n"),
        (lambda: report.recovery(GOOD, margin=np.nan), ValueError, "margin=nan: must be a number"),
        (lambda: report.recovery(GOOD, collapsed=40), ValueError, "collapsed=40: must be a number"),
    ],
)  # fmt: skip
def test_bad_arguments(make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()


def test_summary_has_a_table_per_knob() -> None:
    table = study_table({SIGMA: [0.1, 0.25], "cell.bits": [2.0, "None"]})
    lines = report.summary(table).splitlines()
    assert lines[0].startswith("Accuracy (%) on 100 test images; heads fitted on 200;")
    assert lines[0].endswith("over 3 chips.")
    assert [lines[2], lines[7]] == [SIGMA, "cell.bits"]
    assert [line.split()[0] for line in lines[3:6]] == ["value", "0.1", "0.25"]
    assert [line.split()[0] for line in lines[8:]] == ["value", "2", "None"]
    wanted = ["1.0", "11.0±1.0", "21.0±1.0", "31.0±1.0", "41.0±1.0", "51.0±1.0", "61.0"]
    assert lines[4].split()[1:] == wanted
    assert max(map(len, lines[1:])) < 80


def test_recovery_names_the_values_where_it_is_real() -> None:
    table = study_table({SIGMA: [0.1, 0.2]})
    real = table.copy()
    chosen = (real["method"] == "refitted") & (real["value"] == 0.2)
    real.loc[chosen, "accuracy"] = 0.75
    heading, line = report.recovery(real).splitlines()
    assert heading.startswith("Own head below 40 %, refitted head at least 10 points above")
    wanted = f"{SIGMA} = 0.2: own head 11.1 %, refitted 75.0 %, better control 61.1 %"
    assert line.strip() == wanted
    assert report.recovery(table).endswith("at no value.")
    assert report.recovery(real, collapsed=0.1).endswith("at no value.")
    assert report.recovery(real, margin=0.2).endswith("at no value.")
