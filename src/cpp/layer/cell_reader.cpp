// SPDX-License-Identifier: BSD-3-Clause
//
// Where the lines of a merged group lie among the cells of the layer.
#include "layer/cell_reader.hpp"

#include <algorithm>

#include "base/per_thread.hpp"
#include "plan/plan.hpp"

namespace imperfect {
namespace {

/// Lines of the calling thread, kept between calls.
struct LineBuffers {
  AlignedBuffer<float> plus;
  AlignedBuffer<float> minus;
  AlignedBuffer<float> unit;
  std::vector<double> sums;
};

LineBuffers& line_buffers() { return per_thread<LineBuffers>(); }

}  // namespace

CellReader::CellReader(const LayerDefinition& definition, const CellSource& cells, const MergedGroup& group, int first_unit)
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

void CellReader::read_data(int slice, int polarity, int first, int count, float* lines) const {
  const auto plane = static_cast<std::size_t>(slice * code_.num_polarities + polarity);
  if (group_.groups > 1) {
    for (int o = first; o < first + count; ++o, lines += rows()) read_line_of_blocks(plane, o, lines);
    return;
  }
  const auto length = static_cast<std::size_t>(tiling_.rows_per_group);
  const auto output = static_cast<std::size_t>(group_.first_group * tiling_.outputs_per_group + first);
  const std::size_t line = plane * static_cast<std::size_t>(tiling_.num_outputs()) + output;
  cells_.read(line * length, static_cast<std::size_t>(count) * length, lines);
}

/// One line through a block-diagonal array: cells outside the blocks, and the output's own rows among them.
void CellReader::read_line_of_blocks(std::size_t plane, int output, float* line) const {
  const auto layer_output = static_cast<std::size_t>(group_.first_group * tiling_.outputs_per_group + output);
  const std::size_t number = plane * static_cast<std::size_t>(tiling_.num_outputs()) + layer_output;
  const CellCounts& counts = cells_.counts();
  if (counts.off_block == 0) {
    std::fill_n(line, rows(), 0.0f);
  } else {
    const std::size_t first = counts.weights + counts.units + number * static_cast<std::size_t>(tiling_.max_rows());
    cells_.read(first, static_cast<std::size_t>(rows()), line);
  }
  const auto length = static_cast<std::size_t>(tiling_.rows_per_group);
  cells_.read(number * length, length, line + output / tiling_.outputs_per_group * tiling_.rows_per_group);
}

void CellReader::read_unit(int slice, int unit, float* line) const {
  const auto number = static_cast<std::size_t>((first_unit_ + unit) * code_.num_slices + slice);
  cells_.read(cells_.counts().weights + number * static_cast<std::size_t>(tiling_.max_rows()),
              static_cast<std::size_t>(rows()), line);
}

CellLines CellReader::plane(int plane, int first, int count) const {
  if (!reads_polarities_apart(definition_.hardware)) return slice(plane, first, count);
  return {read_plus(plane / 2, plane % 2, first, count), nullptr};
}

CellLines CellReader::slice(int slice, int first, int count) const {
  const float* const plus = read_plus(slice, 0, first, count);
  if (code_.is_offset()) return {plus, nullptr};
  const auto size = static_cast<std::size_t>(count) * static_cast<std::size_t>(rows());
  const int data = std::clamp(data_outputs() - first, 0, count);
  float* const minus = line_buffers().minus.reserve(size);
  if (data > 0) read_data(slice, 1, first, data, minus);
  std::fill(minus + std::ptrdiff_t{data} * rows(), minus + size, 0.0f);
  return {plus, minus};
}

/// One polarity of data outputs, then unit columns, then zeros.
const float* CellReader::read_plus(int slice, int polarity, int first, int count) const {
  const auto size = static_cast<std::size_t>(count) * static_cast<std::size_t>(rows());
  const int data = std::clamp(data_outputs() - first, 0, count);
  float* const lines = line_buffers().plus.reserve(size);
  if (data > 0) read_data(slice, polarity, first, data, lines);
  const int converted = std::clamp(data_outputs() + units() - first, 0, count);
  for (int o = data; o < converted; ++o) read_unit(slice, first + o - data_outputs(), lines + std::ptrdiff_t{o} * rows());
  std::fill(lines + std::ptrdiff_t{converted} * rows(), lines + size, 0.0f);
  return lines;
}

void CellReader::add_slice(int slice, int first, int count, std::vector<double>& sums) const {
  LineBuffers& buffers = line_buffers();
  const std::size_t size = sums.size();
  float* const plus = buffers.plus.reserve(size);
  float* const minus = buffers.minus.reserve(size);
  float* const unit = buffers.unit.reserve(static_cast<std::size_t>(rows()));
  read_data(slice, 0, first, count, plus);
  std::fill_n(minus, size, 0.0f);
  if (!code_.is_offset()) read_data(slice, 1, first, count, minus);
  for (int o = 0, last = -1; tiling_.unit_columns && o < count; ++o) {
    if (unit_of(first + o) != last) read_unit(slice, last = unit_of(first + o), unit);
    std::copy_n(unit, rows(), minus + std::ptrdiff_t{o} * rows());  // unit columns exist in the offset scheme only
  }
  const double weight = code_.slice_weight(slice);
  for (std::size_t i = 0; i < size; ++i) sums[i] += weight * (double{plus[i]} - double{minus[i]});
}

CellLines CellReader::folded(int first, int count) const {
  if (code_.num_slices == 1 && !code_.is_offset()) {
    const auto size = static_cast<std::size_t>(count) * static_cast<std::size_t>(rows());
    float* const plus = line_buffers().plus.reserve(size);
    float* const minus = line_buffers().minus.reserve(size);
    read_data(0, 0, first, count, plus);
    read_data(0, 1, first, count, minus);
    return {plus, minus};
  }
  std::vector<double>& sums = line_buffers().sums;
  sums.assign(static_cast<std::size_t>(count) * static_cast<std::size_t>(rows()), 0.0);
  for (int slice = 0; slice < code_.num_slices; ++slice) add_slice(slice, first, count, sums);
  float* const lines = line_buffers().plus.reserve(sums.size());
  for (int o = 0; o < count; ++o) {
    const std::ptrdiff_t line = std::ptrdiff_t{o} * rows();
    const int own = (first + o) / tiling_.outputs_per_group * tiling_.rows_per_group;
    for (int k = own; k < own + tiling_.rows_per_group && !tiling_.unit_columns && cells_.holds_offset(); ++k)
      sums[static_cast<std::size_t>(line + k)] -= code_.offset();
  }
  for (std::size_t i = 0; i < sums.size(); ++i) lines[i] = static_cast<float>(sums[i]);
  return {lines, nullptr};
}

CellLines CellReader::folded_apart(int first, int count) const {
  if (!tiling_.unit_columns) return folded(first, count);
  std::vector<double>& sums = line_buffers().sums;
  sums.assign(static_cast<std::size_t>(count) * static_cast<std::size_t>(rows()), 0.0);
  for (int slice = 0; slice < code_.num_slices; ++slice) {
    const float* const lines = read_plus(slice, 0, first, count);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += code_.slice_weight(slice) * lines[i];
  }
  float* const lines = line_buffers().minus.reserve(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) lines[i] = static_cast<float>(sums[i]);
  return {lines, nullptr};
}

std::vector<float> effective_weights(const LayerDefinition& definition, const CellSource& cells) {
  const Tiling& tiling = definition.tiling;
  std::vector<float> weights;
  weights.reserve(definition.weight.size());
  int first_unit = 0;
  for (const MergedGroup& group : tiling.merged) {
    const CellReader reader(definition, cells, group, first_unit);
    first_unit += reader.units();
    for (int o = 0; o < reader.data_outputs(); ++o) {
      const CellLines line = reader.folded(o, 1);
      const int first_row = o / tiling.outputs_per_group * tiling.rows_per_group;
      const double worth = definition.code.weight_per_digit() *
                           definition.weight_ranges[weights.size() / static_cast<std::size_t>(tiling.rows_per_group)];
      for (int k = first_row; k < first_row + tiling.rows_per_group; ++k)
        weights.push_back(static_cast<float>((line.plus[k] - (line.minus == nullptr ? 0.0f : line.minus[k])) * worth));
    }
  }
  return weights;
}

}  // namespace imperfect
