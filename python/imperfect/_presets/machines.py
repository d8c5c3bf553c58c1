# SPDX-License-Identifier: BSD-3-Clause
"""Every field that a preset sets, with its value and where this comes from.

A source is a short name from ``WORKS``, what it says where that is not the value itself, or "our
assumption" with its reason. Fields that a preset does not set have their defaults; ``DEFAULTS``
says what these leave out.
"""

from __future__ import annotations

from typing import Any

from imperfect import device

Machine = dict[str, tuple[Any, str]]

WORKS = {
    "ISAAC": "Shafiee et al., ISAAC: a convolutional neural network accelerator with in-situ "
    "analog arithmetic in crossbars, ISCA 2016, doi 10.1109/ISCA.2016.12",
    "PRIME": "Chi et al., PRIME: a novel processing-in-memory architecture for neural network "
    "computation in ReRAM-based main memory, ISCA 2016, doi 10.1109/ISCA.2016.13",
    "PUMA": "Ankit et al., PUMA: a programmable ultra-efficient memristor-based accelerator for "
    "machine learning inference, ASPLOS 2019, doi 10.1145/3297858.3304049",
    "puma-simulator": "include/config.py of the authors' simulator, "
    "github.com/Aayush-Ankit/puma-simulator",
    "HERMES": "Khaddam-Aljameh et al., HERMES-Core: a 1.59-TOPS/mm² PCM on 14-nm CMOS in-memory "
    "compute core using 300-ps/LSB linearized CCO-based ADCs, IEEE J. Solid-State Circuits "
    "(2022)",
    "Le Gallo 2023a": "Le Gallo et al., A 64-core mixed-signal in-memory compute chip based on "
    "phase-change memory for deep neural network inference, Nat. Electron. 6 (2023), "
    "doi 10.1038/s41928-023-01010-1",
    "Le Gallo 2023b": "Le Gallo et al., Using the IBM analog in-memory hardware acceleration kit "
    "for neural network training and inference, APL Mach. Learn. 1, 041102 (2023), "
    "doi 10.1063/5.0168089",
    "Joshi 2020": "Joshi et al., Nat. Commun. 11, 2473 (2020), doi 10.1038/s41467-020-16108-9, "
    "as fitted by aihwkit",
    "Wan 2022": "Wan et al., A compute-in-memory chip based on resistive random-access memory, "
    "Nature 608, 504 (2022), doi 10.1038/s41586-022-04992-8",
    "Neurram_48core": "python/nn_layers.py of the authors' code, "
    "github.com/weierwan/Neurram_48core",
    "aihwkit": "its ReRamWan2022NoiseModel, fitted to Wan 2022",
    "Xiao 2022": "Xiao et al., An accurate, error-tolerant, and energy-efficient neural network "
    "inference engine based on SONOS analog memory, IEEE Trans. Circuits Syst. I 69 (2022)",
    "Agrawal 2022": "Agrawal et al., IEDM 2022, 21.7, doi 10.1109/IEDM45625.2022.10019564, as "
    "fitted by CrossSim",
    "Milo 2021": "Milo et al., Optimized programming algorithms for multilevel RRAM in hardware "
    "neural networks, IRPS 2021, doi 10.1109/IRPS46558.2021.9405119, as fitted by CrossSim",
    "CrossSim": "simulator/configs of github.com/sandialabs/cross-sim: ISAAC.json, PRIME.json, "
    "SONOS-TCAS.json and their README",
}

OURS = "our assumption"

ISAAC: Machine = {
    "weight_bits": (16, "ISAAC; CrossSim"),
    "scheme": ("offset", "ISAAC: weights are stored with a bias of 2^15; CrossSim"),
    "offset_removal": ("unit_column", "ISAAC; CrossSim"),
    "cell.bits": (2, "ISAAC; CrossSim"),
    "array.rows": (128, "ISAAC; CrossSim"),
    "array.cols": (129, "ISAAC: 128 bit lines of weights and the unit column"),
    "dac.bits": (16, "ISAAC; CrossSim"),
    "dac.slice_bits": (1, "ISAAC; CrossSim"),
    "dac.two_pass": (True, f"{OURS}: in place of inputs in two's complement"),
    "adc.bits": (8, "ISAAC"),
    "adc.range": (
        (0.0, 85.0),
        f"{OURS}: 255 steps of one cell level, 1/3 of a unit current; sums above saturate, because "
        "ISAAC's inverted columns, which keep sums small, are not modelled",
    ),
}

