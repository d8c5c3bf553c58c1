# SPDX-License-Identifier: BSD-3-Clause
"""The arrays of a recurrent layer: their weights, their cells, what is saved of them.

Each direction has arrays for the inputs and others for the hidden state; a GRU that resets before
the product has third ones for its candidate. Each of them is an ``AnalogLinear``, with draws and
converters' ranges of its own. The inputs of all steps are one product, the state one per step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imperfect import _core
from imperfect._arrays import Floats, as_layer_id
from imperfect._checks import choice, positive
from imperfect._layers.description import ArrayUse, Plan, merged_use
from imperfect._layers.linear import AnalogLinear
from imperfect._layers.merged import merged_plan
from imperfect._layers.recurrent_input import DIRECTIONS, RecurrentSizes, as_weights
from imperfect.hardware import Hardware

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
Cores = dict[str, AnalogLinear]


class RecurrentCores:
    """The part of a recurrent layer that holds its weights and arrays."""

    _gates: int

    def __init__(
        self,
        kind: str,
        weights: Mapping[str, Any],
        direction: str,
        digital: tuple[float | None, bool],
        given: Mapping[str, Any],
    ) -> None:
        self._kind = kind
        self._direction = choice("direction", direction, tuple(DIRECTIONS))
        names = DIRECTIONS[self._direction]
        self._weights = as_weights(weights, self._gates, len(names))
        inputs, hidden = (self._weights[name].shape[-1] for name in ("weight_ih", "weight_hh"))
        self._sizes = RecurrentSizes(len(names), inputs, hidden)
        clip, is_coupled = digital
        self._clip = None if clip is None else positive("clip", clip, "no unit")
        limit = np.inf if self._clip is None else self._clip
        self._cell = _core.RecurrentCell(kind, self._sizes.hidden, limit, is_coupled)
        self._layer_id = as_layer_id(given["layer_id"])
        self._cores: Cores = {}
        for place, name in enumerate(names):
            for role, (weight, bias) in self._matrices(place).items():
                path = f"{name}.{role}"
                own = {**given, "layer_id": f"{self._layer_id}/{path}"}
                self._cores[path] = AnalogLinear(weight, bias, **own)

    def _matrices(self, place: int) -> dict[str, tuple[Floats, Floats | None]]:
        """Weights and biases of one direction's arrays, by their roles."""
        own = {name: values[place] for name, values in self._weights.items()}
        w, r, w_bias, r_bias = (own.get(name) for name in NAMES)
        assert w is not None and r is not None
        if self._kind != "gru":
            return {"input": (w, w_bias), "recurrent": (r, r_bias)}
        gates, last = slice(2 * self._sizes.hidden), slice(2 * self._sizes.hidden, None)
        parts = (None, None) if r_bias is None else (r_bias[gates], r_bias[last])
        return {
            "input": (w, w_bias),
            "recurrent": (r[gates], parts[0]),
            "candidate": (r[last], parts[1]),
        }

    def _given(self, name: str) -> Floats:
        """A weight or bias in the shape it was given."""
        values = self._weights[name]
        return values if self._sizes.directions == 2 else values[0]

    @property
    def weight_ih(self) -> Floats:
        """The weights of the inputs, (gates·hidden, inputs), or (2, …) if bidirectional."""
        return self._given("weight_ih")

    @property
    def weight_hh(self) -> Floats:
        """The weights of the hidden state, (gates·hidden, hidden), or (2, …) if bidirectional."""
        return self._given("weight_hh")

    @property
    def bias_ih(self) -> Floats | None:
        """The bias beside the inputs, (gates·hidden,) or (2, gates·hidden), or None."""
        return self._given("bias_ih") if "bias_ih" in self._weights else None

    @property
    def bias_hh(self) -> Floats | None:
        """The bias beside the hidden state, (gates·hidden,) or (2, gates·hidden), or None."""
        return self._given("bias_hh") if "bias_hh" in self._weights else None

    @property
    def weight(self) -> Floats:
        """Both weights side by side, (gates·hidden, inputs + hidden), or (2, …)."""
        return np.concatenate([self.weight_ih, self.weight_hh], axis=-1)

    @property
    def hidden_size(self) -> int:
        """Units of the hidden state of one direction."""
        return self._sizes.hidden

    @property
    def direction(self) -> str:
        """From the first step ("forward"), from the last ("reverse"), or both."""
        return self._direction

    @property
    def clip(self) -> float | None:
        """What limits the sums that enter the gates, or None."""
        return self._clip

    @property
    def _first(self) -> AnalogLinear:
        return next(iter(self._cores.values()))

    @property
    def hardware(self) -> Hardware:
        """The machine that computes this layer."""
        return self._first.hardware

    @property
    def seed(self) -> int:
        """The seed of the present programming."""
        return self._first.seed

    @property
    def write(self) -> int:
        """The number of the present programming among the writes of its seed."""
        return self._first.write

    @property
    def layer_id(self) -> int:
        """The number that keys this layer's draws; its arrays' are hashes of it and their role."""
        return self._layer_id

    @property
    def precision(self) -> str:
        """What products with one-bit inputs are computed in: "float32" or "fixed16"."""
        return self._first.precision

    @property
    def seconds(self) -> float:
        """Time since the cells were written, in seconds; see ``at``."""
        return self._first.seconds

    @property
    def cores(self) -> Mapping[str, AnalogLinear]:
        """Copies of the arrays, each a layer: "forward.input", "forward.recurrent", …"""
        return MappingProxyType({role: copy.copy(core) for role, core in self._cores.items()})

    @property
    def plan(self) -> Plan:
        """How one step is computed by all arrays together, and what it costs."""
        return merged_plan(self._cores)

    @property
    def arrays(self) -> ArrayUse:
        """How many arrays the layer takes, and how full they are; see ``layers.ArrayUse``."""
        return merged_use([core.arrays for core in self._cores.values()])

    @property
    def uses_calibration(self) -> bool:
        """Whether the hardware leaves a converter's range or sign to ``calibrate``."""
        return any(core.uses_calibration for core in self._cores.values())

    @property
    def needs_calibration(self) -> bool:
        """Whether ``calibrate`` must be called before the layer can compute."""
        return any(core.needs_calibration for core in self._cores.values())

    def program(self, seed: int | None = None, *, write: int = 0) -> None:
        """Write all cells again; arguments and errors as those of ``AnalogLinear.program``.

        Examples
        --------
        >>> import imperfect as im
        >>> noisy = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.1)))
        >>> layer = im.AnalogGRU([[1.0]] * 3, [[0.5]] * 3, hardware=noisy, seed=1)
        >>> layer.program(seed=2)
        >>> layer.seed
        2
        """
        cores = {role: copy.copy(core) for role, core in self._cores.items()}
        for core in cores.values():
            core.program(seed, write=write)
        self._cores = cores

    def at(self, seconds: float) -> Self:
        """The same layer at a later time; see ``AnalogLinear.at``.

        Examples
        --------
        >>> import imperfect as im
        >>> cell = im.Cell(drift=im.device.PowerLaw(nu=0.05, t0=20))
        >>> layer = im.AnalogGRU([[1.0]] * 3, [[0.5]] * 3, hardware=im.Hardware(cell=cell))
        >>> float(layer.at(20 * (2**20 - 1)).effective_weight()[0, 0])
        0.5
        """
        return self._with_cores({role: core.at(seconds) for role, core in self._cores.items()})

    def _with_cores(self, cores: Cores) -> Self:
        other = self.__copy__()
        other._cores = cores
        return other

    def conductances(self) -> Floats:
        """Conductances at the layer's time, relative to g_max.

        Returns
        -------
        array of shape (slices, polarities, directions·gates·hidden, inputs + hidden), float32
            As for ``AnalogLinear``, rows of the inputs before those of the hidden state.
        """
        return self._joined(AnalogLinear.conductances)

    def pulses(self) -> NDArray[np.uint32]:
        """Pulses of ``device.WriteVerify`` on each cell, shaped like ``conductances()``."""
        return self._joined(AnalogLinear.pulses)

    def effective_weight(self) -> Floats:
        """The weights that the programmed cells stand for, in the shape of ``weight``."""
        return self._joined(AnalogLinear.effective_weight).reshape(self.weight.shape)

    def _joined(self, read: Callable[[AnalogLinear], NDArray[Any]]) -> NDArray[Any]:
        """What all arrays hold, as one matrix over (directions·gates·hidden, inputs + hidden)."""
        parts: dict[str, list[NDArray[Any]]] = {"input": [], "state": []}
        for role, core in self._cores.items():
            parts["input" if role.endswith(".input") else "state"].append(read(core))
        return np.concatenate([np.concatenate(p, axis=-2) for p in parts.values()], axis=-1)

    def state(self) -> dict[str, NDArray[Any]]:
        """Written cells, calibration and time as plain arrays, for saving; see ``restore``."""
        return {
            f"{role}.{key}": values
            for role, core in self._cores.items()
            for key, values in core.state().items()
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over cells and calibration, or its absence, from an equal layer's ``state()``.

        Raises
        ------
        ValueError, TypeError
            If an array is missing, of a wrong size, or not finite.
        """
        if not isinstance(state, dict):
            raise TypeError(f"state is a {type(state).__name__}: must be what state() returned")
        cores = {role: copy.copy(core) for role, core in self._cores.items()}
        for role, core in cores.items():
            start = f"{role}."
            own = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            try:
                core.restore(own)
            except (ValueError, TypeError) as error:
                raise type(error)(f"{role}: {error}") from error
        self._cores = cores

    def __copy__(self) -> Self:
        # Why: cores never change once they are here, they are replaced; so copies may share them.
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._constructor_arguments(), self.state())

    def _constructor_arguments(self) -> dict[str, Any]:
        """What makes an equal layer, before its programming."""
        return {name: self._given(name) for name in self._weights} | {
            "direction": self._direction,
            "clip": self._clip,
            "hardware": self.hardware,
            "seed": self.seed,
            "layer_id": self._layer_id,
            "precision": self.precision,
        }

    def __repr__(self) -> str:
        sizes = f"<{self._sizes.inputs} inputs, {self._sizes.hidden} units>"
        details = f"direction={self._direction!r}, hardware={self.hardware!r}, seed={self.seed}"
        later = f" at {self.seconds:g} s" if self.seconds else ""
        return f"{type(self).__name__}({sizes}, {details}){later}"


def _rebuild(kind: Callable[..., Any], arguments: dict[str, Any], state: dict[str, Any]) -> Any:
    layer = kind(**arguments)
    layer.restore(state)
    return layer
