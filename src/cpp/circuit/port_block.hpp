// SPDX-License-Identifier: BSD-3-Clause
//
// Admittances between the ports of a block of cells, and how blocks are put together. A block's ports are its word lines'
// left and right ends, then its bit lines' top and bottom ends; a side that nothing will ever be connected to has none.
#pragma once

#include <cstddef>
#include <vector>

namespace imperfect {

/// Entries above the diagonal of the block's admittance matrix, row-major. Memory belongs to others.
struct PortBlock {
  const double* entries = nullptr;
  std::ptrdiff_t stride = 0;
  int rows = 0;
  int columns = 0;
  bool has_right = true;
  bool has_top = true;

  int left() const { return 0; }
  int right() const { return rows; }
  int top() const { return right() + (has_right ? rows : 0); }
  int bottom() const { return top() + (has_top ? columns : 0); }
  int ports() const { return bottom() + columns; }
};

/// Consecutive ports of a block and where they go in a larger matrix. Of ports that two blocks share, the entries of the
/// second are added to those of the first: `is_added`.
struct PortRange {
  int from;
  int to;
  int length;
  bool is_added;
};

/// A matrix of `size` ports, rows `stride` apart, entries above the diagonal.
struct PortMatrix {
  double* entries;
  std::ptrdiff_t stride;

  /// No connections between these and those ports.
  void separate(const std::vector<PortRange>& these, const std::vector<PortRange>& those) const;
  /// The block's entries at their new places.
  void place(const PortBlock& block, const std::vector<PortRange>& ranges) const;
};

}  // namespace imperfect
