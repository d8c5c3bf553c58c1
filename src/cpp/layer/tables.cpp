// SPDX-License-Identifier: BSD-3-Clause
//
// Which look-up tables a bit-serial layer uses, and how large they are.
#include "layer/tables.hpp"

#include <algorithm>

#include "base/cache.hpp"

namespace imperfect {
namespace {

constexpr int kMostGroupRows = 8;

int divide_up(int value, int by) { return (value + by - 1) / by; }

std::size_t float_table_bytes(int rows, int group_rows) {
  return (static_cast<std::size_t>(divide_up(rows, group_rows)) << group_rows) *
         static_cast<std::size_t>(kernels().table_columns) * sizeof(float);
}

}  // namespace

bool has_integer_tables(const PackedLayer& layer) {
  return layer.byte_groups > 0 || (layer.is_fixed16 && kernels().look_up_shorts != nullptr);
}

int choose_group_rows(int rows, int lanes, int look_ups_per_lane) {
  int best = 2;
  double least = 0.0;
  for (int k = 2; k <= kMostGroupRows; ++k) {
    const double groups = divide_up(rows, k);
    if (k > 2 && static_cast<double>(float_table_bytes(rows, k)) > 0.25 * static_cast<double>(second_level_cache_bytes()))
      break;
    const double cost = groups * (1 << k) + groups * lanes * look_ups_per_lane;
    if (k == 2 || cost < least) {
      best = k;
      least = cost;
    }
  }
  return best;
}

std::size_t table_bytes(const PackedLayer& layer) {
  if (layer.plan.kind != PlanKind::kBitSerial) return 0;
  std::size_t kept = 0;
  int rows = 0;
  for (const PackedGroup& group : layer.groups) {
    kept += group.byte_tables.capacity();
    for (const PackedBlock& block : group.blocks) rows = std::max(rows, block.rows.size());
  }
  if (kept > 0) return kept;
  if (has_integer_tables(layer))
    return static_cast<std::size_t>(divide_up(rows, kShortTableRows) * kShortTableSize * kernels().table_columns) *
           sizeof(std::int16_t);
  const int look_ups = layer.input.num_cycles * (layer.input.is_signed ? 2 : 1);
  return float_table_bytes(rows, choose_group_rows(rows, kFullChunkLanes, look_ups));
}

}  // namespace imperfect
