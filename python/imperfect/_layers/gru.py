# SPDX-License-Identifier: BSD-3-Clause
"""Gated recurrent units on arrays."""

from __future__ import annotations

from typing import Any, Literal

from imperfect._arrays import Floats
from imperfect._checks import flag
from imperfect._layers.recurrent import AnalogRecurrent
from imperfect.hardware import Hardware


class AnalogGRU(AnalogRecurrent):
    """A layer of gated recurrent units: products on analog arrays, gates digital in float32.

    ::

        r, z = σ(W x + b_ih + R h + b_hh)
        n = tanh(W_n x + b_ih,n + r ⊙ (R_n h + b_hh,n))    reset after the product, or
        n = tanh(W_n x + b_ih,n + R_n (r ⊙ h) + b_hh,n)    before it
        h' = (1 - z) ⊙ n + z ⊙ h

    Inputs and hidden state have arrays of their own, as in ``AnalogLSTM``. Resetting before the
    product takes a second pass over the state, with r ⊙ h, at every step; R_n then has third
    arrays. Arguments are in PyTorch's form, which resets after the product:
    ``AnalogGRU(m.weight_ih_l0, m.weight_hh_l0, m.bias_ih_l0, m.bias_hh_l0)``. Source: Cho et al.,
    EMNLP 2014, arXiv:1406.1078.

    Parameters
    ----------
    weight_ih : array of shape (3·hidden, in), or (2, 3·hidden, in) if bidirectional
        W: rows of the gates r, z, n, one after the other. Finite real numbers.
    weight_hh : array of shape (3·hidden, hidden), or (2, 3·hidden, hidden)
        R, in the same order.
    bias_ih, bias_hh : array of shape (3·hidden,) or (2, 3·hidden), or None
        Added digitally.
    reset_after : bool
        Whether r multiplies the product with h, or h itself (``linear_before_reset`` of ONNX).
    direction : {"forward", "reverse", "bidirectional"}
        From the first step to the last, the other way, or both, forward first.
    clip : float or None
        Limits what enters σ and tanh to ±clip.
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
    >>> w, r = np.full((6, 3), 0.1), np.full((6, 2), 0.2)
    >>> layer = im.AnalogGRU(w, r, hardware=im.Hardware(weight_bits=8))
    >>> y, h = layer(np.ones((5, 7, 3)))
    >>> y.shape, h.shape
    ((5, 7, 2), (5, 1, 2))
    """

    _gates = 3

    def __init__(
        self,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any = None,
        bias_hh: Any = None,
        *,
        reset_after: bool = True,
        direction: Literal["forward", "reverse", "bidirectional"] = "forward",
        clip: float | None = None,
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
        kind = "gru_reset_after" if flag("reset_after", reset_after) else "gru"
        super().__init__(kind, weights, direction, (clip, False), machine)

    @property
    def reset_after(self) -> bool:
        """Whether the reset gate multiplies the product with the state, or the state."""
        return self._kind == "gru_reset_after"

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
    ) -> tuple[Floats, Floats]:
        """Run sequences of shape (n, steps, in) through the layer.

        Parameters
        ----------
        x : array of shape (n, steps, in)
            Finite real numbers; samples first, whatever the order elsewhere.
        initial_state : array of shape (n, directions, hidden), or None
            The first hidden state; None for zeros.
        lengths, first_sample, read, samples, num_threads
            As for ``AnalogLSTM``.

        Returns
        -------
        y : array of shape (n, steps, directions·hidden), float32
            The hidden state after each step; forward before reverse.
        h : array of shape (n, directions, hidden)
            After the last step of each direction.

        Raises
        ------
        ValueError, TypeError
            If ``x`` or the state does not fit, is not finite, or the layer still needs
            ``calibrate``.
        """
        given = self._checked(x, self._states(initial_state), lengths)
        numbers = first_sample, read, samples
        y, h, *_ = self._run(given, self._cores, numbers, num_threads)
        return y, h

    def _constructor_arguments(self) -> dict[str, Any]:
        return super()._constructor_arguments() | {"reset_after": self.reset_after}
