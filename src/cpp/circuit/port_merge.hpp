// SPDX-License-Identifier: BSD-3-Clause
//
// A crossbar with wires on both sides, reduced to its drivers and grounded ends by port merging: a block of cells keeps only
// the ports on its boundary; two neighbours are joined by identifying shared ports and eliminating them. O(n³) work, O(n²)
// memory for n × n cells; the same order as nested dissection (George, SIAM J. Numer. Anal. 10, 1973).
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "base/aligned.hpp"
#include "circuit/port_block.hpp"
#include "circuit/port_kernels.hpp"

namespace imperfect {

/// Conductances of wire segments in siemens, all positive and finite.
struct Segments {
  double row;     ///< between two cells of a word line
  double column;  ///< between two cells of a bit line
  double driver;  ///< before the first cell of a word line
  double sense;   ///< after the last cell of a bit line
};

/// Reduces arrays of one shape, one after another. Not for several threads at once.
class PortMerger {
 public:
  PortMerger(const PortKernels& kernels, int rows, int columns);

  /// Admittances between the left ends and the bottom ends of all lines; those between left ends only if `want_left`.
  /// Valid until the next call.
  PortBlock reduce(const double* g, const Segments& segments, bool want_left);

 private:
  struct Area {
    int row, column, rows, columns;
    bool is_leaf() const { return rows <= kLeafSide && columns <= kLeafSide; }
    std::pair<Area, Area> halves() const;
  };
  /// What a step of the recursion must leave: open sides keep no ports; all of `slot` at its depth is its own.
  struct Wanted {
    bool right, top;
    std::size_t depth, slot;
  };

  void collect_leaves(const Area& area);
  void reduce_batch(const std::vector<std::size_t>& batch, const double* g, const Segments& segments);
  PortBlock reduce(const Area& area, const Wanted& wanted);
  PortBlock close(const PortBlock& leaf, const Wanted& wanted);
  PortBlock merge_left_right(const PortBlock& left, const PortBlock& right, const Wanted& wanted);
  PortBlock merge_top_bottom(const PortBlock& top, const PortBlock& bottom, const Wanted& wanted);
  PortMatrix workspace(int size, const Wanted& wanted);
  PortBlock eliminate(const PortMatrix& matrix, int count, PortBlock kept, const Wanted& wanted);

  const PortKernels& kernels_;
  Area all_;
  bool want_left_ = false;
  std::vector<Area> leaves_;  ///< in the order in which the recursion meets them
  std::size_t next_leaf_ = 0;
  std::vector<std::vector<std::size_t>> batches_;  ///< leaves of one shape
  AlignedBuffer<double> leaf_entries_, leaf_scratch_, panels_;
  std::deque<AlignedBuffer<double>> workspaces_;  ///< two for each depth
};

}  // namespace imperfect
