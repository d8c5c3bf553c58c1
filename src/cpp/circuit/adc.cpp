// SPDX-License-Identifier: BSD-3-Clause
//
// Output codes.
#include "circuit/adc.hpp"

#include <cmath>

#include "base/check.hpp"

namespace imperfect {
bool is_bipolar(const Hardware& hardware, const InputCode& input) {
  const bool subtracts_first = hardware.scheme == Scheme::kDifferential && hardware.subtract == Subtract::kAnalog;
  return subtracts_first || input.drives_both_signs();
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

OutputCode make_lossless_code(int bits, bool bipolar, double lsb, double largest, int rows) {
  constexpr double kRounding = 1e-12;
  const int last_code = bipolar ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  const double steps = std::ceil(largest / lsb * (1.0 - kRounding));
  const int needed = static_cast<int>(std::ceil(std::log2(steps + 1.0))) + (bipolar ? 1 : 0);
  check(last_code >= steps, "adc.bits=", bits, ": range='lossless' needs ", needed, " bits for ", rows,
        " word lines; use more bits, fewer array.rows, or another range");
  return {bipolar ? -lsb * last_code : 0.0, lsb, bipolar ? 2 * last_code + 1 : last_code + 1};
}

}  // namespace imperfect
