# SPDX-License-Identifier: BSD-3-Clause
"""Machines to start from: functions that return a Hardware.

Each takes what its publication states and says where the model differs from the machine; the
source of every single field is in ``sources`` and on the page ``docs/presets.md``. Change
single fields with :meth:`~imperfect.Hardware.with_field`. Conductances in siemens,
converter ranges in unit currents (one cell at g_max with a full-scale input gives 1).
"""

from __future__ import annotations

from typing import Any

from imperfect import _checks
from imperfect._presets import provenance
from imperfect._presets.machines import MACHINES
from imperfect.hardware import Hardware


def sources(name: str) -> dict[str, tuple[Any, str]]:
    """Every field of a preset, with its value and where that comes from.

    Parameters
    ----------
    name : str
        Name of the preset's function.

    Returns
    -------
    dict
        From the path of each field of a Hardware to (value, source). Sources are short names of
        works (listed in ``docs/presets.md``), "our assumption", or "default" with what it leaves
        out.

    Raises
    ------
    ValueError, TypeError
        If there is no such preset.

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.sources("prime")["cell.on_off_ratio"]
    (20.0, 'CrossSim: 1 kΩ to 20 kΩ')
    """
    return provenance.sources(MACHINES[_checks.choice("name", name, MACHINES)])


def ideal() -> Hardware:
    """Hardware without any imperfection: y = W x + b as in floating point.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.ideal()
    Hardware()
    """
    return provenance.build(MACHINES["ideal"])


def isaac() -> Hardware:
    """ISAAC: 16-bit weights on 2-bit cells, 16-bit inputs one bit a cycle, 8-bit ADCs.

    Arrays have 128 word lines, 128 bit lines of weights and a unit column. A weight is stored
    with an offset of 2**15 in eight cells. The ADC step is one cell level, 1/3 of a unit current,
    so its 256 codes reach 255 levels of the largest possible 128 * 3 = 384. Cells are ideal.

    Where it differs: ISAAC stores columns with large sums inverted, so that eight bits always
    suffice; here a sum above 255 levels saturates. ISAAC's unit column holds ones, here it holds
    the digits of the offset. ISAAC's inputs are in two's complement; here the positive and the
    negative part of x are driven in two passes of 16 bits.

    Source: Shafiee et al., "ISAAC: a convolutional neural network accelerator with in-situ
    analog arithmetic in crossbars", ISCA 2016, doi 10.1109/ISCA.2016.12.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.isaac().num_slices
    8
    """
    return provenance.build(MACHINES["isaac"])


def prime() -> Hardware:
    """PRIME: 8-bit weights on two 4-bit cells, 6-bit inputs in two parts of 3 bits, 6-bit outputs.

    Arrays have 256 word lines and 256 bit lines; positive and negative weights have arrays of
    their own, subtracted in analog. Cells lie between 1 and 20 kiloohm and are ideal.

    Where it differs: PRIME's 8 bits are the magnitude's, here they include the sign; signed
    inputs spend one of their 6 bits on the sign. PRIME chooses the bits that its sense amplifiers
    give out, here their range is calibrated. Its analog sigmoid is not modelled.

    Source: Chi et al., "PRIME: a novel processing-in-memory architecture for neural network
    computation in ReRAM-based main memory", ISCA 2016, doi 10.1109/ISCA.2016.13.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.prime().num_slices
    2
    """
    return provenance.build(MACHINES["prime"])


def puma() -> Hardware:
    """PUMA: 16-bit weights on 2-bit cells, 16-bit inputs one bit a cycle, 8-bit ADCs.

    Arrays have 128 word lines and 128 bit lines. Cells are ideal.

    Where it differs: how weights get their sign is our assumption, an offset that is removed
    digitally; so is the calibration of the ADCs' ranges. PUMA's inputs are in two's complement;
    here the positive and the negative part of x are driven in two passes of 16 bits.

    Source: Ankit et al., "PUMA: a programmable ultra-efficient memristor-based accelerator for
    machine learning inference", ASPLOS 2019, doi 10.1145/3297858.3304049, and its simulator.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.puma().num_slices
    8
    """
    return provenance.build(MACHINES["puma"])


def hermes() -> Hardware:
    """HERMES: phase-change memory in 256x256 arrays, pulses of 8-bit width, 8-bit outputs.

    Weights are continuous differential pairs, read in the one-phase mode, in which both
    polarities reach the converter together.

    Where it differs: a weight of the machine has four cells, two of each polarity, here it has
    one of each, whose errors are not averaged. The laws of programming and drift are those of
    other phase-change cells (Joshi et al. 2020). Read noise, and the errors of the oscillators
    that convert, are not included.

    Sources: Khaddam-Aljameh et al., "HERMES-Core", IEEE J. Solid-State Circuits (2022);
    Le Gallo et al., "A 64-core mixed-signal in-memory compute
    chip based on phase-change memory for deep neural network inference", Nat. Electron. 6
    (2023), doi 10.1038/s41928-023-01010-1.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.hermes().array
    Array(rows=256, cols=256)
    """
    return provenance.build(MACHINES["hermes"])


