// SPDX-License-Identifier: BSD-3-Clause
//
// What reading the arrays takes: lines driven, cells read, and the energy that they turn into heat. An array at word-line
// voltages v takes the power Σ g v² without wires, Σ (g v² + a2 v³ + a3 v⁴) with curved cells, vᵀYv with wires (Y the
// admittances between its drivers); where a circuit is not linear, what its solution says. As power is a sum over products
// of v and cells, sums over the batch are taken first: Σ v², or the matrix Σ v vᵀ with wires.
#pragma once

#include "layer/packed.hpp"
#include "layer/program.hpp"

namespace imperfect {

/// For inputs whose full scale and sign are known.
ReadActivity measure_reads(const LayerDefinition& definition, const CellSource& cells, const InputCode& input, const float* x,
                           const BatchShape& shape);

}  // namespace imperfect
