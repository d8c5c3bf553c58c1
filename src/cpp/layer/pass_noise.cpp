// SPDX-License-Identifier: BSD-3-Clause
//
// Read noise of a pass: a product of variances and squared inputs, and one normal draw for each conversion; a folded product
// has one for each output.
#include <algorithm>

#include "layer/passes.hpp"

namespace imperfect {
namespace {

/// What one draw per cell and product multiplies with in a folded product: the squares of the whole numbers.
const float* squared_numbers(const PassContext& context, const float* numbers, const Block& rows) {
  const std::size_t size = static_cast<std::size_t>(rows.size()) * context.buffers.samples.size();
  float* const squares = context.buffers.squares.reserve(size);
  std::fill_n(squares, size, 0.0f);
  kernels().add_squares(numbers, size, 1.0f, squares);
  return squares;
}

/// variances[output][lane] += matrix · squares, for one row block.
void add_variances(const PassContext& context, const PackedGroup& group, const PackedBlock& block, const Block& outputs,
                   const AlignedBuffer<float>& matrix, const float* squares, float* variances) {
  for_each_tile(group, outputs, block.rows.size(), [&](const PackedTile& tile) {
    kernels().multiply({tile.width, tile.width, block.rows.size(),
                        matrix.data() + group.tile_offset(context.layer, block, tile), squares, true, nullptr,
                        variances + std::ptrdiff_t{tile.first} * kernels().lanes});
  });
}

/// sums[output][lane] += sqrt(variances) z.
void add_folded_noise(const PassContext& context, const PackedGroup& group, const OutputPanel& panel,
                      const float* variances) {
  const int lanes = kernels().lanes;
  float* const normals =
      context.buffers.noise.reserve(static_cast<std::size_t>(group.total_outputs) * static_cast<std::size_t>(lanes));
  constexpr int kDraw = 8;  // costs as much as so many products
  for_each_tile(group, panel.outputs(), kDraw, [&](const PackedTile& tile) {
    const std::ptrdiff_t at = std::ptrdiff_t{tile.first} * lanes;
    context.draws->draw(group, tile, {}, context.buffers.samples, normals + at);
    const auto count = static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(lanes);
    kernels().add_noise({count, variances + at, normals + at}, panel.sums(tile.first));
  });
}

}  // namespace

void multiply_noisy(const PassContext& context, const PackedGroup& group, const OutputPanel& panel) {
  const int lanes = kernels().lanes;
  const auto size = static_cast<std::size_t>(group.total_outputs) * static_cast<std::size_t>(lanes);
  float* const variances = context.buffers.variances.reserve(size);
  std::fill_n(variances, size, 0.0f);
  panel.clear();
  for (const PackedBlock& block : group.blocks) {
    context.reader.gather(group, block.rows);
    const float* const numbers = context.reader.driven_numbers(block.rows);
    for_each_tile(group, panel.outputs(), block.inputs, [&](const PackedTile& tile) {
      kernels().multiply({tile.width, tile.width, block.inputs, group.tile_weights(context.layer, block, tile), numbers, true,
                          nullptr, panel.sums(tile.first)});
    });
    if (context.draws == nullptr) continue;
    if (group.fresh_variances.capacity() > 0)
      add_variances(context, group, block, panel.outputs(), group.fresh_variances,
                    context.reader.squared_drives(block.rows, PanelReader::kBothPasses), variances);
    if (group.shared_variances.capacity() > 0)
      add_variances(context, group, block, panel.outputs(), group.shared_variances,
                    squared_numbers(context, numbers, block.rows), variances);
  }
  if (context.draws != nullptr) add_folded_noise(context, group, panel, variances);
  panel.subtract_units();
  panel.finish(context.scale);
}

const float* make_noise(const PassContext& context, const PackedGroup& group, const PackedBlock& block,
                        const PackedTile& tile, const BlockInputs& inputs, int pass) {
  const PackedLayer& layer = context.layer;
  const int cycles = layer.input.num_cycles;
  const std::size_t per_cycle = static_cast<std::size_t>(tile.width) * context.buffers.samples.size();
  float* const noise = context.buffers.noise.reserve(static_cast<std::size_t>(layer.planes * cycles) * per_cycle);
  const std::ptrdiff_t per_plane = std::ptrdiff_t{block.inputs} * tile.width;
  const auto variances = [&](const AlignedBuffer<float>& buffer, int plane) {
    return buffer.capacity() == 0 ? nullptr : buffer.data() + group.tile_offset(layer, block, tile) + plane * per_plane;
  };
  ConversionNumber number;
  number.block = static_cast<std::size_t>(&block - group.blocks.data());
  number.pass = pass;
  for (int plane = 0; plane < layer.planes; ++plane) {
    float* const at = noise + static_cast<std::size_t>(plane * cycles) * per_cycle;
    number.slice = plane / layer.planes_per_slice;
    number.polarity = plane % layer.planes_per_slice;
    for (number.cycle = 0; number.cycle < cycles; ++number.cycle)
      context.draws->draw(group, tile, number, context.buffers.samples,
                          at + static_cast<std::size_t>(number.cycle) * per_cycle);
    kernels().shape_noise({tile.width, block.rows.size(), cycles, variances(group.fresh_variances, plane),
                           variances(group.shared_variances, plane), inputs.squares, inputs.linear, at});
  }
  return noise;
}

}  // namespace imperfect
