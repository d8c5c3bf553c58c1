# SPDX-License-Identifier: BSD-3-Clause
"""What the study of 352 machines says: python examples/frontier.py frontier.db --out figures

Reads the store that ``imperfect sweep run examples/frontier.toml -o frontier.db`` wrote (1.5 hours
on two cores) and prints the tables of docs/frontier.md: the frontier of accuracy and energy with
the network's own head and with a refitted one, the cheapest machine that keeps an accuracy at each
programming error, rivals of refitting and controls. Draws frontier.png and
frontier_panels.png, and writes the report frontier.html.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

import imperfect as im
from imperfect import sweep

SIGMA = "cell.programming.sigma"
TARGETS = (0.88, 0.87, 0.85, 0.8, 0.7, 0.6)
HEADS = ("collapsed", "refitted", "bn_reestimated", "affine")
SHOWN = ["weight_bits", "cell.bits", SIGMA, "adc.bits", "dac.bits", "array.rows", "dac.slice_bits"]


def part(results: sweep.Results, rows: pd.Series) -> sweep.Results:
    """Some rows of the results."""
    table = results.table[rows]
    return sweep.Results(table, results.knobs, results.measures, results.about, results.machines)


def frontier(results: sweep.Results, head: str) -> str:
    """The machines that no other one beats, their energy in microjoule."""
    found = sweep.frontier(results, quality=head)
    found = found[found["on_frontier"]].assign(energy=lambda own: 1e6 * own["energy"])
    kept = [name for name in SHOWN if name in found]
    shown = found[[*kept, "energy", head, "low", "high", "support"]]
    return str(shown.to_string(index=False, float_format="{:.3f}".format))


def cheapest(results: sweep.Results, head: str, certain: bool) -> list[str]:
    """Least energy that keeps each target: for certain, or if means were exact."""
    texts = []
    for target in TARGETS:
        found = sweep.minimum_spec(results, target, quality=head)
        name = found.machine if certain else found.by_mean
        energy = results.table.loc[results.table["machine"] == name, "energy"].mean()
        texts.append("none" if name is None else f"{1e6 * energy:.2f}")
    return texts


def cheapest_by_error(results: sweep.Results, heads: tuple[str, ...], certain: bool) -> str:
    """The same for all machines, and for those of each programming error."""
    sigmas = results.table[SIGMA]
    rows = []
    for head in heads:
        rows.append((head, "any", *cheapest(results, head, certain)))
        for sigma in sorted(sigmas.unique()):
            own = part(results, sigmas == sigma)
            rows.append((head, f"{100 * sigma:g} %", *cheapest(own, head, certain)))
    table = pd.DataFrame(rows, columns=["head", "error", *map(str, TARGETS)])
    return str(table.to_string(index=False))


def means_by_error(results: sweep.Results) -> pd.DataFrame:
    """Accuracy in percent, mean over machines that have all methods, by programming error."""
    methods = [*HEADS, "shuffled", "pixels"]
    means = results.table.groupby([SIGMA, "machine"])[methods].mean().dropna()
    return (100 * means.groupby(SIGMA).mean()).round(1)


def components(results: sweep.Results, head: str, target: float) -> str:
    """Energy (uJ) by component of the cheapest machine that is certain to keep a target."""
    found = sweep.minimum_spec(results, target, quality=head)
    if found.hardware is None:
        return "none"
    images = im.data.scattered_fashion()[0]
    chip = im.AnalogNetwork(im.data.scattered_mobilenet(), found.hardware)
    chip.calibrate(images[:64])
    library = im.cost.Components.load(Path(__file__).parent / "several_bits.toml")
    table = chip.cost(images[:16], library).table
    energy = 1e6 * pd.to_numeric(table["energy"], errors="coerce")
    parts = energy.groupby(table["component"]).sum().round(3)
    return ", ".join(f"{name} {value}" for name, value in parts[parts > 0].items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="what imperfect sweep run wrote")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figures")
    options = parser.parse_args()
    results = sweep.load(options.store)
    print(results)
    for head in ("collapsed", "refitted"):
        print(f"\nFrontier, {head} (energy in uJ)\n{frontier(results, head)}")
    print(f"\nLeast energy (uJ), certain\n{cheapest_by_error(results, HEADS[:2], True)}")
    print(f"\nLeast energy (uJ), by means of chips\n{cheapest_by_error(results, HEADS, False)}")
    for head, target in (("collapsed", 0.85), ("refitted", 0.85), ("refitted", 0.8)):
        parts = components(results, head, target)
        print(f"\nEnergy (uJ) of the least machine for {target}, {head}: {parts}")
    print(f"\nAccuracy (%), mean over machines\n{means_by_error(results).to_string()}")
    for head in ("collapsed", "refitted"):
        print(f"\nEffects, {head}\n{sweep.effects(results, head).round(3).to_string(index=False)}")
        pairs = sweep.interactions(results, head).head(1)
        print(f"largest interaction\n{pairs.round(3).to_string(index=False)}")
    options.out.mkdir(parents=True, exist_ok=True)
    axes = im.plot.sweep_frontier(results)
    axes.figure.savefig(options.out / "frontier.png", dpi=200)
    panels = im.plot.sweep_panels(results, SIGMA, "weight_bits")
    panels[0].figure.savefig(options.out / "frontier_panels.png", dpi=160)
    im.report.sweep(results, options.out / "frontier.html", title="352 machines, refitted or not")
    print(f"figures and report: {options.out}")


if __name__ == "__main__":
    main()
