// SPDX-License-Identifier: BSD-3-Clause
//
// Output codes.
#include "circuit/adc.hpp"

#include <cmath>

#include "base/check.hpp"

namespace imperfect {
namespace {

bool subtracts_before_conversion(const Hardware& hardware) {
  return hardware.scheme == Scheme::kDifferential && hardware.subtract == Subtract::kAnalog;
}

}  // namespace

bool is_bipolar(const Hardware& hardware, const InputCode& input) {
  return subtracts_before_conversion(hardware) || input.drives_both_signs();
}

OutputCode make_output_code(int bits, Range range) {
  const bool symmetric = range.low == -range.high;
  check(!symmetric || bits >= 2, "adc.bits=", bits, ": a symmetric range (-h, h) needs at least 2 bits");
  OutputCode code;
  code.low = range.low;
  code.num_codes = (1 << bits) - (symmetric ? 1 : 0);
  code.lsb = (range.high - range.low) / (code.num_codes - 1);
  return code;
}

Range full_range(int rows, bool bipolar) { return {bipolar ? -static_cast<double>(rows) : 0.0, static_cast<double>(rows)}; }

OutputCode make_lossless_code(const Hardware& hardware, const WeightCode& weights, const InputCode& input, int rows) {
  const int bits = *hardware.adc.bits;
  const bool bipolar = is_bipolar(hardware, input);
  OutputCode code = make_output_code(bits, full_range(rows, bipolar));
  code.lsb = weights.delta / (weights.top_digit * input.top_digit());
  code.low = bipolar ? -code.lsb * (code.num_codes - 1) / 2 : 0.0;
  const double largest = rows * (subtracts_before_conversion(hardware) ? weights.delta : 1.0);
  const double covered = code.lsb * (bipolar ? (code.num_codes - 1) / 2 : code.num_codes - 1);
  const double steps = std::ceil(largest / code.lsb * (1.0 - 1e-12)) * (bipolar ? 2.0 : 1.0);
  check(covered >= largest * (1.0 - 1e-12), "adc.bits=", bits, ": range='lossless' needs ",
        static_cast<int>(std::ceil(std::log2(steps + (bipolar ? 2.0 : 1.0)))), " bits for ", rows,
        " word lines; use more bits, fewer array.rows, or another range");
  return code;
}

}  // namespace imperfect
