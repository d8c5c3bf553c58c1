// SPDX-License-Identifier: BSD-3-Clause
//
// Read noise: the current of a cell of conductance g driven at v varies with deviation sigma(g)·v. Independent Gaussian
// noise of cells sums to one Gaussian per bit line, I = Σ g v + sqrt(Σ sigma(g)² v²) z, so a second product with the
// variances and one draw per conversion replace one draw per cell. Conductances are relative to g_max.
#pragma once

#include "imperfect/hardware.hpp"

namespace imperfect {

/// Σ sigma(g)² over the laws of one kind of correlation.
double read_variance(const Cell& cell, ReadNoise::Correlation correlation, double g);

/// Whether some law of read noise has this correlation.
bool has_read_noise(const Cell& cell, ReadNoise::Correlation correlation);

}  // namespace imperfect
