// SPDX-License-Identifier: BSD-3-Clause
//
// Percentiles, as NumPy's default method defines them.
#pragma once

#include <vector>

namespace imperfect {

/// The p-th percentile (in percent) of `values`, linear interpolation between closest ranks. Reorders `values`, which must
/// not be empty.
double percentile(std::vector<float>& values, double p);

}  // namespace imperfect
