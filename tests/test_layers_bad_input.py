# SPDX-License-Identifier: BSD-3-Clause
"""Wrong arguments of layers: each is refused with a message that names the argument."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import imperfect as im

CALIBRATED = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))


WAN = im.device.RRAMWan2022()
TABLE = im.device.DriftTable(seconds=[10], g=[0, 1], mean=[[0, 1]], sigma=[[0, 0]])


def drifting(law: Any) -> im.AnalogLinear:
    """A layer with a law in both roles, or as drift only."""
    programming = law if isinstance(law, im.device.ProgrammingLaw) else None
    cell = im.Cell(g_max=40e-6, programming=programming, drift=law)
    return linear(hardware=im.Hardware(cell=cell))


def linear(**changes: Any) -> im.AnalogLinear:
    return im.AnalogLinear(changes.pop("weight", np.ones((2, 3))), **changes)


def conv(**changes: Any) -> im.AnalogConv2d:
    return im.AnalogConv2d(changes.pop("weight", np.ones((4, 2, 3, 3))), **changes)


def conv1(**changes: Any) -> im.AnalogConv1d:
    return im.AnalogConv1d(changes.pop("weight", np.ones((4, 2, 3))), **changes)


def conv3(**changes: Any) -> im.AnalogConv3d:
    return im.AnalogConv3d(changes.pop("weight", np.ones((4, 2, 3, 3, 3))), **changes)


def transposed(**changes: Any) -> im.AnalogConvTranspose2d:
    return im.AnalogConvTranspose2d(changes.pop("weight", np.ones((2, 4, 3, 3))), **changes)


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.flags.writeable = False
    return array


def restored(**changes: Any) -> None:
    """Restore a calibrated layer from its own state with some entries changed or removed."""
    layer = linear(hardware=CALIBRATED)
    layer.calibrate(np.ones((1, 3)))
    state = layer.state() | changes
    layer.restore({name: value for name, value in state.items() if value is not None})


BAD_VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "linear: vector weight": (lambda: linear(weight=np.ones(3)), "weight"),
    "linear: no outputs": (lambda: linear(weight=np.ones((0, 3))), "weight"),
    "linear: no inputs": (lambda: linear(weight=np.ones((3, 0))), "weight"),
    "linear: ragged weight": (lambda: linear(weight=[[1.0], [1.0, 2.0]]), "weight"),
    "linear: NaN in weight": (lambda: linear(weight=[[np.nan]]), "weight"),
    "linear: infinity in weight": (lambda: linear(weight=[[np.inf]]), "weight"),
    "linear: weight beyond float32": (lambda: linear(weight=[[1e300]]), "weight"),
    "linear: long bias": (lambda: linear(bias=np.ones(3)), "bias"),
    "linear: matrix bias": (lambda: linear(bias=np.ones((2, 1))), "bias"),
    "linear: NaN in bias": (lambda: linear(bias=[0.0, np.nan]), "bias"),
    "linear: negative seed": (lambda: linear(seed=-1), "seed"),
    "linear: seed beyond 64 bits": (lambda: linear(seed=2**64), "seed"),
    "linear: negative layer_id": (lambda: linear(layer_id=-1), "layer_id"),
    "epilogue: short scale": (lambda: linear(epilogue=im.layers.Epilogue(scale=[1.0])), "scale"),
    "epilogue: matrix shift": (
        lambda: linear(epilogue=im.layers.Epilogue(shift=[[1.0, 1.0]])),
        "shift",
    ),
    "epilogue: NaN in scale": (
        lambda: linear(epilogue=im.layers.Epilogue(scale=[1.0, np.nan])),
        "scale",
    ),
    "epilogue: low above high": (
        lambda: linear(epilogue=im.layers.Epilogue(low=1.0, high=0.0)),
        "low",
    ),
    "epilogue: NaN limit": (lambda: linear(epilogue=im.layers.Epilogue(low=np.nan)), "low"),
    "range: too few channels": (
        lambda: linear(hardware=im.Hardware(weight_range=(1.0, 1.0, 1.0))),
        "weight_range",
    ),
    "call: scalar": (lambda: linear()(1.0), "x"),
    "call: wrong width": (lambda: linear()(np.ones((1, 2))), "x"),
    "call: NaN": (lambda: linear()([[1.0, np.nan, 1.0]]), "x"),
    "call: infinity": (lambda: linear()([[1.0, -np.inf, 1.0]]), "x"),
    "call: beyond float32": (lambda: linear()([[1.0, 1e39, 1.0]]), "x"),
    "call: before calibrate": (lambda: linear(hardware=CALIBRATED)(np.ones((1, 3))), "calibrate"),
    "call: clipping before calibrate": (
        lambda: linear(hardware=CALIBRATED).clipping(np.ones((1, 3))),
        "calibrate",
    ),
    "call: negative threads": (lambda: linear()(np.ones((1, 3)), num_threads=-1), "threads"),
    "call: negative first_sample": (
        lambda: linear()(np.ones((1, 3)), first_sample=-1),
        "first_sample",
    ),
    "call: negative read": (lambda: linear()(np.ones((1, 3)), read=-1), "read"),
    "call: out of wrong shape": (
        lambda: linear()(np.ones((1, 3)), out=np.empty((2, 2), np.float32)),
        "out",
    ),
    "call: out read-only": (
        lambda: linear()(np.ones((1, 3)), out=read_only(np.empty((1, 2), np.float32))),
        "out",
    ),
    "call: out with gaps": (
        lambda: linear()(np.ones((2, 3)), out=np.empty((2, 4), np.float32)[:, ::2]),
        "out",
    ),
    "epilogue: low beyond every float": (lambda: im.Epilogue(low=10**400), "low"),
    "epilogue: low is infinity": (lambda: im.Epilogue(low=np.inf), "low"),
    "epilogue: high is minus infinity": (lambda: im.Epilogue(high=-np.inf), "high"),
    "linear: empty bias": (lambda: linear(bias=[]), "bias"),
    "linear: scalar bias": (lambda: linear(weight=[[1.0]], bias=1.0), "bias"),
    "call: scalar for one input": (lambda: linear(weight=[[1.0]])(1.0), "x"),
    "call: output beyond float32": (lambda: linear(weight=[[3e38, 3e38]])([[2, 2]]), "output"),
    "call: epilogue beyond float32": (
        lambda: linear(epilogue=im.Epilogue(scale=[1e38, 1]))([[1e3, 1, 1]]),
        "output",
    ),
    "call: too many threads": (lambda: linear()(np.ones((1, 3)), num_threads=2**40), "threads"),
    "threads: too many": (lambda: im.set_num_threads(2**40), "count"),
    "threads: negative": (lambda: im.set_num_threads(-1), "count"),
    "calibrate: nothing, and nothing open": (
        lambda: linear().calibrate(np.empty((0, 3))),
        "at least one",
    ),
    "calibrate: tiny inputs": (
        lambda: linear(hardware=CALIBRATED).calibrate(np.full((2, 3), 1e-38)),
        "full_scale",
    ),
    "restore: huge input range": (lambda: restored(input_range=np.array([1e300, 0])), "full_scale"),
    "restore: sign of a half": (lambda: restored(input_range=np.array([1, 0.5])), "input_range"),
    "restore: huge output range": (
        lambda: restored(output_ranges=np.array([[0, 1e300]])),
        "range",
    ),
    "restore: huge cells": (lambda: restored(cells=np.full(12, 3e38, np.float32)), "cells"),
    "restore: negative seed": (lambda: restored(seed=np.array(-1)), "seed"),
    "restore: write beyond 32 bits": (lambda: restored(write=np.array(2**32)), "write"),
    "calibrate: nothing": (
        lambda: linear(hardware=CALIBRATED).calibrate(np.empty((0, 3))),
        "at least one",
    ),
    "calibrate: NaN": (lambda: linear(hardware=CALIBRATED).calibrate([[np.nan] * 3]), "x"),
    "at: negative": (lambda: linear().at(-1), "seconds=-1"),
    "at: NaN": (lambda: linear().at(np.nan), "seconds"),
    "at: infinity": (lambda: linear().at(np.inf), "seconds"),
    "at: a time that was not measured": (lambda: drifting(WAN).at(5.0), "1, 86400, 172800"),
    "at: beyond the last measurement": (lambda: drifting(im.device.SONOS()).at(432001), "432000"),
    "at: beyond the table": (lambda: drifting(TABLE).at(11.0), "at most 10"),
    "pulses: no closed loop": (lambda: linear().pulses(), "WriteVerify"),
    "restore: negative time": (lambda: restored(seconds=np.array(-1.0)), "seconds"),
    "restore: two times": (lambda: restored(seconds=np.array([1.0, 2.0])), "seconds"),
    "restore: read-out of a vector": (
        lambda: restored(readout_inputs=np.ones(3)),
        "readout_inputs",
    ),
    "restore: read-out of other inputs": (
        lambda: restored(readout_inputs=np.ones((1, 2, 1, 1))),
        "channels",
    ),
    "program: negative seed": (lambda: linear().program(seed=-1), "seed"),
    "program: negative write": (lambda: linear().program(write=-1), "write"),
    "program: write beyond 32 bits": (lambda: linear().program(write=2**32), "write"),
    "restore: nothing": (lambda: linear().restore({}), "cells"),
    "restore: too few cells": (lambda: restored(cells=np.ones(3, np.float32)), "cells"),
    "restore: NaN cell": (lambda: restored(cells=np.full(12, np.nan, np.float32)), "cells"),
    "restore: unit cells from elsewhere": (
        lambda: restored(unit_cells=np.ones(3, np.float32)),
        "unit",
    ),
    "restore: no seed": (lambda: restored(seed=None), "seed"),
    "restore: infinite input range": (
        lambda: restored(input_range=np.array([np.inf, 0.0])),
        "range",
    ),
    "restore: NaN output range": (
        lambda: restored(output_ranges=np.array([[np.nan, 1.0]])),
        "range",
    ),
    "restore: reversed output range": (
        lambda: restored(output_ranges=np.array([[1.0, -1.0]])),
        "range",
    ),
    "restore: three output ranges": (lambda: restored(output_ranges=np.ones((3, 2))), "range"),
    "restore: input range of one number": (lambda: restored(input_range=np.ones(1)), "input_range"),
    "restore: output ranges in a row": (lambda: restored(output_ranges=np.ones(3)), "output_range"),
    "conv: three dimensions": (lambda: conv(weight=np.ones((4, 2, 3))), "weight"),
    "conv: empty kernel": (lambda: conv(weight=np.ones((4, 2, 0, 3))), "weight"),
    "conv: stride zero": (lambda: conv(stride=0), "stride"),
    "conv: three strides": (lambda: conv(stride=(1, 1, 1)), "stride"),
    "conv: negative padding": (lambda: conv(padding=-1), "padding"),
    "conv: unknown padding": (lambda: conv(padding="valid"), "padding"),
    "conv: same with stride": (lambda: conv(padding="same", stride=2), "padding"),
    "conv: dilation zero": (lambda: conv(dilation=0), "dilation"),
    "conv: groups zero": (lambda: conv(groups=0), "groups"),
    "conv: groups that do not divide": (lambda: conv(groups=3), "groups"),
    "conv: huge stride": (lambda: conv(stride=2**40), "stride"),
    "conv: huge padding": (lambda: conv(padding=2**40), "padding"),
    "conv: an image that no memory holds": (
        lambda: conv(padding=2**20, stride=2**20)(np.ones((1, 2, 4, 4))),
        "padding",
    ),
    "conv: missing batch": (lambda: conv()(np.ones((2, 8, 8))), "x"),
    "conv: wrong channels": (lambda: conv()(np.ones((1, 3, 8, 8))), "x"),
    "conv: image below kernel": (lambda: conv()(np.ones((1, 2, 2, 8))), "kernel"),
    "conv: out of wrong shape": (
        lambda: conv()(np.ones((1, 2, 8, 8)), out=np.empty((1, 4, 8, 8), np.float32)),
        "out",
    ),
    "conv: out of one dimension": (
        lambda: conv()(np.ones((1, 2, 5, 5)), out=np.zeros(36, np.float32)),
        "out",
    ),
    "conv: out with axes in another order": (
        lambda: conv()(np.ones((1, 2, 5, 5)), out=np.zeros((4, 1, 3, 3), np.float32)),
        "out",
    ),
    "conv1d: out with axes in another order": (
        lambda: conv1()(np.ones((1, 2, 5)), out=np.zeros((1, 3, 4), np.float32)),
        "out",
    ),
    "conv1d: four dimensions": (lambda: conv1()(np.ones((1, 2, 8, 8))), "x"),
    "conv1d: out of four dimensions": (
        lambda: conv1()(np.ones((1, 2, 8)), out=np.empty((1, 4, 1, 6), np.float32)),
        "out",
    ),
    "conv1d: same with stride": (lambda: conv1(padding="same", stride=2), "padding"),
    "conv3d: four axes of weights": (lambda: conv3(weight=np.ones((4, 2, 3, 3))), "weight"),
    "conv3d: two strides": (lambda: conv3(stride=(1, 1)), "stride"),
    "conv3d: a picture": (lambda: conv3()(np.ones((1, 2, 8, 8))), "x"),
    "conv3d: depth below kernel": (lambda: conv3()(np.ones((1, 2, 2, 8, 8))), "depth"),
    "conv3d: a volume that no memory holds": (
        lambda: conv3(padding=2**10, stride=2**10)(np.ones((1, 2, 4, 4, 4))),
        "padding",
    ),
    "conv3d: out of four dimensions": (
        lambda: conv3()(np.ones((1, 2, 3, 3, 3)), out=np.empty((1, 4, 1, 1), np.float32)),
        "out",
    ),
    "transposed: no outputs": (lambda: transposed(weight=np.ones((2, 0, 3, 3))), "weight"),
    "transposed: NaN in weight": (
        lambda: transposed(weight=np.full((1, 1, 1, 1), np.nan)),
        "weight",
    ),
    "transposed: bias of the inputs": (lambda: transposed(bias=np.ones(2)), "bias"),
    "transposed: groups that do not divide": (lambda: transposed(groups=3), "groups"),
    "transposed: negative output_padding": (
        lambda: transposed(output_padding=-1),
        "output_padding",
    ),
    "transposed: three output_paddings": (
        lambda: transposed(output_padding=(1, 1, 1)),
        "output_padding",
    ),
    "transposed: wrong channels": (lambda: transposed()(np.ones((1, 4, 8, 8))), "x"),
    "transposed: nothing left": (lambda: transposed(padding=2)(np.ones((1, 2, 1, 9))), "padding"),
    "transposed: an image that no memory holds": (
        lambda: transposed(stride=2**20)(np.ones((1, 2, 4, 4))),
        "numbers",
    ),
    "transposed: empty image": (lambda: transposed()(np.ones((1, 2, 0, 4))), "empty"),
    "transposed: epilogue of the inputs": (
        lambda: transposed(epilogue=im.Epilogue(scale=[1.0, 1.0])),
        "scale",
    ),
    "transposed: out of wrong shape": (
        lambda: transposed()(np.ones((1, 2, 3, 3)), out=np.empty((1, 4, 3, 3), np.float32)),
        "out",
    ),
    "transposed: NaN": (lambda: transposed()(np.full((1, 2, 3, 3), np.nan)), "x"),
    "restore: read-out inputs of three axes": (
        lambda: restored(readout_inputs=np.ones((1, 3, 1), np.float32)),
        "readout_inputs",
    ),
}

BAD_TYPES: dict[str, tuple[Callable[[], Any], str]] = {
    "complex weight": (lambda: linear(weight=[[1j]]), "weight"),
    "text weight": (lambda: linear(weight=[["a"]]), "weight"),
    "weight of objects": (lambda: linear(weight=[[object()]]), "weight"),
    "hardware as dict": (lambda: linear(hardware={}), "hardware"),
    "preset by name": (lambda: linear(hardware="isaac"), "hardware"),
    "seed as float": (lambda: linear(seed=1.5), "seed"),
    "seed as text": (lambda: linear(seed="1"), "seed"),
    "layer_id as list": (lambda: linear(layer_id=[1]), "layer_id"),
    "epilogue as dict": (lambda: linear(epilogue={}), "epilogue"),
    "text input": (lambda: linear()([["a", "b", "c"]]), "x"),
    "complex input": (lambda: linear()([[1j, 0, 0]]), "x"),
    "no input": (lambda: linear()(None), "x"),
    "out as list": (lambda: linear()(np.ones((1, 3)), out=[[0.0, 0.0]]), "out"),
    "out of doubles": (lambda: linear()(np.ones((1, 3)), out=np.empty((1, 2))), "out"),
    "threads as text": (lambda: linear()(np.ones((1, 3)), num_threads="2"), "threads"),
    "threads as float": (lambda: linear()(np.ones((1, 3)), num_threads=1.5), "threads"),
    "threads as bool": (lambda: linear()(np.ones((1, 3)), num_threads=True), "threads"),
    "default threads as float": (lambda: im.set_num_threads(1.5), "count"),
    "default threads as None": (lambda: im.set_num_threads(None), "count"),
    "masked input": (lambda: linear()(np.ma.masked_less([[1.0, 2.0, 3.0]], 2)), "masked"),
    "epilogue limit as text": (lambda: im.Epilogue(low="a"), "low"),
    "epilogue limit as None": (lambda: im.Epilogue(high=None), "high"),
    "restore: seed as float": (lambda: restored(seed=np.array(1.5)), "seed"),
    "restore: seed as text": (lambda: restored(seed=np.array("x")), "seed"),
    "restore: range as text": (lambda: restored(input_range=np.array(["a", "b"])), "input_range"),
    "stride as half": (lambda: conv(stride=1.5), "stride"),
    "padding as None": (lambda: conv(padding=None), "padding"),
    "write as float": (lambda: linear().program(write=0.5), "write"),
    "stride as text": (lambda: conv(stride="2"), "stride"),
    "groups as float": (lambda: conv(groups=2.0), "groups"),
    "output_padding as float": (lambda: transposed(output_padding=1.0), "output_padding"),
    "state as list": (lambda: linear().restore([]), "state"),
}


@pytest.mark.parametrize("case", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_wrong_values(case: tuple[Callable[[], Any], str]) -> None:
    call, named = case
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("case", BAD_TYPES.values(), ids=BAD_TYPES.keys())
def test_wrong_types(case: tuple[Callable[[], Any], str]) -> None:
    call, named = case
    with pytest.raises(TypeError, match=named):
        call()


def test_a_layer_does_not_change_with_the_arrays_it_was_made_of() -> None:
    scale, bias = np.ones(2, np.float32), np.ones(2, np.float32)
    layer = linear(bias=bias, epilogue=im.Epilogue(scale=scale))
    scale[0] = bias[0] = 7
    assert layer.bias is not None and layer.epilogue.scale is not None
    for array in (layer.weight, layer.bias, layer.epilogue.scale):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(layer))(np.ones(3)), layer(np.ones(3)))


def test_epilogues_are_values() -> None:
    first, second = im.Epilogue(scale=[1, 2]), im.Epilogue(scale=np.array([1, 2]))
    assert first == second and hash(first) == hash(second)
    assert first != im.Epilogue(scale=[1, 3]) and first != "epilogue"


def test_strides_may_be_arrays() -> None:
    layer = conv(stride=np.array([1, 2]), padding=np.array([[0, 1], [1, 0]]))
    assert (layer.stride, layer.padding) == ((1, 2), ((0, 1), (1, 0)))
