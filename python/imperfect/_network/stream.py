# SPDX-License-Identifier: BSD-3-Clause
"""Runs the plan of a network: chunk after chunk for answers, layer after layer for measuring.

``run`` streams chunks of samples through all steps, several chunks at a time, and writes into
outputs allocated once: memory does not grow with the number of samples. ``traverse`` takes all
chunks through one step before the next, so that a caller can measure a layer on everything that
reaches it and replace it before its output is computed; the tensors that are alive at that stage
are then held for all samples.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imperfect import _core
from imperfect._arrays import Samples
from imperfect._network.batch import Batch, Feeds
from imperfect._network.cut import AnalogStep, DigitalStep, Plan, Step
from imperfect._network.layer_spec import LayerSpec
from imperfect._network.programmed import (
    Layer,
    Place,
    call_layer,
    layer_input,
    layer_output,
    other_inputs,
    run_layer,
    with_affine,
)
from imperfect._network.proto import refusing
from imperfect._network.recurrent import Tensors, joined
from imperfect.layers import AnalogRecurrent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Samples per chunk, chunks at a time, and threads that a layer takes for one chunk."""

    chunk: int
    workers: int
    layer_threads: int


class LayerVisit:
    """One layer, with everything that reaches it.

    Attributes
    ----------
    name
        Name of the layer's node.
    spec
        Its place in the graph.
    layer
        The layer. Whoever visits may put another one here: the rest of the network then sees
        the output of that one.
    """

    def __init__(
        self,
        spec: LayerSpec,
        layer: Layer,
        inputs: list[Tensors],
        places: list[Place],
        workers: int,
    ) -> None:
        self.name = spec.name
        self.spec = spec
        self.layer = layer
        self._inputs = inputs
        self._places = places
        self._known: list[NDArray[np.float32]] | None = None
        self._workers = workers

    def __repr__(self) -> str:
        count = sum(place.count for place in self._places)
        return f"LayerVisit({self.name!r}: {count} samples, {self.layer!r})"

    @property
    def x(self) -> NDArray[np.float32]:
        """All inputs of the layer, in the layer's own form, copied together."""
        name = self.spec.input
        return np.concatenate([layer_input(self.spec, chunk[name]) for chunk in self._inputs])

    @property
    def others(self) -> dict[str, Any]:
        """What else the layer is called with: first states and lengths of sequences, by name."""
        return joined([other_inputs(self.spec, chunk) for chunk in self._inputs])

    def outputs(self, layer: Layer | None = None) -> Iterator[NDArray[np.float32]]:
        """Outputs of the layer, or of another in its place, for one chunk of samples at a time.

        The outputs of the array stand on axis 1 for convolutions, on the last axis else. Of a
        recurrent layer it is the hidden state after every step.
        """
        chosen = self.layer if layer is None else layer

        def compute(index: int) -> NDArray[np.float32]:
            return call_layer(self.spec, chosen, self._inputs[index], self._places[index])

        return _in_order(compute, range(len(self._inputs)), self._workers)

    def put(self, layer: Layer, outputs: list[NDArray[np.float32]]) -> None:
        """Put another layer in the place, whose outputs are known already, chunk by chunk."""
        self.layer, self._known = layer, outputs


def run(
    plan: Plan,
    layers: Mapping[str, Layer],
    batch: Batch,
    schedule: Schedule,
    first_sample: int,
    read: int,
    samples: Samples | None,
) -> Feeds:
    """Compute the plan's targets, each of shape (samples, …)."""
    results: Feeds = {}
    lock = threading.Lock()

    def work(first: int) -> None:
        count = min(schedule.chunk, batch.count - first)
        values = batch.chunk(first, first + count)
        own = None if samples is None else samples[first : first + count]
        place = Place(first_sample + first, count, read, schedule.layer_threads, own)
        for step in plan.steps:
            execute(step, values, layers, place)
        for name in plan.targets:
            value = _checked(name, values[name], count, first)
            with lock:
                if name not in results:
                    results[name] = np.empty((batch.count, *value.shape[1:]), value.dtype)
            _store(name, results[name], value, first)

    for _ in _in_order(work, range(0, batch.count, schedule.chunk), schedule.workers):
        pass
    return results


