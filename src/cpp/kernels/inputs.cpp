// SPDX-License-Identifier: BSD-3-Clause
//
// The way of an input to the word lines: x -> integer number (DAC) -> panel of lanes (im2col) -> digit of one cycle.
#include "kernels/inputs.hpp"

#include <cmath>

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

bool all_finite(const float* values, std::size_t count) {
  // Why: 0·x is 0 for finite x and NaN otherwise, so sums without branches tell; four of them hide the latency of adding.
  constexpr std::size_t kSums = 4, kStep = kSums * static_cast<std::size_t>(kWidth);
  Vector sums[kSums] = {broadcast(0.0f), broadcast(0.0f), broadcast(0.0f), broadcast(0.0f)};
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep)
    for (std::size_t s = 0; s < kSums; ++s)
      sums[s] = mul_add(load_unaligned(values + i + s * static_cast<std::size_t>(kWidth)), broadcast(0.0f), sums[s]);
  alignas(64) float parts[kWidth];
  store(parts, add(add(sums[0], sums[1]), add(sums[2], sums[3])));
  float sum = 0.0f;
  for (const float part : parts) sum += part;
  for (; i < count; ++i) sum += 0.0f * values[i];
  return sum == 0.0f;
}

// Why double: v = x/X in float32 would move inputs that lie near a rounding boundary to the neighbouring number. Each input
// is quantised once, however many products use it, so the division does not show.
std::size_t quantize_inputs(const QuantizeArgs& args, const float* x, std::size_t count, float* numbers) {
  if (args.top == 0.0) {
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(x[i] / args.full_scale);
    return 0;
  }
  const double low = args.is_signed ? -1.0 : 0.0;
  std::size_t clipped = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double v = x[i] / args.full_scale;
    const double within = v < low ? low : v > 1.0 ? 1.0 : v;
    clipped += within != v;
    numbers[i] = static_cast<float>(std::nearbyint(within * args.top));
  }
  return clipped;
}

namespace {

/// Copies `length` numbers in whole vectors; reads and writes run on to the end of the last one.
inline void copy_vectors(const float* from, int length, float* to) {
  for (int i = 0; i < length; i += kWidth) store_unaligned(to + i, load_unaligned(from + i));
}

// Why by hand, here and below: a call of memcpy or memset costs more than most rows of a small picture.
inline void copy_exactly(const float* from, int step, int length, float* to) {
  for (int i = 0; i < length; ++i) to[i] = from[std::ptrdiff_t{i} * step];
}

inline int whole_vectors(int length) { return (length + kWidth - 1) / kWidth * kWidth; }

/// Zeros from `at` to `end`, in whole vectors if they may run over.
inline void zero_until(float* at, const float* end, bool may_overrun) {
  if (may_overrun) {
    for (; at < end; at += kWidth) store_unaligned(at, broadcast(0.0f));
  } else {
    while (at < end) *at++ = 0.0f;
  }
}

}  // namespace

void pad(const PadArgs& args) {
  const std::ptrdiff_t before = std::ptrdiff_t{args.first_row} * args.plane_width + args.first_column;
  for (std::ptrdiff_t p = 0; p < args.pictures; ++p) {
    float* const plane = args.to + p * args.to_picture;
    const float* const plane_end = plane + std::ptrdiff_t{args.plane_rows} * args.plane_width;
    const float* from = args.from + p * args.from_picture;
    float* line = plane + before;
    zero_until(plane, args.rows > 0 ? line : plane_end, args.may_overrun);
    for (int r = 0; r < args.rows; ++r, line += args.plane_width, from += args.from_row) {
      if (args.may_overrun && args.step == 1 && from + whole_vectors(args.length) <= args.from_end) {
        copy_vectors(from, args.length, line);
      } else if (args.step == 2) {
        copy_exactly(from, 2, args.length, line);  // with the step known, the compiler turns this into shuffles
      } else {
        copy_exactly(from, args.step, args.length, line);
      }
      zero_until(line + args.length, r + 1 < args.rows ? line + args.plane_width : plane_end, args.may_overrun);
    }
  }
}

void copy_rows(const CopyRowsArgs& args) {
  float* to = args.to;
  const float* const end = args.to + args.pictures * args.rows * args.length;
  for (std::ptrdiff_t p = 0; p < args.pictures; ++p) {
    const float* from = args.from + p * args.from_picture;
    for (int r = 0; r < args.rows; ++r, to += args.length, from += args.from_row) {
      if (to + whole_vectors(args.length) <= end) {
        copy_vectors(from, args.length, to);  // what runs over is overwritten by the next rows
      } else {
        copy_exactly(from, 1, args.length, to);
      }
    }
  }
}

void gather(const GatherArgs& args) {
  int covered = 0;
  for (int i = 0; i < args.num_runs; ++i) covered += args.runs[i].length;
  float* row = args.panel;
  for (int r = 0; r < args.rows; ++r, row += args.lanes) {
    const float* const source = args.source + args.row_offsets[r];
    for (int i = 0; i < args.num_runs; ++i) {
      const LaneRun& run = args.runs[i];
      const float* const from = source + run.first;
      float* const to = row + run.begin;
      if (run.stride == 1) {
        for (int l = 0; l < run.length; ++l) to[l] = from[l];
      } else {
        for (int l = 0; l < run.length; ++l) to[l] = from[l * run.stride];
      }
    }
    for (int l = covered; l < args.lanes; ++l) row[l] = 0.0f;
  }
}

void extract_digits(const DigitArgs& args, const float* numbers, std::size_t count, float* digits) {
  if (args.bits == 0) {
    const auto sign = static_cast<float>(args.sign);
    for (std::size_t i = 0; i < count; ++i) digits[i] = sign * numbers[i] > 0.0f ? sign * numbers[i] : 0.0f;
    return;
  }
  const int mask = (1 << args.bits) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const int number = static_cast<int>(numbers[i]);
    const int magnitude = number < 0 ? -number : number;
    const int digit = (magnitude >> args.shift) & mask;
    const int kept = args.sign == 0 ? (number < 0 ? -digit : digit) : ((number < 0) == (args.sign < 0) ? digit : 0);
    digits[i] = static_cast<float>(kept);
  }
}

void add_rows(const float* panel, int rows, int lanes, float* lane_sums) {
  for (int r = 0; r < rows; ++r, panel += lanes)
    for (int l = 0; l < lanes; ++l) lane_sums[l] += panel[l];
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
