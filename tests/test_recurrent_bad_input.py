# SPDX-License-Identifier: BSD-3-Clause
"""Wrong arguments of recurrent layers: each is refused with a message that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import imperfect as im

CALIBRATED = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
X = np.ones((2, 3, 4))


def lstm(**changes: Any) -> im.AnalogLSTM:
    given = {"weight_ih": np.ones((8, 4)), "weight_hh": np.ones((8, 2))} | changes
    return im.AnalogLSTM(given.pop("weight_ih"), given.pop("weight_hh"), **given)


def gru(**changes: Any) -> im.AnalogGRU:
    given = {"weight_ih": np.ones((6, 4)), "weight_hh": np.ones((6, 2))} | changes
    return im.AnalogGRU(given.pop("weight_ih"), given.pop("weight_hh"), **given)


def both(**changes: Any) -> im.AnalogGRU:
    weights = {"weight_ih": np.ones((2, 6, 4)), "weight_hh": np.ones((2, 6, 2))}
    return gru(**weights, direction="bidirectional", **changes)


def restored(**changes: Any) -> None:
    """Restore a calibrated layer from its own state with some entries changed or removed."""
    layer = gru(hardware=CALIBRATED)
    layer.calibrate(X)
    state = layer.state() | changes
    layer.restore({name: value for name, value in state.items() if value is not None})


BAD_VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "vector weight_ih": (lambda: lstm(weight_ih=np.ones(8)), "weight_ih has shape"),
    "no inputs": (lambda: lstm(weight_ih=np.ones((8, 0))), "weight_ih has shape"),
    "rows of inputs": (lambda: lstm(weight_ih=np.ones((6, 4))), r"weight_ih has shape .*\(8, inp"),
    "scalar weight_hh": (lambda: lstm(weight_hh=1.0), "weight_hh has shape"),
    "no units": (lambda: lstm(weight_hh=np.ones((0, 0))), "weight_hh has shape"),
    "rows of the state": (lambda: gru(weight_hh=np.ones((8, 2))), r"weight_hh .*\(3·hidden"),
    "two directions, one given": (
        lambda: gru(direction="bidirectional"),
        r"weight_hh .*\(2, 3·hid",
    ),
    "one direction, two given": (
        lambda: gru(weight_hh=np.ones((2, 6, 2)), weight_ih=np.ones((2, 6, 4))),
        "weight_hh has shape",
    ),
    "NaN in weight_ih": (lambda: lstm(weight_ih=np.full((8, 4), np.nan)), "weight holds nan"),
    "infinity in weight_hh": (lambda: gru(weight_hh=np.full((6, 2), np.inf)), "weight holds inf"),
    "short bias_ih": (
        lambda: lstm(bias_ih=np.ones(7)),
        r"bias_ih has shape \(7,\): must be \(8,\)",
    ),
    "matrix bias_hh": (lambda: lstm(bias_hh=np.ones((8, 1))), "bias_hh has shape"),
    "bias of one direction": (lambda: both(bias_hh=np.ones(6)), r"bias_hh .* must be \(2, 6\)"),
    "NaN in bias_hh": (lambda: lstm(bias_hh=np.full(8, np.nan)), "bias holds nan"),
    "short peepholes": (lambda: lstm(peepholes=np.ones(8)), r"peepholes .* must be \(6,\)"),
    "NaN in peepholes": (lambda: lstm(peepholes=np.full(6, np.nan)), "peepholes holds NaN"),
    "direction": (lambda: lstm(direction="backward"), "direction='backward'"),
    "clip 0": (lambda: lstm(clip=0), "clip=0"),
    "negative clip": (lambda: gru(clip=-1.0), "clip=-1.0"),
    "infinite clip": (lambda: gru(clip=np.inf), "clip=inf"),
    "seed": (lambda: lstm(seed=-1), "seed"),
    "layer_id": (lambda: lstm(layer_id=-1), "layer_id"),
    "precision": (lambda: lstm(precision="float64"), "precision"),
    "call: matrix": (lambda: lstm()(np.ones((3, 4))), "x has shape"),
    "call: width": (lambda: lstm()(np.ones((2, 3, 5))), "x has shape"),
    "call: no steps": (lambda: lstm()(np.ones((2, 0, 4))), "x has shape"),
    "call: NaN": (lambda: lstm()(np.full((2, 3, 4), np.nan)), "x holds nan"),
    "call: h": (lambda: lstm()(X, (np.ones((2, 2)), None)), r"initial_state\[0\] has shape"),
    "call: c": (lambda: lstm()(X, (None, np.ones((2, 2, 2)))), r"initial_state\[1\] has shape"),
    "call: GRU's h": (lambda: gru()(X, np.ones((3, 1, 2))), "initial_state has shape"),
    "call: infinite h": (lambda: gru()(X, np.full((2, 1, 2), np.inf)), "h holds inf"),
    "call: NaN in c": (lambda: lstm()(X, (None, np.full((2, 1, 2), np.nan))), "c holds nan"),
    "call: lengths too long": (lambda: lstm()(X, lengths=[1, 4]), "lengths=.*from 1 to 3"),
    "call: length 0": (lambda: lstm()(X, lengths=[0, 3]), "lengths=.*from 1 to 3"),
    "call: number of lengths": (lambda: lstm()(X, lengths=[3]), r"lengths has shape \(1,\)"),
    "call: first_sample": (lambda: lstm()(X, first_sample=-1), "first_sample"),
    "call: read": (lambda: lstm()(X, read=-1), "read"),
    "call: samples": (lambda: lstm()(X, samples=[1]), "samples"),
    "call: threads": (lambda: lstm()(X, num_threads=-1), "threads"),
    "call: before calibrate": (lambda: lstm(hardware=CALIBRATED)(X), "calibrate"),
    "clipping before calibrate": (lambda: lstm(hardware=CALIBRATED).clipping(X), "calibrate"),
    "calibrate: nothing": (lambda: lstm().calibrate(X[:0]), "at least one"),
    "calibrate: NaN": (lambda: lstm(hardware=CALIBRATED).calibrate(X * np.nan), "x holds nan"),
    "at: negative": (lambda: lstm().at(-1), "seconds=-1"),
    "program: write": (lambda: lstm().program(write=2**32), "write"),
    "program: seed": (lambda: lstm().program(-1), "seed"),
    "restore: nothing": (lambda: lstm().restore({}), "forward.input: state has no 'cells'"),
    "restore: one part": (
        lambda: restored(**{"forward.recurrent.cells": None}),
        "forward.recurrent: state has no 'cells'",
    ),
    "restore: huge range": (
        lambda: restored(**{"forward.input.input_range": np.array([1e300, 0])}),
        "full_scale",
    ),
}

BAD_TYPES: dict[str, tuple[Callable[[], Any], str]] = {
    "hardware": (lambda: lstm(hardware=8), "hardware=8"),
    "complex weight": (lambda: lstm(weight_hh=np.ones((8, 2)) * 1j), "weight_hh has dtype"),
    "no weight": (lambda: lstm(weight_ih=None), "weight_ih has dtype"),
    "direction": (lambda: lstm(direction=1), "direction=1"),
    "clip": (lambda: lstm(clip="0.5"), "clip='0.5'"),
    "input_forget": (lambda: lstm(input_forget=1), "input_forget=1"),
    "reset_after": (lambda: gru(reset_after="yes"), "reset_after='yes'"),
    "seed": (lambda: lstm(seed=1.5), "seed"),
    "state as one array": (lambda: lstm()(X, np.ones((2, 1, 2))), "initial_state is a ndarray"),
    "lengths of floats": (lambda: lstm()(X, lengths=[1.0, 2.0]), "lengths has dtype"),
    "restore: a list": (lambda: lstm().restore([]), "state is a list"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_bad_values(case: str) -> None:
    build, message = BAD_VALUES[case]
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("case", BAD_TYPES)
def test_bad_types(case: str) -> None:
    build, message = BAD_TYPES[case]
    with pytest.raises(TypeError, match=message):
        build()


def test_a_refused_call_leaves_the_layer_as_it_was() -> None:
    layer = gru(hardware=CALIBRATED)
    layer.calibrate(X)
    before = layer(X)[0]
    for wrong in (lambda: layer.calibrate(X * np.nan), lambda: layer.program(-1)):
        with pytest.raises(ValueError):
            wrong()
    np.testing.assert_array_equal(layer(X)[0], before)
