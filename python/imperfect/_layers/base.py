# SPDX-License-Identifier: BSD-3-Clause
"""What linear and convolutional layers share.

Programmed state is never changed in place: ``program`` and ``calibrate`` replace it as a whole,
so a layer may be used from several threads, and copies share it.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from imperfect import _core
from imperfect._arrays import (
    Floats,
    as_float32,
    as_layer_id,
    as_samples,
    as_seed,
    threads_of,
)
from imperfect._checks import choice, real
from imperfect._layers.calibration import Calibrated
from imperfect._layers.description import ArrayUse, Epilogue, Plan, array_use
from imperfect._layers.saved import (
    as_write,
    lacks_ranges,
    saved_batch,
    saved_calibration,
    saved_integer,
    saved_seconds,
)
from imperfect.hardware import Hardware


class AnalogLayer(Calibrated):
    """What linear and convolutional layers share. Not made directly."""

    def __init__(
        self,
        shape: _core.LayerShape,
        weight: Floats,
        bias: Any,
        hardware: Hardware | None,
        seed: int,
        layer_id: int | str,
        epilogue: Epilogue | None,
        precision: str,
    ) -> None:
        if hardware is not None and not isinstance(hardware, Hardware):
            raise TypeError(f"hardware={hardware!r}: must be a Hardware or None (ideal)")
        self._weight = weight.copy()
        self._weight.flags.writeable = False
        self._bias = None if bias is None else as_float32("bias", bias).copy()
        if self._bias is not None:
            if self._bias.shape != (self._outputs,):
                raise ValueError(f"bias has shape {self._bias.shape}: must be ({self._outputs},)")
            self._bias.flags.writeable = False
        self._hardware = Hardware() if hardware is None else hardware
        self._layer_id = as_layer_id(layer_id)
        seed = as_seed("seed", seed)
        self._precision = choice("precision", precision, ("float32", "fixed16"))
        core = _core.Layer(
            shape, self._weight, self._bias, self._hardware, seed, self._layer_id,
            precision == "fixed16",
        )  # fmt: skip
        self._set_epilogue(core, epilogue)

    def _set_epilogue(self, core: _core.Layer, epilogue: Epilogue | None) -> None:
        if epilogue is not None and not isinstance(epilogue, Epilogue):
            raise TypeError(f"epilogue={epilogue!r}: must be an Epilogue or None")
        self._epilogue = Epilogue() if epilogue is None else epilogue
        self._compiled = core.with_epilogue(*self._epilogue._arguments(self._outputs))

    @property
    def _outputs(self) -> int:
        """Outputs that have a bias and an epilogue of their own."""
        return len(self._weight)

    @property
    def weight(self) -> Floats:
        """The weights the layer was made of, as float32; read-only."""
        return self._weight

    @property
    def bias(self) -> Floats | None:
        """The bias, added digitally; shape (outputs,) or None; read-only."""
        return self._bias

    @property
    def hardware(self) -> Hardware:
        """The machine that computes this layer."""
        return self._hardware

    @property
    def seed(self) -> int:
        """The seed of the present programming."""
        return self._compiled.seed

    @property
    def write(self) -> int:
        """The number of the present programming among the writes of its seed."""
        return self._compiled.write

    @property
    def layer_id(self) -> int:
        """The number that keys this layer's draws."""
        return self._layer_id

    @property
    def precision(self) -> str:
        """What products with one-bit inputs are computed in: "float32" or "fixed16"."""
        return self._precision

    @property
    def epilogue(self) -> Epilogue:
        """The digital step after the arrays."""
        return self._epilogue

    @property
    def plan(self) -> Plan:
        """How a forward pass is computed, and what it costs."""
        return Plan(**self._compiled.plan)

    @property
    def arrays(self) -> ArrayUse:
        """How many arrays the layer takes, and how full they are; see ``layers.ArrayUse``."""
        return array_use(self._hardware, self._compiled.array_counts)

    def program(self, seed: int | None = None, *, write: int = 0) -> None:
        """Write all cells again.

        Parameters
        ----------
        seed : int or None
            Key of the draws; None keeps the present one.
        write : int
            Number of the write, 0 to 2**32 - 1: the same seed and number give the same bits.

        Raises
        ------
        ValueError, TypeError
            If a number is out of range.

        Examples
        --------
        >>> import imperfect as im
        >>> noisy = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1)))
        >>> layer = im.AnalogLinear([[1.0, 2.0]], hardware=noisy, seed=1)
        >>> layer.program(seed=2)
        >>> layer.seed
        2
        """
        seed = self.seed if seed is None else as_seed("seed", seed)
        self._compiled.program(seed, as_write(write))

    @property
    def seconds(self) -> float:
        """Time since the cells were written, in seconds; see ``at``."""
        return self._compiled.seconds

    def at(self, seconds: float) -> Self:
        """The same layer at a later time: its own cells after drift, nothing written anew.

        The layer itself is unchanged. Every cell keeps its draws, so several times show one chip.
        Programming the view writes its cells anew, at time 0; ``conductances`` shows the cells at
        the view's time. A layer without ``Cell.drift`` stays what it is. Laws that replace the
        spread of programming form the cells from their targets and draws at every later time.

        Parameters
        ----------
        seconds : float
            Time since the state that programming gives (PCM: 20 s after writing), 0 or more.

        Raises
        ------
        ValueError, TypeError
            If the time is negative, not finite, or one that a drift law does not cover.

        Examples
        --------
        >>> import imperfect as im
        >>> cell = im.Cell(drift=im.device.PowerLaw(nu=0.05, t0=20))
        >>> layer = im.AnalogLinear([[1.0]], hardware=im.Hardware(cell=cell))
        >>> later = layer.at(20 * (2**20 - 1))
        >>> later.conductances()[0, 0], layer.conductances()[0, 0]
        (array([[0.5]], dtype=float32), array([[1.]], dtype=float32))
        """
        time = real("seconds", seconds, "a finite number >= 0", lambda t: 0 <= t < math.inf)
        other = self.__copy__()
        other._compiled = self._compiled.at(time)
        return other

    def with_epilogue(self, epilogue: Epilogue) -> Self:
        """A layer with the same cells and calibration, and another digital step."""
        other = self.__copy__()
        other._set_epilogue(self._compiled, epilogue)
        return other

    def with_weights(
        self, weight: Any, bias: Any = None, *, seed: int | None = None, write: int = 0
    ) -> Self:
        """The same arrays with other weights written into them; the converters' ranges stay.

        Parameters
        ----------
        weight, bias : array, or None for no bias
            In the shape of the present ones.
        seed, write : int
            As in ``program``: another write of a seed draws other programming errors, while
            spread and faults belong to the devices.

        Raises
        ------
        ValueError, TypeError
            If the weights have another shape, or do not suit the layer's class.

        Examples
        --------
        >>> import imperfect as im
        >>> im.AnalogLinear([[1.0, 2.0]]).with_weights([[3.0, 2.0]])([[1.0, 1.0]])
        array([[5.]], dtype=float32)
        """
        if np.shape(weight) != self._weight.shape:
            raise ValueError(f"weight has shape {np.shape(weight)}: must be {self._weight.shape}")
        chosen = self.seed if seed is None else as_seed("seed", seed)
        changed = {"weight": weight, "bias": bias, "seed": chosen}
        other = type(self)(**self._constructor_arguments() | changed)
        if write := as_write(write):
            other._compiled.program(chosen, write)
        if (found := self._compiled.calibration) is not None:
            other._compiled.set_calibration(*found)
        if (inputs := self._compiled.readout_inputs) is not None:
            other._compiled.set_readout_inputs(inputs)
        return other

    def with_bias(self, bias: Any) -> Self:
        """The same layer, cells, calibration and time included, with another digital bias."""
        other = type(self)(**self._constructor_arguments() | {"bias": bias})
        other.restore(self.state())
        return other

    def conductances(self) -> Floats:
        """Conductances at the layer's time, relative to g_max.

        Returns
        -------
        array of shape (slices, polarities, outputs, rows), float32
            Polarities: +, then - (differential), or one (offset). Rows run over (channel,
            kernel…) of the output's own group; of a transposed convolution, outputs run over
            (output, kernel…) and rows over the channels of a group. Unit columns, and cells between
            blocks of block-diagonal arrays, are not included. All are finite, else a ValueError.

        Examples
        --------
        >>> import imperfect as im
        >>> im.AnalogLinear([[1.0, -0.5]]).conductances()
        array([[[[1. , 0. ]],
        <BLANKLINE>
                [[0. , 0.5]]]], dtype=float32)
        """
        return self._compiled.conductances()

    def pulses(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """Pulses that ``device.WriteVerify`` spent on each cell, shaped like ``conductances()``.

        Raises
        ------
        ValueError
            If ``Cell.programming`` has no such law.

        Examples
        --------
        >>> import imperfect as im
        >>> law = im.device.WriteVerify(tolerance=0.01, max_pulses=5, pulse_sigma=0.02)
        >>> hardware = im.Hardware(cell=im.Cell(programming=law))
        >>> layer = im.AnalogLinear([[1.0, -0.5]], hardware=hardware)
        >>> layer.pulses().shape, int(layer.pulses().min()) >= 1
        ((1, 2, 1, 2), True)
        """
        return self._compiled.pulses()

    def effective_weight(self) -> Floats:
        """The weights that the programmed cells stand for, in the shape of ``weight``.

        With wires, as the ends of the bit lines see them; where currents are not linear in the
        inputs, their linear part without wires.

        Examples
        --------
        >>> import imperfect as im
        >>> im.AnalogLinear([[1.0, -0.5]]).effective_weight()
        array([[ 1. , -0.5]], dtype=float32)
        """
        return self._compiled.effective_weight().reshape(self._weight.shape)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Written cells, calibration and time as plain arrays, for saving; see ``restore``."""
        core = self._compiled.copy()  # one state, whatever is programmed meanwhile
        weights, units, off_block = core.cells
        state: dict[str, np.ndarray[Any, Any]] = {
            "cells": weights,
            "unit_cells": units,
            "off_block_cells": off_block,
            "seed": np.array(core.seed, np.uint64),
            "write": np.array(core.write, np.uint32),
        }
        if (found := core.calibration) is not None:
            full_scale, is_signed, ranges = found
            state["input_range"] = np.array([full_scale, is_signed], np.float64)
            state["output_ranges"] = np.array(ranges, np.float64).reshape(-1, 2)
        if (inputs := core.readout_inputs) is not None:
            state["readout_inputs"] = inputs
        if core.seconds > 0:
            state["seconds"] = np.array(core.seconds)
        return state

    def restore(self, state: dict[str, np.ndarray[Any, Any]]) -> None:
        """Take over cells and calibration, or its absence, from an equal layer's ``state()``.

        Raises
        ------
        ValueError
            If an array is missing, of a wrong size, or not finite.
        """
        if not isinstance(state, dict):
            raise TypeError(f"state is a {type(state).__name__}: must be what state() returned")
        names = ("cells", "unit_cells", "off_block_cells", "seed", "write")
        if missing := [name for name in names if name not in state]:
            raise ValueError(f"state has no {missing[0]!r}: must be what state() returned")
        weights, units, off_block = (as_float32(name, state[name]).ravel() for name in names[:3])
        fresh = type(self)(**self._constructor_arguments()) if lacks_ranges(state, self) else self
        core = fresh._compiled.copy()
        seed, write = (saved_integer(name, state[name]) for name in ("seed", "write"))
        core.set_cells(weights, units, off_block, as_seed("seed", seed), as_write(write))
        if "input_range" in state:
            core.set_calibration(*saved_calibration(state))
        if "readout_inputs" in state:
            core.set_readout_inputs(saved_batch(state["readout_inputs"]))
        self._compiled = core.at(saved_seconds(state.get("seconds", 0.0)))

    def _forward(
        self,
        batch: Floats,
        out: Floats | None,
        numbers: tuple[int, int, Any],
        num_threads: int | None,
    ) -> Floats:
        first, read = as_seed("first_sample", numbers[0]), as_seed("read", numbers[1])
        samples = as_samples(numbers[2], len(batch))
        return self._compiled.forward(batch, out, threads_of(num_threads), first, read, samples)

    @staticmethod
    def _check_out(out: Any, shape: tuple[int, ...]) -> None:
        if out is None:
            return
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out is a {type(out).__name__}: must be a float32 array or None")
        if out.shape != shape:
            raise ValueError(f"out has shape {out.shape}: must be {shape}")

    def __copy__(self) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._compiled = self._compiled.copy()
        return other

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._constructor_arguments(), self.state())

    def _constructor_arguments(self) -> dict[str, Any]:
        return {
            "weight": self._weight,
            "bias": self._bias,
            "hardware": self._hardware,
            "seed": self.seed,
            "layer_id": self._layer_id,
            "epilogue": self._epilogue,
            "precision": self._precision,
        }

    def __repr__(self) -> str:
        shape = " × ".join(str(size) for size in self._weight.shape)
        details = "".join(
            f", {name}={value!r}" for name, value in self._constructor_arguments().items()
            if name not in ("weight", "bias", "epilogue", "layer_id", "precision")
        )  # fmt: skip
        later = f" at {self.seconds:g} s" if self.seconds else ""
        return f"{type(self).__name__}(<{shape} weights>{details}){later}"


def _rebuild(kind: type[AnalogLayer], arguments: dict[str, Any], state: dict[str, Any]) -> Any:
    layer = kind(**arguments)
    layer.restore(state)
    return layer
