// SPDX-License-Identifier: BSD-3-Clause
//
// Faults are drawn by number: of a cell, or of a line where whole lines fail. With N outputs, B column blocks and at most A
// row blocks in a merged group, counted through the layer, and plane = slice·P + polarity,
//   word line  (plane·B + column block)·K_max + k, which the unit columns of the column block share; without the plane where
//              arrays are interleaved, for all planes,
//   bit line   (plane·N + n)·A + row block, then (P·S·N + unit·S + slice)·A + row block for unit columns.
#include "layer/cell_faults.hpp"

#include <algorithm>

#include "base/interrupt.hpp"
#include "device/faults.hpp"
#include "layer/cell_numbers.hpp"

namespace imperfect {
namespace {

class Sticker {
 public:
  Sticker(const LayerDefinition& definition, const CellCounts& counts, const CellWriter& writer, CellArrays& cells)
      : tiling_(definition.tiling),
        slices_(definition.code.num_slices),
        columns_(column_blocks(definition.tiling)),
        counts_(counts),
        numbers_(definition, counts),
        writer_(writer),
        cells_(cells) {
    planes_ = static_cast<std::size_t>(definition.code.num_planes());
    if (definition.hardware.array.is_interleaved) planes_per_line_ = planes_;
    for (const MergedGroup& group : tiling_.merged) row_blocks_ = std::max(row_blocks_, group.row_blocks.size());
  }

  std::size_t num_lines(StuckAt::Cluster cluster) const {
    if (cluster == StuckAt::Cluster::kCell) return counts_.total();
    if (cluster == StuckAt::Cluster::kRow) return planes_ / planes_per_line_ * columns_.size() * max_rows();
    return (planes_ * outputs() + static_cast<std::size_t>(tiling_.num_units() * slices_)) * row_blocks_;
  }

  void stick(StuckAt::Cluster cluster, std::size_t line, bool on) {
    if (cluster == StuckAt::Cluster::kCell) return set(line, on);
    cluster == StuckAt::Cluster::kRow ? stick_word_line(line, on) : stick_bit_line(line, on);
  }

 private:
  std::size_t max_rows() const { return static_cast<std::size_t>(tiling_.max_rows()); }
  std::size_t outputs() const { return static_cast<std::size_t>(tiling_.num_outputs()); }

  void set(std::size_t number, bool on) { numbers_.at(cells_, number) = writer_.stuck_digits(number, on); }

  void stick_word_line(std::size_t line, bool on) {
    const auto row = static_cast<int>(line % max_rows());
    const ColumnBlock& columns = columns_[line / max_rows() % columns_.size()];
    if (row >= tiling_.rows(columns.group)) return;                 // the last merged group may be smaller
    const std::size_t first = line / max_rows() / columns_.size();  // all planes, or one
    for (std::size_t plane = first; plane < first + planes_per_line_; ++plane) {
      for (int o = columns.outputs.begin; o < columns.outputs.end; ++o)
        set(numbers_.of_data(columns.group, plane, o, row), on);
      for (int u = 0; tiling_.unit_columns && u < columns.group.groups; ++u)  // one polarity: planes are slices
        set(numbers_.of_unit(static_cast<std::size_t>(columns.first_unit + u), plane, row), on);
    }
  }

  void stick_bit_line(std::size_t line, bool on) {
    const std::size_t block = line % row_blocks_, column = line / row_blocks_, data = planes_ * outputs();
    if (column < data) {
      const std::size_t n = column % outputs(), plane = column / outputs();
      const auto merged = n / static_cast<std::size_t>(tiling_.groups_per_array * tiling_.outputs_per_group);
      const MergedGroup& group = tiling_.merged[merged];
      const int output = static_cast<int>(n) - group.first_group * tiling_.outputs_per_group;
      for_rows(group, block, [&](int row) { set(numbers_.of_data(group, plane, output, row), on); });
      return;
    }
    const auto slices = static_cast<std::size_t>(slices_);
    const std::size_t unit = (column - data) / slices, slice = (column - data) % slices;
    const auto after = std::find_if(columns_.rbegin(), columns_.rend(),
                                    [&](const ColumnBlock& c) { return static_cast<std::size_t>(c.first_unit) <= unit; });
    for_rows(after->group, block, [&](int row) { set(numbers_.of_unit(unit, slice, row), on); });
  }

  template <class Visit>
  static void for_rows(const MergedGroup& group, std::size_t block, const Visit& visit) {
    if (block >= group.row_blocks.size()) return;
    for (int row = group.row_blocks[block].begin; row < group.row_blocks[block].end; ++row) visit(row);
  }

  const Tiling& tiling_;
  int slices_;
  std::size_t planes_;
  std::size_t planes_per_line_ = 1;  ///< that share a word line
  std::size_t row_blocks_ = 1;
  std::vector<ColumnBlock> columns_;
  const CellCounts& counts_;
  CellNumbers numbers_;
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
    for (std::uint64_t segment = 0; segment * kFaultSegment < lines; ++segment) {
      check_interrupt(static_cast<double>(kFaultSegment));
      for (const Fault& fault : draw_faults(laws[slot], key, segment, slot)) {
        const std::uint64_t line = segment * kFaultSegment + fault.position;
        if (line < lines) sticker.stick(laws[slot].cluster, line, fault.stuck_on);
      }
    }
  }
}

}  // namespace imperfect
