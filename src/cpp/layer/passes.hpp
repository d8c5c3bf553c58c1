// SPDX-License-Identifier: BSD-3-Clause
//
// One chunk of images through one part of a layer's outputs, one class for each way to compute it. All of them gather panels
// of lanes, go through the row blocks of each group, and finish and store the sums of a panel.
#pragma once

#include "base/interrupt.hpp"
#include "layer/output_panel.hpp"
#include "layer/panel.hpp"
#include "layer/read_draws.hpp"

namespace imperfect {

/// A part of the layer's outputs: whole groups, or a range of outputs of the only group.
struct OutputPart {
  std::size_t first_group = 0;
  std::size_t last_group = 1;
  Block outputs;

  /// The outputs of a group that belong to this part.
  Block of(const PackedGroup& group) const { return outputs.size() > 0 ? outputs : Block{0, group.total_outputs}; }
};

/// What every pass works on.
struct PassContext {
  const PackedLayer& layer;
  const OutputScale& scale;
  PanelReader& reader;
  Workspace& buffers;
  float* y;
  const ReadDraws* draws = nullptr;  ///< null where nothing is drawn at a read

  std::ptrdiff_t positions() const { return static_cast<std::ptrdiff_t>(reader.output().positions()); }
};

/// Folded products of groups with few outputs, straight from the padded images.
void run_direct(const PassContext& context, const OutputPart& part);
/// Calls visit(tile) for the tiles of a group that lie in a range of outputs. `products` is what one output takes, for each
/// lane.
template <class Visit>
void for_each_tile(const PackedGroup& group, const Block& outputs, int products, const Visit& visit) {
  for (const PackedTile& tile : group.tiles)
    if (tile.first >= outputs.begin && tile.first < outputs.end) {
      check_interrupt(static_cast<double>(tile.width * kernels().lanes) * products);
      visit(tile);
    }
}

/// Folded products with their read noise, of one panel and group.
void multiply_noisy(const PassContext& context, const PackedGroup& group, const OutputPanel& panel);
/// Noise currents of all conversions of one tile in one row block and pass: [plane][cycle][output of the tile][lane].
const float* make_noise(const PassContext& context, const PackedGroup& group, const PackedBlock& block,
                        const PackedTile& tile, const BlockInputs& inputs, int pass);

/// Conversions of one row block and pass whose bit lines are read one by one, added to the panel's sums.
void convert_lines(const PassContext& context, const PackedGroup& group, const OutputPanel& panel, const PackedBlock& block,
                   int pass);

/// Folded products, in double where float32 would not be exact.
void run_folded(const PassContext& context, const OutputPart& part);
/// One product for every plane, cycle and pass, converted in registers.
void run_fused(const PassContext& context, const OutputPart& part);
/// One-bit cycles by tables of subset sums.
void run_bit_serial(const PassContext& context, const OutputPart& part);
/// The same for cells that are small integers, by tables of integers.
void run_integer_tables(const PassContext& context, const OutputPart& part);

}  // namespace imperfect