PRIME: Machine = {
    "weight_bits": (8, "PRIME; CrossSim. Here the 8 bits include the sign"),
    "scheme": ("differential", "PRIME: arrays of positive and of negative weights; CrossSim"),
    "subtract": (
        "analog",
        "PRIME: analog subtraction in the column multiplexers (CrossSim converts both)",
    ),
    "cell.bits": (4, "PRIME; CrossSim"),
    "cell.g_max": (1e-3, "CrossSim: 1 kΩ"),
    "cell.on_off_ratio": (20.0, "CrossSim: 1 kΩ to 20 kΩ"),
    "array.rows": (256, "PRIME; CrossSim"),
    "array.cols": (256, "PRIME; CrossSim"),
    "dac.bits": (6, "PRIME; CrossSim. Signed inputs spend one of them on the sign"),
    "dac.slice_bits": (3, "PRIME; CrossSim"),
    "adc.bits": (6, "PRIME: reconfigurable sense amplifiers of up to 6 bits; CrossSim"),
    "adc.range": ("calibrated", "CrossSim"),
}

PUMA: Machine = {
    "weight_bits": (16, "PUMA; puma-simulator"),
    "scheme": ("offset", f"{OURS}: how signs are stored is taken from ISAAC"),
    "cell.bits": (2, "PUMA; puma-simulator"),
    "array.rows": (128, "PUMA; puma-simulator"),
    "array.cols": (128, "PUMA; puma-simulator"),
    "dac.bits": (16, "PUMA; puma-simulator"),
    "dac.slice_bits": (1, "PUMA; puma-simulator"),
    "dac.two_pass": (True, f"{OURS}: in place of inputs in two's complement"),
    "adc.bits": (8, "puma-simulator"),
    "adc.range": ("calibrated", OURS),
}

HERMES: Machine = {
    "scheme": ("differential", "Le Gallo 2023a: cells of positive and of negative polarity"),
    "subtract": ("analog", "Le Gallo 2023a: the one-phase mode, Extended Data Fig. 4"),
    "cell.g_max": (25e-6, "Joshi 2020"),
    "cell.programming": (
        device.PCM(),
        f"{OURS}: the law of Joshi 2020, measured on other phase-change cells",
    ),
    "cell.drift": (device.PCM(), f"{OURS}: as cell.programming"),
    "array.rows": (256, "HERMES"),
    "array.cols": (256, "HERMES"),
    "dac.bits": (8, "Le Gallo 2023a: 8-bit inputs, as the width of pulses"),
    "adc.bits": (8, "Le Gallo 2023a: 8-bit outputs"),
    "adc.range": ("calibrated", f"{OURS}: HERMES calibrates its converters, in another way"),
}

NEURRAM: Machine = {
    "scheme": ("differential", "Wan 2022; Neurram_48core: a weight takes two neighbouring rows"),
    "subtract": ("analog", "Wan 2022: both rows drive one line with opposite voltages"),
    "cell.g_max": (40e-6, "Wan 2022"),
    "cell.on_off_ratio": (40.0, "Wan 2022: 1 to 40 µS"),
    "cell.programming": (device.RRAMWan2022(), "aihwkit"),
    "cell.drift": (device.RRAMWan2022(), "aihwkit"),
    "array.rows": (128, "Wan 2022: 256 rows, two for each weight"),
    "array.cols": (256, "Wan 2022"),
    "dac.bits": (4, f"{OURS} among the resolutions that Wan 2022 supports"),
    "dac.slice_bits": (1, "Wan 2022: multi-bit inputs as pulses, bit by bit"),
    "dac.accumulate": ("analog", "Wan 2022: neurons integrate the charge of all bits"),
    "adc.bits": (8, f"{OURS} among the resolutions that Wan 2022 supports"),
    "adc.range": ("calibrated", OURS),
}

RRAM_WAN_2022: Machine = {
    "cell.g_max": (40e-6, "Wan 2022"),
    "cell.on_off_ratio": (40.0, "Wan 2022: 1 to 40 µS"),
    "cell.programming": (device.RRAMWan2022(), "aihwkit"),
    "cell.drift": (device.RRAMWan2022(), "aihwkit"),
    "array.rows": (256, OURS),
    "array.cols": (256, OURS),
    "dac.bits": (8, OURS),
    "adc.bits": (8, OURS),
    "adc.range": ("calibrated", OURS),
}

