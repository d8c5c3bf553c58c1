// SPDX-License-Identifier: BSD-3-Clause
//
// Weight ranges by maximum, percentile or explicit value.
#include "mapping/weight_range.hpp"

#include <algorithm>
#include <cmath>

#include "base/percentile.hpp"

namespace imperfect {
namespace {

double largest_magnitude(const float* weight, std::size_t count) {
  float largest = 0.0f;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(weight[i]));
  return largest > 0.0f ? largest : 1.0;
}

double range_of(const float* weight, std::size_t count, const WeightRange& range) {
  if (range.kind == WeightRange::Kind::kValue) return range.value;
  if (range.kind == WeightRange::Kind::kMax) return largest_magnitude(weight, count);
  std::vector<float> values(weight, weight + count);
  const double high = std::abs(percentile(values, range.value));
  const double found = std::max(high, std::abs(percentile(values, 100.0 - range.value)));
  return found > 0.0 ? found : largest_magnitude(weight, count);
}

}  // namespace

std::vector<double> weight_ranges(const float* weight, int num_outputs, int rows, const WeightRange& range, RangePer per) {
  const auto row_size = static_cast<std::size_t>(rows);
  const auto outputs = static_cast<std::size_t>(num_outputs);
  if (per == RangePer::kLayer) return std::vector<double>(outputs, range_of(weight, outputs * row_size, range));
  std::vector<double> ranges(outputs);
  for (std::size_t n = 0; n < outputs; ++n) ranges[n] = range_of(weight + n * row_size, row_size, range);
  return ranges;
}

}  // namespace imperfect
