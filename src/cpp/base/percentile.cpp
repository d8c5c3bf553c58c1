// SPDX-License-Identifier: BSD-3-Clause
//
// Percentile by partial sorting.
#include "base/percentile.hpp"

#include <algorithm>

namespace imperfect {

double percentile(std::vector<float>& values, double p) {
  const double rank = p / 100.0 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(rank);
  const auto at = values.begin() + below;
  std::nth_element(values.begin(), at, values.end());
  const double low = *at;
  const double fraction = rank - static_cast<double>(below);
  if (fraction == 0.0) return low;
  const double high = *std::min_element(at + 1, values.end());
  return low + fraction * (high - low);
}

}  // namespace imperfect
