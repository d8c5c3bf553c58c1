# SPDX-License-Identifier: BSD-3-Clause
"""A trained network in float, without hardware.

The first axis of inputs and outputs counts samples. Samples must not depend on each other: any
number of them is computed in chunks, whose size depends on the network alone. ONNX Runtime
computes; the network itself never changes.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from imperfect import onnx
from imperfect._arrays import as_samples
from imperfect._checks import check_instance
from imperfect._config import get_num_threads
from imperfect._network.batch import Batch, Feeds, Input
from imperfect._network.candidates import find_layers
from imperfect._network.cut import Plan, make_plan
from imperfect._network.digest import network_digest
from imperfect._network.exported import export
from imperfect._network.fold_norm import folded_model
from imperfect._network.given import as_input, check_normal_form, check_samples, shape_text
from imperfect._network.graph import Graph, TensorInfo
from imperfect._network.programmed import Layer
from imperfect._network.report import NodeInfo, describe_nodes, planned_arrays, summarise
from imperfect._network.selection import as_hardware
from imperfect._network.shuffle import shuffled_model
from imperfect._network.stream import Schedule, run
from imperfect._optional import require
from imperfect.hardware import Hardware

if TYPE_CHECKING:
    from onnx import ModelProto

# Why: a chunk whose largest activation fits the second-level cache loses no time to memory.
CHUNK_BYTES = 4 * 2**20
SMALLEST_CHUNK, LARGEST_CHUNK = 4, 16

MAX_PLANS = 8


class Network:
    """A trained network, in float32; immutable. Made by ``from_onnx`` or ``from_torch``.

    Parameters
    ----------
    model
        An ONNX model in the normal form that ``imperfect.onnx.load`` returns.

    Raises
    ------
    ValueError
        If an output has no sample axis, weights do not fit their inputs, or the model is not in
        normal form.
    TypeError
        If it is no model; ``from_onnx`` takes files and bytes.

    Notes
    -----
    Operator sets from 7 on, files below 2 GiB, inputs of float32 or integers. A network that was
    exported for a fixed number of samples computes that many at a time: one by one if the number
    is 1, else inputs must hold a multiple of it. Networks in training mode are refused.

    Conv and ConvTranspose (one to three spatial axes), Gemm and MatMul can be analog where exactly
    one operand is a float32 constant, LSTM and GRU where their weights are constant and their
    activations the usual ones; ``nodes`` and ``summary`` tell why another one is not.

    Examples
    --------
    >>> import numpy as np
    >>> from onnx import helper, numpy_helper
    >>> from imperfect.network import Network
    >>> x, y = (helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy")
    >>> node = helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    >>> weight = numpy_helper.from_array(2 * np.eye(3, dtype=np.float32), "w")
    >>> graph = helper.make_graph([node], "double", [x], [y], [weight])
    >>> net = Network.from_onnx(helper.make_model(graph))
    >>> net
    Network('double': x (n, 3) -> y (n, 3); 1 of 1 nodes can be analog)
    >>> net(np.ones((2, 3)))
    array([[2., 2., 2.],
           [2., 2., 2.]], dtype=float32)
    """

    def __init__(self, model: ModelProto) -> None:
        check_normal_form(model)
        self._graph = Graph(model)
        self._specs, self._reasons = find_layers(self._graph)
        self._plans: dict[tuple[tuple[str, ...], frozenset[str]], Plan] = {}
        self._largest: dict[tuple[tuple[int, ...], ...], int] = {}
        self._lock = threading.Lock()
        check_samples(self._graph)

    @classmethod
    def from_onnx(cls, source: str | os.PathLike[str] | bytes | ModelProto) -> Network:
        """Read an ONNX network.

        Parameters
        ----------
        source
            Path of a file, the bytes of one, or a parsed model.

        Returns
        -------
        Network
            The network. Weights are read, so the file may be removed.

        Raises
        ------
        ValueError
            If the file is broken or hostile, or the network is of an unsupported kind.
        FileNotFoundError
            If there is no such file.
        """
        model = onnx.load(source)
        with onnx.naming(source):
            return cls(model)

    @classmethod
    def from_torch(cls, module: Any, example: Any) -> Network:
        """Take over a PyTorch network, batch normalisation kept apart; see ``imperfect.torch``.

        Parameters
        ----------
        module : torch.nn.Module
            The network, exported in evaluation mode; not changed.
        example : Tensor or tuple of tensors
            Inputs of the right shape; the first axis counts samples.

        Returns
        -------
        Network
            The network. Its layers have the modules' dotted names.

        Raises
        ------
        ValueError
            If torch's exporter cannot export the module, or the network is unsupported.
        ImportError
            If the extra ``torch`` is not installed, or torch is older than 2.6.
        """
        return cls.from_onnx(export(module, example))

    @property
    def name(self) -> str:
        """The name of the graph."""
        return str(self._graph.model.graph.name)

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What the network takes."""
        return self._graph.inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What the network gives."""
        return self._graph.outputs

    @cached_property
    def nodes(self) -> tuple[NodeInfo, ...]:
        """All nodes in the order of computation."""
        return describe_nodes(self._graph, self._specs, self._reasons)

    @cached_property
    def layers(self) -> tuple[NodeInfo, ...]:
        """The nodes that can be analog."""
        return tuple(info for info in self.nodes if info.analog)

    def summary(self, hardware: Hardware | None = None) -> str:
        """Describe the nodes that multiply: their work, their arrays, or why they stay digital.

        Parameters
        ----------
        hardware
            What the arrays are counted for; None: arrays without limits, which take a whole
            layer, one for each polarity. Nothing is programmed.

        Returns
        -------
        str
            A table with one line for each node: its weights, its multiply-adds per sample
            ("?" where inference does not know the shapes), its arrays and the fraction of their
            cells in use (``layers.ArrayUse``). Sums stand below.

        Raises
        ------
        TypeError
            If ``hardware`` is no Hardware.

        Examples
        --------
        >>> import imperfect as im
        >>> machine = im.Hardware(weight_bits=8, array=im.Array(rows=128, cols=128))
        >>> text = im.data.scattered_mobilenet().summary(machine)
        >>> print(text.splitlines()[-2])
        984 arrays of 128 × 128 cells, 94,680 of 16,121,856 cells used (0.6%)
        """
        uses = planned_arrays(self._specs, as_hardware("hardware", hardware))
        return f"{self!r}\n{summarise(self.nodes, uses)}"

    def digest(self) -> str:
        """SHA-256 of what decides the network's answers (64 hexadecimal digits).

        Documentation, producer and the way tensors are stored do not change it.
        """
        return network_digest(self._graph.model)

    def __call__(self, x: Input) -> Any:
        """Compute the float network's answer.

        Parameters
        ----------
        x
            Array of shape (n, …), or a dictionary from input names to arrays. Real numbers are
            converted to float32.

        Returns
        -------
        ndarray or dict of ndarray
            The output of shape (n, …), or a dictionary by name if there are several.

        Raises
        ------
        ValueError
            If shapes do not fit, a value is not finite, or the answer is not a number.
        TypeError
            If an array does not hold numbers of the right kind.
        """
        names = self._graph.output_names
        results = self._run(x, names, {})
        return results if len(names) > 1 else results[names[0]]

    def features(self, x: Input, output: str | None = None) -> NDArray[Any]:
        """Compute one tensor inside the float network.

        Parameters
        ----------
        x
            As for a call.
        output
            Name of the tensor; None is the input of the last layer that can be analog.

        Returns
        -------
        ndarray
            The tensor, of shape (n, …); its trailing axes are left as they are.

        Raises
        ------
        ValueError
            If there is no such tensor (close names are listed), or as for a call.
        """
        name = self._feature_name(output)
        return self._run(x, (name,), {})[name]

    def shuffled(self, seed: int = 0) -> Network:
        """A network whose weights mean nothing: the control that gives recovery its meaning.

        Every weight tensor that can be analog is permuted within itself; biases and everything
        digital stay. The permutation is drawn by Philox from the seed and the node's name, so
        the same layer is permuted in the same way in every network.

        Parameters
        ----------
        seed
            Integer from 0 to 2**64 - 1.

        Returns
        -------
        Network
            The permuted network.
        """
        return Network(shuffled_model(self._graph, self._specs, seed))

    def fold_batch_norm(self) -> Network:
        """A network with batch normalisation folded into the weights and biases before it.

        The normalisation of a Conv, ConvTranspose, Gemm or MatMul whose output nothing else reads
        disappears: every output's weights are multiplied by gamma/sqrt(variance + epsilon), and
        the bias takes the rest. Names stay, and so does the function, to rounding of float32.

        Returns
        -------
        Network
            The folded network; equal to this one where there is nothing to fold.

        Notes
        -----
        Most exporters fold when asked to optimise. On imperfect cells that is usually worse: one
        range then covers the weights of all outputs of a layer, which the normalisation has
        scaled apart, and errors are relative to it. ``Hardware(per="channel")`` gives every output
        a range of its own. docs/networks.md has the figures for the bundled network.

        Examples
        --------
        >>> import numpy as np
        >>> import imperfect as im
        >>> net = im.data.scattered_mobilenet()
        >>> folded = net.fold_batch_norm()
        >>> "BatchNormalization" in [info.op for info in folded.nodes]
        False
        >>> x = im.data.scattered_fashion()[2][:8]
        >>> bool(np.allclose(net(x), folded(x), atol=1e-4))
        True
        """
        return Network(folded_model(self._graph, self._specs))

    def _feature_name(self, output: str | None) -> str:
        if output is None:
            if not self._specs:
                raise ValueError("output: no layer of the network can be analog; name a tensor")
            return list(self._specs.values())[-1].input
        check_instance("output", output, str, "the name of a tensor, or None")
        names = self._graph.tensor_names()
        if output not in names:
            close = difflib.get_close_matches(output, names, n=5) or names[:5]
            raise ValueError(f"output: the network has no tensor {output!r}; close: {close}")
        return output

    def _batch(self, x: Input) -> Batch:
        graph = self._graph
        return Batch(graph.inputs, graph.defaults, graph.batch, as_input(x))

    def _plan(self, targets: tuple[str, ...], analog: Collection[str]) -> Plan:
        key = targets, frozenset(analog)
        with self._lock:
            if key not in self._plans:
                chosen = {name: spec for name, spec in self._specs.items() if name in analog}
                self._plans[key] = make_plan(self._graph, chosen, targets)
                # Why: each plan's sessions hold copies of the digital weights.
                for old in list(self._plans)[:-MAX_PLANS]:
                    del self._plans[old]
            return self._plans[key]

    def _schedule(self, batch: Batch, chunk: int | None) -> Schedule:
        """How to stream a batch; the size of chunks depends on the network alone."""
        key = tuple(shape[1:] for shape in batch.shapes.values())
        if key not in self._largest:
            self._largest[key] = self._graph.largest_activation(batch.shapes) or CHUNK_BYTES
        largest = self._largest[key]
        fitting = min(max(CHUNK_BYTES // largest, SMALLEST_CHUNK), LARGEST_CHUNK)
        size = self._graph.batch or chunk or fitting
        threads = get_num_threads()
        if batch.count > size:
            return Schedule(size, min(threads, -(-batch.count // size)), 1)
        # Why: a busy machine makes a layer's threads wait for each other, up to 16 ms each time
        # (measured: one small image took 400 ms in two threads, 1 ms in one).
        return Schedule(size, 1, threads if batch.count * largest >= CHUNK_BYTES else 1)

    def _run(
        self,
        x: Input,
        targets: tuple[str, ...],
        layers: Mapping[str, Layer],
        *,
        chunk: int | None = None,
        first_sample: int = 0,
        samples: Any = None,
        read: int = 0,
    ) -> Feeds:
        """Compute tensors by name, some layers being analog."""
        batch = self._batch(x)
        plan = self._plan(targets, layers.keys())
        # Why: only a run tells the trailing axes of the outputs, so no samples become one.
        chosen = batch if batch.count else batch.zeros(self._graph.batch or 1)
        numbers = as_samples(samples, batch.count) if batch.count else None
        schedule = self._schedule(chosen, chunk)
        results = run(plan, layers, chosen, schedule, first_sample, read, numbers)
        return {name: values[: batch.count] for name, values in results.items()}

    def __copy__(self) -> Network:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle_network, (self._graph.model.SerializeToString(),)

    def __repr__(self) -> str:
        num_analog, num_nodes = len(self._specs), len(self._graph.nodes)
        inputs = ", ".join(f"{i.name} {shape_text(i)}" for i in self.inputs)
        outputs = ", ".join(f"{i.name} {shape_text(i)}" for i in self.outputs)
        nodes = f"{num_analog} of {num_nodes} nodes can be analog"
        return f"Network({self.name!r}: {inputs} -> {outputs}; {nodes})"


def _unpickle_network(content: bytes) -> Network:
    return Network(require("onnx").ModelProto.FromString(content))
