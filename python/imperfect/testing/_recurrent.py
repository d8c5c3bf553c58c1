# SPDX-License-Identifier: BSD-3-Clause
"""The reference of recurrent layers: products by `ReferenceLayer`, gates in float64.

LSTM (gates i, f, g, o), with a = W x + b_ih, b = R h + b_hh, p the peepholes, o seeing c':

    i, f, o = sigma(a + b + p c),  g = tanh(a + b),  c' = f c + i g,  h' = o tanh(c')

GRU (gates r, z, n): r, z = sigma(a + b), n = tanh(a_n + r b_n) or tanh(a_n + R_n (r h) + b_hh,n),
h' = (1 - z) n + z h. What enters sigma and tanh of the gates is limited to [-clip, clip].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imperfect.hardware import Hardware
from imperfect.testing._layer import ReferenceLayer
from imperfect.testing._random import Floats, layer_number

ROUNDING = 1e-6


class ReferenceRecurrent:
    """One direction of a recurrent layer, the slow and literal way.

    Parameters
    ----------
    kind : {"lstm", "gru", "gru_reset_after"}
        The cell; "gru" resets the state before the product.
    weight_ih, weight_hh : array of shape (gates*hidden, inputs), (gates*hidden, hidden)
        Weights, gates in the order i, f, g, o or r, z, n.
    bias_ih, bias_hh : array of shape (gates*hidden,), optional
        Added digitally.
    hardware : Hardware
        The machine.
    seed, layer_id : int, int or str
        Key of all draws; the arrays' numbers are those of the names "<layer number>/<role>".
    name : {"forward", "reverse"}
        Direction, the first part of the roles: "forward.input", "forward.recurrent" and, for
        "gru", "forward.candidate".
    peepholes : array of shape (3*hidden,), optional
        Of i, f and o.
    clip : float
        Limit of what enters the gates.
    input_forget : bool
        f = 1 - i.

    Attributes
    ----------
    cores : dict of ReferenceLayer
        The arrays by role, without the direction.

    Examples
    --------
    >>> layer = ReferenceRecurrent("lstm", np.ones((4, 1)), np.ones((4, 1)), hardware=Hardware())
    >>> y, h, c = layer.forward(np.zeros((1, 2, 1)))
    >>> y.tolist()
    [[[0.0], [0.0]]]
    """

    def __init__(
        self,
        kind: str,
        weight_ih: npt.ArrayLike,
        weight_hh: npt.ArrayLike,
        bias_ih: npt.ArrayLike | None = None,
        bias_hh: npt.ArrayLike | None = None,
        *,
        hardware: Hardware,
        seed: int = 0,
        layer_id: int | str = 0,
        name: str = "forward",
        peepholes: npt.ArrayLike | None = None,
        clip: float = np.inf,
        input_forget: bool = False,
    ) -> None:
        w, r = np.asarray(weight_ih, np.float64), np.asarray(weight_hh, np.float64)
        self.kind, self.name, self.clip, self.input_forget = kind, name, clip, input_forget
        self.hidden = r.shape[1]
        self.peepholes = np.zeros(3 * self.hidden)
        if peepholes is not None:
            self.peepholes = np.asarray(peepholes, np.float64)
        biases = (np.zeros(len(w)) if b is None else np.asarray(b) for b in (bias_ih, bias_hh))
        w_bias, r_bias = biases
        cut = 2 * self.hidden if kind == "gru" else len(r)
        matrices = {"input": (w, w_bias), "recurrent": (r[:cut], r_bias[:cut])}
        if kind == "gru":
            matrices["candidate"] = r[cut:], r_bias[cut:]
        number = layer_number(layer_id)
        self.cores = {
            role: ReferenceLayer(
                *given, hardware=hardware, seed=seed, layer_id=f"{number}/{name}.{role}"
            )
            for role, given in matrices.items()
        }

    def forward(
        self,
        x: npt.ArrayLike,
        h: npt.ArrayLike | None = None,
        c: npt.ArrayLike | None = None,
        lengths: npt.ArrayLike | None = None,
        **numbers: int,
    ) -> tuple[Floats, Floats, Floats]:
        """Outputs (n, steps, hidden) and the last states (n, hidden), step by step.

        Parameters
        ----------
        x : array of shape (n, steps, inputs)
            Sequences.
        h, c : array of shape (n, hidden), optional
            First states; zeros by default.
        lengths : array of n integers, optional
            Steps of each sample.
        **numbers
            ``first_sample`` and ``read``; step t of sample s is sample s steps + t in draws.
        """
        sequences = np.asarray(x, np.float64)
        count, steps, _ = sequences.shape
        states = [
            np.zeros((count, self.hidden)) if v is None else np.array(v, np.float64) for v in (h, c)
        ]
        ends = np.full(count, steps) if lengths is None else np.asarray(lengths)
        y = np.zeros((count, steps, self.hidden))
        for t in self.order(steps):
            h_before, c_before = (np.repeat(state[:, None], steps, 1) for state in states)
            after = self.step(sequences, h_before, c_before, reset=None, **numbers)[0]
            going = (t < ends)[:, None]
            for state, new in zip(states, after, strict=True):
                state[:] = np.where(going, new[:, t], state)
            y[:, t] = np.where(going, states[0], 0.0)
        return y, states[0], states[1]

    def order(self, steps: int) -> Iterator[int]:
        """Steps in the order of this direction."""
        return iter(range(steps)) if self.name == "forward" else reversed(range(steps))

    def reset(self, x: Floats, h: Floats, **numbers: int) -> tuple[Floats, Floats]:
        """r h of every step, (n, steps, hidden), and its slack; arguments as in `step`."""
        a, b = self._product("input", x, numbers), self._product("recurrent", h, numbers)
        r, slack = self._sigma(a[0][0] + b[0][0], a[1][0] + b[1][0])
        return r * h, slack * np.abs(h)

    def step(
        self, x: Floats, h: Floats, c: Floats, *, reset: Floats | None = None, **numbers: int
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """New states of every step from the state before it, and how far they may be off.

        Parameters
        ----------
        x, h, c : array of shape (n, steps, inputs), (n, steps, hidden) twice
            Inputs, and the states that every step starts from.
        reset : array of shape (n, steps, hidden), optional
            What enters the arrays of a candidate; r h by default.
        **numbers
            As in `forward`.

        Returns
        -------
        states : h and c, each of shape (n, steps, hidden)
            Of a GRU, c is what was given.
        slack : the same of the slack
            That of the products (see `ReferenceLayer.forward`), by the largest slopes of sigma
            (1/4) and tanh (1), and 1e-6 for every rounding of the digital part.
        """
        a, a_slack = self._product("input", x, numbers)
        b, b_slack = self._product("recurrent", h, numbers)
        if self.kind == "lstm":
            return self._step_lstm(a + b, a_slack + b_slack, c)
        candidate = None
        if self.kind == "gru":
            rows = self.reset(x, h, **numbers)[0] if reset is None else reset
            candidate = self._product("candidate", rows, numbers)
        return self._step_gru((a, a_slack), (b, b_slack), candidate, h, c)

    def _product(self, role: str, rows: Floats, numbers: dict[str, int]) -> tuple[Floats, Floats]:
        """Gates along the first axis: (gates, n, steps, hidden)."""
        steps = rows.shape[1]
        y, slack = self.cores[role].forward(
            rows.reshape(-1, rows.shape[-1]),
            return_slack=True,
            first_sample=numbers.get("first_sample", 0) * steps % 2**64,
            read=numbers.get("read", 0),
        )
        shape = *rows.shape[:2], -1, self.hidden
        y, slack = (np.moveaxis(values.reshape(shape), 2, 0) for values in (y, slack))
        return y, slack + ROUNDING * np.abs(y)

    def _sigma(self, z: Floats, slack: Floats) -> tuple[Floats, Floats]:
        limited = np.clip(z, -self.clip, self.clip)
        return 1.0 / (1.0 + np.exp(-limited)), slack / 4 + ROUNDING

    def _tanh(self, z: Floats, slack: Floats) -> tuple[Floats, Floats]:
        return np.tanh(np.clip(z, -self.clip, self.clip)), slack + ROUNDING

    def _step_lstm(
        self, sums: Floats, slack: Floats, c: Floats
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        p = self.peepholes.reshape(3, 1, 1, -1)
        slack = slack + ROUNDING * np.abs(sums)
        room = ROUNDING * np.abs(p[:, 0, 0] * c[..., None, :]).max(-2)
        i, i_slack = self._sigma(sums[0] + p[0] * c, slack[0] + room)
        f, f_slack = self._sigma(sums[1] + p[1] * c, slack[1] + room)
        g, g_slack = self._tanh(sums[2], slack[2])
        if self.input_forget:
            f, f_slack = 1.0 - i, i_slack
        new = f * c + i * g
        new_slack = f_slack * np.abs(c) + i_slack + i * g_slack + ROUNDING * (np.abs(c) + 1.0)
        through = slack[3] + np.abs(p[2]) * new_slack + ROUNDING * np.abs(p[2] * new)
        o, o_slack = self._sigma(sums[3] + p[2] * new, through)
        return (o * np.tanh(new), new), (o_slack + o * new_slack + ROUNDING, new_slack)

    def _step_gru(
        self,
        a: tuple[Floats, Floats],
        b: tuple[Floats, Floats],
        candidate: tuple[Floats, Floats] | None,
        h: Floats,
        c: Floats,
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        sums, slack = a[0][:2] + b[0][:2], a[1][:2] + b[1][:2]
        r, r_slack = self._sigma(sums[0], slack[0])
        z, z_slack = self._sigma(sums[1], slack[1])
        if candidate is not None:
            product, product_slack = candidate[0][0], candidate[1][0]
        else:
            product = r * b[0][2]
            product_slack = r_slack * np.abs(b[0][2]) + b[1][2]
        n, n_slack = self._tanh(a[0][2] + product, a[1][2] + product_slack)
        new = (1.0 - z) * n + z * h
        new_slack = z_slack * (1.0 + np.abs(h)) + n_slack + ROUNDING * (1.0 + np.abs(h))
        return (new, c), (new_slack, np.zeros_like(c))
