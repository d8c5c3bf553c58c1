// SPDX-License-Identifier: BSD-3-Clause
//
// The converters of a packed layer, where each has errors of its own.
#pragma once

#include "layer/packed.hpp"

namespace imperfect {

/// Draws the converters of one row block, the `number`-th of `group`, whose codes are known. Every bit line of every array
/// has a converter, numbered ((block·S + slice)·2 + polarity)·lines + line, with the layer's outputs and after them its unit
/// columns as lines. Gain and offset are draws of item `converter`, slots 0 and 1, of write 0; component j of its
/// nonlinearity is that of item converter·2^16 + j, slot 2.
void pack_converters(const LayerDefinition& definition, const PackedLayer& layer, std::uint64_t seed,
                     const PackedGroup& group, int number, PackedBlock& block);

}  // namespace imperfect
