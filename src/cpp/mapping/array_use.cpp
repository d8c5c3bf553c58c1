// SPDX-License-Identifier: BSD-3-Clause
//
// Counting arrays: every row block of every merged group crosses every column block, in each of its arrays.
#include "imperfect/array_use.hpp"

#include "base/check.hpp"
#include "mapping/tiling.hpp"
#include "mapping/weight_code.hpp"

namespace imperfect {
namespace {

/// Cells of whole arrays for all blocks of one merged group; an array holds `planes_per_array` planes.
long long provided_cells(const Hardware& hardware, const Tiling& tiling, const MergedGroup& group, int planes_per_array) {
  long long total = 0;
  const int units = tiling.unit_columns ? group.groups : 0;
  for (const Block& rows : group.row_blocks)
    for (const Block& cols : group.col_blocks) {
      const long long used_cols = static_cast<long long>(cols.size() + units) * planes_per_array;
      total += static_cast<long long>(hardware.array.rows.value_or(rows.size())) * hardware.array.cols.value_or(used_cols);
    }
  return total;
}

Tiling checked_tiling(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group) {
  validate(hardware);
  check(num_groups >= 1 && outputs_per_group >= 1 && rows_per_group >= 1, "a layer of ", num_groups, " groups of ",
        outputs_per_group, " × ", rows_per_group, " weights: all must be at least 1");
  return make_tiling(hardware, num_groups, outputs_per_group, rows_per_group);
}

}  // namespace

std::vector<ArrayBlock> list_blocks(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group) {
  const Tiling tiling = checked_tiling(hardware, num_groups, outputs_per_group, rows_per_group);
  std::vector<ArrayBlock> blocks;
  for (const MergedGroup& group : tiling.merged)
    for (const Block& rows : group.row_blocks)
      for (const Block& cols : group.col_blocks)
        blocks.push_back({rows.size(), cols.size(), tiling.unit_columns ? group.groups : 0});
  return blocks;
}

ArrayUse count_arrays(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group) {
  const Tiling tiling = checked_tiling(hardware, num_groups, outputs_per_group, rows_per_group);
  const long long planes = make_weight_code(hardware).num_planes();
  const long long planes_per_array = hardware.array.is_interleaved ? planes : 1;
  const long long arrays_per_block = planes / planes_per_array;
  ArrayUse use;
  use.num_arrays = tiling.num_arrays(static_cast<int>(arrays_per_block));
  for (const MergedGroup& group : tiling.merged) {
    const long long rows = tiling.rows(group);
    const long long lines = tiling.outputs(group) + tiling.units(group);
    // Why: a column block has one unit column for each group, and these divide the word lines among them.
    const long long units = tiling.unit_columns ? static_cast<long long>(group.col_blocks.size()) * rows : 0;
    const long long weights = static_cast<long long>(tiling.outputs(group)) * rows_per_group;
    use.weight_cells += planes * weights;
    use.unit_cells += planes * units;
    use.off_block_cells += planes * (rows * lines - weights - units);
    use.cells += arrays_per_block * provided_cells(hardware, tiling, group, static_cast<int>(planes_per_array));
  }
  return use;
}

}  // namespace imperfect
