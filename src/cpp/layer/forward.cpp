// SPDX-License-Identifier: BSD-3-Clause
//
// Forward pass: chunks of images × ranges of groups or tiles are the work items; inside one, panels of lanes go through the
// row blocks of each group, and the sums of one panel are finished and stored before the next is touched.
#include "layer/forward.hpp"

#include <algorithm>

#include "base/parallel.hpp"
#include "layer/panel.hpp"

namespace imperfect {
namespace {

constexpr std::size_t kChunkLanes = 192;  // lanes of a chunk, about: enough panels to share one quantisation

constexpr double kProductsPerThread = 1e6;  // multiply-adds that are worth a thread of their own

/// A part of the layer's outputs: tiles [first_tile, last_tile) of groups [first_group, last_group).
struct OutputPart {
  std::size_t first_group, last_group, first_tile, last_tile;
};

/// Cuts the outputs into about `count` parts: over groups if there are enough of them, else over the tiles of one group.
std::vector<OutputPart> cut_outputs(const PackedLayer& layer, std::size_t count) {
  const std::size_t groups = layer.groups.size();
  const std::size_t tiles = layer.groups[0].tiles.size();
  const bool over_tiles = groups == 1 && layer.groups[0].unit_of.empty();
  const std::size_t total = over_tiles ? tiles : groups;
  std::vector<OutputPart> parts;
  count = std::clamp<std::size_t>(count, 1, total);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = total * i / count, end = total * (i + 1) / count;
    if (over_tiles) {
      parts.push_back({0, 1, begin, end});
    } else {
      parts.push_back({begin, end, 0, SIZE_MAX});
    }
  }
  return parts;
}

/// Computes the panels of one chunk for one part of the outputs.
class ForwardPass {
 public:
  ForwardPass(const PackedLayer& layer, const OutputScale& scale, PanelReader& reader, Workspace& buffers, float* y)
      : layer_(layer), scale_(scale), reader_(reader), buffers_(buffers), y_(y), lanes_(kernels().lanes) {}

  void run(const OutputPart& part) {
    if (layer_.is_direct) return run_direct(part);
    for (std::size_t lane = 0; lane < reader_.num_lanes(); lane += static_cast<std::size_t>(lanes_)) {
      reader_.select(lane);
      for (std::size_t g = part.first_group; g < part.last_group; ++g) {
        const PackedGroup& group = layer_.groups[g];
        first_tile_ = group.tiles.data() + part.first_tile;
        last_tile_ = group.tiles.data() + std::min(part.last_tile, group.tiles.size());
        run_group(group);
      }
    }
  }

 private:
  float* sums(int output) { return buffers_.sums.data() + static_cast<std::ptrdiff_t>(output) * lanes_; }

  FinishArgs finish_args(const PackedGroup& group, int first, int count) const {
    const auto at = static_cast<std::size_t>(first_output(group) + first);
    return {count, scale_.scale.data() + at, scale_.shift.data() + at, scale_.low, scale_.high};
  }

  int first_output(const PackedGroup& group) const { return group.first_group * reader_.shape().outputs_per_group(); }

  /// Small groups, straight from the padded images: an image's outputs are computed with what lies between their rows, and
  /// only the rows are kept.
  void run_direct(const OutputPart& part) {
    const int span = reader_.layout().span(reader_.output());
    const std::ptrdiff_t stride = (span + lanes_ - 1) / lanes_ * lanes_;
    for (std::size_t image = 0; image < reader_.num_images(); ++image)
      for (std::size_t g = part.first_group; g < part.last_group; ++g) {
        const PackedGroup& group = layer_.groups[g];
        float* const out = buffers_.sums.reserve(static_cast<std::size_t>(group.data_outputs * stride));
        for (const PackedTile& tile : group.tiles)
          kernels().multiply_direct({tile.width, group.blocks[0].rows.size(), span, weights(group, group.blocks[0], tile),
                                     reader_.numbers() + reader_.layout().offset(static_cast<std::ptrdiff_t>(image), 0, 0),
                                     reader_.row_offsets(group, group.blocks[0].rows),
                                     finish_args(group, tile.first, tile.width), out + tile.first * stride, stride});
        copy_rows(group, reader_.first_image() + image, out, stride);
      }
  }

  void copy_rows(const PackedGroup& group, std::size_t image, const float* from, std::ptrdiff_t stride) {
    const BatchShape& output = reader_.output();
    const std::ptrdiff_t positions = std::ptrdiff_t{output.height} * output.width;
    float* to = y_ + image * output.image_size() + first_output(group) * positions;
    for (int o = 0; o < group.data_outputs; ++o)
      for (int row = 0; row < output.height; ++row)
        to = std::copy_n(from + o * stride + std::ptrdiff_t{row} * reader_.layout().plane_width, output.width, to);
  }

