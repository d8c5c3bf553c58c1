# SPDX-License-Identifier: BSD-3-Clause
"""Write what the SystemC model of an accelerator loads: python make_accelerator.py accelerator.txt

A network of two layers is trained on scikit-learn's digits and given to a machine. The file has,
layer after layer, the weights, the machine, its seed, inputs for calibration, and what a product
costs: its latency, the energy that is the same for every input, and what depends on the input. All
costs are those of ``layer.cost``. The extra ``study`` is needed for its tables.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import imperfect as im

SEED = 1  # of the chip
HARDWARE = im.Hardware(
    weight_bits=5,
    cell=im.Cell(
        bits=2,
        g_max=100e-6,
        on_off_ratio=50,
        v_read=0.2,
        programming=im.device.Gaussian(0.03),
        read_noise=im.device.Gaussian(0.01),
    ),
    array=im.Array(rows=64, cols=64, adc_share=8),
    dac=im.DAC(bits=4, slice_bits=1, signed=False),
    adc=im.ADC(bits=7, range="calibrated"),
    clock=10e6,
)
NUM_CALIBRATION, NUM_TESTS = 100, 8


def train() -> tuple[list[tuple[Any, Any]], Any, Any, Any]:
    """Weights and biases of both layers, inputs for calibration, and test inputs with labels."""
    pixels, labels = load_digits(return_X_y=True)
    x = (pixels / 16).astype(np.float32)
    model = MLPClassifier((32,), max_iter=60, tol=0.1, random_state=0).fit(x[:1500], labels[:1500])
    weights = [matrix.T.astype(np.float32) for matrix in model.coefs_]
    biases = [bias.astype(np.float32) for bias in model.intercepts_]
    tests = slice(1500, 1500 + NUM_TESTS)
    layers = list(zip(weights, biases, strict=True))
    return layers, x[:NUM_CALIBRATION], x[tests], labels[tests]


def make_layers(parameters: list[tuple[Any, Any]], calibration: Any) -> list[im.AnalogLinear]:
    """The chip in Python: programmed, and calibrated layer by layer."""
    layers = []
    x = calibration
    for i, (weight, bias) in enumerate(parameters):
        layer = im.AnalogLinear(weight, bias, hardware=HARDWARE, seed=SEED, layer_id=i)
        layer.calibrate(x)
        x = np.maximum(layer(x), 0)
        layers.append(layer)
    return layers


def run(layers: list[im.AnalogLinear], x: Any) -> tuple[Any, list[Any]]:
    """Outputs, and what went into each layer."""
    inputs = []
    for layer in layers:
        inputs.append(x)
        y = layer(x)
        x = np.maximum(y, 0)
    return y, inputs


def cost_lines(layer: im.AnalogLinear, x: Any) -> list[str]:
    """Latency and energies of one product; x only needs to drive some word lines."""
    cost = layer.cost(x)
    missing = cost.left_out["energy"] + cost.left_out["latency"]
    if missing:
        raise SystemExit(f"not modelled: {', '.join(missing)}")
    cell, clock = HARDWARE.cell, HARDWARE.clock
    assert cell.g_max is not None and cell.v_read is not None and clock is not None
    fixed, per_word_line = 0.0, 0.0
    for row in cost.table.itertuples():
        if row.component == "array" or not isinstance(row.energy, float):
            continue  # its energy follows from the cells; or it is part of another component
        if row.event == "word_line_charges":
            per_word_line += row.energy * cost.samples / row.count
        else:
            fixed += row.energy
    return [
        f"latency {cost.latency!r}",
        f"fixed_energy {fixed!r}",
        f"word_line_energy {per_word_line!r}",
        f"read_energy {cell.g_max * cell.v_read**2 / clock!r}",
    ]


def numbers(name: str, values: Any) -> str:
    flat = np.asarray(values).ravel()
    return " ".join([name, str(flat.size), *(repr(float(value)) for value in flat)])


def machine_lines() -> list[str]:
    """The machine: what of it is not ideal, with the names that the C++ structs have."""
    cell, array, dac, adc = HARDWARE.cell, HARDWARE.array, HARDWARE.dac, HARDWARE.adc
    return [
        f"weight_bits {HARDWARE.weight_bits}",
        f"cell_bits {cell.bits}",
        f"g_max {cell.g_max!r}",
        f"on_off_ratio {cell.on_off_ratio!r}",
        f"v_read {cell.v_read!r}",
        f"programming_sigma {cell.programming.sigma!r}",
        f"read_noise_sigma {cell.read_noise.sigma!r}",
        f"rows {array.rows}",
        f"cols {array.cols}",
        f"dac_bits {dac.bits}",
        f"dac_slice_bits {dac.slice_bits}",
        f"adc_bits {adc.bits}",
    ]


def main(path: str) -> None:
    parameters, calibration, tests, labels = train()
    layers = make_layers(parameters, calibration)
    inputs = run(layers, calibration)[1]
    lines = [f"seed {SEED}", *machine_lines(), f"layers {len(layers)}"]
    for layer, (weight, bias), x in zip(layers, parameters, inputs, strict=True):
        lines += [f"inputs {weight.shape[1]}", f"outputs {weight.shape[0]}"]
        lines += [numbers("weight", weight), numbers("bias", bias), *cost_lines(layer, x)]
    lines += [numbers("calibration", calibration), numbers("tests", tests)]
    lines += [numbers("labels", labels)]
    Path(path).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
