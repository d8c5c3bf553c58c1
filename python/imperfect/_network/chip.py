# SPDX-License-Identifier: BSD-3-Clause
"""A network whose large layers are computed by analog arrays: one programmed chip.

Every layer has its own random draws, keyed by the chip's seed and the name of the layer's node,
so a layer alone and the same layer inside any network have the same cells. Equations of the
layers: ``imperfect.layers``; the digital work between them is done by ONNX Runtime in float32.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from numpy.typing import NDArray

from imperfect._arrays import as_seed
from imperfect._network import chipfile
from imperfect._network.batch import Feeds, Input
from imperfect._network.measured import Measured, require_calibrated
from imperfect._network.network import Network
from imperfect._network.programmed import Layer, as_chunk, build_layer
from imperfect._network.report import summarise
from imperfect._network.selection import as_hardware, choose_hardware
from imperfect.hardware import Hardware


class AnalogNetwork(Measured):
    """A network on imperfect hardware: one chip, programmed when built.

    Parameters
    ----------
    network
        The trained network.
    hardware
        What every layer runs on; None is ideal and reproduces the float network.
    seed
        Decides all random draws of the chip; integer from 0 to 2**64 - 1.
    overrides
        Other hardware for some layers, by patterns of their names (``{"stem*": hw}``, in the
        syntax of ``fnmatch``). Where several patterns fit a layer, the last one holds.
    digital
        Patterns of the names of layers that stay digital; they win over ``overrides``.
    chunk
        Samples computed at once by one thread; None chooses 4 to 16, by the size of the
        network's largest activation. Without effect where the network fixes the number.
    precision
        "float32", or "fixed16" for faster products with one-bit inputs; see ``AnalogLinear``.

    Attributes
    ----------
    network : Network
        The float network.
    hardware : Hardware
        The hardware of layers without an override.
    chunk : int or None
        As given.

    Raises
    ------
    ValueError
        If a pattern fits no layer (the layers are listed), or no layer can be analog.
    TypeError
        If an argument has a wrong type.

    Notes
    -----
    ONNX Runtime's sessions share one memory arena, registered once per process; set the
    environment variable ``IMPERFECT_SHARED_ARENA=0`` to give each session its own.

    Each node has its own arrays, even where two nodes share their weights. Everything that is not
    Conv, ConvTranspose, Gemm, MatMul, LSTM or GRU stays digital; ``network.summary()`` tells.

    Examples
    --------
    >>> import numpy as np
    >>> from onnx import helper, numpy_helper
    >>> from imperfect.network import AnalogNetwork, Network
    >>> x, y = (helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy")
    >>> node = helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    >>> weight = numpy_helper.from_array(2 * np.eye(3, dtype=np.float32), "w")
    >>> graph = helper.make_graph([node], "double", [x], [y], [weight])
    >>> chip = AnalogNetwork(Network.from_onnx(helper.make_model(graph)))
    >>> chip(np.ones((2, 3)))
    array([[2., 2., 2.],
           [2., 2., 2.]], dtype=float32)
    >>> list(chip.layers)
    ['fc']
    """

    def __init__(
        self,
        network: Network,
        hardware: Hardware | None = None,
        seed: int = 0,
        overrides: Mapping[str, Hardware] | None = None,
        digital: Sequence[str] = (),
        *,
        chunk: int | None = None,
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"network: must be a Network, not {type(network).__name__}")
        if not network._specs:
            raise ValueError(f"no layer of {network!r} can be analog")
        self.network = network
        self.hardware = as_hardware("hardware", hardware)
        self.chunk = as_chunk(chunk)
        specs, seed = network._specs, as_seed("seed", seed)
        chosen = choose_hardware(list(specs), self.hardware, overrides, digital)
        layers = {n: build_layer(specs[n], hw, seed, precision) for n, hw in chosen.items()}
        self._state = seed, layers

    @property
    def seed(self) -> int:
        """The seed of the chip's random draws."""
        return self._state[0]

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The analog layers by the names of their nodes, in the order of the network."""
        return MappingProxyType(self._state[1])

    def summary(self) -> str:
        """Describe the nodes that multiply as ``Network.summary`` does, for this chip's layers."""
        infos = [
            replace(info, analog=False, reason="by choice")
            if info.analog and info.name not in self.layers
            else info
            for info in self.network.nodes
        ]
        uses = {name: layer.arrays for name, layer in self.layers.items()}
        return f"{self!r}\n{summarise(infos, uses)}"

    def __call__(
        self, x: Input, *, first_sample: int = 0, read: int = 0, samples: Any = None
    ) -> Any:
        """Compute the chip's answer.

        Repeating a call repeats its bits, and a batch gives the same numbers whole or in
        parts; with read noise, if ``first_sample`` says where each part begins.

        Parameters
        ----------
        x
            Array of shape (n, …), or a dictionary from input names to arrays.
        first_sample
            Number of the first sample in the read noise; sample i uses ``first_sample + i``.
        read
            Which read of the same samples this is: another one draws other read noise.
        samples
            Array of n integers, the number of each sample, in place of those that follow
            ``first_sample``.

        Returns
        -------
        ndarray or dict of ndarray
            The output of shape (n, …), or a dictionary by name if there are several.

        Raises
        ------
        ValueError
            If a layer has to be calibrated first, shapes do not fit, a value is not finite, or
            the answer is not a number.
        """
        names = self.network._graph.output_names
        results = self._run(x, names, first_sample, read, samples)
        return results if len(names) > 1 else results[names[0]]

    def features(
        self,
        x: Input,
        output: str | None = None,
        *,
        first_sample: int = 0,
        read: int = 0,
        samples: Any = None,
    ) -> NDArray[Any]:
        """Compute one tensor inside the network, on the chip.

        Parameters
        ----------
        x, first_sample, read, samples
            As for a call.
        output
            Name of the tensor; None is the input of the last layer that can be analog. What
            comes after the tensor is not computed.

        Returns
        -------
        ndarray
            The tensor, of shape (n, …); its trailing axes are left as they are. The output of a
            convolution whose batch normalisation was absorbed is what its arrays give.

        Raises
        ------
        ValueError
            If there is no such tensor (close names are listed), or as for a call.
        """
        name = self.network._feature_name(output)
        return self._run(x, (name,), first_sample, read, samples)[name]

    def _run(
        self, x: Input, targets: tuple[str, ...], first_sample: int, read: int, samples: Any
    ) -> Feeds:
        first, number = as_seed("first_sample", first_sample), as_seed("read", read)
        layers = self._state[1]
        require_calibrated(layers)
        return self.network._run(
            x,
            targets,
            layers,
            chunk=self.chunk,
            first_sample=first,
            read=number,
            samples=samples,
        )

    def calibrate(self, x: Input) -> None:
        """Choose the converters' ranges of every layer that takes them from data.

        Layer by layer, each on what the calibrated layers before it give. All samples are held
        at once, with the activations alive at one stage.

        Parameters
        ----------
        x
            As for a call; some tens to hundreds of typical samples.

        Raises
        ------
        ValueError
            As for a call. The chip is then unchanged.
        """
        chip = copy.copy(self)  # as it is now, whatever is programmed meanwhile
        layers = dict(chip.layers)
        for visit in chip._walk(x, 0):
            if visit.layer.uses_calibration:
                visit.layer = layers[visit.name] = copy.copy(visit.layer)
                visit.layer.calibrate(visit.x, **visit.others)
        self._state = chip.seed, layers

    def program(self, seed: int | None = None, *, write: int = 0) -> None:
        """Program all cells anew.

        Parameters
        ----------
        seed
            The new seed of the chip; None keeps the old one.
        write
            Which write of the same chip this is: another one draws other programming errors.
        """
        old, programmed = self._state
        new = old if seed is None else as_seed("seed", seed)
        layers = {name: copy.copy(layer) for name, layer in programmed.items()}
        for layer in layers.values():
            layer.program(new, write=write)
        self._state = new, layers

    def at(self, seconds: float) -> AnalogNetwork:
        """Return the same chip at a later time: every cell drifts with its own draws.

        Parameters
        ----------
        seconds
            Time since the cells were written, 0 or more; see ``layers.AnalogLinear.at``.

        Returns
        -------
        AnalogNetwork
            A view with the same weights and calibration. This chip does not change.

        Raises
        ------
        ValueError, TypeError
            If the time is negative, not finite, or one that a drift law does not cover.
        """
        chip = copy.copy(self)
        return chip._with_layers({name: layer.at(seconds) for name, layer in chip.layers.items()})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the chip to one ``.npz`` file: network, hardware, cells, calibrated ranges.

        The file appears complete or not at all; one that is there already is replaced.

        Raises
        ------
        ValueError, TypeError
            If ``path`` is no path of a file.
        OSError
            If the file cannot be written there; its folder must exist.
        """
        chipfile.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AnalogNetwork:
        """Read a chip that ``save`` wrote; it gives the same bits.

        Raises
        ------
        ValueError
            If the file is not such a file, is damaged or changed, or of another version.
        """
        return cls._assemble(*chipfile.load(path))

    @classmethod
    def _assemble(
        cls,
        network: Network,
        hardware: Hardware,
        seed: int,
        chunk: int | None,
        layers: Mapping[str, Layer],
    ) -> AnalogNetwork:
        """A chip of layers that were programmed already."""
        chip = object.__new__(cls)
        chip.network, chip.hardware, chip.chunk = network, hardware, chunk
        chip._state = seed, dict(layers)
        return chip

    def _with_layers(self, layers: Mapping[str, Layer]) -> AnalogNetwork:
        """A chip of the same network whose layers are given."""
        return self._assemble(self.network, self.hardware, self.seed, self.chunk, layers)

    def __copy__(self) -> AnalogNetwork:
        seed, layers = self._state
        copies = {name: copy.copy(layer) for name, layer in layers.items()}
        return self._assemble(self.network, self.hardware, seed, self.chunk, copies)

    def __deepcopy__(self, memo: dict[int, Any]) -> AnalogNetwork:
        # Why: programmed cells never change in place, so copies may share them.
        return self.__copy__()

    def __repr__(self) -> str:
        others = sum(layer.hardware != self.hardware for layer in self.layers.values())
        overrides = f", {others} of them overridden" if others else ""
        count = f"{len(self.layers)} analog layers{overrides}"
        return f"AnalogNetwork({self.network.name!r}: {count}; {self.hardware!r}, seed={self.seed})"
