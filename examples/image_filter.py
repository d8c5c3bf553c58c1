# SPDX-License-Identifier: BSD-3-Clause
"""What does a photo look like after arrays have filtered it?  python examples/image_filter.py

One `AnalogConv2d` with three fixed filters: blur (Gaussian), edges (Laplacian) and relief (a
derivative along the diagonal). Above: exact. Below: on cells of 4 bits written with an error of 2 %
of g_max, 1 % of them stuck, with read noise, 8-bit inputs and 6-bit outputs. Errors of the cells
are the same at every pixel: they make another filter. Read noise makes grain. The mean brightness
is taken off before: times the sum of all cells' errors it would drown edges and relief.
"""

from __future__ import annotations

import numpy as np
from common import COLUMN, parser, save
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

import imperfect as im

HARDWARE = im.Hardware(
    weight_bits=8,
    per="channel",
    cell=im.Cell(
        bits=4,
        programming=im.device.Gaussian(0.02),
        faults=im.device.StuckAt(p_on=0.005, p_off=0.005),
        read_noise=im.device.Gaussian(0.01),
    ),
    dac=im.DAC(bits=8),
    adc=im.ADC(bits=6, range="calibrated"),
)

SEED = 1


def filters() -> np.ndarray:
    """Blur, edges and relief, shape (3, 1, 5, 5)."""
    y, x = np.mgrid[-2:3, -2:3]
    blur = np.exp(-(x**2 + y**2) / 4)
    edges = (x**2 + y**2 - 4) * np.exp(-(x**2 + y**2) / 2)
    relief = (x + y) * np.exp(-(x**2 + y**2) / 3)
    edges -= edges.mean()
    return np.stack([f / np.abs(f).sum() for f in (blur, edges, relief)])[:, None]


def main() -> None:
    options = parser(__doc__).parse_args()
    photo = load_sample_image("china.jpg").mean(-1)[20:420, 10:410] / 255
    photo = photo[::4, ::4] if options.quick else photo
    x = (photo - photo.mean())[None, None]
    ideal = im.AnalogConv2d(filters())
    layer = im.AnalogConv2d(filters(), hardware=HARDWARE, seed=SEED)
    layer.calibrate(x)

    figure = Figure((2 * COLUMN, 3.9), layout="constrained")
    panels = figure.subplots(2, 4)
    # The same filter, as it should be and as it was written.
    for panel, machine in zip(panels[:, 0], (ideal, layer), strict=True):
        panel.imshow(machine.effective_weight()[1, 0], cmap="gray", vmin=-0.12, vmax=0.12)
    panels[0, 0].set_title("filter for edges, exact")
    panels[1, 0].set_title("as written")
    outputs = zip(("blur", "edges", "relief"), ideal(x)[0], layer(x)[0], strict=True)
    for (above, below), (name, exact, rough) in zip(panels[:, 1:].T, outputs, strict=True):
        low, high = np.percentile(exact, (0.5, 99.5))
        above.imshow(exact, cmap="gray", vmin=low, vmax=high)
        below.imshow(rough, cmap="gray", vmin=low, vmax=high)
        error = 100 * np.sqrt(np.mean((rough - exact) ** 2)) / exact.std()
        above.set_title(f"{name}, exact")
        below.set_title(f"error {error:.0f} % of the contrast")
        print(f"{name}: error {error:.1f} % of the exact picture's standard deviation")
    for panel in panels.ravel():
        panel.set_axis_off()
    save(figure, options.out, "image_filter")


if __name__ == "__main__":
    main()
