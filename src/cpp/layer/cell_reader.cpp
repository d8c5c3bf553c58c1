// SPDX-License-Identifier: BSD-3-Clause
//
// Indexing of CellArrays.
#include "layer/cell_reader.hpp"

namespace imperfect {

CellReader::CellReader(const LayerDefinition& definition, const CellArrays& cells, const MergedGroup& group, int first_unit)
    : definition_(definition),
      tiling_(definition.tiling),
      code_(definition.code),
      cells_(cells),
      group_(group),
      first_unit_(first_unit) {
  if (!tiling_.unit_columns) return;
  unit_of_.resize(static_cast<std::size_t>(data_outputs()));
  for (std::size_t b = 0; b < group.col_blocks.size(); ++b)
    for (int o = group.col_blocks[b].begin; o < group.col_blocks[b].end; ++o)
      unit_of_[static_cast<std::size_t>(o)] = static_cast<int>(b) * group.groups + o / tiling_.outputs_per_group;
}

double CellReader::data(int slice, int polarity, int output, int row) const {
  const int own_row = row - output / tiling_.outputs_per_group * tiling_.rows_per_group;
  const bool own = own_row >= 0 && own_row < tiling_.rows_per_group;
  if (!own && cells_.off_block.empty()) return 0.0;
  const auto plane = static_cast<std::size_t>(slice * code_.num_polarities + polarity);
  const auto layer_output = static_cast<std::size_t>(group_.first_group * tiling_.outputs_per_group + output);
  const std::size_t line = plane * static_cast<std::size_t>(tiling_.num_outputs()) + layer_output;
  if (own) return cells_.weights[line * static_cast<std::size_t>(tiling_.rows_per_group) + static_cast<std::size_t>(own_row)];
  return cells_.off_block[line * static_cast<std::size_t>(tiling_.max_rows()) + static_cast<std::size_t>(row)];
}

double CellReader::unit(int slice, int unit, int row) const {
  const auto line = static_cast<std::size_t>((first_unit_ + unit) * code_.num_slices + slice);
  return cells_.units[line * static_cast<std::size_t>(tiling_.max_rows()) + static_cast<std::size_t>(row)];
}

double CellReader::folded_data(int output, int row) const {
  double sum = 0.0;
  for (int slice = 0; slice < code_.num_slices; ++slice) {
    double digits = data(slice, 0, output, row);
    if (!code_.is_offset()) digits -= data(slice, 1, output, row);
    sum += code_.slice_weight(slice) * digits;
  }
  return sum;
}

double CellReader::folded_unit(int unit_column, int row) const {
  double sum = 0.0;
  for (int slice = 0; slice < code_.num_slices; ++slice) sum += code_.slice_weight(slice) * unit(slice, unit_column, row);
  return sum;
}

double CellReader::folded(int output, int row) const {
  const double sum = folded_data(output, row) - (tiling_.unit_columns ? folded_unit(unit_of(output), row) : 0.0);
  const bool own = row / tiling_.rows_per_group == output / tiling_.outputs_per_group;
  return tiling_.unit_columns || !own ? sum : sum - code_.offset();
}

std::vector<float> effective_weights(const LayerDefinition& definition, const CellArrays& cells) {
  const Tiling& tiling = definition.tiling;
  std::vector<float> weights;
  weights.reserve(definition.weight.size());
  int first_unit = 0;
  for (const MergedGroup& group : tiling.merged) {
    const CellReader reader(definition, cells, group, first_unit);
    first_unit += reader.units();
    for (int o = 0; o < reader.data_outputs(); ++o) {
      const int first_row = o / tiling.outputs_per_group * tiling.rows_per_group;
      const double worth = definition.code.weight_per_digit() *
                           definition.weight_ranges[weights.size() / static_cast<std::size_t>(tiling.rows_per_group)];
      for (int k = 0; k < tiling.rows_per_group; ++k)
        weights.push_back(static_cast<float>(reader.folded(o, first_row + k) * worth));
    }
  }
  return weights;
}

}  // namespace imperfect
