// SPDX-License-Identifier: BSD-3-Clause
//
// Stuck cells among all cells of a layer.
#pragma once

#include "layer/cell_writer.hpp"

namespace imperfect {

/// Sets the cells that the fault laws of the hardware stick, law by law.
void apply_faults(const LayerDefinition& definition, const CellCounts& counts, std::uint64_t seed, const CellWriter& writer,
                  CellArrays& cells);

}  // namespace imperfect
