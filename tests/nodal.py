# SPDX-License-Identifier: BSD-3-Clause
"""Arrays with wires solved the plain way: one sparse system with every node of the circuit.

Resistances of zero are no resistors: the nodes they would join are one node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import splu


def edges(g: Any, wires: dict[str, Any]) -> list[tuple[int, int, float]]:
    """(node, node, ohm) of every resistor. Nodes: drivers, grounded ends, then two of each cell."""
    m, n = g.shape
    corner = wires.get("corner", "left_bottom")
    rows = range(m) if corner.endswith("bottom") else range(m - 1, -1, -1)
    columns = range(n) if corner.startswith("left") else range(n - 1, -1, -1)
    word = m + n + np.arange(m * n).reshape(m, n)
    bit = word + m * n
    found = []
    for i in range(m):
        before, extra = i, wires.get("r_driver", 0.0)
        for j in columns:
            found.append((before, word[i, j], wires["r_row"] + extra))
            before, extra = word[i, j], 0.0
            if g[i, j] > 0:
                found.append((word[i, j], bit[i, j], 1 / g[i, j]))
    for j in range(n):
        after, extra = m + j, wires.get("r_sense", 0.0)
        for i in reversed(rows):
            found.append((bit[i, j], after, wires["r_col"] + extra))
            after, extra = bit[i, j], 0.0
    return found


def admittances(g: Any, **wires: Any) -> Any:
    """Admittances between drivers and grounded ends, (m + n, m + n)."""
    m, n = g.shape
    resistors, size = edges(g, wires), m + n + 2 * m * n
    shorts = [(a, b) for a, b, ohm in resistors if ohm == 0] or [(0, 0)]
    joined = sparse.coo_array(([1.0] * len(shorts), tuple(zip(*shorts, strict=True))), (size, size))
    label = csgraph.connected_components(joined, directed=False)[1]
    # Ports first, in their own order.
    order = {node: k for k, node in enumerate(dict.fromkeys(label.tolist()))}
    y = sparse.dok_array((len(order), len(order)))
    for a, b, ohm in resistors:
        if ohm > 0:
            p, q = order[label[a]], order[label[b]]
            for row, column, sign in ((p, p, 1), (q, q, 1), (p, q, -1), (q, p, -1)):
                y[row, column] += sign / ohm
    y = y.tocsc()
    k = m + n
    if y.shape[0] == k:
        return y.toarray()
    inner = splu(y[k:, k:].tocsc()).solve(y[k:, :k].toarray())
    return y[:k, :k].toarray() - y[:k, k:] @ inner
