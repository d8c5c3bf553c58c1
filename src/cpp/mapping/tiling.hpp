// SPDX-License-Identifier: BSD-3-Clause
//
// Cutting a layer into arrays. A layer has G groups of N_g outputs × K_g rows. Groups that share an array block-diagonally
// are merged first: p groups become one matrix of p·N_g × p·K_g. The rows of a merged group are cut into row blocks, its
// outputs into column blocks. Each weight slice and each polarity is an array of its own.
#pragma once

#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// A half-open range [begin, end) of rows or outputs.
struct Block {
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
};

/// `count` lines cut into k = ceil(count/limit) blocks. kEqual: the first count mod k blocks hold ceil(count/k) lines, the
/// rest floor(count/k); kFill: full blocks first. limit <= 0 means one block.
std::vector<Block> cut_blocks(int count, int limit, Partition partition);

/// One merged group: `groups` consecutive groups starting at `first_group`, their blocks.
struct MergedGroup {
  int first_group = 0;
  int groups = 1;
  std::vector<Block> row_blocks;
  std::vector<Block> col_blocks;
};

/// How a whole layer is cut. All merged groups but the last have `groups_per_array` groups.
struct Tiling {
  int num_groups = 1;         // G
  int outputs_per_group = 0;  // N_g
  int rows_per_group = 0;     // K_g
  int groups_per_array = 1;   // p
  bool unit_columns = false;
  std::vector<MergedGroup> merged;

  int num_outputs() const { return num_groups * outputs_per_group; }
  /// Rows of a full merged group (p·K_g).
  int max_rows() const { return groups_per_array * rows_per_group; }
  int rows(const MergedGroup& group) const { return group.groups * rows_per_group; }
  int outputs(const MergedGroup& group) const { return group.groups * outputs_per_group; }
  /// Unit columns of one slice in one merged group: one for each column block and group inside it.
  int units(const MergedGroup& group) const {
    return unit_columns ? static_cast<int>(group.col_blocks.size()) * group.groups : 0;
  }
  /// Unit columns of one slice in the whole layer.
  int num_units() const;
  /// Arrays in use, counting slices and polarities.
  long long num_arrays(int planes) const;
};

/// Cuts a layer for this hardware. Throws if the arrays are too narrow for a unit column.
Tiling make_tiling(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group);

}  // namespace imperfect
