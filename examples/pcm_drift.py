# SPDX-License-Identifier: BSD-3-Clause
"""What is left of a chip of phase-change memory after a year?  python examples/pcm_drift.py

The conductances of phase-change memory fall with a power of time, each cell with its own exponent.
One factor for a layer, or one for each of its outputs, measured by reading calibration data again,
undoes the mean; the spread of the exponents stays. The bundled network on cells of 25 uS with the
programming error, drift and 1/f read noise of `im.device.PCM`; without converters. Each chip is
written once and read at every time. Error bars: 95 % of the mean over chips.
"""

from __future__ import annotations

import numpy as np
from common import BLUE, GREEN, ORANGE, accuracy, images, interval, panels, parser, save

import imperfect as im

PCM = im.Cell(
    g_max=25e-6,
    programming=im.device.PCM(),
    drift=im.device.PCM(),
    read_noise=im.device.PCMFlicker(),
)
TIMES = {"20 s": 0, "1 min": 40, "1 h": 3580, "1 day": 86400, "1 month": 2.6e6, "1 year": 3.2e7}
WAYS = {
    None: ("o--", ORANGE, "as drifted", 0.0),
    "layer": ("s-", BLUE, "one factor a layer", -0.06),
    "column": ("^-", GREEN, "one factor an output", 0.06),
}


def main() -> None:
    options = parser(__doc__).parse_args()
    some, x, y = (part[:500] for part in images(options.quick))
    network, chips = im.data.scattered_mobilenet(), 2 if options.quick else 5
    times = {"1 h": TIMES["1 h"]} if options.quick else TIMES
    figure, (panel,) = panels()
    for way, (style, color, label, shift) in WAYS.items():
        scores: list[list[float]] = []
        for seed in range(chips):
            hardware = im.Hardware(cell=PCM, drift_compensation=way)
            chip = im.AnalogNetwork(network, hardware, seed=seed)
            chip.calibrate(some)
            scores.append([accuracy(chip.at(seconds), x, y) for seconds in times.values()])
        means, halves = zip(*map(interval, zip(*scores, strict=True)), strict=True)
        # Why: two of the curves lie on each other.
        places = np.arange(len(times)) + shift
        panel.errorbar(places, means, halves, fmt=style, color=color, capsize=2, label=label)
        found = (f"{t} {m:.1f} ± {h:.1f}" for t, m, h in zip(times, means, halves, strict=True))
        print(f"{label} (%):", ", ".join(found))
    panel.set_xticks(range(len(times)), list(times))
    panel.set(xlabel="Time since programming", ylabel="Test accuracy (%)", ylim=(0, 100))
    panel.legend(loc="upper right", bbox_to_anchor=(1.0, 0.6))
    save(figure, options.out, "pcm_drift")


if __name__ == "__main__":
    main()
