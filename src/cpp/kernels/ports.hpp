// SPDX-License-Identifier: BSD-3-Clause
//
// Elimination of ports from networks of resistors; see PortKernels.
#pragma once

#include "circuit/port_kernels.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void eliminate(const EliminateArgs& args);
void reduce_leaves(const LeafArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
