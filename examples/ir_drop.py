# SPDX-License-Identifier: BSD-3-Clause
"""How large may an array be before its wires spoil the product?  python examples/ir_drop.py

Every wire segment between two cells has a resistance, so a cell far from the driver and from
ground sees less than the full voltage. Left: what each cell contributes to its bit line's current,
relative to its conductance, in an array of equal cells of 25 uS with 2 ohm a segment. Right: a
layer of 512 x 512 normal weights on arrays of several sizes, and the error of its outputs relative
to their norm. The wires' error is the same on every chip: the cells are exact.
"""

from __future__ import annotations

import numpy as np
from common import BLUE, COLUMN, GREEN, ORANGE, panels, parser, save

import imperfect as im

G_MAX = 25e-6  # siemens
RESISTANCES = {0.5: (GREEN, "o-"), 2.0: (BLUE, "s-"), 8.0: (ORANGE, "^-")}  # ohm


def product_error(size: int, ohm: float, features: int) -> float:
    """Error of the outputs relative to their norm, in percent."""
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(features, features)), rng.uniform(size=(50, features))
    array = im.Array(rows=size, cols=size, r_row=ohm, r_col=ohm)
    hardware = im.Hardware(array=array, cell=im.Cell(g_max=G_MAX, on_off_ratio=100))
    layer = im.AnalogLinear(weight, hardware=hardware)
    exact = x @ weight.T
    return float(100 * np.linalg.norm(layer(x) - exact) / np.linalg.norm(exact))


def main() -> None:
    options = parser(__doc__).parse_args()
    features, sizes = (128, (16, 64, 128)) if options.quick else (512, (16, 32, 64, 128, 256, 512))
    figure, (left, right) = panels(2, 2 * COLUMN, 2.7)

    side = 64 if options.quick else 256
    cells = np.full((side, side), G_MAX)
    share = 100 * im.circuit.transfer_matrix(cells, 2.0, 2.0) / cells
    picture = left.imshow(share, cmap="viridis")
    figure.colorbar(picture, ax=left, label="Contribution (% of g)")
    left.set(xlabel="Bit line (drivers at the left)", ylabel="Word line (ground below)")
    print(f"{side} x {side}, 2 ohm: cells contribute {share.min():.0f} to {share.max():.0f} % of g")

    for ohm, (color, style) in RESISTANCES.items():
        errors = [product_error(size, ohm, features) for size in sizes]
        right.loglog(sizes, errors, style, color=color, label=f"{ohm:g} Ω a segment")
        print(f"{ohm:g} ohm:", dict(zip(sizes, np.round(errors, 2).tolist(), strict=True)), "%")
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.minorticks_off()
    right.set(xlabel="Word lines and bit lines of an array", ylabel="Error of the outputs (%)")
    right.legend()
    save(figure, options.out, "ir_drop")


if __name__ == "__main__":
    main()
