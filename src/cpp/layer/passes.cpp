// SPDX-License-Identifier: BSD-3-Clause
//
// The direct, folded and fused passes.
#include "layer/passes.hpp"

#include <algorithm>

namespace imperfect {
namespace {

/// Calls visit(group, panel) for every panel of the chunk and every group of the part, and stores what it leaves.
template <class Visit>
void for_each_panel(const PassContext& context, const OutputPart& part, const Visit& visit) {
  const int lanes = kernels().lanes;
  for (std::size_t lane = 0; lane < context.reader.num_lanes(); lane += static_cast<std::size_t>(lanes)) {
    context.reader.select(lane, lanes);
    if (context.draws != nullptr)
      context.draws->number_lanes(context.reader.first_image(), lane, lanes, context.buffers.samples);
    for (std::size_t g = part.first_group; g < part.last_group; ++g) {
      const PackedGroup& group = context.layer.groups[g];
      float* const sums = context.buffers.sums.reserve(static_cast<std::size_t>(group.total_outputs * lanes));
      const OutputPanel panel(group, part.of(group), sums, lanes);
      visit(group, panel);
      panel.store(context.reader.output_runs(), context.positions(), context.y);
    }
  }
}

void multiply_folded(const PassContext& context, const PackedGroup& group, const OutputPanel& panel) {
  const int first_output = group.first_group * (group.data_outputs / group.groups);
  for (const PackedBlock& block : group.blocks) {
    context.reader.gather(group, block.rows);
    const float* const numbers = context.reader.driven_numbers(block.rows);
    for_each_tile(group, panel.outputs(), block.inputs, [&](const PackedTile& tile) {
      const FinishArgs finish = context.scale.part(first_output + tile.first, tile.width);
      kernels().multiply({tile.width, tile.width, block.inputs, group.tile_weights(context.layer, block, tile), numbers,
                          &block != &group.blocks.front(), &block == &group.blocks.back() ? &finish : nullptr,
                          panel.sums(tile.first)});
    });
  }
}

void multiply_exact(const PassContext& context, const PackedGroup& group, const OutputPanel& panel) {
  const int lanes = kernels().lanes;
  const auto size = static_cast<std::size_t>(group.total_outputs * lanes);
  double* const sums = context.buffers.exact_sums.reserve(size);
  std::fill_n(sums, size, 0.0);
  for (const PackedBlock& block : group.blocks) {
    const float* const numbers = context.reader.gather(group, block.rows);
    for_each_tile(group, panel.outputs(), block.rows.size(), [&](const PackedTile& tile) {
      kernels().multiply_exact({tile.width, tile.width, block.rows.size(), group.tile_weights(context.layer, block, tile),
                                numbers, false, nullptr, nullptr},
                               sums + std::ptrdiff_t{tile.first} * lanes);
    });
  }
  std::copy_n(sums, size, panel.sums(0));
  panel.finish(context.scale);
}

/// Straight products of a few groups at a time, between which they can be interrupted.
void multiply_groups(DirectArgs args) {
  constexpr double kProductsAtOnce = 1e8;
  const double per_group = static_cast<double>(args.tile) * args.rows * args.lanes * args.planes * args.drives;
  const auto most = static_cast<int>(std::clamp(kProductsAtOnce / per_group, 1.0, static_cast<double>(args.groups)));
  for (int left = args.groups; left > 0; left -= args.groups) {
    args.groups = std::min(most, left);
    check_interrupt(per_group * args.groups);
    kernels().multiply_direct(args);
    args.weights += std::ptrdiff_t{args.groups} * args.planes * args.rows * args.tile;
    args.source += args.groups * args.source_group;
    args.finish.scale += args.groups * args.finish_group;
    args.finish.shift += args.groups * args.finish_group;
    args.out += args.groups * args.out_group;
  }
}

}  // namespace

void run_direct(const PassContext& context, const OutputPart& part) {
  const PackedLayer& layer = context.layer;
  const PanelReader& reader = context.reader;
  const BatchShape& output = reader.output();
  const PackedGroup& group = layer.groups[part.first_group];
  const auto groups = static_cast<int>(part.last_group - part.first_group);
  const Conversion* const conversions = layer.direct_conversions.empty() ? nullptr : layer.direct_conversions.data();
  const int drives = layer.input.num_passes() * layer.input.num_cycles;
  const int lanes = kernels().lanes, rows = group.blocks[0].rows.size(), outputs = group.data_outputs;
  const int span = reader.layout().span(output);
  const std::ptrdiff_t stride = (span + lanes - 1) / lanes * lanes;
  float* const out = context.buffers.sums.reserve(static_cast<std::size_t>(groups * outputs * stride + lanes));
  const int first_output = static_cast<int>(part.first_group) * outputs;
  for (std::size_t image = 0; image < reader.num_images(); ++image) {
    const float* const numbers = reader.numbers() + reader.layout().offset(static_cast<std::ptrdiff_t>(image), 0, 0, 0);
    const float* const source = conversions != nullptr ? context.reader.drives(numbers) : numbers;
    for (const PackedTile& tile : group.tiles) {
      const std::ptrdiff_t tile_weights =
          std::ptrdiff_t{layer.planes} * rows *
          (tile.first * static_cast<int>(layer.groups.size()) + static_cast<int>(part.first_group) * tile.width);
      multiply_groups({groups, tile.width, rows, span, layer.direct_weights.data() + tile_weights,
                       source + static_cast<std::ptrdiff_t>(part.first_group) * reader.group_size(), reader.group_size(),
                       reader.layout().row_offsets.data(), layer.planes, drives, reader.layout().image_size, conversions,
                       context.scale.part(first_output + tile.first, tile.width), outputs, out + tile.first * stride,
                       outputs * stride, stride});
    }
    float* const to = context.y + (reader.first_image() + image) * output.image_size() + first_output * context.positions();
    for (int z = 0; z < output.depth; ++z)
      kernels().copy_rows({std::ptrdiff_t{groups} * outputs, out + z * reader.layout().plane_size(), stride,
                           reader.layout().plane_width, output.height, output.width,
                           to + std::ptrdiff_t{z} * output.height * output.width, context.positions()});
  }
}

void run_folded(const PassContext& context, const OutputPart& part) {
  for_each_panel(context, part, [&](const PackedGroup& group, const OutputPanel& panel) {
    // Why: with read noise the unit columns are lines of their own, also where it is read without noise.
    if (context.draws != nullptr || !group.unit_of.empty()) {
      multiply_noisy(context, group, panel);
    } else {
      (context.layer.exact_sums ? multiply_exact : multiply_folded)(context, group, panel);
    }
  });
}

void run_fused(const PassContext& context, const OutputPart& part) {
  const PackedLayer& layer = context.layer;
  for_each_panel(context, part, [&](const PackedGroup& group, const OutputPanel& panel) {
    panel.clear();
    for (const PackedBlock& block : group.blocks) {
      const float* const numbers = context.reader.gather(group, block.rows);
      if (layer.removes_offset)
        panel.remove_offset(layer, numbers, block.rows, context.buffers.offsets.reserve(panel.offset_scratch()));
      for (int pass = 0; pass < layer.input.num_passes(); ++pass) {
        if (layer.reads_lines) {
          convert_lines(context, group, panel, block, pass);
          continue;
        }
        const BlockInputs inputs = context.reader.digits(block.rows, pass);
        const int products = block.inputs * layer.planes * layer.input.num_cycles;
        for_each_tile(group, panel.outputs(), products, [&](const PackedTile& tile) {
          const float* const noise =
              context.draws == nullptr ? nullptr : make_noise(context, group, block, tile, inputs, pass);
          kernels().multiply_convert({tile.width, block.inputs, layer.planes, layer.input.num_cycles,
                                      group.tile_weights(layer, block, tile), inputs.digits, block.conversions[pass].data(),
                                      inputs.lane_sums, noise, panel.sums(tile.first)});
        });
      }
      panel.subtract_units();
    }
    panel.finish(context.scale);
  });
}

}  // namespace imperfect
