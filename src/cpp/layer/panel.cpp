// SPDX-License-Identifier: BSD-3-Clause
//
// Quantising, padding, and gathering panels.
#include "layer/panel.hpp"

#include <algorithm>

namespace imperfect {
namespace {

/// Adds one lane at `offset`, to the last run if it continues it.
void add_lane(std::vector<LaneRun>& runs, int lane, std::ptrdiff_t offset) {
  if (!runs.empty()) {
    LaneRun& last = runs.back();
    if (last.length == 1) last.stride = offset - last.first;
    if (offset == last.first + last.length * last.stride) {
      ++last.length;
      return;
    }
  }
  runs.push_back({lane, 1, offset, 1});
}

}  // namespace

Workspace& workspace() {
  thread_local Workspace buffers;
  return buffers;
}

PanelReader::PanelReader(const LayerShape& shape, const PackedLayer& layer, const BatchShape& input, Workspace& workspace)
    : shape_(shape),
      layer_(layer),
      input_(input),
      output_(shape.output_shape(input)),
      workspace_(workspace),
      padded_height_(input.height + shape.pad_begin[0] + shape.pad_end[0]),
      padded_width_(input.width + shape.pad_begin[1] + shape.pad_end[1]),
      positions_(static_cast<std::size_t>(output_.height) * static_cast<std::size_t>(output_.width)) {
  make_row_offsets();
}

void PanelReader::make_row_offsets() {
  const std::ptrdiff_t plane = std::ptrdiff_t{padded_height_} * padded_width_;
  workspace_.row_offsets.clear();
  for (int channel = 0; channel < shape_.in_channels; ++channel)
    for (int y = 0; y < shape_.kernel[0]; ++y)
      for (int x = 0; x < shape_.kernel[1]; ++x)
        workspace_.row_offsets.push_back(channel * plane + std::ptrdiff_t{y} * shape_.dilation[0] * padded_width_ +
                                         std::ptrdiff_t{x} * shape_.dilation[1]);
}

std::size_t PanelReader::load(const float* x, std::size_t first, std::size_t count) {
  images_ = count;
  first_image_ = first;
  const float* const from = x + first * input_.image_size();
  const bool is_padded = padded_height_ != input_.height || padded_width_ != input_.width;
  std::size_t clipped = 0;
  if (is_padded) {
    load_padded(from, count, clipped);
  } else if (layer_.input.magnitude_bits == 0 && layer_.input.full_scale == 1.0) {
    numbers_ = from;
  } else {
    const QuantizeArgs args{layer_.input.full_scale, layer_.input.magnitude_bits == 0 ? 0.0 : layer_.input.top_number(),
                            layer_.input.is_signed};
    float* const to = workspace_.numbers.reserve(count * input_.image_size());
    clipped = kernels().quantize_inputs(args, from, count * input_.image_size(), to);
    numbers_ = to;
  }
  return clipped;
}

void PanelReader::load_padded(const float* x, std::size_t count, std::size_t& clipped) {
  const QuantizeArgs args{layer_.input.full_scale, layer_.input.magnitude_bits == 0 ? 0.0 : layer_.input.top_number(),
                          layer_.input.is_signed};
  const auto width = static_cast<std::size_t>(input_.width);
  const auto padded_width = static_cast<std::size_t>(padded_width_);
  const auto above = static_cast<std::size_t>(shape_.pad_begin[0]) * padded_width;
  const auto below = static_cast<std::size_t>(shape_.pad_end[0]) * padded_width;
  const std::size_t planes = count * static_cast<std::size_t>(input_.channels);
  float* to = workspace_.numbers.reserve(planes * static_cast<std::size_t>(padded_height_) * padded_width);
  numbers_ = to;
  for (std::size_t plane = 0; plane < planes; ++plane) {
    to = std::fill_n(to, above, 0.0f);
    for (int row = 0; row < input_.height; ++row, x += width) {
      to = std::fill_n(to, shape_.pad_begin[1], 0.0f);
      clipped += kernels().quantize_inputs(args, x, width, to);
      to = std::fill_n(to + width, shape_.pad_end[1], 0.0f);
    }
    to = std::fill_n(to, below, 0.0f);
  }
}

int PanelReader::select(std::size_t first) {
  const auto count = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(kernels().lanes), num_lanes() - first));
  const std::ptrdiff_t image = std::ptrdiff_t{shape_.in_channels} * padded_height_ * padded_width_;
  workspace_.input_runs.clear();
  workspace_.output_runs.clear();
  for (int lane = 0; lane < count; ++lane) {
    const std::size_t at = first + static_cast<std::size_t>(lane);
    const auto n = static_cast<std::ptrdiff_t>(at / positions_);
    const auto position = static_cast<int>(at % positions_);
    const int y = position / output_.width, x = position % output_.width;
    add_lane(workspace_.input_runs, lane,
             n * image + std::ptrdiff_t{y} * shape_.stride[0] * padded_width_ + std::ptrdiff_t{x} * shape_.stride[1]);
    add_lane(workspace_.output_runs, lane,
             (static_cast<std::ptrdiff_t>(first_image_) + n) * static_cast<std::ptrdiff_t>(output_.image_size()) + position);
  }
  return count;
}

void PanelReader::gather(const PackedGroup& group, const Block& rows) {
  const auto first_row = static_cast<std::size_t>(group.first_group * shape_.rows_per_group() + rows.begin);
  GatherArgs args;
  args.source = numbers_;
  args.row_offsets = workspace_.row_offsets.data() + first_row;
  args.rows = rows.size();
  args.runs = workspace_.input_runs.data();
  args.num_runs = static_cast<int>(workspace_.input_runs.size());
  args.panel = workspace_.panel.reserve(static_cast<std::size_t>(rows.size() * kernels().lanes));
  kernels().gather(args);
}

BlockInputs PanelReader::digits(const Block& rows, int pass) {
  const InputCode& input = layer_.input;
  const auto lanes = static_cast<std::size_t>(kernels().lanes);
  const auto cycles = static_cast<std::size_t>(input.num_cycles);
  const std::size_t size = static_cast<std::size_t>(rows.size()) * lanes;
  const float* digits = workspace_.panel.data();
  if (cycles > 1 || input.two_pass) {
    float* const to = workspace_.digits.reserve(cycles * size);
    const int sign = !input.two_pass ? 0 : pass == 0 ? 1 : -1;
    for (int cycle = 0; cycle < input.num_cycles; ++cycle)
      kernels().extract_digits({input.shift(cycle), input.bits(cycle), sign}, workspace_.panel.data(), size,
                               to + static_cast<std::size_t>(cycle) * size);
    digits = to;
  }
  float* const sums = workspace_.lane_sums.reserve(cycles * lanes);
  std::fill_n(sums, cycles * lanes, 0.0f);
  for (std::size_t cycle = 0; layer_.needs_lane_sums && cycle < cycles; ++cycle)
    kernels().add_rows(digits + cycle * size, rows.size(), sums + cycle * lanes);
  return {digits, sums};
}

}  // namespace imperfect
