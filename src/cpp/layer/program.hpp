// SPDX-License-Identifier: BSD-3-Clause
//
// Programmed cells: target digits, then device-to-device spread, programming laws, clipping and faults. Every draw is keyed
// by the number of its cell, so any run of cells can be worked out alone and at any time. A dense layer's cells are not kept
// at all: packing draws them where they stay in the cache, which takes less time than reading them from memory would.
#pragma once

#include <memory>
#include <vector>

#include "layer/definition.hpp"

namespace imperfect {

/// Programming leaves every cell at its target.
bool is_ideal(const Cell& cell);

/// How many cells of each kind a layer has; they are numbered in this order, as physics has it for their draws.
struct CellCounts {
  std::size_t weights;    ///< [slice][polarity][output][row]
  std::size_t units;      ///< [unit][slice][row of the array]
  std::size_t off_block;  ///< [slice][polarity][output][row of the array]; none if all are ideal
};
CellCounts count_cells(const LayerDefinition& definition);

/// The cells of one layer after one writing, in digit units.
class CellSource {
 public:
  /// Cells written with the draws of (seed, write number).
  CellSource(std::shared_ptr<const LayerDefinition> definition, std::uint64_t seed, std::uint32_t write);
  /// Cells as given.
  CellSource(std::shared_ptr<const LayerDefinition> definition, CellArrays cells);

  const CellCounts& counts() const { return counts_; }
  /// Cells [first, first + count), which must be of one kind.
  void read(std::size_t first, std::size_t count, float* digits) const;
  /// All cells.
  std::shared_ptr<const CellArrays> arrays() const;

 private:
  CellArrays write_all() const;

  std::shared_ptr<const LayerDefinition> definition_;
  CellCounts counts_;
  std::uint64_t seed_ = 0;
  std::uint32_t write_ = 0;
  std::vector<float> unit_numbers_;         ///< target digits of the unit columns
  std::shared_ptr<const CellArrays> kept_;  ///< empty: cells are drawn whenever they are read
};

}  // namespace imperfect
