// SPDX-License-Identifier: BSD-3-Clause
//
// Percentile and least-squares searches over candidate ranges.
#include "circuit/range_search.hpp"

#include <algorithm>
#include <cmath>

#include "base/interrupt.hpp"
#include "base/percentile.hpp"
#include "circuit/adc.hpp"

namespace imperfect {
namespace {

/// Finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the position moves every bit of the result.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

double conversion_error(const std::vector<float>& values, const OutputCode& code) {
  const double last = code.num_codes - 1;
  double sum = 0.0;
  for (const float value : values) {
    const double level = std::nearbyint((value - code.low) / code.lsb);
    const double error = code.low + std::clamp(level, 0.0, last) * code.lsb - value;
    sum += error * error;
  }
  return sum;
}

// A candidate must be better than all larger ones by more than this part: errors that are equal but for rounding, as those
// of ranges with a common step are, must not decide.
constexpr double kClearlyLess = 1.0 - 1e-4;

/// The candidate part k/100, k = first..100, with the least error(part); the largest of equals.
template <class Error>
double best_part(int first, const Error& error) {
  double best = 1.0, least = INFINITY;
  for (int k = 100; k >= first; --k) {
    check_interrupt();
    const double found = error(k / 100.0);
    if (found < least * kClearlyLess) {
      least = found;
      best = k / 100.0;
    }
  }
  return best;
}

/// The range among candidate(part) that converts the values with the least error.
template <class Candidate>
Range best_range(const Candidate& candidate, const std::vector<float>& values, int bits) {
  return candidate(
      best_part(5, [&](double part) { return conversion_error(values, make_output_code(bits, candidate(part))); }));
}

std::vector<float> magnitudes(const std::vector<float>& values) {
  std::vector<float> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](float v) { return std::abs(v); });
  return result;
}

// Currents and spans of currents this small are rounding errors of sums that are really zero.
constexpr double kZeroCurrent = 1e-9;
constexpr double kEqualCurrents = 1e-6;

bool are_equal(double low, double high) {
  return high - low <= std::max(kZeroCurrent, kEqualCurrents * std::max(std::abs(low), std::abs(high)));
}

/// (-h, h) of the values' magnitudes, or (0, h) of the values; `top` is the largest of these.
Range one_sided_range(const ValueSample& currents, const RangeMethod& method, int bits, bool symmetric, double top) {
  if (method.kind != RangeMethod::Kind::kMse) {
    std::vector<float> values = symmetric ? magnitudes(currents.kept()) : currents.kept();
    double h = method.percentile >= 100.0 ? top : percentile(values, method.percentile);
    if (h <= kZeroCurrent) h = top;
    return {symmetric ? -h : 0.0, h};
  }
  return best_range([=](double part) { return Range{symmetric ? -top * part : 0.0, top * part}; }, currents.kept(), bits);
}

/// The largest current that a range of this form, not kFree, has to reach.
double largest_of(const ValueSample& currents, RangeForm form) {
  return form == RangeForm::kSymmetric ? currents.largest_magnitude() : double{currents.largest()};
}

Range unipolar_range(const ValueSample& currents, const RangeMethod& method, int bits) {
  const double low = currents.smallest();
  const double high = currents.largest();
  if (method.kind != RangeMethod::Kind::kMse) {
    if (method.percentile >= 100.0) return {low, high};
    std::vector<float> values = currents.kept();
    const double top = percentile(values, method.percentile);
    return {percentile(values, 100.0 - method.percentile), top};
  }
  const auto with_high = [=](double part) { return Range{low, low + (high - low) * part}; };
  const Range first = best_range(with_high, currents.kept(), bits);
  const auto with_low = [=](double part) { return Range{first.high - (first.high - low) * part, first.high}; };
  return best_range(with_low, currents.kept(), bits);
}

}  // namespace

ValueSample::ValueSample(std::uint64_t expected)
    : threshold_(expected <= kMaxKept ? UINT64_MAX : UINT64_MAX / expected * kMaxKept) {}

void ValueSample::offer(float value, std::uint64_t position) {
  smallest_ = any_ ? std::min(smallest_, value) : value;
  largest_ = any_ ? std::max(largest_, value) : value;
  any_ = true;
  if (mix(position) <= threshold_) kept_.push_back(value);
}

double ValueSample::largest_magnitude() const { return std::max(std::abs(smallest_), std::abs(largest_)); }

double find_full_scale(const ValueSample& inputs, const RangeMethod& method, double top, bool drives_negative) {
  const double largest = inputs.largest_magnitude();
  if (largest == 0.0) return 1.0;
  if (method.kind == RangeMethod::Kind::kMax) return largest;
  if (method.kind == RangeMethod::Kind::kPercentile) {
    std::vector<float> values = magnitudes(inputs.kept());
    const double found = percentile(values, method.percentile);
    return method.percentile < 100.0 && found > 0.0 ? found : largest;
  }
  return largest * best_part(20, [&](double part) {
           const double x = largest * part;
           double sum = 0.0;
           for (const float value : inputs.kept()) {
             const double wanted = drives_negative ? std::abs(value) : value;
             const double driven = std::clamp(wanted / x, 0.0, 1.0);
             const double error = std::nearbyint(driven * top) / top * x - wanted;
             sum += error * error;
           }
           return sum;
         });
}

bool is_idle(const ValueSample& currents, RangeForm form) { return largest_of(currents, form) <= kZeroCurrent; }

Range find_output_range(const ValueSample& currents, const RangeMethod& method, int bits, RangeForm form) {
  if (form != RangeForm::kFree) {
    const bool symmetric = form == RangeForm::kSymmetric;
    if (is_idle(currents, form)) return {symmetric ? -1.0 : 0.0, 1.0};
    return one_sided_range(currents, method, bits, symmetric, largest_of(currents, form));
  }
  const double low = currents.smallest(), high = currents.largest();
  if (are_equal(low, high)) return {0.0, high > kZeroCurrent ? high : 1.0};
  const Range range = unipolar_range(currents, method, bits);
  return are_equal(range.low, range.high) ? Range{low, high} : range;
}

void tie_ranges(const std::vector<bool>& idle, std::vector<Range>& ranges) {
  // Why: limits that are a power of two apart but for rounding must not be driven another factor of two apart.
  constexpr double kSlack = 1.001;
  double base = INFINITY;
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (!idle[i]) base = std::min(base, ranges[i].high);
  if (std::isinf(base)) return;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const double steps = idle[i] ? 0.0 : std::ceil(std::log2(ranges[i].high / (base * kSlack)));
    const double high = std::ldexp(base, std::max(0, static_cast<int>(steps)));
    ranges[i] = {ranges[i].low < 0.0 ? -high : 0.0, high};
  }
}

}  // namespace imperfect
