// SPDX-License-Identifier: BSD-3-Clause
//
// Faults are drawn by number: of a cell, or of a line where whole lines fail. With N outputs, B column blocks and at most A
// row blocks in a merged group, counted through the layer, and plane = slice·P + polarity,
//   word line  (plane·B + column block)·K_max + k, which the unit columns of the column block share,
//   bit line   (plane·N + n)·A + row block, then (P·S·N + unit·S + slice)·A + row block for unit columns.
#include "layer/cell_faults.hpp"

#include <algorithm>

#include "device/faults.hpp"

namespace imperfect {
namespace {

/// A column block of a merged group.
struct Columns {
  const MergedGroup& group;
  Block outputs;   ///< within the group
  int first_unit;  ///< through the layer
};

class Sticker {
 public:
  Sticker(const LayerDefinition& definition, const CellCounts& counts, const CellWriter& writer, CellArrays& cells)
      : tiling_(definition.tiling), slices_(definition.code.num_slices), counts_(counts), writer_(writer), cells_(cells) {
    planes_ = static_cast<std::size_t>(definition.code.num_planes());
    int unit = 0;
    for (const MergedGroup& group : tiling_.merged) {
      row_blocks_ = std::max(row_blocks_, group.row_blocks.size());
      for (const Block& block : group.col_blocks) {
        columns_.push_back({group, block, unit});
        unit += tiling_.unit_columns ? group.groups : 0;
      }
    }
  }

  std::size_t num_lines(StuckAt::Cluster cluster) const {
    if (cluster == StuckAt::Cluster::kCell) return counts_.total();
    if (cluster == StuckAt::Cluster::kRow) return planes_ * columns_.size() * max_rows();
    return (planes_ * outputs() + static_cast<std::size_t>(tiling_.num_units() * slices_)) * row_blocks_;
  }

  void stick(StuckAt::Cluster cluster, std::size_t line, bool on) {
    if (cluster == StuckAt::Cluster::kCell) return set(line, on);
    cluster == StuckAt::Cluster::kRow ? stick_word_line(line, on) : stick_bit_line(line, on);
  }

 private:
  std::size_t max_rows() const { return static_cast<std::size_t>(tiling_.max_rows()); }
  std::size_t outputs() const { return static_cast<std::size_t>(tiling_.num_outputs()); }

  void set(std::size_t index, bool on) {
    const float digits = writer_.stuck_digits(index, on);
    if (index < counts_.weights) {
      cells_.weights[index] = digits;
    } else if (index < counts_.weights + counts_.units) {
      cells_.units[index - counts_.weights] = digits;
    } else {
      cells_.off_block[index - counts_.weights - counts_.units] = digits;
    }
  }

  void set_data(const MergedGroup& group, std::size_t plane, int output, int row, bool on) {
    const auto n = static_cast<std::size_t>(group.first_group * tiling_.outputs_per_group + output);
    const std::size_t line = plane * outputs() + n;
    const int rows = tiling_.rows_per_group;
    if (row / rows == output / tiling_.outputs_per_group) {
      set(line * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row % rows), on);
    } else {
      set(counts_.weights + counts_.units + line * max_rows() + static_cast<std::size_t>(row), on);
    }
  }

  void set_unit(std::size_t unit, std::size_t slice, int row, bool on) {
    set(counts_.weights + (unit * static_cast<std::size_t>(slices_) + slice) * max_rows() + static_cast<std::size_t>(row),
        on);
  }

  void stick_word_line(std::size_t line, bool on) {
    const auto row = static_cast<int>(line % max_rows());
    const Columns& columns = columns_[line / max_rows() % columns_.size()];
    const std::size_t plane = line / max_rows() / columns_.size();
    if (row >= tiling_.rows(columns.group)) return;  // the last merged group may be smaller
    for (int o = columns.outputs.begin; o < columns.outputs.end; ++o) set_data(columns.group, plane, o, row, on);
    for (int u = 0; tiling_.unit_columns && u < columns.group.groups; ++u)
      set_unit(static_cast<std::size_t>(columns.first_unit + u), plane, row, on);  // one polarity: planes are slices
  }

  void stick_bit_line(std::size_t line, bool on) {
    const std::size_t block = line % row_blocks_, column = line / row_blocks_, data = planes_ * outputs();
    if (column < data) {
      const std::size_t n = column % outputs(), plane = column / outputs();
      const auto merged = n / static_cast<std::size_t>(tiling_.groups_per_array * tiling_.outputs_per_group);
      const MergedGroup& group = tiling_.merged[merged];
      const int output = static_cast<int>(n) - group.first_group * tiling_.outputs_per_group;
      for_rows(group, block, [&](int row) { set_data(group, plane, output, row, on); });
      return;
    }
    const auto slices = static_cast<std::size_t>(slices_);
    const std::size_t unit = (column - data) / slices, slice = (column - data) % slices;
    const auto after = std::find_if(columns_.rbegin(), columns_.rend(),
                                    [&](const Columns& c) { return static_cast<std::size_t>(c.first_unit) <= unit; });
    for_rows(after->group, block, [&](int row) { set_unit(unit, slice, row, on); });
  }

  template <class Visit>
  static void for_rows(const MergedGroup& group, std::size_t block, const Visit& visit) {
    if (block >= group.row_blocks.size()) return;
    for (int row = group.row_blocks[block].begin; row < group.row_blocks[block].end; ++row) visit(row);
  }

  const Tiling& tiling_;
  int slices_;
  std::size_t planes_;
  std::size_t row_blocks_ = 1;
  std::vector<Columns> columns_;
  const CellCounts& counts_;
  const CellWriter& writer_;
  CellArrays& cells_;
};

}  // namespace

void apply_faults(const LayerDefinition& definition, const CellCounts& counts, std::uint64_t seed, const CellWriter& writer,
                  CellArrays& cells) {
  const std::vector<StuckAt>& laws = definition.hardware.cell.faults;
  const PhiloxKey key = stream_key(seed, StreamKind::kFaults, definition.layer_id);
  Sticker sticker(definition, counts, writer, cells);
  for (std::uint32_t slot = 0; slot < laws.size(); ++slot) {
    const std::size_t lines = sticker.num_lines(laws[slot].cluster);
    for (std::uint64_t segment = 0; segment * kFaultSegment < lines; ++segment)
      for (const Fault& fault : draw_faults(laws[slot], key, segment, slot)) {
        const std::uint64_t line = segment * kFaultSegment + fault.position;
        if (line < lines) sticker.stick(laws[slot].cluster, line, fault.stuck_on);
      }
  }
}

}  // namespace imperfect
