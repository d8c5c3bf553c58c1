// SPDX-License-Identifier: BSD-3-Clause
//
// The weight w_r that maps to the largest conductance.
#pragma once

#include <cstddef>
#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// w_r of each output: weight (num_outputs × rows, row-major) -> num_outputs values, all equal if per layer. w_r is
/// max|W|, max(|P_p|, |P_(100-p)|), or the explicit value; a percentile of 0 falls back to max|W|, and that of zeros is 1.
std::vector<double> weight_ranges(const float* weight, int num_outputs, int rows, const WeightRange& range, RangePer per);

}  // namespace imperfect
