// SPDX-License-Identifier: BSD-3-Clause
//
// Each law has draws of its own (stream kDrift, slot = its place), the same at all times.
#include "layer/cell_drift.hpp"

#include <algorithm>
#include <array>

#include "device/drift.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

PowerDriftArgs::Clipped to_float(const double* p) {
  return {static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])};
}

}  // namespace

std::vector<ProgrammingLaw> programming_at(const Cell& cell, double seconds) {
  std::vector<ProgrammingLaw> laws = cell.programming;
  for (const DriftLaw& drift : cell.drift) {
    if (!replaces_spread(drift)) continue;
    const ProgrammingLaw first = spread_at(drift, 0.0);
    for (ProgrammingLaw& law : laws)
      if (law.kind == first.kind && law.params == first.params) law = spread_at(drift, seconds);
  }
  return laws;
}

bool changes_programmed(const Cell& cell, double seconds) {
  return seconds > 0.0 && !cell.drift.empty() && !replaces_spread(cell.drift[0]);
}

void drift_cells(const LayerDefinition& definition, const CellWriter& writer, double seconds, std::size_t first,
                 std::size_t count, float* digits) {
  const Cell& cell = definition.hardware.cell;
  const auto low = static_cast<float>(definition.code.g_min);
  const auto step = static_cast<float>(definition.code.delta / definition.code.top_digit);
  const auto per_conductance = static_cast<float>(definition.code.top_digit / definition.code.delta);
  std::array<float, kCellChunk> z, targets;
  while (count > 0) {
    const std::size_t part = writer.chunk(first, count);
    kernels().place_digits({1, 0, 0, low, step}, digits, part, digits);
    for (std::size_t slot = 0; slot < cell.drift.size(); ++slot) {
      const DriftLaw& law = cell.drift[slot];
      writer.draw(Draw::kNormal, StreamKind::kDrift, first, part, slot, z.data());
      if (law.kind != DriftLaw::Kind::kPower) {
        apply_drift(law, cell, seconds, z.data(), digits, part);
        continue;
      }
      const PowerDrift power = power_drift(law, seconds);
      const PowerDriftArgs args{static_cast<float>(power.log_ratio), to_float(power.mean), to_float(power.spread)};
      writer.place(first, part, low, step, targets.data());
      kernels().drift_by_power(args, targets.data(), z.data(), part, digits);
    }
    for (std::size_t i = 0; i < part; ++i) digits[i] = (digits[i] - low) * per_conductance;
    first += part;
    digits += part;
    count -= part;
  }
}

}  // namespace imperfect
