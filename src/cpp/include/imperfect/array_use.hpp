// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// How many arrays a layer takes, and how full they are. An array is one physical crossbar of at most array.rows × array.cols
/// cells: with the layout "separate" it holds one slice and one polarity, so that a differential pair lies in two arrays;
/// with "interleaved" it holds all cells of its weights, and a pair lies in two neighbouring bit lines. Counting needs no
/// weights.
#pragma once

#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// Arrays and cells of one layer.
struct ArrayUse {
  long long num_arrays = 0;       ///< crossbars
  long long weight_cells = 0;     ///< slices × polarities × weights
  long long unit_cells = 0;       ///< cells of unit columns, each on the word lines of its own group
  long long off_block_cells = 0;  ///< where the word lines of one group cross bit lines of another
  long long cells = 0;            ///< of whole arrays; a side without limit is as long as the cells in use need
};

/// One row block crossed with one column block: the used lines of each of its arrays, of one slice and polarity.
struct ArrayBlock {
  int rows = 0;     ///< word lines
  int outputs = 0;  ///< bit lines of outputs
  int units = 0;    ///< unit columns
};

/// Counts the arrays of a layer of `num_groups` groups, each of `outputs_per_group` × `rows_per_group` weights. Throws for
/// hardware that cannot hold it. Safe in any thread.
ArrayUse count_arrays(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group);

/// The blocks that such a layer is cut into; each takes an array for every slice and polarity, or one if interleaved.
std::vector<ArrayBlock> list_blocks(const Hardware& hardware, int num_groups, int outputs_per_group, int rows_per_group);

}  // namespace imperfect
