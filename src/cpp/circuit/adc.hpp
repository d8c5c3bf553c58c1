// SPDX-License-Identifier: BSD-3-Clause
//
// Output converters: code = clip(rint((I - low)/lsb), 0, n - 1), value = low + code·lsb, lsb = (high - low)/(n - 1), with
// n = 2^bits - 1 levels where low = -high (so that 0 is a level) and 2^bits elsewhere. Currents in unit currents.
#pragma once

#include "circuit/dac.hpp"
#include "circuit/range_search.hpp"
#include "imperfect/hardware.hpp"

namespace imperfect {

/// One converter.
struct OutputCode {
  double low = 0.0;
  double lsb = 1.0;
  int num_codes = 2;
};

/// Currents of both signs reach the converters: signed inputs, or polarities subtracted before conversion.
bool is_bipolar(const Hardware& hardware, const InputCode& input);

/// A converter with this range. Throws if a symmetric range has fewer than 2 bits.
OutputCode make_output_code(int bits, Range range);

/// The "full" range of a block with `rows` used word lines: ±rows or [0, rows].
Range full_range(int rows, bool bipolar);

/// A converter whose step is one digit product `lsb`. Throws unless `bits` cover currents up to `largest`, which `rows` word
/// lines can cause.
OutputCode make_lossless_code(int bits, bool bipolar, double lsb, double largest, int rows);

}  // namespace imperfect
