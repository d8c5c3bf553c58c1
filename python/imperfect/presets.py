# SPDX-License-Identifier: BSD-3-Clause
"""Machines to start from: functions that return a Hardware.

Each takes what its publication states and says where the model differs from the machine. Change
single fields with :meth:`~imperfect.hardware.Hardware.with_field`. Conductances in siemens,
converter ranges in unit currents (one cell at g_max with a full-scale input gives 1).
"""

from __future__ import annotations

from imperfect import device
from imperfect.hardware import ADC, DAC, Array, Cell, Hardware


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
    return Hardware()


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
    return Hardware(
        weight_bits=16,
        scheme="offset",
        offset_removal="unit_column",
        cell=Cell(bits=2),
        array=Array(rows=128, cols=129),
        dac=DAC(bits=16, slice_bits=1, two_pass=True),
        adc=ADC(bits=8, range=(0.0, 85.0)),
    )


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
    return Hardware(
        weight_bits=8,
        cell=Cell(bits=2, g_max=225e-6, on_off_ratio=4.5, programming=device.RRAMMilo()),
        array=Array(rows=128, cols=128),
        dac=DAC(bits=8, slice_bits=1),
        adc=ADC(bits=8, range="calibrated"),
    )


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
    return Hardware(
        cell=Cell(g_max=25e-6, programming=device.PCM()),
        array=Array(rows=512, cols=512),
        dac=DAC(bits=8),
        adc=ADC(bits=8, range="calibrated"),
    )
