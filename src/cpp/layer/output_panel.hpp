// SPDX-License-Identifier: BSD-3-Clause
//
// The sums of one panel of lanes and one group of outputs, [output][lane] in recombined digits, on their way to y: offset and
// unit columns are taken off after each row block, then scale, bias and epilogue are applied and the lanes stored.
#pragma once

#include <vector>

#include "layer/packed.hpp"

namespace imperfect {

/// The digital end of a layer: y = clip(scale[n]·sum + shift[n], low, high), where sum is in recombined digits.
struct OutputScale {
  std::vector<float> scale;
  std::vector<float> shift;
  float low;
  float high;

  /// The part that belongs to `count` outputs from `first` on.
  FinishArgs part(int first, int count) const { return {count, scale.data() + first, shift.data() + first, low, high}; }
};

/// Weight range, input full scale, gains of drift compensation (empty: 1), bias and epilogue as one scale and shift per
/// output of the arrays. Products of a transposed convolution get the scale alone.
OutputScale make_output_scale(const LayerDefinition& definition, const InputCode& input, const std::vector<double>& gains,
                              const Epilogue& epilogue);

/// Bias and epilogue's shift of one channel, with the epilogue's scale.
float channel_shift(const LayerDefinition& definition, const Epilogue& epilogue, std::size_t channel);

/// Where one panel's outputs go. `outputs` are those computed at the same time, unit columns included.
class OutputPanel {
 public:
  OutputPanel(const PackedGroup& group, Block outputs, float* sums, int lanes)
      : group_(group), outputs_(outputs), sums_(sums), lanes_(lanes) {}

  float* sums(int output) const { return sums_ + std::ptrdiff_t{output} * lanes_; }
  const Block& outputs() const { return outputs_; }
  void clear() const;

  /// Takes the digital offset of one row block off all sums; `numbers` are its inputs [row][lane]. Why after each block and
  /// not at the end: the sums of a block with its offset still fit in float32 exactly where those of the layer would not.
  void remove_offset(const PackedLayer& layer, const float* numbers, const Block& rows, float* scratch) const;
  /// Floats that `remove_offset` needs for its scratch.
  std::size_t offset_scratch() const { return static_cast<std::size_t>(group_.groups) * static_cast<std::size_t>(lanes_); }
  /// Subtracts what the unit columns gave in one row block.
  void subtract_units() const;
  /// Applies the digital end to the data outputs.
  void finish(const OutputScale& scale) const;
  /// Writes the data outputs; `runs` say where each lane's first output lies, `positions` how far outputs lie apart.
  void store(const std::vector<LaneRun>& runs, std::ptrdiff_t positions, float* y) const;

 private:
  /// The outputs that are no unit columns.
  Block data() const { return {outputs_.begin, std::min(outputs_.end, group_.data_outputs)}; }
  int first_output() const { return group_.first_group * (group_.data_outputs / group_.groups); }

  const PackedGroup& group_;
  Block outputs_;
  float* sums_;
  int lanes_;
};

}  // namespace imperfect
