// SPDX-License-Identifier: BSD-3-Clause
//
// Transposed convolutions: every input position drives the arrays once and gives one product for each output channel and
// kernel element, which are then added digitally where they overlap in the output. No zeros are inserted between inputs,
// which would drive most word lines with nothing: the pixel-wise mapping of Fan et al. (RED, DATE 2019).
#pragma once

#include "layer/output_panel.hpp"
#include "layer/read_draws.hpp"

namespace imperfect {

/// What follows the sum of products: y = clip(shift[channel] + sum, low, high).
struct FoldEnd {
  std::vector<float> shift;
  float low = 0.0f;
  float high = 0.0f;
};

/// Bias and epilogue; the epilogue's scale is part of the products' `OutputScale`.
FoldEnd make_fold_end(const LayerDefinition& definition, const Epilogue& epilogue);

/// y = layer(x) on at most `threads` threads, the same bits for any number of them. Products are held for as many images as
/// have a million of them together, at least for one.
void run_transposed(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale, const FoldEnd& end,
                    const ReadDraws* draws, const float* x, const BatchShape& input, float* y, int threads);

}  // namespace imperfect
