// SPDX-License-Identifier: BSD-3-Clause
//
// Reading programmed digits by where they stand in a merged group: its matrix of data outputs and unit columns × array rows.
#pragma once

#include <vector>

#include "layer/definition.hpp"

namespace imperfect {

/// The cells of one merged group. `first_unit` counts the unit columns of the groups before it.
class CellReader {
 public:
  CellReader(const LayerDefinition& definition, const CellArrays& cells, const MergedGroup& group, int first_unit);

  int rows() const { return tiling_.rows(group_); }
  int data_outputs() const { return tiling_.outputs(group_); }
  int first_unit() const { return first_unit_; }
  int units() const { return tiling_.units(group_); }
  /// Which unit column, counted within the group, serves a data output.
  int unit_of(int output) const { return unit_of_[static_cast<std::size_t>(output)]; }

  /// Digit of a data cell.
  double data(int slice, int polarity, int output, int row) const;
  /// Digit of a unit column's cell.
  double unit(int slice, int unit, int row) const;
  /// The output's digits over slices and polarities, without the offset: what one product multiplies with when nothing
  /// stands between the arrays and the sum.
  double folded(int output, int row) const;
  /// The same before its unit column is taken off, and the unit column's own digits over all slices.
  double folded_data(int output, int row) const;
  double folded_unit(int unit, int row) const;

 private:
  const LayerDefinition& definition_;
  const Tiling& tiling_;
  const WeightCode& code_;
  const CellArrays& cells_;
  const MergedGroup& group_;
  int first_unit_;
  std::vector<int> unit_of_;
};

/// The weights that the cells stand for: folded digits times their worth, [output][row of the group].
std::vector<float> effective_weights(const LayerDefinition& definition, const CellArrays& cells);

}  // namespace imperfect
