# SPDX-License-Identifier: BSD-3-Clause
"""A network collapses: do its features still hold enough?  python examples/recover.py

Cells written with errors stop a trained network; a new last layer, fitted on the features that the
same chip gives, brings much of it back. That means something only beside two controls, both fitted
in the same way on the same images: a network whose weights are shuffled on the same chip (would any
random features do?) and the pixels themselves (is a network needed at all?). `im.study` measures
all of them, chip by chip.
"""

from __future__ import annotations

from common import parser, save

import imperfect as im

HARDWARE = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)))
SIGMAS = (0.02, 0.05, 0.1, 0.15)


def main() -> None:
    options = parser(__doc__).parse_args()
    x_train, y_train, x_test, y_test = im.data.scattered_fashion()
    train, test = (200, 200) if options.quick else (2000, 1000)
    results = im.study.collapse_and_recover(
        im.data.scattered_mobilenet(),
        x_train[:train], y_train[:train], x_test[:test], y_test[:test],
        HARDWARE,
        vary={"cell.programming.sigma": SIGMAS[1:3] if options.quick else SIGMAS},
        chips=2 if options.quick else 5,
    )  # fmt: skip
    table = results.pivot_table(index="method", columns="value", values="accuracy", sort=False)
    print("Mean accuracy over chips (%), by programming error relative to g_max")
    print((100 * table).round(1).to_string())
    save(im.plot.collapse_and_recover(results), options.out, "recover")


if __name__ == "__main__":
    main()
