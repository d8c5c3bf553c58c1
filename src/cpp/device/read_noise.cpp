// SPDX-License-Identifier: BSD-3-Clause
//
// The laws of read noise as functions of the conductance.
#include "device/read_noise.hpp"

#include <algorithm>
#include <cmath>

#include "device/table.hpp"

namespace imperfect {
namespace {

double read_sigma(const ReadNoise& law, double g) {
  switch (law.kind) {
    case ReadNoise::Kind::kGaussian: return law.params[0];
    case ReadNoise::Kind::kProportional: return law.params[0] * g;
    case ReadNoise::Kind::kSqrt: return law.params[0] * std::sqrt(std::max(g, 0.0));
    case ReadNoise::Kind::kTable: return SigmaTable(law.params)(g);
  }
  return 0.0;
}

}  // namespace

double read_variance(const Cell& cell, ReadNoise::Correlation correlation, double g) {
  double sum = 0.0;
  for (const ReadNoise& law : cell.read_noise) {
    if (law.correlation != correlation) continue;
    const double sigma = read_sigma(law, g);
    sum += sigma * sigma;
  }
  return sum;
}

bool has_read_noise(const Cell& cell, ReadNoise::Correlation correlation) {
  return std::any_of(cell.read_noise.begin(), cell.read_noise.end(),
                     [&](const ReadNoise& law) { return law.correlation == correlation; });
}

}  // namespace imperfect
