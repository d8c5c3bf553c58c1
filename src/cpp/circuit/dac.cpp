// SPDX-License-Identifier: BSD-3-Clause
//
// Input codes.
#include "circuit/dac.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace imperfect {

double InputCode::top_number() const { return magnitude_bits == 0 ? 1.0 : std::ldexp(1.0, magnitude_bits) - 1.0; }

double InputCode::top_digit() const { return magnitude_bits == 0 ? 1.0 : std::ldexp(1.0, cycle_bits) - 1.0; }

double InputCode::cycle_weight(int cycle) const { return std::ldexp(1.0, cycle_bits * cycle); }

int InputCode::bits(int cycle) const { return std::min(cycle_bits, magnitude_bits - shift(cycle)); }

int magnitude_bits(const Dac& dac, bool is_signed) {
  if (!dac.bits) return 0;
  return is_signed && !dac.two_pass ? *dac.bits - 1 : *dac.bits;
}

InputCode make_input_code(const Dac& dac, double full_scale, bool is_signed) {
  InputCode code;
  code.full_scale = full_scale;
  code.two_pass = dac.two_pass;
  code.is_signed = is_signed || dac.two_pass;
  code.magnitude_bits = magnitude_bits(dac, is_signed);
  check(!dac.bits || code.magnitude_bits >= 1, "dac.bits=", dac.bits.value_or(0), ": signed inputs need at least 2 bits");
  const int slice_bits = std::min(dac.slice_bits.value_or(code.magnitude_bits), code.magnitude_bits);
  code.drive_bits = slice_bits;
  // Why: cell currents are linear in the word-line voltage, so the analog sum of all cycles, each with its weight, is the
  // current of the whole number: one conversion of one product.
  code.cycle_bits = dac.accumulate == Accumulate::kAnalog ? code.magnitude_bits : slice_bits;
  code.num_cycles = code.magnitude_bits == 0 ? 1 : (code.magnitude_bits + code.cycle_bits - 1) / code.cycle_bits;
  return code;
}

}  // namespace imperfect
