// SPDX-License-Identifier: BSD-3-Clause
//
// From sums to outputs.
#include "layer/output_panel.hpp"

#include <algorithm>
#include <limits>

namespace imperfect {

float channel_shift(const LayerDefinition& definition, const Epilogue& epilogue, std::size_t channel) {
  const double scale = epilogue.scale.empty() ? 1.0 : epilogue.scale[channel];
  const double shift = epilogue.shift.empty() ? 0.0 : epilogue.shift[channel];
  const double bias = definition.bias.empty() ? 0.0 : definition.bias[channel];
  return static_cast<float>(scale * bias + shift);
}

OutputScale make_output_scale(const LayerDefinition& definition, const InputCode& input, const std::vector<double>& gains,
                              const Epilogue& epilogue) {
  OutputScale result;
  const bool is_transposed = definition.shape.is_transposed;
  const auto outputs = static_cast<std::size_t>(definition.product.out_channels);
  const auto columns = outputs / static_cast<std::size_t>(definition.shape.out_channels);
  for (std::size_t n = 0; n < outputs; ++n) {
    const double y_per_digit =
        definition.weight_ranges[n] * input.full_scale * definition.code.weight_per_digit() / input.top_number();
    const double gain = gains.empty() ? 1.0 : gains[n];
    const double scale = epilogue.scale.empty() ? 1.0 : epilogue.scale[n / columns];
    result.scale.push_back(static_cast<float>(scale * gain * y_per_digit));
    result.shift.push_back(is_transposed ? 0.0f : channel_shift(definition, epilogue, n));
  }
  result.low = is_transposed ? -std::numeric_limits<float>::infinity() : epilogue.low;
  result.high = is_transposed ? std::numeric_limits<float>::infinity() : epilogue.high;
  return result;
}

void OutputPanel::clear() const { std::fill(sums(outputs_.begin), sums(outputs_.end), 0.0f); }

void OutputPanel::remove_offset(const PackedLayer& layer, const float* numbers, const Block& rows, float* scratch) const {
  const auto lanes = static_cast<std::size_t>(lanes_);
  std::fill_n(scratch, offset_scratch(), 0.0f);
  for (int g = 0; g < group_.groups; ++g) {
    const int begin = std::max(rows.begin, g * layer.rows_per_group);
    const int end = std::min(rows.end, (g + 1) * layer.rows_per_group);
    if (begin < end)
      kernels().add_rows(numbers + std::ptrdiff_t{begin - rows.begin} * lanes_, end - begin, lanes_,
                         scratch + static_cast<std::size_t>(g) * lanes);
  }
  const auto own = static_cast<float>(layer.own_row_offset);
  const auto any = static_cast<float>(layer.any_row_offset);
  for (std::size_t l = 0; l < lanes; ++l) {
    float all = 0.0f;
    for (int g = 0; g < group_.groups; ++g) all += scratch[static_cast<std::size_t>(g) * lanes + l];
    for (int g = 0; g < group_.groups; ++g) {
      float& offset = scratch[static_cast<std::size_t>(g) * lanes + l];
      offset = own * offset + any * all;
    }
  }
  const int outputs_per_group = group_.data_outputs / group_.groups;
  for (int o = data().begin; o < data().end; ++o) {
    const float* const offset = scratch + static_cast<std::size_t>(o / outputs_per_group) * lanes;
    float* const to = sums(o);
    for (std::size_t l = 0; l < lanes; ++l) to[l] -= offset[l];
  }
}

void OutputPanel::subtract_units() const {
  if (group_.unit_of.empty()) return;
  for (int o = 0; o < group_.data_outputs; ++o) {
    const float* const unit = sums(group_.unit_of[static_cast<std::size_t>(o)]);
    float* const to = sums(o);
    for (int l = 0; l < lanes_; ++l) to[l] -= unit[l];
  }
  std::fill(sums(group_.data_outputs), sums(group_.converted_outputs()), 0.0f);
}

void OutputPanel::finish(const OutputScale& scale) const {
  const Block range = data();
  kernels().finish(scale.part(first_output() + range.begin, range.size()), lanes_, sums(range.begin));
}

void OutputPanel::store(const std::vector<LaneRun>& runs, std::ptrdiff_t positions, float* y) const {
  const Block range = data();
  kernels().scatter({lanes_, range.size(), runs.data(), static_cast<int>(runs.size()), sums(range.begin),
                     y + (first_output() + range.begin) * positions, positions});
}

}  // namespace imperfect
