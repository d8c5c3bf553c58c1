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

InputCode make_input_code(const Dac& dac, double full_scale, bool is_signed, bool keeps_drives) {
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
  code.cycle_bits = dac.accumulate == Accumulate::kAnalog && !keeps_drives ? code.magnitude_bits : slice_bits;
  code.num_cycles = code.magnitude_bits == 0 ? 1 : (code.magnitude_bits + code.cycle_bits - 1) / code.cycle_bits;
  return code;
}

std::vector<float> driven_digits(const Dac& dac, const InputCode& input) {
  const auto& points = dac.nonlinearity;
  const double top = std::ldexp(1.0, input.drive_bits) - 1.0;
  std::vector<float> digits;
  std::size_t next = 1;  // the first point at or above v
  for (int u = 0; u <= static_cast<int>(top); ++u) {
    const double v = u / top;
    while (next + 1 < points.size() && points[next].first < v) ++next;
    const auto [v0, f0] = points[next - 1];
    const auto [v1, f1] = points[next];
    digits.push_back(static_cast<float>(top * (f0 + (f1 - f0) * (v - v0) / (v1 - v0))));
  }
  return digits;
}

std::vector<float> driven_numbers(const InputCode& input, const std::vector<float>& digits) {
  if (input.cycle_bits == input.drive_bits) return digits;
  std::vector<float> numbers;
  for (std::size_t n = 0; n < std::size_t{1} << input.cycle_bits; ++n) {
    double sum = 0.0;
    for (int drive = 0; drive < input.num_drives(); ++drive)
      sum += std::ldexp(digits[(n >> input.drive_shift(drive)) % digits.size()], input.drive_shift(drive));
    numbers.push_back(static_cast<float>(sum));
  }
  return numbers;
}

}  // namespace imperfect
