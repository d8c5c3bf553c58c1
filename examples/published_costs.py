# SPDX-License-Identifier: BSD-3-Clause
"""What published machines cost, here and in their publications: python examples/published_costs.py

Each machine multiplies one matrix of the size of its arrays; the libraries of components are those
of `im.cost.components`. The table is that of docs/cost.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import imperfect as im

Figure = tuple[str, float, float, str]  # what, published, here, unit
NEURRAM = {(1, 3): 23.1, (4, 6): 62.4, (6, 8): 108.9, (8, 10): 153.9}


def cost_of(hardware: im.Hardware, library: str, outputs: int, inputs: int) -> im.cost.Cost:
    """One product of a full matrix with inputs between 0 and 1, or -1 and 1 if they are signed."""
    rng = np.random.default_rng(0)
    low = -1.0 if hardware.dac.signed else 0.0
    layer = im.AnalogLinear(rng.normal(size=(outputs, inputs)), hardware=hardware)
    return layer.cost(rng.uniform(low, 1.0, (1, inputs)), library)


def isaac() -> Iterator[Figure]:
    """8 slices of 2-bit cells × 16 one-bit cycles, one 8-bit conversion for each multiply-add."""
    machine = im.Hardware(
        weight_bits=16,
        scheme="offset",
        cell=im.Cell(bits=2),
        array=im.Array(rows=128, cols=128, adc_share=128),
        dac=im.DAC(bits=16, slice_bits=1, signed=False, range=1.0),
        adc=im.ADC(bits=8, range=(0.0, 85.0)),
        clock=10e6,
    )
    found = cost_of(machine, "isaac", 128, 128)
    energy = found.by_component["energy"]
    for name, published in {"adc": 1.56, "dac": 0.39, "array": 0.23}.items():
        here = energy[name] / found.multiply_adds * 1e12
        yield f"ISAAC, {name}, for a multiply-add of 16 bits", published, here, "pJ"
    assert found.energy is not None and found.energy_per_multiply_add is not None
    yield "ISAAC, all", 2.7, found.energy_per_multiply_add * 1e12, "pJ"
    yield "ISAAC, share of the converters", 58.0, 100 * energy["adc"] / found.energy, "%"


def neurram() -> Iterator[Figure]:
    """One core, 128 × 256 weights as pairs; one bit of the inputs is the sign."""
    shares = []
    for (bits_in, bits_out), published in NEURRAM.items():
        # An input of one bit is a magnitude of one bit: -1, 0 or 1 take two in DAC.bits.
        dac = {"bits": max(bits_in, 2), "slice_bits": 1, "signed": True, "range": 1.0}
        machine = im.presets.neurram().with_field("dac", im.DAC(accumulate="analog", **dac))
        machine = machine.with_field("adc", im.ADC(bits=bits_out))
        found = cost_of(machine, "neurram", 256, 128)
        energy = found.by_component["energy"]
        assert found.energy is not None and found.energy_per_multiply_add is not None
        shares.append(100 * (energy["adc"] + energy["sample_hold"]) / found.energy)
        here = found.energy_per_multiply_add / 2 * 1e15
        yield f"NeuRRAM, operation, {bits_in}/{bits_out} bits", published, here, "fJ"
    yield "NeuRRAM, share of ADC and neuron (mean of the four)", 47.0, float(np.mean(shares)), "%"


def hermes() -> Iterator[Figure]:
    """One core, 256 × 256 pairs, inputs and outputs of 8 bits."""
    machine = im.presets.hermes().with_field("dac", im.DAC(bits=8, signed=True, range=1.0))
    found = cost_of(machine.with_field("adc", im.ADC(bits=8)), "hermes", 256, 256)
    assert found.tops_per_watt is not None
    yield "HERMES, core", 10.5, found.tops_per_watt, "TOPS/W"


def converters() -> Iterator[Figure]:
    """The regression to the survey of converters, 32 nm, 1 GS/s."""
    for bits, published in {8: 1.7, 9: 4.7, 10: 13.9}.items():
        here = im.cost.survey_energy(bits, 1e9, 32) * 1e12
        yield f"ADC of {bits} bits by the survey, 32 nm, 1 GS/s", published, here, "pJ"


def figures() -> list[Figure]:
    return [*isaac(), *neurram(), *hermes(), *converters()]


def main() -> None:
    print("| figure | published | here | difference |\n| --- | --- | --- | --- |")
    for what, published, here, unit in figures():
        change = 100 * (here / published - 1)
        print(f"| {what} | {published:g} {unit} | {here:.3g} {unit} | {change:+.1f} % |")


if __name__ == "__main__":
    main()
