// SPDX-License-Identifier: BSD-3-Clause
//
// Drift compensation: outputs are scaled by B/B(t), B the mean magnitude of what the arrays give for stored calibration
// inputs when they were written, B(t) the same now. Read without read noise, bias and epilogue.
#pragma once

#include "layer/packed.hpp"

namespace imperfect {

/// Calibration inputs kept for later read-outs.
struct ReadoutInputs {
  BatchShape shape;
  std::vector<float> x;
};

/// The first images of a batch, as many as hold a million values, at least one.
ReadoutInputs keep_inputs(const float* x, const BatchShape& shape);

/// Mean |output| over the inputs: one per output, or the layer's for each of them.
std::vector<double> read_out(const LayerDefinition& definition, const PackedLayer& layer, const ReadoutInputs& inputs);

/// B/B(t) of each output; 1 where B(t) is below B/10^4: nothing is left to scale but rounding.
std::vector<double> compensation(const std::vector<double>& before, const std::vector<double>& now);

}  // namespace imperfect
