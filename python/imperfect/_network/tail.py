# SPDX-License-Identifier: BSD-3-Clause
"""The part of a network that depends on the chip, cut off from what is the same on every chip."""

from __future__ import annotations

from collections.abc import Collection

from imperfect._network.network import Network
from imperfect._network.normalise import prune
from imperfect._network.proto import reads
from imperfect._optional import require


def tail_of(network: Network, analog: Collection[str]) -> tuple[Network, str] | None:
    """What follows the digital beginning of a network, if that ends in one tensor.

    Parameters
    ----------
    network
        The network.
    analog
        Names of the layers that are analog; the others are digital.

    Returns
    -------
    tuple of Network and str, or None
        The rest of the network, whose only input is the tensor named beside it; its layers keep
        their names, and so their draws. None where nothing comes before the first analog layer,
        or where more than one tensor leads from there to the rest.
    """
    graph = network._graph
    own: set[str] = set()
    for node in graph.model.graph.node:
        if node.name in analog or own & set(reads(node)):
            own |= set(node.output)
    inside = [node for node in graph.model.graph.node if own & set(node.output)]
    given = {name for node in inside for name in reads(node)} - own - set(graph.constants)
    if len(given) != 1 or given <= {info.name for info in network.inputs}:
        return None
    (name,) = given
    if name not in graph.types or graph.defaults:
        return None
    model = require("onnx").ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.node[:]
    model.graph.node.extend(inside)
    del model.graph.input[:]
    model.graph.input.add(name=name).type.CopyFrom(graph.types[name])
    prune(model)
    return Network(model), name
