// SPDX-License-Identifier: BSD-3-Clause
//
// Every conversion that a batch causes, with its currents and without any noise of reading: what calibration and its report
// look at. Images are taken one at a time, or as many as fill a panel; nothing larger than their inputs and one panel is
// held.
#pragma once

#include <algorithm>

#include "base/interrupt.hpp"
#include "layer/line_currents.hpp"

namespace imperfect {

/// One panel's currents of some outputs of one (block, plane, conversion): currents[output][lane], of which `outputs` and
/// `lanes` are real. `first` is the first output's place in the group, `first_lane` the first lane's place in the batch,
/// image by image; `scratch` holds two panels like this one.
struct TileCurrents {
  const PackedGroup& group;
  const PackedBlock& block;
  const LineRead& read;
  int plane;
  int conversion;
  int first;
  int outputs;
  int lanes;
  std::size_t first_lane;
  const float* currents;
  float* scratch;
};

/// Calls visit(TileCurrents) for the conversions of one row block and pass on the selected panel.
template <class Visit>
void visit_block(const PackedLayer& layer, const PackedGroup& group, const PackedBlock& block, const BlockInputs& inputs,
                 int lanes, std::size_t first_lane, float* buffer, const Visit& visit) {
  const int step = kernels().max_tile;
  float* const scratch = buffer + step * kernels().lanes;
  const float* const solved = solve_block(layer, group, block, inputs, {0, group.total_outputs});
  for (const PackedTile& tile : group.tiles)
    for (int first = 0; first < tile.width; first += step) {
      const int count = std::min(step, tile.width - first);
      const int converted = std::clamp(group.converted_outputs() - tile.first - first, 0, count);
      const float* const weights = group.tile_weights(layer, block, tile) + first;
      LineRead read{layer, block.inputs, count, tile.width, weights, inputs, nullptr};
      read.solved_stride = std::ptrdiff_t{group.total_outputs} * kernels().lanes;
      if (solved != nullptr) read.solved = solved + std::ptrdiff_t{tile.first + first} * kernels().lanes;
      check_interrupt();
      for (int plane = 0; plane < layer.converted_planes(); ++plane)
        for (int conversion = 0; conversion < layer.conversions(); ++conversion) {
          read_line_currents(read, plane, conversion, scratch, buffer);
          visit(TileCurrents{group, block, read, plane, conversion, tile.first + first, converted, lanes, first_lane, buffer,
                             scratch});
        }
    }
}

/// Calls visit(TileCurrents) for every conversion of the batch. Returns how many inputs were clipped.
template <class Visit>
std::size_t for_each_conversion(const LayerDefinition& definition, const PackedLayer& layer, const float* x,
                                const BatchShape& input, const Visit& visit) {
  Workspace& buffers = workspace();
  const InputLayout layout(definition.product, input);
  PanelReader reader(definition.product, layer, layout, input, buffers);
  const int lanes = kernels().lanes;
  AlignedBuffer<float> currents(static_cast<std::size_t>(3 * kernels().max_tile * lanes));
  std::size_t clipped = 0;
  const std::size_t positions = reader.output().positions();
  const std::size_t step = std::max<std::size_t>(1, static_cast<std::size_t>(lanes) / positions);  // fills a panel
  for (std::size_t image = 0; image < input.images; image += step) {
    clipped += reader.load(x, image, std::min(step, input.images - image));
    for (std::size_t lane = 0; lane < reader.num_lanes(); lane += static_cast<std::size_t>(lanes)) {
      const int valid = reader.select(lane, lanes);
      for (const PackedGroup& group : layer.groups)
        for (const PackedBlock& block : group.blocks) {
          reader.gather(group, block.rows);
          for (int pass = 0; pass < layer.input.num_passes(); ++pass)
            visit_block(layer, group, block, reader.digits(block.rows, pass), valid, image * positions + lane,
                        currents.data(), visit);
        }
    }
  }
  return clipped;
}

}  // namespace imperfect
