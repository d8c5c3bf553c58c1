// SPDX-License-Identifier: BSD-3-Clause
//
// What happens between a bit line and the digital sum where the register-tiled conversions of multiply.cpp do not hold:
// limited currents, and converters with errors of their own. One panel of lanes at a time, in the first-level cache.
#include "kernels/lines.hpp"

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

/// The error at each position of a vector, linear between the codes.
Vector errors_at(const float* errors, Vector position, float last_code) {
  alignas(64) float p[kWidth];
  store(p, clamp(position, broadcast(0.0f), broadcast(last_code)));
  const int last = static_cast<int>(last_code) - 1;
  for (int i = 0; i < kWidth; ++i) {
    const int code = static_cast<int>(p[i]) < last ? static_cast<int>(p[i]) : last;
    const float part = p[i] - static_cast<float>(code);
    p[i] = errors[code] + part * (errors[code + 1] - errors[code]);
  }
  return load(p);
}

}  // namespace

void find_line_currents(const LineCurrentArgs& args) {
  const Vector per_digit = broadcast(args.per_digit), per_input = broadcast(args.per_input);
  const Vector high = broadcast(args.limit), low = broadcast(-args.limit), weight = broadcast(args.weight);
  for (int v = 0; v < kVectors; ++v) {
    const Vector leak = multiply_by(load(args.lane_sums + v * kWidth), per_input);
    for (int o = 0; o < args.outputs; ++o) {
      const std::ptrdiff_t at = std::ptrdiff_t{o} * kLanes + v * kWidth;
      const Vector current = clamp(mul_add(load(args.sums + at), per_digit, leak), low, high);
      const Vector before = args.accumulate ? load(args.currents + at) : broadcast(0.0f);
      store(args.currents + at, mul_add(current, weight, before));
    }
  }
}

void convert_lines(const ConvertLinesArgs& args) {
  const Vector gain = broadcast(args.gain), zero = broadcast(args.zero_code), sigma = broadcast(args.noise_sigma);
  for (int o = 0; o < args.outputs; ++o)
    for (int v = 0; v < kVectors; ++v) {
      const std::ptrdiff_t at = std::ptrdiff_t{o} * kLanes + v * kWidth;
      Vector value = load(args.currents + at);
      if (args.scales != nullptr) {
        Vector p = mul_add(value, broadcast(args.scales[o]), broadcast(args.starts[o]));
        if (args.noise != nullptr) p = mul_add(load(args.noise + at), sigma, p);
        if (args.errors != nullptr) p = add(p, errors_at(args.errors + o * args.error_stride, p, args.last_code));
        value = subtract(clamp(round_to_even(p), broadcast(0.0f), broadcast(args.last_code)), zero);
      }
      store(args.sums + at, mul_add(value, gain, load(args.sums + at)));
    }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
