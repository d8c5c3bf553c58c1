# SPDX-License-Identifier: BSD-3-Clause
"""Where does a chip lose the signal, and what would bring it back?  python examples/diagnose.py

One chip of the bundled network with several imperfections at once: `im.diagnose` switches them off
one by one in every layer, compares every layer's error on its own with what it inherits from those
before, and keeps layers digital, alone and together, to see what comes back.
"""

from __future__ import annotations

from common import images, parser, save

import imperfect as im

HARDWARE = im.Hardware(
    weight_bits=8,
    cell=im.Cell(
        bits=4,
        g_max=50e-6,
        on_off_ratio=50,
        programming=im.device.Gaussian(0.015),
        faults=im.device.StuckAt(p_off=1e-3),
        read_noise=im.device.Gaussian(0.005),
    ),
    array=im.Array(rows=64, cols=64, r_row=2.0, r_col=2.0),
    dac=im.DAC(bits=8),
    adc=im.ADC(bits=7, range="calibrated"),
)


def main() -> None:
    options = parser(__doc__).parse_args()
    some, x, y = images(options.quick)
    if options.quick:
        some, x, y = some[:16], x[:32], y[:32]
    chip = im.AnalogNetwork(im.data.scattered_mobilenet(), HARDWARE, seed=1)
    chip.calibrate(some)
    found = im.diagnose(chip, x, y, keep=1 if options.quick else 2)
    print(f"Accuracy {100 * found.accuracy:.1f} %")
    print(found)
    save(found.plot(), options.out, "diagnose")


if __name__ == "__main__":
    main()
