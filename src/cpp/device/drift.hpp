// SPDX-License-Identifier: BSD-3-Clause
//
// What time does to programmed conductances, relative to g_max; t in seconds since the programmed state. The draws come from
// outside: z is the cell's own and the same at all times.
#pragma once

#include <cstddef>
#include <optional>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// Throws unless every drift law of the cell covers this time.
void check_drift_time(const Cell& cell, double seconds);

/// Whether a law gives the spread of programming anew instead of changing the programmed conductance.
bool replaces_spread(const DriftLaw& law);

/// The programming law that holds at this time, for a law that replaces the spread. At t = 0 it is the one that the cell was
/// programmed with.
ProgrammingLaw spread_at(const DriftLaw& law, double seconds);

/// kPower at t: exponent |m + s z| and ln((t + t0)/t0).
struct PowerDrift {
  double log_ratio;
  double mean[4];    ///< constant, per ln x, low, high
  double spread[4];  ///< the same
};
PowerDrift power_drift(const DriftLaw& law, double seconds);

/// g_i at t > 0 of laws that are neither of these kinds.
void apply_drift(const DriftLaw& law, const Cell& cell, double seconds, const float* z, float* g, std::size_t count);

/// Throws unless the law has the right numbers and fits its cell.
void check_drift(const DriftLaw& law, const Cell& cell);

}  // namespace imperfect
