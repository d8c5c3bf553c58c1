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

namespace {

/// Division by one number: x·(1/d), corrected twice by its exact remainder, is the rounded quotient and takes no divider
/// (Markstein, IBM J. Res. Dev. 34, 1990).
class Divider {
 public:
  explicit Divider(double divisor) : divisor_(divisor), reciprocal_(1.0 / divisor) {}
#ifdef __FMA__
  double operator()(double x) const { return corrected(x, corrected(x, x * reciprocal_)); }

 private:
  double corrected(double x, double quotient) const {
    return __builtin_fma(__builtin_fma(-quotient, divisor_, x), reciprocal_, quotient);
  }
#else
  double operator()(double x) const { return x / divisor_; }

 private:
#endif
  double divisor_, reciprocal_;
};

}  // namespace

// Why double: v = x/X in float32 would move inputs that lie near a rounding boundary to the neighbouring number. Each input
// is quantised once, however many products use it, so double costs little.
std::size_t quantize_inputs(const QuantizeArgs& args, const float* x, std::size_t count, float* numbers) {
  const Divider divide(args.full_scale);
  if (args.top == 0.0) {
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(divide(x[i]));
    return 0;
  }
  const double low = args.is_signed ? -1.0 : 0.0;
  std::size_t clipped = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double v = divide(x[i]);
    const double within = v < low ? low : v > 1.0 ? 1.0 : v;
    clipped += within != v;
    numbers[i] = static_cast<float>(std::nearbyint(within * args.top));
  }
  return clipped;
}

namespace {

// Why by hand, here and below: rows of small pictures are so short that a call of memcpy or memset costs more than the copy.
template <int Count>
inline void copy_fixed(const float* from, float* to) {
  __builtin_memcpy(to, from, Count * sizeof(float));
}

/// Copies `length` numbers, the last of them in a block that overlaps the one before.
inline void copy_row(const float* from, int length, float* to) {
  if (length >= 16) {
    for (int i = 0; i + 16 <= length; i += 16) copy_fixed<16>(from + i, to + i);
    copy_fixed<16>(from + length - 16, to + length - 16);
  } else if (length >= 8) {
    copy_fixed<8>(from, to);
    copy_fixed<8>(from + length - 8, to + length - 8);
  } else if (length >= 4) {
    copy_fixed<4>(from, to);
    copy_fixed<4>(from + length - 4, to + length - 4);
  } else {
    for (int i = 0; i < length; ++i) to[i] = from[i];
  }
}

/// The same from every `step`-th number.
inline void copy_strided(const float* from, std::ptrdiff_t step, int length, float* to) {
  if (step == 1) {
    copy_row(from, length, to);
  } else if (step == 2) {  // with the step known, the compiler turns the loop into shuffles
    for (int i = 0; i < length; ++i) to[i] = from[2 * i];
  } else {
    for (int i = 0; i < length; ++i) to[i] = from[i * step];
  }
}

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
      copy_strided(from, args.step, args.length, line);
      zero_until(line + args.length, r + 1 < args.rows ? line + args.plane_width : plane_end, args.may_overrun);
    }
  }
}

void copy_rows(const CopyRowsArgs& args) {
  float* to = args.to;
  for (std::ptrdiff_t p = 0; p < args.pictures; ++p) {
    const float* from = args.from + p * args.from_picture;
    for (int r = 0; r < args.rows; ++r, to += args.length, from += args.from_row) copy_row(from, args.length, to);
  }
}

namespace {

/// to[c·to_row + r] = from[r·from_row + c].
void transpose(const float* from, std::ptrdiff_t from_row, int rows, int columns, float* to, std::ptrdiff_t to_row) {
  const int whole_rows = rows / kWidth * kWidth, whole_columns = columns / kWidth * kWidth;
  for (int r = 0; r < whole_rows; r += kWidth)
    for (int c = 0; c < whole_columns; c += kWidth) {
      Eigen::internal::PacketBlock<Vector, kWidth> block;
      for (int i = 0; i < kWidth; ++i) block.packet[i] = load_unaligned(from + (r + i) * from_row + c);
      Eigen::internal::ptranspose(block);
      for (int i = 0; i < kWidth; ++i) store_unaligned(to + (c + i) * to_row + r, block.packet[i]);
    }
  for (int r = 0; r < rows; ++r)
    for (int c = r < whole_rows ? whole_columns : 0; c < columns; ++c) to[c * to_row + r] = from[r * from_row + c];
}

/// Whether the rows of a panel lie side by side in the source, so that each lane is one stretch of numbers.
bool lanes_are_stretches(const GatherArgs& args) {
  for (int r = 1; r < args.rows; ++r)
    if (args.row_offsets[r] != args.row_offsets[0] + r) return false;
  return true;
}

void zero_tail(const GatherArgs& args) {
  int covered = 0;
  for (int i = 0; i < args.num_runs; ++i) covered += args.runs[i].length;
  if (covered == args.lanes) return;
  float* row = args.panel;
  for (int r = 0; r < args.rows; ++r, row += args.lanes)
    for (int l = covered; l < args.lanes; ++l) row[l] = 0.0f;
}

}  // namespace

void gather(const GatherArgs& args) {
  zero_tail(args);
  // Why: lanes a power of two apart fight for the same few lines of the cache when they are read one number at a time.
  if (args.num_runs == 1 && args.runs[0].stride != 1 && lanes_are_stretches(args)) {
    const LaneRun& run = args.runs[0];
    const float* const from = args.source + args.row_offsets[0] + run.first;
    return transpose(from, run.stride, run.length, args.rows, args.panel + run.begin, args.lanes);
  }
  float* row = args.panel;
  for (int r = 0; r < args.rows; ++r, row += args.lanes) {
    const float* const source = args.source + args.row_offsets[r];
    for (int i = 0; i < args.num_runs; ++i) {
      const LaneRun& run = args.runs[i];
      copy_strided(source + run.first, run.stride, run.length, row + run.begin);
    }
  }
}

void scatter(const ScatterArgs& args) {
  for (int i = 0; i < args.num_runs; ++i) {
    const LaneRun& run = args.runs[i];
    float* to = args.to + run.first;
    const float* from = args.sums + run.begin;
    if (args.to_output == 1 && run.stride != 1) {
      transpose(from, args.lanes, args.outputs, run.length, to, run.stride);
      continue;
    }
    for (int o = 0; o < args.outputs; ++o, to += args.to_output, from += args.lanes) {
      if (run.stride == 1) {
        copy_row(from, run.length, to);
      } else {
        for (int l = 0; l < run.length; ++l) to[l * run.stride] = from[l];
      }
    }
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