  void run_group(const PackedGroup& group) {
    buffers_.sums.reserve(static_cast<std::size_t>(group.total_outputs * lanes_));
    if (layer_.exact_sums) {
      multiply_exact(group);
    } else if (layer_.plan.kind == PlanKind::kFolded) {
      for (const PackedBlock& block : group.blocks) multiply_block(group, block);
    } else {
      std::fill(sums(0), sums(group.total_outputs), 0.0f);
      for (const PackedBlock& block : group.blocks) convert_block(group, block);
      finish(group);
    }
    store(group);
  }

  const float* weights(const PackedGroup& group, const PackedBlock& block, const PackedTile& tile) const {
    const auto per_output = static_cast<std::size_t>(block.rows.size() * layer_.planes);
    return group.weights.data() + block.weights + per_output * static_cast<std::size_t>(tile.first);
  }

  void multiply_block(const PackedGroup& group, const PackedBlock& block) {
    reader_.gather(group, block.rows);
    for (const PackedTile* tile = first_tile_; tile != last_tile_; ++tile) {
      const FinishArgs finish = finish_args(group, tile->first, tile->width);
      kernels().multiply({tile->width, block.rows.size(), weights(group, block, *tile), buffers_.panel.data(),
                          &block != &group.blocks.front(), &block == &group.blocks.back() ? &finish : nullptr,
                          sums(tile->first)});
    }
  }

  void multiply_exact(const PackedGroup& group) {
    const auto size = static_cast<std::size_t>(group.total_outputs * lanes_);
    std::fill_n(buffers_.exact_sums.reserve(size), size, 0.0);
    for (const PackedBlock& block : group.blocks) {
      reader_.gather(group, block.rows);
      for (const PackedTile* tile = first_tile_; tile != last_tile_; ++tile)
        kernels().multiply_exact(
            {tile->width, block.rows.size(), weights(group, block, *tile), buffers_.panel.data(), false, nullptr, nullptr},
            buffers_.exact_sums.data() + std::ptrdiff_t{tile->first} * lanes_);
    }
    std::copy_n(buffers_.exact_sums.data(), size, buffers_.sums.data());
    finish(group);
  }

  void convert_block(const PackedGroup& group, const PackedBlock& block) {
    reader_.gather(group, block.rows);
    if (layer_.removes_offset) remove_offset(group, block);
    for (int pass = 0; pass < layer_.input.num_passes(); ++pass) {
      const BlockInputs inputs = reader_.digits(block.rows, pass);
      for (const PackedTile* tile = first_tile_; tile != last_tile_; ++tile)
        kernels().multiply_convert({tile->width, block.rows.size(), layer_.planes, layer_.input.num_cycles,
                                    weights(group, block, *tile), inputs.digits, block.conversions[pass].data(),
                                    inputs.lane_sums, sums(tile->first)});
    }
    if (!group.unit_of.empty()) subtract_units(group);
  }

  /// Takes the digital offset of this block off all sums. Why after each block and not at the end: the sums of a block with
  /// its offset still fit in float32 exactly where those of the whole layer would not.
  void remove_offset(const PackedGroup& group, const PackedBlock& block) {
    const int rows_per_group = reader_.shape().rows_per_group();
    const auto lanes = static_cast<std::size_t>(lanes_);
    float* const offsets = buffers_.offsets.reserve(static_cast<std::size_t>(group.groups) * lanes);
    std::fill_n(offsets, static_cast<std::size_t>(group.groups) * lanes, 0.0f);
    for (int g = 0; g < group.groups; ++g) {
      const int begin = std::max(block.rows.begin, g * rows_per_group);
      const int end = std::min(block.rows.end, (g + 1) * rows_per_group);
      if (begin < end)
        kernels().add_rows(buffers_.panel.data() + std::ptrdiff_t{begin - block.rows.begin} * lanes_, end - begin,
                           offsets + static_cast<std::size_t>(g) * lanes);
    }
    const auto own = static_cast<float>(layer_.own_row_offset);
    const auto any = static_cast<float>(layer_.any_row_offset);
    for (std::size_t l = 0; l < lanes; ++l) {
      float all = 0.0f;
      for (int g = 0; g < group.groups; ++g) all += offsets[static_cast<std::size_t>(g) * lanes + l];
      for (int g = 0; g < group.groups; ++g) {
        float& offset = offsets[static_cast<std::size_t>(g) * lanes + l];
        offset = own * offset + any * all;
      }
    }
    const int outputs_per_group = group.data_outputs / group.groups;
    for (const PackedTile* tile = first_tile_; tile != last_tile_; ++tile)
      for (int o = tile->first; o < tile->first + tile->width; ++o) {
        const float* const offset = offsets + static_cast<std::size_t>(o / outputs_per_group) * lanes;
        float* const to = sums(o);
        for (std::size_t l = 0; l < lanes; ++l) to[l] -= offset[l];
      }
  }

