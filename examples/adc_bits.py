# SPDX-License-Identifier: BSD-3-Clause
"""How many bits do the output converters need?  python examples/adc_bits.py

A converter whose range covers every current that could occur ("full") spends its codes on currents
that never do. Calibrated to the currents of a few images, how many bits fewer are enough? The
bundled network, 8-bit weights in cells of 2 bits, written with an error of 1 % of g_max, arrays of
128 x 128. Error bars: 95 % of the mean over chips.
"""

from __future__ import annotations

from common import BLUE, GREY, ORANGE, accuracy, images, interval, panels, parser, save

import imperfect as im

BITS = {"full": (6, 8, 9, 10, 11, 12, 14), "calibrated": (3, 4, 5, 6, 7, 8)}
LOOKS = {"full": ("o--", ORANGE, "full range"), "calibrated": ("s-", BLUE, "calibrated range")}


def hardware(adc: im.ADC) -> im.Hardware:
    return im.Hardware(
        weight_bits=8,
        cell=im.Cell(bits=2, programming=im.device.Gaussian(0.01)),
        array=im.Array(rows=128, cols=128),
        dac=im.DAC(bits=8),
        adc=adc,
    )


def main() -> None:
    options = parser(__doc__).parse_args()
    some, x, y = images(options.quick)
    network, chips = im.data.scattered_mobilenet(), 2 if options.quick else 5

    def measure(adc: im.ADC) -> tuple[float, float]:
        scores = []
        for seed in range(chips):
            chip = im.AnalogNetwork(network, hardware(adc), seed=seed)
            chip.calibrate(some[:16] if options.quick else some)
            scores.append(accuracy(chip, x, y))
        return interval(scores)

    figure, (panel,) = panels()
    ideal, _ = measure(im.ADC())
    panel.axhline(ideal, color=GREY, lw=0.8, label="ideal converters")
    print(f"ideal converters: {ideal:.1f} %")
    for name, (style, color, label) in LOOKS.items():
        bits = BITS[name][1::4] if options.quick else BITS[name]
        means, halves = zip(*(measure(im.ADC(bits=b, range=name)) for b in bits), strict=True)
        panel.errorbar(bits, means, halves, fmt=style, color=color, capsize=2, label=label)
        for b, mean, half in zip(bits, means, halves, strict=True):
            print(f"{name:10} {b:2} bits: {mean:5.1f} ± {half:.1f} %")
    panel.set(xlabel="Bits of the ADC", ylabel="Test accuracy (%)", ylim=(0, 100))
    panel.legend(loc="lower right")
    save(figure, options.out, "adc_bits")


if __name__ == "__main__":
    main()
