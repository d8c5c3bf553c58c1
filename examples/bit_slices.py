# SPDX-License-Identifier: BSD-3-Clause
"""One cell of 8 bits, or eight of 1 bit?  python examples/bit_slices.py

A weight of 8 bits and a sign can lie in one pair of cells, or be cut into digits that lie in
several. If every cell is written with the same error relative to g_max, how much do more cells
help? An error in the digit of weight 2^k counts 2^k times, so most of it comes from the highest
slice, whose full scale is a smaller part of the weight the fewer bits it holds. The bundled
network, without converters. Error bars: 95 % of the mean over chips.
"""

from __future__ import annotations

from common import BLUE, GREEN, ORANGE, PINK, accuracy, images, interval, panels, parser, save

import imperfect as im

SIGMAS = (0.01, 0.02, 0.04, 0.06, 0.1)
CUTS = {8: ("o-", ORANGE), 4: ("s-", PINK), 2: ("^-", BLUE), 1: ("v-", GREEN)}


def main() -> None:
    options = parser(__doc__).parse_args()
    _, x, y = images(options.quick)
    network, chips = im.data.scattered_mobilenet(), 2 if options.quick else 5
    sigmas = SIGMAS[1::2] if options.quick else SIGMAS
    figure, (panel,) = panels()
    for bits, (style, color) in CUTS.items():
        means, halves = [], []
        for sigma in sigmas:
            cell = im.Cell(bits=bits, programming=im.device.Gaussian(sigma))
            hardware = im.Hardware(weight_bits=9, cell=cell)
            made = (im.AnalogNetwork(network, hardware, seed=seed) for seed in range(chips))
            mean, half = interval([accuracy(chip, x, y) for chip in made])
            means.append(mean)
            halves.append(half)
            print(f"{8 // bits} x {bits} bit, sigma {sigma:.0%}: {mean:.1f} ± {half:.1f} %")
        percent = [100 * sigma for sigma in sigmas]
        label = f"{8 // bits} × {bits} bit"
        panel.errorbar(percent, means, halves, fmt=style, color=color, capsize=2, label=label)
    panel.set(xlabel=r"Programming error of a cell (% of $g_{max}$)", ylabel="Test accuracy (%)")
    panel.set(ylim=(0, 100))
    panel.legend(title="Cells × bits", title_fontsize=7)
    save(figure, options.out, "bit_slices")


if __name__ == "__main__":
    main()