def neurram() -> Hardware:
    """NeuRRAM: resistive memory of 1 to 40 microsiemens, inputs bit by bit, summed in analog.

    A core has 256 rows and columns; a weight takes two neighbouring rows, so that 128 inputs fit.
    Weights are continuous. The spread of conductances is that one second after programming,
    and after one or two days with ``at(86400)`` and ``at(172800)``.

    Where it differs: the machine senses voltages, which are sums divided by the total conductance
    of a column and multiplied digitally afterwards; here currents are summed. Its resolutions can
    be chosen; 4-bit inputs and 8-bit outputs are our choice. Wires and the errors of its neurons
    are not included.

    Source: Wan et al., "A compute-in-memory chip based on resistive random-access memory",
    Nature 608, 504 (2022), doi 10.1038/s41586-022-04992-8.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.neurram().array
    Array(rows=128, cols=256)
    """
    return provenance.build(MACHINES["neurram"])


def rram_wan_2022() -> Hardware:
    """The resistive memory of NeuRRAM, from 1 to 40 microsiemens, in plain 256x256 arrays.

    Weights are continuous differential pairs, converters have 8 bits. It shows what the device
    alone does; the machine it was measured on is ``neurram``.

    Where it differs: this is no published machine; all but the cells is our assumption.

    Source: aihwkit's fit to Wan et al., Nature 608, 504 (2022), doi 10.1038/s41586-022-04992-8.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.rram_wan_2022().cell.drift
    device.RRAMWan2022()
    """
    return provenance.build(MACHINES["rram_wan_2022"])


def sonos() -> Hardware:
    """Charge-trap memory (SONOS) in 1152x256 arrays: 8-bit weights, one cell for each polarity.

    Inputs have 8 bits and are driven one bit a cycle; their currents are summed in analog and
    converted once, by 8-bit ADCs with calibrated ranges. Cells lie between 35 kiloohm and 6
    teraohm; their spread grows over five days with ``at``.

    Where it differs: the current of a cell at its largest conductance, 1600 nA, is our
    assumption. The mean drift of cells, read noise and wires are not included.

    Sources: Xiao et al., "An accurate, error-tolerant, and energy-efficient neural network
    inference engine based on SONOS analog memory", IEEE Trans. Circuits Syst. I 69 (2022), as
    configured by CrossSim; cells: Agrawal et al., IEDM 2022, 21.7,
    doi 10.1109/IEDM45625.2022.10019564.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.sonos().cell.programming
    device.SONOS(i_max=1600.0)
    """
    return provenance.build(MACHINES["sonos"])


def rram_128() -> Hardware:
    """HfO2 resistive memory in 128x128 arrays: 8-bit weights as differential pairs, 2-bit cells.

    Inputs have 8 bits and are driven one bit a cycle; every array has 8-bit ADCs with calibrated
    ranges. Cells lie between 50 and 225 microsiemens (on/off ratio 4.5), the range in which
    their programming error was measured: a standard deviation of 2.7 to 4.3 microsiemens.

    Where it differs: this is no single published machine. The device is a 4-kbit HfO2 array of
    Milo et al., "Optimized programming algorithms for multilevel RRAM in hardware neural
    networks", IRPS 2021, doi 10.1109/IRPS46558.2021.9405119; array size, slices and converters
    are usual choices for bit-sliced arrays. Faults, drift and read noise are not included.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.rram_128().num_slices
    4
    """
    return provenance.build(MACHINES["rram_128"])


def pcm_512() -> Hardware:
    """Phase-change memory in 512x512 arrays: continuous differential pairs, 8-bit converters.

    A weight is the difference of two cells of at most 25 microsiemens, of which one carries it;
    inputs are driven in one cycle, ADC ranges are calibrated. The programming error is that of
    the cells 20 s after they were written.

    Where it differs: drift, read noise and the resistance of the wires are not included.

    Source: Le Gallo et al., "Using the IBM analog in-memory hardware acceleration kit for neural
    network training and inference", APL Mach. Learn. 1, 041102 (2023), doi 10.1063/5.0168089;
    devices: Joshi et al., Nat. Commun. 11, 2473 (2020), doi 10.1038/s41467-020-16108-9.

    Returns
    -------
    Hardware

    Examples
    --------
    >>> import imperfect as im
    >>> im.presets.pcm_512().cell
    Cell(g_max=2.5e-05, programming=device.PCM())
    """
    return provenance.build(MACHINES["pcm_512"])
