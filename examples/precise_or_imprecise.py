# SPDX-License-Identifier: BSD-3-Clause
"""Precise devices or a refitted head: python examples/precise_or_imprecise.py

Do imprecise devices with a refitted head beat precise ones with the head they came with? 72
machines, from cells of 4 bits that are programmed pulse by pulse until they are within 0.5 % and
converters of 10 bits, to one pair of cells per weight with 10 % error and converters of 4 bits:
accuracy of the bundled network, before and after its head is refitted, against the energy of an
inference. Takes half an hour on two cores; docs/cost.md discusses the figure.
"""

from __future__ import annotations

import os
from itertools import product

import numpy as np
import pandas as pd
from common import parser, save
from tqdm import tqdm

import imperfect as im
from imperfect import comparison

# Bits of a weight and of a cell: weights of 8 bits take 2, 4 or 7 pairs of cells, others one pair.
WEIGHTS = {"8/4": (8, 4), "8/2": (8, 2), "8/1": (8, 1), "5/4": (5, 4), "4/3": (4, 3), "3/2": (3, 2)}
PROGRAMMING = {
    "verified": im.device.WriteVerify(tolerance=0.005, max_pulses=50, pulse_sigma=0.03),
    "3 %": im.device.Gaussian(0.03),
    "10 %": im.device.Gaussian(0.1),
}
CONVERTERS = (10, 8, 6, 4)
TARGETS = (0.87, 0.85, 0.8, 0.7, 0.6)


def machines(quick: bool) -> dict[str, im.Hardware]:
    """By name: bits of a weight / bits of a cell, error of the cells, bits of the converters."""
    choices = [*product(WEIGHTS, PROGRAMMING, CONVERTERS)]
    made = {}
    for weights, programming, bits in choices[::17] if quick else choices:
        weight_bits, cell_bits = WEIGHTS[weights]
        made[f"{weights}, {programming}, ADC {bits}"] = im.Hardware(
            weight_bits=weight_bits,
            cell=im.Cell(
                bits=cell_bits, g_max=100e-6, on_off_ratio=50, v_read=0.2,
                programming=PROGRAMMING[programming],
            ),
            array=im.Array(rows=128, cols=128, adc_share=8),
            dac=im.DAC(bits=8, slice_bits=1),
            adc=im.ADC(bits=bits),
            clock=10e6,
        )  # fmt: skip
    return made


def cheapest(points: pd.DataFrame) -> pd.DataFrame:
    """The machine of least energy that reaches each accuracy, for each head and each error."""
    rows = []
    for target, method, error in product(TARGETS, ("collapsed", "refitted"), PROGRAMMING):
        own = points[(points["method"] == method) & (points["accuracy"] >= target)]
        own = own[own["machine"].str.contains(f", {error}, ", regex=False)]
        if len(own):
            found = own.loc[own["energy"].idxmin()]
            rows.append((target, method, error, found["machine"], f"{1e6 * found['energy']:.2f}"))
        else:
            rows.append((target, method, error, "none", ""))
    return pd.DataFrame(rows, columns=["accuracy", "head", "error", "cheapest machine", "µJ"])


def pulses_per_cell(hardware: im.Hardware) -> float:
    """Programming pulses that a cell takes on average."""
    chip = im.AnalogNetwork(im.data.scattered_mobilenet(), hardware)
    return float(
        np.mean(np.concatenate([layer.pulses().ravel() for layer in chip.layers.values()]))
    )


def main() -> None:
    options = parser(__doc__).parse_args()
    images, tests, chips = (200, 100, 1) if options.quick else (1500, 500, 5)
    x_train, y_train, x_test, y_test = im.data.scattered_fashion()
    with tqdm(unit="task", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        results = im.compare(
            machines(options.quick), im.data.scattered_mobilenet(),
            x_train[:images], y_train[:images], x_test[:tests], y_test[:tests],
            chips=chips, jobs=os.cpu_count() or 1, progress=progress,
        )  # fmt: skip
    points = comparison.pareto(results)
    print(f"{results['value'].nunique()} machines, {chips} chips each, {tests} test images")
    best = points[points["on_frontier"] & points["method"].isin(["collapsed", "refitted"])]
    shown = best.assign(energy=best["energy"] * 1e6).rename(columns={"energy": "µJ"})
    print(shown.drop(columns=["without", "on_frontier"]).round(3).to_string(index=False))
    print(cheapest(points).to_string(index=False))
    highest = points.groupby("method")["accuracy"].max().round(3).to_dict()
    print(f"best of all machines: {highest}")
    verified = machines(quick=True)["8/4, verified, ADC 10"]
    print(f"a verified cell takes {pulses_per_cell(verified):.1f} pulses, another one")
    save(im.plot.pareto(results), options.out, "precise_or_imprecise")


if __name__ == "__main__":
    main()