  void subtract_units(const PackedGroup& group) {
    for (int o = 0; o < group.data_outputs; ++o) {
      const float* const unit = sums(group.unit_of[static_cast<std::size_t>(o)]);
      float* const to = sums(o);
      for (int l = 0; l < lanes_; ++l) to[l] -= unit[l];
    }
    std::fill(sums(group.data_outputs), sums(group.total_outputs), 0.0f);
  }

  /// The data outputs among the tiles at hand.
  Block outputs(const PackedGroup& group) const {
    return {first_tile_->first, std::min((last_tile_ - 1)->first + (last_tile_ - 1)->width, group.data_outputs)};
  }

  void finish(const PackedGroup& group) {
    const Block range = outputs(group);
    kernels().finish(finish_args(group, range.begin, range.size()), sums(range.begin));
  }

  void store(const PackedGroup& group) {
    const std::ptrdiff_t positions = std::ptrdiff_t{reader_.output().height} * reader_.output().width;
    const Block range = outputs(group);
    for (const LaneRun& run : buffers_.output_runs)
      for (int o = range.begin; o < range.end; ++o) {
        float* const to = y_ + run.first + (first_output(group) + o) * positions;
        const float* const from = sums(o) + run.begin;
        if (run.stride == 1) {
          std::copy_n(from, run.length, to);
        } else {
          for (int l = 0; l < run.length; ++l) to[l * run.stride] = from[l];
        }
      }
  }

  const PackedLayer& layer_;
  const OutputScale& scale_;
  PanelReader& reader_;
  Workspace& buffers_;
  float* y_;
  int lanes_;
  const PackedTile* first_tile_ = nullptr;
  const PackedTile* last_tile_ = nullptr;
};

}  // namespace

OutputScale make_output_scale(const LayerDefinition& definition, const InputCode& input, const Epilogue& epilogue) {
  OutputScale result;
  const auto outputs = static_cast<std::size_t>(definition.shape.out_channels);
  for (std::size_t n = 0; n < outputs; ++n) {
    const double y_per_digit =
        definition.weight_ranges[n] * input.full_scale * definition.code.weight_per_digit() / input.top_number();
    const double scale = epilogue.scale.empty() ? 1.0 : epilogue.scale[n];
    const double shift = epilogue.shift.empty() ? 0.0 : epilogue.shift[n];
    const double bias = definition.bias.empty() ? 0.0 : definition.bias[n];
    result.scale.push_back(static_cast<float>(scale * y_per_digit));
    result.shift.push_back(static_cast<float>(scale * bias + shift));
  }
  result.low = epilogue.low;
  result.high = epilogue.high;
  return result;
}

void run_forward(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale, const float* x,
                 const BatchShape& input, float* y, int threads) {
  const BatchShape output = definition.shape.output_shape(input);
  const std::size_t positions = static_cast<std::size_t>(output.height) * static_cast<std::size_t>(output.width);
  const std::size_t images_per_chunk = std::max<std::size_t>(1, (kChunkLanes + positions - 1) / positions);
  const std::size_t chunks = (input.images + images_per_chunk - 1) / images_per_chunk;
  const InputLayout layout(definition.shape, input);
  // Why: starting and ending a team of threads costs as much as about a million multiply-adds.
  const double products = static_cast<double>(definition.weight.size()) * static_cast<double>(positions * input.images) *
                          layer.plan.products;
  threads = static_cast<int>(std::min<double>(threads, 1.0 + products / kProductsPerThread));
  const auto wanted = static_cast<std::size_t>(threads);
  const std::vector<OutputPart> parts =
      cut_outputs(layer, chunks == 0 || chunks >= wanted ? 1 : (wanted + chunks - 1) / chunks);
  parallel_for(static_cast<std::ptrdiff_t>(chunks * parts.size()), threads, [&](std::ptrdiff_t item, int) {
    const std::size_t chunk = static_cast<std::size_t>(item) / parts.size();
    const std::size_t first = chunk * images_per_chunk;
    Workspace& buffers = workspace();
    PanelReader reader(definition.shape, layer, layout, input, buffers);
    reader.load(x, first, std::min(images_per_chunk, input.images - first));
    ForwardPass(layer, scale, reader, buffers, y).run(parts[static_cast<std::size_t>(item) % parts.size()]);
  });
}

}  // namespace imperfect
