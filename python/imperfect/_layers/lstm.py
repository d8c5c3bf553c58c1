# SPDX-License-Identifier: BSD-3-Clause
"""Long short-term memory on arrays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from imperfect._arrays import Floats, as_float32
from imperfect._checks import flag
from imperfect._layers.recurrent import AnalogRecurrent
from imperfect._layers.recurrent_input import check_shape, with_directions
from imperfect.hardware import Hardware


class AnalogLSTM(AnalogRecurrent):
    """A layer of long short-term memory: products on analog arrays, gates digital in float32.

    ::

        i, f, o = σ(W x + b_ih + R h + b_hh),  g = tanh(W x + b_ih + R h + b_hh)
        c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c')

    Inputs and hidden state have arrays of their own, each with converters of its own, and are
    added digitally: the inputs of all steps are one product, and their ranges do not depend on
    each other. Arguments are in PyTorch's form:
    ``AnalogLSTM(m.weight_ih_l0, m.weight_hh_l0, m.bias_ih_l0, m.bias_hh_l0)`` of a module m
    without gradients. Source: Hochreiter & Schmidhuber, Neural Comput. 9, 1735 (1997); peepholes:
    Gers & Schmidhuber, IJCNN 2000.

    Parameters
    ----------
    weight_ih : array of shape (4·hidden, in), or (2, 4·hidden, in) if bidirectional
        W: rows of the gates i, f, g, o, one after the other. Finite real numbers.
    weight_hh : array of shape (4·hidden, hidden), or (2, 4·hidden, hidden)
        R, in the same order.
    bias_ih, bias_hh : array of shape (4·hidden,) or (2, 4·hidden), or None
        Added digitally.
    peepholes : array of shape (3·hidden,) or (2, 3·hidden), or None
        p of i, f and o: p ⊙ c is added, digitally, to what enters these gates; o sees c'.
    direction : {"forward", "reverse", "bidirectional"}
        From the first step to the last, the other way, or both, forward first.
    clip : float or None
        Limits what enters σ and tanh of the gates to ±clip.
    input_forget : bool
        Couples the gates: f = 1 - i.
    hardware : Hardware or None
        The machine; None is ideal.
    seed : int
        Key of every draw of this layer.
    layer_id : int or str
        Tells the layers of one seed apart; a network gives its node's name.
    precision : {"float32", "fixed16"}
        As for ``AnalogLinear``.

    Raises
    ------
    ValueError, TypeError
        If an array is empty, not finite or of a wrong shape, or the layer cannot be built on
        this hardware.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> w, r = np.full((8, 3), 0.1), np.full((8, 2), 0.2)
    >>> layer = im.AnalogLSTM(w, r, hardware=im.Hardware(weight_bits=8))
    >>> y, (h, c) = layer(np.ones((5, 7, 3)))
    >>> y.shape, h.shape, c.shape
    ((5, 7, 2), (5, 1, 2), (5, 1, 2))
    """

    _gates = 4

    def __init__(
        self,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any = None,
        bias_hh: Any = None,
        *,
        peepholes: Any = None,
        direction: Literal["forward", "reverse", "bidirectional"] = "forward",
        clip: float | None = None,
        input_forget: bool = False,
        hardware: Hardware | None = None,
        seed: int = 0,
        layer_id: int | str = 0,
        precision: Literal["float32", "fixed16"] = "float32",
    ) -> None:
        weights = {
            "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh,
        }  # fmt: skip
        machine = {
            "hardware": hardware, "seed": seed, "layer_id": layer_id, "precision": precision,
        }  # fmt: skip
        self._is_coupled = bool(flag("input_forget", input_forget))
        super().__init__("lstm", weights, direction, (clip, self._is_coupled), machine)
        self._peephole_rows = None if peepholes is None else self._as_peepholes(peepholes)

    def _as_peepholes(self, peepholes: Any) -> Floats:
        array = as_float32("peepholes", peepholes)
        count = self._sizes.directions
        check_shape("peepholes", array, (*(2,) * (count == 2), 3 * self._sizes.hidden))
        if not np.isfinite(array).all():
            raise ValueError("peepholes holds NaN or infinity: all values must be finite")
        return with_directions(array, count)

    @property
    def peepholes(self) -> Floats | None:
        """Weights of the cell state in the gates i, f and o, or None."""
        if self._peephole_rows is None:
            return None
        return self._peephole_rows if self._sizes.directions == 2 else self._peephole_rows[0]

    @property
    def input_forget(self) -> bool:
        """Whether the forget gate is 1 - i."""
        return self._is_coupled

    def __call__(
        self,
        x: Any,
        initial_state: Any = None,
        *,
        lengths: Any = None,
        first_sample: int = 0,
        read: int = 0,
        samples: Any = None,
        num_threads: int | None = None,
    ) -> tuple[Floats, tuple[Floats, Floats]]:
        """Run sequences of shape (n, steps, in) through the layer.

        Parameters
        ----------
        x : array of shape (n, steps, in)
            Finite real numbers; samples first, whatever the order elsewhere.
        initial_state : tuple (h, c), or None
            Each of shape (n, directions, hidden), or None for zeros.
        lengths : array of n integers from 1 to steps, or None
            Where each sample ends: y is 0 afterwards, the state stays, and the reverse direction
            starts at the sample's last step.
        first_sample, read, samples : int, int, array of n integers or None
            As for ``AnalogLinear``. In what is drawn fresh at each read, step t of sample s counts
            as sample s·steps + t.
        num_threads : int or None
            Threads for this call; None: the default of ``set_num_threads``.

        Returns
        -------
        y : array of shape (n, steps, directions·hidden), float32
            The hidden state after each step; forward before reverse.
        state : tuple (h, c)
            After the last step of each direction, each of shape (n, directions, hidden).

        Raises
        ------
        ValueError, TypeError
            If ``x`` or a state does not fit, is not finite, or the layer still needs
            ``calibrate``.
        """
        given = self._checked(x, self._states(initial_state), lengths)
        numbers = first_sample, read, samples
        y, h, c, *_ = self._run(given, self._cores, numbers, num_threads)
        return y, (h, c)

    def _states(self, initial_state: Any) -> tuple[tuple[str, Any], tuple[str, Any]]:
        if initial_state is None:
            initial_state = None, None
        if not isinstance(initial_state, tuple | list) or len(initial_state) != 2:
            kind = type(initial_state).__name__
            raise TypeError(f"initial_state is a {kind}: must be a tuple (h, c) or None")
        h, c = initial_state
        return ("initial_state[0]", h), ("initial_state[1]", c)

    def _peepholes(self, place: int) -> Floats | None:
        return None if self._peephole_rows is None else self._peephole_rows[place]

    def _constructor_arguments(self) -> dict[str, Any]:
        own = {"peepholes": self.peepholes, "input_forget": self._is_coupled}
        return super()._constructor_arguments() | own