SONOS: Machine = {
    "weight_bits": (8, "Xiao 2022; CrossSim"),
    "scheme": ("differential", "Xiao 2022; CrossSim"),
    "subtract": ("analog", "Xiao 2022; CrossSim"),
    "cell.bits": (7, "CrossSim: all bits of a magnitude in one cell"),
    "cell.g_max": (1 / 35e3, "CrossSim: 35 kΩ"),
    "cell.on_off_ratio": (6e12 / 35e3, "CrossSim: 35 kΩ to 6 TΩ"),
    "cell.programming": (
        device.SONOS(i_max=1600.0),
        f"Agrawal 2022; {OURS}: 1600 nA at g_max, within what was measured over days",
    ),
    "cell.drift": (device.SONOS(i_max=1600.0), "as cell.programming"),
    "array.rows": (1152, "Xiao 2022; CrossSim"),
    "array.cols": (256, "Xiao 2022; CrossSim"),
    "dac.bits": (8, "Xiao 2022; CrossSim"),
    "dac.slice_bits": (1, "Xiao 2022; CrossSim"),
    "dac.accumulate": ("analog", "Xiao 2022; CrossSim: one conversion for all bits of the inputs"),
    "adc.bits": (8, "Xiao 2022; CrossSim"),
    "adc.range": ("calibrated", "CrossSim"),
}

RRAM_128: Machine = {
    "weight_bits": (8, OURS),
    "cell.bits": (2, OURS),
    "cell.g_max": (225e-6, "Milo 2021: the largest conductance measured"),
    "cell.on_off_ratio": (4.5, "Milo 2021: measured from 50 to 225 µS"),
    "cell.programming": (device.RRAMMilo(), "Milo 2021"),
    "array.rows": (128, OURS),
    "array.cols": (128, OURS),
    "dac.bits": (8, OURS),
    "dac.slice_bits": (1, OURS),
    "adc.bits": (8, OURS),
    "adc.range": ("calibrated", OURS),
}

PCM_512: Machine = {
    "cell.g_max": (25e-6, "Joshi 2020"),
    "cell.programming": (device.PCM(), "Joshi 2020"),
    "array.rows": (512, "Le Gallo 2023b"),
    "array.cols": (512, "Le Gallo 2023b"),
    "dac.bits": (8, "Le Gallo 2023b"),
    "adc.bits": (8, "Le Gallo 2023b"),
    "adc.range": ("calibrated", OURS),
}

MACHINES: dict[str, Machine] = {
    "ideal": {},
    "isaac": ISAAC,
    "prime": PRIME,
    "puma": PUMA,
    "hermes": HERMES,
    "neurram": NEURRAM,
    "rram_wan_2022": RRAM_WAN_2022,
    "sonos": SONOS,
    "rram_128": RRAM_128,
    "pcm_512": PCM_512,
}

# What a field leaves out, or chooses, where a preset does not set it.
DEFAULTS = {
    "weight_bits": "continuous weights",
    "scheme": "differential pairs",
    "two_sided": "one cell of a pair carries the weight",
    "subtract": "pairs are subtracted before conversion; without pairs of no effect",
    "offset_removal": "digital; without an offset of no effect",
    "weight_range": "the largest weight has the largest conductance",
    "per": "one weight range for a layer",
    "groups": "no two groups share an array",
    "drift_compensation": "outputs are not scaled back",
    "clock": "as fast as the components are; it changes no result",
    "cell.bits": "continuous conductances",
    "cell.g_max": "no physical units",
    "cell.on_off_ratio": "no leak",
    "cell.programming": "no programming error",
    "cell.faults": "no stuck cells",
    "cell.drift": "no drift",
    "cell.read_noise": "no read noise",
    "cell.g_min_sigma": "no spread from device to device",
    "cell.g_max_sigma": "no spread from device to device",
    "cell.nonlinearity": "ohmic cells",
    "cell.v_read": "no physical units",
    "array.rows": "unlimited",
    "array.cols": "unlimited",
    "array.partition": "arrays are filled equally",
    "array.column_current_max": "bit lines are not limited",
    "array.r_row": "ideal wires",
    "array.r_col": "ideal wires",
    "array.r_driver": "ideal drivers",
    "array.r_sense": "ideal ground",
    "array.corner": "without wires of no effect",
    "array.gated": "without wires of no effect",
    "array.adc_share": "a converter for each bit line; it changes no result",
    "array.layout": "each slice and polarity has arrays of its own; without wires of little effect",
    "dac.bits": "ideal inputs",
    "dac.slice_bits": "all bits in one cycle",
    "dac.signed": "decided by calibration",
    "dac.two_pass": "one pass",
    "dac.accumulate": "every cycle is converted; with one cycle of no effect",
    "dac.range": "found by calibration",
    "dac.method": "the largest input is full scale",
    "dac.nonlinearity": "linear inputs",
    "adc.bits": "ideal outputs",
    "adc.range": "the number of word lines; with ideal outputs of no effect",
    "adc.method": "least squares; without calibration of no effect",
    "adc.tie_slices": "each slice has its own range",
    "adc.gain_sigma": "no gain error",
    "adc.offset_sigma": "no offset error",
    "adc.inl": "no nonlinearity",
    "adc.noise": "no noise of converters",
}
