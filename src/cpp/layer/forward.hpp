// SPDX-License-Identifier: BSD-3-Clause
//
// The forward pass of a packed layer.
#pragma once

#include "layer/output_panel.hpp"
#include "layer/packed.hpp"
#include "layer/read_draws.hpp"

namespace imperfect {

/// y = layer(x) on at most `threads` threads, the same bits for any number of them.
void run_forward(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale,
                 const ReadDraws* draws, const float* x, const BatchShape& input, float* y, int threads);

}  // namespace imperfect
