// SPDX-License-Identifier: BSD-3-Clause
//
// One writing of a layer's cells: targets, device-to-device spread and programming laws, in digit units. Any run of cells can
// be worked out alone.
#pragma once

#include <cstdint>
#include <vector>

#include "device/programming.hpp"
#include "layer/definition.hpp"
#include "random/philox.hpp"

namespace imperfect {

/// How many cells of each kind a layer has; they are numbered in this order, as physics has it for their draws.
struct CellCounts {
  std::size_t weights;    ///< [slice][polarity][output][row]
  std::size_t units;      ///< [unit][slice][row of the array]
  std::size_t off_block;  ///< [slice][polarity][output][row of the array]; none if all are ideal
  std::size_t total() const { return weights + units + off_block; }
};

/// Cells worked on at a time: draws and conductances stay in the first-level cache.
inline constexpr std::size_t kCellChunk = 2048;

/// What a writing is made of; all of it outlives the writer.
struct Writing {
  const LayerDefinition& definition;
  const CellCounts& counts;
  const std::vector<float>& unit_numbers;          ///< target digits of the unit columns
  const std::vector<ProgrammingLaw>& programming;  ///< in place of the cell's own laws
  std::uint64_t seed;
  std::uint32_t write;
};

class CellWriter {
 public:
  explicit CellWriter(const Writing& writing);

  /// Programmed digits of cells [first, first + count) of one kind, without faults.
  void program(std::size_t first, std::size_t count, float* digits) const;
  /// low + step·(target digit) of cells of one kind; at most kCellChunk of them, weight cells of one plane.
  void place(std::size_t first, std::size_t count, float low, float step, float* cells) const;
  /// The largest number of cells from `first` on, of `count`, that lie in one chunk and plane.
  std::size_t chunk(std::size_t first, std::size_t count) const;
  /// Draws of one kind, the slot-th law's.
  void draw(Draw kind, StreamKind stream, std::uint64_t first, std::size_t count, std::size_t slot, float* out) const;
  /// The digits of a stuck cell.
  float stuck_digits(std::uint64_t index, bool on) const;
  /// Adds the pulses that closed-loop laws spend on weight cells [first, first + count).
  void add_pulses(std::size_t first, std::size_t count, std::uint32_t* pulses) const;

 private:
  void disturb(std::uint64_t first, std::size_t count, float* g) const;
  void disturb_weights(std::size_t first, std::size_t count, float* digits) const;
  void write_verified(std::size_t slot, std::uint64_t first, std::size_t count, float* g, std::uint32_t* pulses) const;

  Writing writing_;
  const LayerDefinition& definition_;
  const Cell& cell_;
  const WeightCode& code_;
  bool acts_on_cells_;
  bool acts_on_weights_;
};

}  // namespace imperfect
