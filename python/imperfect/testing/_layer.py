# SPDX-License-Identifier: BSD-3-Clause
"""The reference layer: one linear or convolution layer, computed cell by cell and code by code.

Everything is float64 and nothing is folded. With w_r the weight range, X the input's full scale,
Delta = 1 - g_min, and V the recombined input voltages (V = x / X but for rounding and clipping),

    y = w_r X (sum of sign * slice_weight * cycle_weight * ADC(I) / Delta - offset) + bias

over passes, slices, polarities, cycles, row blocks and unit columns. In the offset scheme without
unit columns, offset = sum_i slice_weight[i] (g_min / Delta) sum_array V + offset_weight sum_own V:
the leak of all driven cells of the arrays, and the offset of the output's own weights.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from imperfect.hardware import ADC, DAC, Array, Cell, Hardware
from imperfect.testing import _converters as converters
from imperfect.testing import _ranges as ranges
from imperfect.testing._cells import Cells
from imperfect.testing._conversions import all_conversions
from imperfect.testing._converter_errors import converter_errors
from imperfect.testing._mapping import Tile
from imperfect.testing._patches import extract_patches, per_dimension
from imperfect.testing._product import Rounding, product
from imperfect.testing._random import Floats, Integers, layer_number, read_key
from imperfect.testing._reading import KeyedNoise, Noise, Silence

MODELLED = {
    Hardware: "weight_bits scheme two_sided subtract offset_removal weight_range per groups "
    "drift_compensation clock",
    Cell: "bits g_max on_off_ratio programming faults drift read_noise g_min_sigma g_max_sigma "
    "nonlinearity v_read",
    Array: "rows cols partition column_current_max r_row r_col r_driver r_sense corner layout "
    "gated adc_share",
    DAC: "bits slice_bits signed two_pass accumulate range method nonlinearity",
    ADC: "bits range method tie_slices gain_sigma offset_sigma inl noise",
}


def _refuse_what_is_not_modelled(hardware: Hardware) -> None:
    """A field unknown here must have its default: ignoring it would give a wrong answer."""
    for part in (hardware, hardware.cell, hardware.array, hardware.dac, hardware.adc):
        known = next(names for kind, names in MODELLED.items() if isinstance(part, kind))
        for item in dataclasses.fields(part):
            value = getattr(part, item.name)
            ignored = item.name not in known.split() and not isinstance(value, tuple(MODELLED))
            if ignored and value != item.default:
                raise ValueError(f"{item.name}={value!r}: the reference does not model this field")


class ReferenceLayer:
    """A linear or convolution layer on one imperfect array, the slow and literal way.

    Parameters
    ----------
    weight : array of shape (N, K), or (N, C, kernel...)
        Weights; the number of dimensions makes the layer linear or a convolution. With groups,
        K and C are those of one group.
    bias : array of shape (N,), optional
        Added digitally.
    hardware : Hardware
        The machine.
    seed : int
        Seed of all draws, 64 bit.
    layer_id : int or str
        64-bit number of the layer, or a name that is hashed to one.
    groups : int
        Groups of outputs that see their own inputs only.
    stride, padding, dilation : int or tuple of int
        Of a convolution, as in PyTorch; padding may be "same".
    lines_per_channel : int
        Consecutive outputs that share a weight range per channel.

    Attributes
    ----------
    tiles : list of Tile
        The cells, by (merged group, row block, column block).
    input_range : float or None
        X found by `calibrate`, in the units of x; may be set.
    signed : bool or None
        Sign of the inputs found by `calibrate`; may be set.
    adc_ranges : array of shape (S, converters, 2) or None
        (lo, hi) of every slice, in unit currents, found by `calibrate`; may be set. ``converters``
        is 2 for digital subtraction, else 1.

    Raises
    ------
    ValueError
        If shapes or the hardware do not fit, or the hardware has a field not modelled here.

    Examples
    --------
    >>> import numpy as np
    >>> from imperfect.hardware import Hardware
    >>> from imperfect.testing import ReferenceLayer
    >>> layer = ReferenceLayer(np.array([[1.0, -2.0]]), hardware=Hardware())
    >>> layer.forward(np.array([[3.0, 1.0]])).tolist()
    [[1.0]]
    """

    def __init__(
        self,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        hardware: Hardware,
        seed: int = 0,
        layer_id: int | str = 0,
        groups: int = 1,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        lines_per_channel: int = 1,
    ) -> None:
        _refuse_what_is_not_modelled(hardware)
        kernel_weight = np.asarray(weight, np.float64)
        self.kernel = kernel_weight.shape[2:]
        self.weight: Floats = kernel_weight.reshape(len(kernel_weight), -1)
        num_outputs = len(self.weight)
        if num_outputs % groups:
            raise ValueError(f"groups={groups} must divide the {num_outputs} outputs")
        self.bias: Floats = np.zeros(num_outputs) if bias is None else np.array(bias, np.float64)
        if self.bias.shape != (num_outputs,):
            raise ValueError(f"bias must have shape ({num_outputs},), got {self.bias.shape}")
        self.hardware = hardware
        self.seed = seed
        self.layer = layer_number(layer_id)
        self.stride = per_dimension("stride", stride, len(self.kernel))
        self.dilation = per_dimension("dilation", dilation, len(self.kernel))
        self.padding = padding
        self.cells = Cells(self.weight, groups, hardware, seed, self.layer, lines_per_channel)
        self.encoding, self.layout = self.cells.encoding, self.cells.layout
        self.tiles = self.cells.tiles
        self.input_range: float | None = None
        self.signed: bool | None = None
        self.adc_ranges: Floats | None = None
        self.readout_inputs: Floats | None = None
        self.program()

    def program(self, write: int = 0) -> None:
        """Write all cells: new draws of the programming laws, on the same devices."""
        self.write = write
        self.set_time(0.0)

    def set_time(self, seconds: float) -> None:
        """Let the written cells drift to a time, and scale outputs back if the hardware does.

        The gain of an output is B / B(t), B the mean magnitude of what the arrays gave for the
        calibration inputs when they were written, of all outputs together for ``"layer"``; 1 where
        it would be 10^4 or more, as only rounding is left.
        """
        self.gains, self.gain_slack = np.ones((2, len(self.weight))) * [[1.0], [0.0]]
        self.cells.write(self.write, 0.0)
        before = self._read_out() if self.readout_inputs is not None else None
        self.cells.write(self.write, seconds)
        if before is None or seconds == 0.0:
            return
        now = self._read_out()
        has_signal = before[0] < 1e4 * now[0]
        divisor = np.where(has_signal, now[0], 1.0)
        self.gains = np.where(has_signal, before[0] / divisor, 1.0)
        change = (before[1] + self.gains * now[1]) / divisor
        self.gain_slack = np.where(has_signal, change, 0.0)

    def _read_out(self) -> tuple[Floats, Floats]:
        """Mean magnitude of each output, or of all, without bias, and its slack."""
        assert self.readout_inputs is not None
        y, slack = self._outputs(self.readout_inputs, 1e-5, Rounding(1e-6, 1e-5), (0, 0), Silence())
        axes = (0, *range(2, y.ndim))
        means = np.abs(y).mean(axis=axes), slack.mean(axis=axes)
        if self.hardware.drift_compensation == "column":
            return means
        return np.full_like(means[0], means[0].mean()), np.full_like(means[1], means[1].mean())

    def pulses(self) -> Integers:
        """Pulses of `WriteVerify` laws, shaped like `conductances`."""
        return self.cells.pulses(self.write)

    def conductances(self) -> Floats:
        """Conductances of the weight cells, shape (S, P, N, K_g), normalised to g_max."""
        return self.cells.conductances()

    def set_conductances(self, g: npt.ArrayLike) -> None:
        """Replace the conductances of the weight cells, shape (S, P, N, K_g), by given ones."""
        self.cells.set_conductances(g)

    def _input_rows(self, x: npt.ArrayLike) -> tuple[Floats, tuple[int, ...]]:
        """Input rows (M, groups * K_g), and the shape (batch, *positions) of M."""
        inputs = np.asarray(x, np.float64)
        if not np.isfinite(inputs).all():
            raise ValueError("x must be finite")
        if inputs.ndim != 2 + len(self.kernel):
            raise ValueError(f"x must have {2 + len(self.kernel)} dimensions, got {inputs.shape}")
        rows: Floats = inputs
        counts: tuple[int, ...] = ()
        if self.kernel:
            rows, counts = extract_patches(
                inputs, self.kernel, self.stride, self.padding, self.dilation
            )
        num_rows = self.layout.groups * self.layout.group_rows
        if rows.shape[1] != num_rows:
            raise ValueError(f"x of shape {inputs.shape} does not give {num_rows} rows")
        return rows, (len(inputs), *counts)

    def adc_range(self, tile: Tile, i: int, polarity: int) -> tuple[float, float]:
        """Limits of the converters of slice ``i`` and a polarity in a tile, in unit currents."""
        return ranges.output_range(self.cells, tile, (i, polarity), self.signed, self.adc_ranges)

    def calibrate(self, x: npt.ArrayLike) -> None:
        """Find the converter ranges that are to be calibrated, from inputs x.

        First the sign (any x < 0), then X from x itself, then each slice's ADC range from all
        currents that x sends into its converters.
        """
        hardware = self.hardware
        rows, _ = self._input_rows(x)
        inputs = np.asarray(x, np.float64)
        if hardware.dac.signed is None:
            self.signed = bool((inputs < 0.0).any())
        if hardware.dac.range == "calibrated":
            signed = ranges.is_signed(hardware, self.signed)
            self.input_range = converters.calibrate_input(inputs, hardware.dac, signed)
        if hardware.adc.bits is not None and hardware.adc.range == "calibrated":
            conversions = (
                conversion
                for tile in self.tiles
                for conversion in all_conversions(
                    tile, self._drive(tile, rows, 0.0), hardware, self.encoding
                )
            )
            self.adc_ranges = ranges.calibrate_outputs(self.cells, conversions, self.signed)
        if hardware.drift_compensation is not None:
            self.readout_inputs = inputs

    def _drive(self, tile: Tile, rows: Floats, tie: float) -> converters.Drive:
        full_scale = ranges.full_scale(self.hardware, self.input_range)
        signed = ranges.is_signed(self.hardware, self.signed)
        return converters.drive_inputs(
            rows[:, tile.rows], full_scale, self.hardware.dac, signed, tie
        )

    @overload
    def forward(
        self,
        x: npt.ArrayLike,
        *,
        first_sample: int = ...,
        read: int = ...,
        noise: Noise | None = ...,
    ) -> Floats: ...
    @overload
    def forward(
        self,
        x: npt.ArrayLike,
        *,
        return_slack: Literal[True],
        rounding: float = ...,
        tie: float = ...,
        first_sample: int = ...,
        read: int = ...,
        noise: Noise | None = ...,
    ) -> tuple[Floats, Floats]: ...

    def forward(
        self,
        x: npt.ArrayLike,
        *,
        return_slack: bool = False,
        rounding: float = 1e-6,
        tie: float = 1e-5,
        first_sample: int = 0,
        read: int = 0,
        noise: Noise | None = None,
    ) -> Floats | tuple[Floats, Floats]:
        """Outputs of a batch, and how far a correct single-precision result may differ from them.

        Parameters
        ----------
        x : array of shape (M, K), or (n, c, size...)
            Inputs; K and c count all groups.
        return_slack : bool
            Also return the slack of every output: the sum over its conversions of the change of the
            code if the current moved to either side by ``rounding`` times the sum of its terms'
            magnitudes, plus ``rounding`` times the converter's larger limit, plus ``tie`` steps of
            the converter; plus ``rounding`` times every number added digitally. So a conversion
            counts one code only where its input is that close to a rounding boundary. An input of
            the DAC within ``tie`` steps (plus 2**-22 of its magnitude) of a boundary may be rounded
            either way.
        rounding : float
            Relative rounding error granted to sums of products.
        tie : float
            Distance from a rounding boundary, in converter steps, that counts as a tie.
        first_sample, read : int
            Number of the first sample and of the read: the key of read noise.
        noise : CellNoise, Silence or None
            Draws read noise for every cell instead of for every conversion. With Silence there is
            no noise at all, of converters neither.

        Returns
        -------
        y : array of shape (M, N), or (n, N, output size...)
        slack : array of the same shape
            Only with ``return_slack``.

        Raises
        ------
        ValueError
            If x is not finite or its shape does not fit.
        RuntimeError
            If a range is to be calibrated and is not.
        """
        room = Rounding(rounding, tie) if return_slack else None
        y, slack = self._outputs(x, tie, room, (first_sample, read), noise)
        y, slack = self._combine(y, slack, rounding)
        bias = self.bias.reshape(-1, *(1,) * (y.ndim - 2))
        y, slack = y + bias, slack + rounding * np.abs(bias)
        return (y, slack) if return_slack else y

    def _outputs(
        self,
        x: npt.ArrayLike,
        tie: float,
        room: Rounding | None,
        numbers: tuple[int, int],
        noise: Noise | None,
    ) -> tuple[Floats, Floats]:
        """What the arrays give, scaled but without bias, and its slack; outputs on axis 1."""
        rows, shape = self._input_rows(x)
        first = np.uint64(numbers[0]) * np.uint64(math.prod(shape[1:]))
        samples = first + np.arange(len(rows), dtype=np.uint64)
        adc, num_lines = self.hardware.adc, len(self.weight) + self.layout.num_units
        if isinstance(noise, Silence):
            adc = dataclasses.replace(adc, noise=0.0)
        key = self.seed, self.layer, numbers[1]
        errors = converter_errors(adc, self.encoding.num_slices, num_lines, *key, samples)
        if noise is None and self.hardware.cell.read_noise is not None:
            noise = KeyedNoise(read_key(*key), samples)
        drives = [self._drive(tile, rows, tie) for tile in self.tiles]
        y, slack = product(self.cells, drives, self.adc_range, errors, noise, room)
        scale = ranges.full_scale(self.hardware, self.input_range) * self.cells.ranges
        slack = (slack * self.gains + np.abs(y) * self.gain_slack) * scale
        y = y * self.gains * scale

        def arrange(values: Floats) -> Floats:
            return np.moveaxis(values.reshape(*shape, -1), -1, 1)

        return arrange(y), arrange(slack)

    def _combine(self, y: Floats, slack: Floats, rounding: float) -> tuple[Floats, Floats]:
        """What the digital side makes of the arrays' outputs before it adds the bias."""
        return y, slack
