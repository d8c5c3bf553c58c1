// SPDX-License-Identifier: BSD-3-Clause
//
// The forward pass of a packed layer.
#pragma once

#include "layer/packed.hpp"

namespace imperfect {

/// The digital end of a layer: y = clip(scale[n]·sum + shift[n], low, high), where sum is in recombined digits.
struct OutputScale {
  std::vector<float> scale;
  std::vector<float> shift;
  float low;
  float high;
};

/// Weight range, input full scale, bias and epilogue as one scale and shift per output.
OutputScale make_output_scale(const LayerDefinition& definition, const InputCode& input, const Epilogue& epilogue);

/// y = layer(x) on at most `threads` threads, the same bits for any number of them.
void run_forward(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale, const float* x,
                 const BatchShape& input, float* y, int threads);

}  // namespace imperfect
