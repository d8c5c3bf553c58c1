# SPDX-License-Identifier: BSD-3-Clause
"""The slow, plain statement of what this package computes, for tests.

`ReferenceLayer` computes a layer in float64 NumPy, cell by cell and conversion by conversion, from
the equations of the model and without any code of the compiled core. Its choices, all binding:

Order of effects: quantise the weight, cut it into slices, target g, device spread, programming
laws, faults, clip to g >= 0; then for each read: DAC digit, product, read noise, column clip,
analog subtraction, ADC, shift and add, offset removal, scale, bias. rint rounds halves to even.

Weights. The range, the quotient W / w_r and rint(clip(W / w_r, -1, 1) (2**(B-1) - 1)) are float64.
A percentile range of 0 falls back to max|W|, and that of all-zero weights is 1. A cell without
levels (``cell.bits=None``) stays continuous if ``weight_bits=None``; otherwise it holds all digits.

Arrays. See `Layout`: merged groups, row blocks and column blocks are cut independently;
block-diagonal arrays with p >= 2 groups always fit one array. Unit columns: one for each
(merged group, row block, column block, slice, group in the array), holding the cells of weight 0 in
its group's rows and g_min elsewhere; each has its own converter, with the range of the data.

Draws. Philox counters as in `normals`, `uniforms` and `fault_positions`. The write number enters
the programming laws only: device spread and stuck cells stay with the device. In fault counters the
third word is the place of the law in its tuple. Reads: `read_normals`, keyed by `read_key`, one
for each conversion, numbered by `conversion_code`; without output converters one for each bit line,
numbered 0. Output numbers go on with the unit columns. Calibration sees no read noise.

Inputs. X comes from the input tensor itself (padding zeros not included, both signs included even
if the DAC is unsigned). ``slice_bits`` above m acts as m. An unsigned DAC drives negative inputs as
0; ``dac.bits=None`` never clips. ``signed=None`` is True if any calibration input is negative
(False with ``two_pass``).

Ranges. `calibrate_input` and `calibrate_output` state how X and (lo, hi) are found. ADC ranges are
bipolar if voltages are signed or subtraction is analog. Currents of all merged groups, row blocks,
passes, cycles, samples, bit lines and unit columns of a slice are pooled, after column clip and
analog subtraction; with digital subtraction each polarity on its own. "full" takes the word lines
of the row block of the merged group; "lossless" must cover the largest row block. A symmetric 1-bit
converter is refused, as it has one code.

Transposed convolutions: `ReferenceConvTranspose`. Samples of a convolution are numbered by output
position, of a transposed one by input position.

Column clip: with analog accumulation every cycle is clipped before the sum.

Statistical assertions (`assert_within_sigma` and the others) derive their bounds from n.
"""

from imperfect.testing._asserts import (
    assert_fraction_within_sigma,
    assert_mean_within_sigma,
    assert_outputs_match,
    assert_std_within_sigma,
    assert_within_sigma,
)
from imperfect.testing._counts import count_events, read_energy
from imperfect.testing._layer import ReferenceLayer
from imperfect.testing._programming import programming_sigma
from imperfect.testing._random import (
    Kind,
    fault_positions,
    layer_number,
    normals,
    philox,
    stream_key,
    trial_seed,
    uniforms,
)
from imperfect.testing._reading import CellNoise
from imperfect.testing._recurrent import ReferenceRecurrent
from imperfect.testing._transposed import ReferenceConvTranspose

__all__ = [
    "CellNoise",
    "Kind",
    "ReferenceConvTranspose",
    "ReferenceLayer",
    "ReferenceRecurrent",
    "assert_fraction_within_sigma",
    "assert_mean_within_sigma",
    "assert_outputs_match",
    "assert_std_within_sigma",
    "assert_within_sigma",
    "count_events",
    "fault_positions",
    "layer_number",
    "normals",
    "philox",
    "programming_sigma",
    "read_energy",
    "stream_key",
    "trial_seed",
    "uniforms",
]
