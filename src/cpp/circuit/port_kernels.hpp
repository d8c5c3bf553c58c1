// SPDX-License-Identifier: BSD-3-Clause
//
// The float64 loops behind wires, as the kernels offer them. Networks of positive resistors without ground are described by
// their admittance matrix between ports, of which only the entries above the diagonal (all <= 0) are ever used: each row sums
// to zero, so a diagonal entry is minus the sum of the others. No step then subtracts numbers of equal size, and results
// are exact to a few roundings for any wires and cells (Grassmann, Taksar & Heyman, Oper. Res. 33, 1985).
#pragma once

#include <cstddef>

namespace imperfect {

/// Eliminates the first `eliminated` ports of a matrix of eliminated + kept ports. matrix: row-major, rows `stride` apart,
/// entries above the diagonal; those of the kept ports become the admittances that are left. Computed are the first
/// `wanted_rows` kept rows, and of these what lies right of kept column `wanted_from`. What is below the diagonal is
/// overwritten. `panels`: room for panel_size() numbers. `check`, if any, is called before steps of about so much `work`,
/// in multiply-adds, and may throw.
struct EliminateArgs {
  int eliminated;
  int kept;
  int wanted_rows;
  int wanted_from;
  double* matrix;
  std::ptrdiff_t stride;
  double* panels;
  void (*check)(double work) = nullptr;
};

inline constexpr int kStripRows = 8;  ///< eliminated ports are padded to a multiple of this at every level
inline constexpr int kPanelPad = 24;  ///< columns are padded to a multiple of this, a multiple of each level's panel width

inline std::size_t panel_size(int eliminated, int kept) {
  const auto rows = static_cast<std::size_t>((eliminated + kStripRows - 1) / kStripRows * kStripRows);
  const std::size_t columns = rows + static_cast<std::size_t>(kept);
  return rows * ((columns + kPanelPad - 1) / kPanelPad * kPanelPad);
}

inline constexpr int kLeafSide = 8;   ///< word lines and bit lines of a leaf, at most
inline constexpr int kLeafLanes = 8;  ///< leaves reduced side by side
inline constexpr int kLeafPorts = 4 * kLeafSide;

/// Numbers in the scratch space of reduce_leaves.
inline constexpr std::size_t kLeafScratch = std::size_t{kLeafLanes} * (kLeafPorts + 2 * kLeafSide + 2) * kLeafPorts;

/// kLeafLanes leaves of the same shape, each with a wire segment before each cell of a word line and after each cell of a bit
/// line. Everything is a conductance in siemens, cells [word line][bit line][lane]; first_segment[lane] is that before column
/// 0 of the leaf, last_segment[lane] that after its last row. to[lane]: entries above the diagonal of the admittances between
/// left, right, top and bottom ends, in this order, rows kLeafPorts apart.
struct LeafArgs {
  int rows;
  int columns;
  const double* cells;
  double row_segment;
  double column_segment;
  const double* first_segment;
  const double* last_segment;
  double* scratch;
  double* to[kLeafLanes];
};

/// The loops of one SIMD level.
struct PortKernels {
  void (*eliminate)(const EliminateArgs&);
  void (*reduce_leaves)(const LeafArgs&);
};

}  // namespace imperfect
