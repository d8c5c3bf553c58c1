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

constexpr std::size_t kQuantizeBlock = 64;

// Why double: v = x/X in float32 would move inputs that lie near a rounding boundary to the neighbouring number.
void quantize_exactly(const QuantizeArgs& args, const float* x, std::size_t count, float* numbers) {
  const Divider divide(args.full_scale);
  const double low = args.is_signed ? -1.0 : 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    const double v = divide(x[i]);
    numbers[i] = static_cast<float>(std::nearbyint((v < low ? low : v > 1.0 ? 1.0 : v) * args.top));
  }
}

/// The same in float32, several times as fast. False if an input lies so near a rounding boundary that it may be wrong:
/// `scale` and the product are each off by up to 2^-24 of themselves.
bool quantize_block(const QuantizeArgs& args, float scale, const float* x, float* numbers) {
  const auto top = static_cast<float>(args.top);
  const Vector low = broadcast(args.is_signed ? -top : 0.0f), high = broadcast(top);
  Vector farthest = broadcast(0.0f);
  for (std::size_t i = 0; i < kQuantizeBlock; i += static_cast<std::size_t>(kWidth)) {
    const Vector q = clamp(multiply_by(load_unaligned(x + i), broadcast(scale)), low, high);
    const Vector n = round_to_even(q);
    farthest = maximum(farthest, absolute(subtract(q, n)));
    store_unaligned(numbers + i, n);
  }
  return largest(farthest) < 0.5f - top * 0x1p-22f;
}

/// The largest float32 that is not clipped: that of x/X <= 1 in double.
float largest_unclipped(double full_scale) {
  auto x = static_cast<float>(full_scale);
  while (x / full_scale > 1.0) x = std::nextafter(x, 0.0f);
  return x;
}

std::size_t count_outside(const float* x, std::size_t count, float low, float high) {
  std::size_t outside = 0;
  for (std::size_t i = 0; i < count; ++i) outside += static_cast<std::size_t>((x[i] < low) | (x[i] > high));
  return outside;
}

}  // namespace

std::size_t quantize_inputs(const QuantizeArgs& args, const float* x, std::size_t count, float* numbers) {
  if (args.top == 0.0) {
    const Divider divide(args.full_scale);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(divide(x[i]));
    return 0;
  }
  const auto scale = static_cast<float>(args.top / args.full_scale);
  const float high = largest_unclipped(args.full_scale), low = args.is_signed ? -high : 0.0f;
  std::size_t clipped = 0;
  for (std::size_t i = 0; i < count; i += kQuantizeBlock) {
    const std::size_t size = count - i < kQuantizeBlock ? count - i : kQuantizeBlock;
    if (size < kQuantizeBlock || !quantize_block(args, scale, x + i, numbers + i))
      quantize_exactly(args, x + i, size, numbers + i);
    clipped += count_outside(x + i, size, low, high);
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
  for (std::ptrdiff_t p = 0; p < args.pictures; ++p) {
    const float* from = args.from + p * args.from_picture;
    float* to = args.to + p * args.to_picture;
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

/// `Count` lanes of every row. Why one column after another: the way to copy is chosen once instead of for every row.
template <int Count>
void gather_column(const GatherArgs& args, std::ptrdiff_t first, int lane) {
  const float* const source = args.source + first;
  float* to = args.panel + lane;
  for (int r = 0; r < args.rows; ++r, to += args.lanes) copy_fixed<Count>(source + args.row_offsets[r], to);
}

/// A run whose inputs lie side by side, in columns of at least `Count` lanes; the last overlaps the one before.
template <int Count>
void gather_columns(const GatherArgs& args, const LaneRun& run) {
  for (int l = 0; l + Count <= run.length; l += Count) gather_column<Count>(args, run.first + l, run.begin + l);
  if (const int last = run.length - Count; run.length % Count != 0)
    gather_column<Count>(args, run.first + last, run.begin + last);
}

void gather_run(const GatherArgs& args, const LaneRun& run) {
  if (run.stride == 1 && run.length >= 16) return gather_columns<16>(args, run);
  if (run.stride == 1 && run.length >= 8) return gather_columns<8>(args, run);
  if (run.stride == 1 && run.length >= 4) return gather_columns<4>(args, run);
  float* to = args.panel + run.begin;
  for (int r = 0; r < args.rows; ++r, to += args.lanes)
    copy_strided(args.source + args.row_offsets[r] + run.first, run.stride, run.length, to);
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
  for (int i = 0; i < args.num_runs; ++i) gather_run(args, args.runs[i]);
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
