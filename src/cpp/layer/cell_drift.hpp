// SPDX-License-Identifier: BSD-3-Clause
//
// Programmed cells at a later time, cell by cell. Laws that replace the spread of programming are none of this: they write
// the cells with another law.
#pragma once

#include "layer/cell_writer.hpp"

namespace imperfect {

/// The cell's programming laws as they hold at this time.
std::vector<ProgrammingLaw> programming_at(const Cell& cell, double seconds);

/// Whether drift at this time changes cells that are programmed already.
bool changes_programmed(const Cell& cell, double seconds);

/// Turns programmed digits of cells [first, first + count) of one kind, with their faults, into digits at `seconds`.
void drift_cells(const LayerDefinition& definition, const CellWriter& writer, double seconds, std::size_t first,
                 std::size_t count, float* digits);

}  // namespace imperfect
