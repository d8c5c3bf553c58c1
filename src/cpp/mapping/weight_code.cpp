// SPDX-License-Identifier: BSD-3-Clause
//
// Encoding weights as digits.
#include "mapping/weight_code.hpp"

#include <algorithm>
#include <cmath>

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

/// Cells of one weight w in [-1, 1], sliced; consecutive planes (slice, polarity) are `stride` apart.
void encode_sliced(const WeightCode& code, double w, float* cell, std::size_t stride) {
  const int full = (1 << (code.weight_bits - 1)) - 1;
  const int q = static_cast<int>(std::nearbyint(w * full));
  unsigned rest = static_cast<unsigned>(code.is_offset() ? q + full + 1 : std::abs(q));
  const unsigned mask = (1u << code.slice_bits) - 1u;
  for (int slice = 0; slice < code.num_slices; ++slice, rest >>= code.slice_bits) {
    const auto digit = static_cast<float>(rest & mask);
    float* const at = cell + static_cast<std::size_t>(slice * code.num_polarities) * stride;
    at[0] = code.is_offset() || q > 0 ? digit : 0.0f;
    if (!code.is_offset()) at[stride] = q < 0 ? digit : 0.0f;
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

std::vector<float> encode_weights(const WeightCode& code, const float* weight, const std::vector<double>& ranges,
                                  int num_outputs, int rows) {
  const auto row_size = static_cast<std::size_t>(rows);
  const std::size_t plane = static_cast<std::size_t>(num_outputs) * row_size;
  std::vector<float> cells(plane * static_cast<std::size_t>(code.num_planes()));
  for (std::size_t i = 0; i < plane; ++i) {
    const double w = std::clamp(weight[i] / ranges[i / row_size], -1.0, 1.0);
    if (code.weight_bits == 0) {
      encode_continuous(code, w, cells.data() + i, plane);
    } else {
      encode_sliced(code, w, cells.data() + i, plane);
    }
  }
  return cells;
}

}  // namespace imperfect
