# SPDX-License-Identifier: BSD-3-Clause
"""Descriptions of machines that are refused, and by which words.

``BAD_VALUES`` is the table of what must be refused: a callable and the fragments its message must
contain; ``BAD_TYPES`` likewise for wrong types. A new field adds its rows there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from imperfect import device
from imperfect.hardware import ADC, DAC, Array, Cell, Hardware

NAN, INF = math.nan, math.inf
GAUSS = device.Gaussian(0.1)
BITS_0 = ["=0", "None", "ideal"]
SONOS = device.SONOS(1600)
drift_table = lambda **changes: device.DriftTable(  # noqa: E731
    **{"seconds": [10], "g": [0, 1], "mean": [[0, 1]], "sigma": [[0, 0]]} | changes
)
from_dict: Callable[..., Hardware] = lambda **data: Hardware.from_dict({"version": 1, **data})  # noqa: E731
offset = partial(Hardware, scheme="offset")
two_laws = partial(Hardware, cell=Cell(programming=(GAUSS, device.Gaussian(0.2))))
lossless = partial(Hardware, adc=ADC(bits=8, range="lossless"), weight_bits=8)

BAD_VALUES: list[tuple[Callable[[], object], list[str]]] = [
    # Zero bits and other sizes out of range
    (lambda: Hardware(weight_bits=0), ["Hardware.weight_bits", "2 to 16", *BITS_0]),
    (lambda: Hardware(weight_bits=1), ["Hardware.weight_bits=1", "2 to 16"]),
    (lambda: Hardware(weight_bits=17), ["Hardware.weight_bits=17", "2 to 16"]),
    (lambda: Cell(bits=0), ["Cell.bits", "1 to 16", *BITS_0]),
    (lambda: DAC(bits=0), ["DAC.bits", *BITS_0]),
    (lambda: DAC(bits=8, slice_bits=0), ["DAC.slice_bits=0", "None"]),
    (lambda: ADC(bits=0), ["ADC.bits", *BITS_0]),
    (lambda: Array(column_current_max=0), ["Array.column_current_max=0", "unit currents"]),
    (lambda: Array(column_current_max=INF), ["column_current_max=inf", "unlimited"]),
    (lambda: Array(rows=0), ["Array.rows=0", "1 to 2147483647", "unlimited"]),
    # Words
    (lambda: Hardware(scheme="diferential"), ["scheme='diferential'", "did you mean"]),
    (lambda: Hardware(per="row"), ["Hardware.per='row'", "'layer'", "'channel'"]),
    (lambda: Array(partition="even"), ["Array.partition='even'", "'equal'", "'fill'"]),
    (lambda: DAC(accumulate="none"), ["DAC.accumulate='none'", "'analog'"]),
    (lambda: device.RRAMCMO("1%"), ["RRAMCMO.range='1%'", "'0.2%'", "'2%'"]),
    (lambda: device.StuckAt(cluster="cell"), ["StuckAt.cluster='cell'", "'row'", "None"]),
    (lambda: Array(adc_share=0), ["Array.adc_share=0", "from 1"]),
    (lambda: Hardware(clock=0), ["Hardware.clock=0", "1 to 1e12 Hz", "None"]),
    (lambda: Hardware(clock=NAN), ["Hardware.clock=nan", "Hz"]),
    (lambda: Hardware(drift_compensation="all"), ["drift_compensation='all'", "'column'", "None"]),
    # Ranges and calibration methods
    (lambda: Hardware(weight_range="min"), ["weight_range='min'", "'max'", "percentile"]),
    (lambda: Hardware(weight_range=0.0), ["weight_range=0.0", "positive"]),
    (lambda: Hardware(weight_range=NAN), ["weight_range=nan", "positive"]),
    (lambda: Hardware(weight_range=1e-300), ["weight_range=1e-300", "single precision"]),
    (lambda: Hardware(weight_range=10**400), ["Hardware.weight_range=1000", "finite"]),
    (lambda: Hardware(weight_range=("percentile", 50)), ["weight_range[1]=50", "50 < p <= 100"]),
    (lambda: DAC(range=-1), ["DAC.range=-1", "positive"]),
    (lambda: DAC(method="mean"), ["DAC.method='mean'", "'mse'", "percentile"]),
    (lambda: ADC(range="max"), ["ADC.range='max'", "'lossless'", "(lo, hi)"]),
    (lambda: ADC(range=(1, 1)), ["ADC.range", "lo < hi"]),
    (lambda: ADC(range=(1, 1 + 1e-9)), ["ADC.range", "millionth"]),
    (lambda: ADC(range=(0, INF)), ["ADC.range=inf", "finite"]),
    (lambda: ADC(range=(0, 1, 2)), ["ADC.range=[0, 1, 2]", "pair"]),
    (lambda: ADC(range=[]), ["ADC.range=[]", "for each slice"]),
    (lambda: ADC(range=[(0, 1), (2, 1)]), ["ADC.range[1]", "lo < hi"]),
    (lambda: ADC(bits=1, range=(-1, 1)), ["ADC.bits=1", "symmetric"]),
    # Cells and laws
    (lambda: Cell(g_max=25), ["Cell.g_max=25", "siemens", "25e-6"]),
    (lambda: Cell(on_off_ratio=1), ["Cell.on_off_ratio=1", "above 1"]),
    (lambda: Cell(g_min_sigma=-0.1), ["Cell.g_min_sigma=-0.1", ">= 0"]),
    (lambda: Cell(g_max_sigma=NAN), ["Cell.g_max_sigma=nan", "finite"]),
    (lambda: Cell(programming=[device.WeightGaussian(0.1), GAUSS]), ["WeightGaussian", "only"]),
    (lambda: Cell(programming=device.PCM()), ["Cell.g_max=None", "siemens", "device.PCM()"]),
    (lambda: Cell(g_max=26e-6, programming=device.PCMJoshi()), ["Cell.g_max=2.6e-05", "25"]),
    (lambda: Cell(g_max=25e-6, programming=device.RRAMMilo()), ["g_max=2.5e-05", "more than 50"]),
    (lambda: Cell(g_max=225e-6, programming=device.RRAMMilo()), ["on_off_ratio=inf", "4.5"]),
    (lambda: Cell(g_max=88e-6, on_off_ratio=10, programming=device.RRAMCMO()), ["=10.0", "9.77"]),
    (lambda: device.Gaussian(-1), ["Gaussian.sigma=-1", "fraction of g_max"]),
    (lambda: device.WeightGaussian(-0.5), ["WeightGaussian.sigma=-0.5", "weight range"]),
    (lambda: device.StuckAt(p_on=1.5), ["StuckAt.p_on=1.5", "0 to 1"]),
    (lambda: device.Table(g=[0.5], sigma=[0.1]), ["1 values of g", "at least 2"]),
    (lambda: device.Table(g=[0, 1], sigma=[0.1]), ["2 values of g and 1 of sigma"]),
    (lambda: device.Table(g=[0, 0], sigma=[0, 0]), ["Table.g[1]=0.0", "larger than Table.g[0]"]),
    (lambda: device.Table(g=[0, 1.5], sigma=[0, 0]), ["Table.g[1]=1.5", "0 to 1"]),
    (lambda: device.Table(g=[0, 1], sigma=[0, INF]), ["Table.sigma[1]=inf", "finite"]),
    (lambda: device.Table(g=[0, 1], sigma=[0, 0], mean=[0]), ["1 of mean"]),
    (lambda: device.Table(g=[0, 1], sigma=[0, 0], mean=[0, NAN]), ["Table.mean[1]=nan", "finite"]),
    (
        lambda: Cell(read_noise=device.Table(g=[0, 1], sigma=[0, 0], mean=[0, 0])),
        ["Cell.read_noise", "mean=(0.0, 0.0)", "None"],
    ),
    (lambda: Cell(read_noise=device.RRAMCMORead()), ["Cell.g_max=None", "RRAMCMORead"]),
    (lambda: Cell(g_max=1e-6, read_noise=device.RRAMCMORead()), ["g_max=1e-06", "more than 1 mic"]),
    (
        lambda: Cell(g_max=80e-6, read_noise=device.RRAMCMORead()),
        ["Cell.on_off_ratio=inf", "at most 80", "1 microsiemens up"],
    ),
    (lambda: device.SONOSRead(i_max=3201), ["SONOSRead.i_max=3201", "3200 nanoampere"]),
    (lambda: device.PCMFlicker(correlation="all"), ["PCMFlicker.correlation='all'", "'product'"]),
    (lambda: device.SONOS(i_max=3201), ["SONOS.i_max=3201", "3200 nanoampere"]),
    (lambda: device.SONOS(i_max=0), ["SONOS.i_max=0", "above 0"]),
    (lambda: device.WriteVerify(tolerance=-1, max_pulses=1, pulse_sigma=0), ["tolerance=-1"]),
    (
        lambda: device.WriteVerify(tolerance=0, max_pulses=0, pulse_sigma=0),
        ["max_pulses=0", "65535"],
    ),
    (lambda: device.WriteVerify(tolerance=0, max_pulses=1, pulse_sigma=NAN), ["pulse_sigma=nan"]),
    (lambda: Cell(programming=device.RRAMWan2022()), ["Cell.g_max=None", "RRAMWan2022"]),
    # Drift
    (lambda: device.PowerLaw(-0.1), ["PowerLaw.nu=-0.1", ">= 0"]),
    (lambda: device.PowerLaw(0.1, t0=0), ["PowerLaw.t0=0", "positive"]),
    (lambda: Cell(drift=device.PCM()), ["Cell.g_max=None", "device.PCM()"]),
    (lambda: Cell(g_max=88e-6, on_off_ratio=10, drift=device.RRAMCMO()), ["=10.0", "9.77"]),
    (lambda: Cell(drift=device.SONOS()), ["Cell.programming=None", "once", "SONOS"]),
    (lambda: Cell(drift=SONOS, programming=[SONOS, SONOS]), ["Cell.programming", "once"]),
    (lambda: Cell(drift=[SONOS, device.PowerLaw(0.1)], programming=SONOS), ["only drift law"]),
    (lambda: Cell(drift=device.SONOS(100), programming=SONOS), ["Cell.programming", "i_max=100"]),
    (lambda: drift_table(seconds=[]), ["seconds=()", "at least 1"]),
    (lambda: drift_table(seconds=[0]), ["seconds=(0.0,)", "above 0"]),
    (lambda: drift_table(seconds=[2, 1]), ["DriftTable.seconds[1]=1.0", "larger"]),
    (lambda: drift_table(seconds=[INF]), ["DriftTable.seconds[0]=inf", "finite"]),
    (lambda: drift_table(g=[0.5]), ["g=(0.5,)", "at least 2"]),
    (lambda: drift_table(g=[1, 0]), ["DriftTable.g[1]=0.0", "larger"]),
    (lambda: drift_table(mean=[[1, 2, 3]]), ["DriftTable.mean", "1 rows of 2"]),
    (lambda: drift_table(sigma=[[0, -1]]), ["DriftTable.sigma[0][1]=-1", ">= 0"]),
    # Fields that do not fit each other
    (lambda: DAC(slice_bits=1), ["DAC.slice_bits=1", "DAC.bits=None"]),
    (lambda: DAC(bits=4, slice_bits=5), ["DAC.slice_bits=5", "at most the 4", "DAC.bits=4"]),
    (lambda: DAC(bits=4, slice_bits=4, signed=True), ["DAC.slice_bits=4", "at most the 3"]),
    (lambda: DAC(bits=1, signed=True), ["DAC.bits=1", "2 to 16", "sign"]),
    (lambda: DAC(two_pass=True, signed=True), ["DAC.two_pass=True", "DAC.signed"]),
    (lambda: Hardware(weight_bits=8, two_sided=True), ["two_sided=True", "weight_bits=None", "8"]),
    (lambda: offset(two_sided=True), ["two_sided=True", "scheme='differential'"]),
    (lambda: offset(subtract="digital"), ["subtract='digital'", "scheme='differential'"]),
    (lambda: Hardware(offset_removal="unit_column"), ["'unit_column'", "scheme='offset'"]),
    (lambda: offset(offset_removal="unit_column", array=Array(cols=1)), ["Array.cols=1", "2"]),
    (lambda: Hardware(weight_bits=8, cell=Cell(bits=8)), ["Cell.bits=8", "at most 7"]),
    (lambda: offset(weight_bits=8, cell=Cell(bits=9)), ["Cell.bits=9", "at most 8", "'offset'"]),
    (lambda: Hardware(adc=ADC(range=[(0, 1)] * 2)), ["ADC.range", "2 pairs", "1 slices"]),
    (lambda: Hardware(adc=ADC(bits=1)), ["ADC.bits=1", "'full'", "signed"]),
    (lambda: offset(adc=ADC(bits=1), dac=DAC(signed=True)), ["ADC.bits=1", "signed"]),
    (lambda: lossless(), ["'lossless'", "DAC.bits"]),
    (lambda: lossless(dac=DAC(bits=8), weight_bits=None), ["'lossless'", "Cell.bits", "levels"]),
    (lambda: lossless(dac=DAC(bits=8), cell=Cell(on_off_ratio=9), subtract="digital"), ["g_min"]),
    (lambda: lossless(dac=DAC(bits=8), cell=Cell(on_off_ratio=9), scheme="offset"), ["g_min"]),
    # Paths and dictionaries
    (lambda: Hardware().with_field("cel.bits", 2), ["Hardware", "'cel'", "'cell'", "adc"]),
    (lambda: Hardware().with_field("cell.bit", 2), ["Hardware.cell", "'bit'", "'bits'", "g_max"]),
    (lambda: Hardware().with_field("", 2), ["Hardware has no ''", "weight_bits"]),
    (lambda: Hardware().with_field("cell.faults.p_on", 1), ["cell.faults is None", "'p_on'"]),
    (lambda: Hardware().with_field("weight_range.p", 1), ["weight_range is 'max'", "'p'"]),
    (lambda: two_laws().with_field("cell.programming.sigma", 1), ["tuple of 2", "allowed: 0, 1"]),
    (lambda: two_laws().with_field("cell.programming.2.sigma", 1), ["'2'", "allowed: 0, 1"]),
    (lambda: two_laws().with_field("cell.programming.0.width", 1), ["'width'", "allowed: sigma"]),
    (lambda: from_dict(weight_bit=8), ["Hardware has no 'weight_bit'", "'weight_bits'"]),
    (lambda: from_dict(adc={"bist": 8}), ["Hardware.adc has no 'bist'", "'bits'", "method"]),
    (lambda: from_dict(cell={"programming": {"law": "Gausian"}}), ["'Gausian'", "'Gaussian'"]),
    (lambda: from_dict(cell={"programming": {"law": "Gaussian"}}), ["no 'sigma'", "Gaussian"]),
    (lambda: from_dict(cell={"programming": {"sigma": 0.1}}), ["cell.programming", "'law'"]),
    (lambda: from_dict(cell={"faults": [{"law": "StuckAt", "p": 0}]}), ["faults[0]", "'p'"]),
]
BAD_TYPES: list[tuple[Callable[[], object], list[str]]] = [
    (lambda: DAC(bits=8.0), ["DAC.bits=8.0", "integer", "not float"]),
    (lambda: Cell(bits=True), ["Cell.bits=True", "integer", "not bool"]),
    (lambda: ADC(bits=np.array(8)), ["ADC.bits", "integer", "not ndarray"]),
    (lambda: Array(column_current_max="1"), ["column_current_max='1'", "not str"]),
    (lambda: Array(rows="128"), ["Array.rows='128'", "integer", "not str"]),
    (lambda: Cell(on_off_ratio=None), ["Cell.on_off_ratio=None", "above 1", "not NoneType"]),
    (lambda: device.Gaussian(True), ["Gaussian.sigma=True", "number"]),
    (lambda: device.Table(g=[0, 1], sigma=[0, 1], mean=0), ["Table.mean=0", "list"]),
    (lambda: Cell(programming=device.PCMFlicker()), ["belongs in Cell.read_noise"]),
    (lambda: device.Table(g="01", sigma=[0, 1]), ["Table.g='01'", "list"]),
    (lambda: device.Table(g=[[0], [1]], sigma=[0, 1]), ["Table.g[0]=[0]", "not list"]),
    (lambda: Hardware(two_sided=1), ["Hardware.two_sided=1", "True or False"]),
    (lambda: DAC(signed="yes"), ["DAC.signed='yes'", "None (decided by calibration)"]),
    (lambda: Hardware(scheme=None), ["Hardware.scheme=None", "'offset'"]),
    (lambda: Hardware(weight_range=True), ["Hardware.weight_range=True", "'max'"]),
    (lambda: ADC(range=7), ["ADC.range=7", "(lo, hi)"]),
    (lambda: Hardware(cell=None), ["Hardware.cell=None", "a Cell"]),
    (lambda: Cell(programming=0.1), ["Cell.programming=0.1", "law"]),
    (lambda: Cell(programming=device.PCM), ["Cell.programming", "write device.PCM(...)"]),
    (lambda: Cell(programming=device.StuckAt()), ["StuckAt", "belongs in Cell.faults"]),
    (lambda: Cell(faults=[device.StuckAt(), GAUSS]), ["belongs in Cell.programming"]),
    (lambda: Cell(drift=GAUSS), ["Cell.drift", "Gaussian", "belongs in Cell.programming or"]),
    (lambda: Cell(drift=device.PCM), ["Cell.drift", "write device.PCM(...)"]),
    (lambda: device.StuckAt(cluster=1), ["StuckAt.cluster=1", "'row'"]),
    (lambda: drift_table(mean=3), ["DriftTable.mean=3", "rows"]),
    (lambda: Hardware().with_field(3, 1), ["path=3", "string"]),
    (lambda: Hardware.from_dict([]), ["Hardware=[]", "dictionary"]),
    (lambda: from_dict(cell=[]), ["Hardware.cell=[]", "dictionary"]),
]


@pytest.mark.parametrize(
    ("error", "build", "fragments"),
    [(ValueError, *row) for row in BAD_VALUES] + [(TypeError, *row) for row in BAD_TYPES],
)
def test_bad_input_is_refused(
    error: type[Exception], build: Callable[[], object], fragments: list[str]
) -> None:
    with pytest.raises(error) as caught:
        build()
    assert [text for text in fragments if text not in str(caught.value)] == [], caught.value