def _in_order(work: Callable[[int], T], items: Iterable[int], workers: int) -> Iterator[T]:
    """Results of ``work``, in order; no more are waiting than there are threads."""
    if workers == 1:
        yield from map(work, items)
        return
    stop = _core.StopFlag()

    def stoppable(item: int) -> T:
        with stop:
            return work(item)

    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future[T]] = deque()
        try:
            for item in items:
                running.append(_submitted(pool, stoppable, item))
                if len(running) > workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BaseException:
            # Why: the pool waits for its threads, which Ctrl-C does not reach.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _submitted(pool: ThreadPoolExecutor, work: Callable[[int], T], item: int) -> Future[T]:
    try:
        return pool.submit(work, item)
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        raise MemoryError("there is no room for another thread") from error


def _checked(name: str, value: Any, count: int, first: int) -> NDArray[Any]:
    """Refuse a result that has no sample axis, or NaN in it."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"tensor {name!r} is a {type(value).__name__}, not an array")
    if value.shape[:1] != (count,):
        raise ValueError(
            f"tensor {name!r} has shape {value.shape} for {count} samples: "
            "its first axis does not count samples"
        )
    if value.dtype.kind == "f" and np.isnan(value).any():
        sample = first + int(np.argwhere(np.isnan(value))[0][0])
        raise ValueError(f"tensor {name!r} is not a number for sample {sample}")
    return value


def _store(name: str, result: NDArray[Any], value: NDArray[Any], first: int) -> None:
    if result.shape[1:] != value.shape[1:]:
        raise ValueError(
            f"tensor {name!r} has shape {value.shape[1:]} for some samples and "
            f"{result.shape[1:]} for others"
        )
    result[first : first + len(value)] = value


def execute(step: Step, values: dict[str, Any], layers: Mapping[str, Layer], place: Place) -> None:
    """Run one step: add its outputs to ``values``, drop what is not needed after it."""
    if isinstance(step, DigitalStep):
        values |= _run_session(step, values)
    else:
        layer = _ending_at(step, layers[step.spec.name])
        values |= run_layer(step.spec, layer, _only(values, step.inputs), place)
    _release(step, values)


def _only(values: Mapping[str, Any], names: Iterable[str]) -> Tensors:
    return {name: values[name] for name in names}


def _release(step: Step, values: dict[str, Any]) -> None:
    """Drop what is not needed after a step."""
    for name in step.release:
        values.pop(name, None)


def _run_session(step: DigitalStep, values: dict[str, Any]) -> dict[str, Any]:
    feeds = {name: values[name] for name in step.inputs}
    with refusing(f"ONNX Runtime cannot compute {list(step.outputs)}"):
        results = step.session.run(step.outputs, feeds)
    return dict(zip(step.outputs, results, strict=True))


def _ending_at(step: AnalogStep, layer: Layer) -> Layer:
    """The layer with only that part of its epilogue that the step asks for."""
    if step.is_whole or isinstance(layer, AnalogRecurrent):
        return layer
    if step.keeps_affine:
        # Why: scale and shift may have been corrected on this chip.
        return layer.with_epilogue(replace(layer.epilogue, low=-math.inf, high=math.inf))
    return with_affine(step.spec, layer, step.spec.affine)


def traverse(
    plan: Plan, layers: Mapping[str, Layer], batch: Batch, schedule: Schedule, read: int
) -> Iterator[LayerVisit]:
    """Take all samples through the plan step by step, stopping at every analog layer."""
    firsts = range(0, batch.count, schedule.chunk)
    counts = [min(schedule.chunk, batch.count - first) for first in firsts]
    places = [
        Place(first, count, read, schedule.layer_threads)
        for first, count in zip(firsts, counts, strict=True)
    ]
    states: list[dict[str, Any]] = [batch.chunk(p.first, p.first + p.count) for p in places]
    chosen = dict(layers)
    for step in plan.steps:
        if isinstance(step, AnalogStep):
            name, inputs = step.spec.name, [_only(state, step.inputs) for state in states]
            visit = LayerVisit(step.spec, layers[name], inputs, places, schedule.workers)
            yield visit
            chosen[name] = visit.layer
            known = visit._known if step.is_whole else None
            if known is not None:
                for state, y in zip(states, known, strict=True):
                    state[step.spec.output] = layer_output(step.spec, y)
                    _release(step, state)
                continue

        def advance(index: int, step: Step = step) -> None:
            execute(step, states[index], chosen, places[index])

        for _ in _in_order(advance, range(len(states)), schedule.workers):
            pass
