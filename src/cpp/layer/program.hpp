// SPDX-License-Identifier: BSD-3-Clause
//
// Programming a layer's cells: target digits, then device-to-device spread, programming laws, clipping and faults.
#pragma once

#include "layer/definition.hpp"

namespace imperfect {

/// Writes every cell once. Draws are keyed by (seed, kind, layer), the cell's index and the write number.
CellArrays program_cells(const LayerDefinition& definition, std::uint64_t seed, std::uint32_t write);

/// Programming leaves every cell at its target.
bool is_ideal(const Cell& cell);

}  // namespace imperfect
