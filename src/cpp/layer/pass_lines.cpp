// SPDX-License-Identifier: BSD-3-Clause
//
// The pass that reads bit lines one by one: their currents are limited, or their converters have errors of their own. The
// products are those of the fused pass, but a conversion's currents pass through the first-level cache.
#include "layer/line_currents.hpp"
#include "layer/passes.hpp"

namespace imperfect {
namespace {

/// What one conversion of a tile's bit lines does, all but its currents.
ConvertLinesArgs conversion_args(const PackedGroup& group, const PackedBlock& block, const PackedTile& tile, int plane,
                                 const Conversion& conversion) {
  ConvertLinesArgs args{};
  args.outputs = tile.width;
  args.last_code = conversion.last_code;
  args.zero_code = conversion.zero_code;
  args.gain = conversion.gain;
  const LineConverters& lines = block.converters;
  if (lines.scales.empty()) return args;
  const std::ptrdiff_t at = std::ptrdiff_t{plane} * group.total_outputs + tile.first;
  args.scales = lines.scales.data() + at;
  args.starts = lines.starts.data() + at;
  if (!lines.errors.empty()) args.errors = lines.errors.data() + at * lines.error_stride;
  args.error_stride = lines.error_stride;
  return args;
}

/// All conversions of one tile in one row block and pass.
void convert_tile(const PassContext& context, const PackedGroup& group, const PackedBlock& block, const PackedTile& tile,
                  const BlockInputs& inputs, const float* solved, int pass, float* sums) {
  const PackedLayer& layer = context.layer;
  const auto size = static_cast<std::size_t>(tile.width * kernels().lanes);
  float* const scratch = context.buffers.line_currents.reserve(3 * size);
  float* const currents = scratch + size;
  float* const normals = currents + size;
  const bool is_noisy = context.draws != nullptr;  // read-outs of drift compensation are not
  const float* const noise =
      is_noisy && layer.has_read_noise ? make_noise(context, group, block, tile, inputs, pass) : nullptr;
  LineRead read{layer, block.inputs, tile.width, tile.width, group.tile_weights(layer, block, tile), inputs, noise};
  read.solved_stride = std::ptrdiff_t{group.total_outputs} * kernels().lanes;
  if (solved != nullptr) read.solved = solved + std::ptrdiff_t{tile.first} * kernels().lanes;
  ConversionNumber number;
  number.block = static_cast<std::size_t>(&block - group.blocks.data());
  number.pass = pass;
  const int per_slice = layer.planes_per_slice / layer.planes_per_conversion;
  for (int plane = 0; plane < layer.converted_planes(); ++plane) {
    number.slice = plane / per_slice;
    number.polarity = plane % per_slice;
    for (number.cycle = 0; number.cycle < layer.conversions(); ++number.cycle) {
      read_line_currents(read, plane, number.cycle, scratch, currents);
      const Conversion& conversion =
          block.conversions[pass][static_cast<std::size_t>(plane * layer.conversions() + number.cycle)];
      ConvertLinesArgs args = conversion_args(group, block, tile, plane, conversion);
      args.currents = currents;
      args.sums = sums;
      if (is_noisy && layer.noise_sigma > 0.0f) {
        context.draws->draw_converter_noise(group, tile, number, context.buffers.samples, normals);
        args.noise = normals;
        args.noise_sigma = layer.noise_sigma;
      }
      kernels().convert_lines(args);
    }
  }
}

}  // namespace

void convert_lines(const PassContext& context, const PackedGroup& group, const OutputPanel& panel, const PackedBlock& block,
                   int pass) {
  const BlockInputs inputs = context.reader.digits(block.rows, pass);
  const float* const solved = solve_block(context.layer, group, block, inputs, panel.outputs());
  const int products = block.inputs * context.layer.planes * context.layer.input.num_cycles;
  for_each_tile(group, panel.outputs(), products, [&](const PackedTile& tile) {
    convert_tile(context, group, block, tile, inputs, solved, pass, panel.sums(tile.first));
  });
}

}  // namespace imperfect
