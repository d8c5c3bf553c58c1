// SPDX-License-Identifier: BSD-3-Clause
//
// Encoding weights as digits.
#include "mapping/weight_code.hpp"

#include <algorithm>
#include <cmath>

#include "base/interrupt.hpp"

namespace imperfect {
namespace {

double round_to_levels(double digits, int levels) {
  return levels == 0 ? digits : std::nearbyint(digits * (levels - 1)) / (levels - 1);
}

/// Cells of one continuous weight w in [-1, 1]; `stride` is the distance between the two polarities.
void encode_continuous(const WeightCode& code, double w, float* cell, std::size_t stride) {
  const auto store = [&](std::size_t at, double digits) {
    cell[at] = static_cast<float>(round_to_levels(digits, code.continuous_levels));
  };
  if (code.is_offset()) {
    store(0, (1.0 + w) / 2.0);
  } else {
    store(0, code.two_sided ? (1.0 + w) / 2.0 : std::max(w, 0.0));
    store(stride, code.two_sided ? (1.0 - w) / 2.0 : std::max(-w, 0.0));
  }
}

}  // namespace

int num_slices(const Hardware& hardware) {
  if (!hardware.weight_bits || !hardware.cell.bits) return 1;
  const int bits = hardware.scheme == Scheme::kOffset ? *hardware.weight_bits : *hardware.weight_bits - 1;
  return (bits + *hardware.cell.bits - 1) / *hardware.cell.bits;
}

WeightCode make_weight_code(const Hardware& hardware) {
  WeightCode code;
  code.weight_bits = hardware.weight_bits.value_or(0);
  code.num_polarities = hardware.scheme == Scheme::kOffset ? 1 : 2;
  code.two_sided = hardware.two_sided;
  code.num_slices = num_slices(hardware);
  if (hardware.weight_bits) {
    const int stored_bits = code.is_offset() ? code.weight_bits : code.weight_bits - 1;
    code.slice_bits = hardware.cell.bits.value_or(stored_bits);
    code.top_digit = std::ldexp(1.0, code.slice_bits) - 1.0;
  } else if (hardware.cell.bits) {
    code.continuous_levels = 1 << *hardware.cell.bits;
  }
  code.g_min = 1.0 / hardware.cell.on_off_ratio;
  code.delta = 1.0 - code.g_min;
  return code;
}

double WeightCode::slice_weight(int slice) const { return std::ldexp(1.0, slice_bits * slice); }

double WeightCode::offset() const {
  if (!is_offset()) return 0.0;
  return weight_bits == 0 ? 0.5 : std::ldexp(1.0, weight_bits - 1);
}

double WeightCode::offset_digit(int slice) const {
  if (weight_bits == 0) return round_to_levels(0.5, continuous_levels);
  const auto zero = static_cast<unsigned>(offset());
  return (zero >> (slice_bits * slice)) & ((1u << slice_bits) - 1u);
}

double WeightCode::weight_per_digit() const {
  if (weight_bits == 0) return is_offset() ? 2.0 : 1.0;
  return 1.0 / (std::ldexp(1.0, weight_bits - 1) - 1.0);
}

PlanePart plane_part(const WeightCode& code, int slice, int polarity) {
  PlanePart part;
  part.is_second = code.weight_bits == 0 && polarity == 1;
  if (code.weight_bits == 0) return part;
  part.sign = polarity == 0 ? 1 : -1;
  part.shift = code.slice_bits * slice;
  part.mask = (1u << code.slice_bits) - 1u;
  return part;
}

std::vector<float> encode_weights(const WeightCode& code, const float* weight, const std::vector<double>& ranges,
                                  int num_outputs, int rows) {
  const auto row_size = static_cast<std::size_t>(rows);
  const std::size_t plane = static_cast<std::size_t>(num_outputs) * row_size;
  const bool continuous = code.weight_bits == 0;
  std::vector<float> numbers(continuous ? plane * static_cast<std::size_t>(code.num_polarities) : plane);
  const double full = continuous ? 1.0 : std::ldexp(1.0, code.weight_bits - 1) - 1.0;
  const double zero = code.offset();
  for (std::size_t n = 0; n < static_cast<std::size_t>(num_outputs); ++n) {
    check_interrupt(10.0 * rows);
    for (std::size_t i = n * row_size; i < (n + 1) * row_size; ++i) {
      const double w = std::clamp(weight[i] / ranges[n], -1.0, 1.0);
      if (continuous) {
        encode_continuous(code, w, numbers.data() + i, plane);
      } else {
        numbers[i] = static_cast<float>(std::nearbyint(w * full) + zero);
      }
    }
  }
  return numbers;
}

}  // namespace imperfect
