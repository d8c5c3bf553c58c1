// SPDX-License-Identifier: BSD-3-Clause
//
// What programming does to conductances: device-to-device spread, the programming laws, and clipping at zero. Conductances
// are relative to g_max; the draws come from outside, so this code knows nothing of streams.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// Which draw a law consumes, one for each cell.
enum class Draw { kNormal, kUniform };
Draw draw_of(const ProgrammingLaw& law);

/// σ(g) = unit · Σ coefficients[j] (scale g)^j of a law that adds max(0, σ(g)) z.
struct SigmaPolynomial {
  std::vector<double> coefficients;
  double scale = 1.0;
  double unit = 1.0;
};

/// That polynomial; empty for laws of another form. `g_max` in siemens is needed by laws stated in microsiemens.
std::optional<SigmaPolynomial> sigma_polynomial(const ProgrammingLaw& law, std::optional<double> g_max);

/// g_i becomes the programmed conductance of a law that acts on cells and has no such polynomial, where draws[i] is the
/// cell's own z or u.
void apply_programming_law(const ProgrammingLaw& law, const float* draws, float* g, std::size_t count);

/// The largest and smallest conductance of one cell after device-to-device spread.
struct CellLimits {
  float g_min;
  float g_max;
};

/// g_min' = max(0, g_min + σ₁ z₁), g_max' = max(g_min', 1 + σ₂ z₂).
CellLimits spread_limits(const Cell& cell, float z_min, float z_max);

/// Moves each target g, given between g_min and 1, to the cell's own range: g_min' + (g - g_min)(g_max' - g_min')/Δ.
void apply_spread(const Cell& cell, const float* z_min, const float* z_max, float* g, std::size_t count);

}  // namespace imperfect
