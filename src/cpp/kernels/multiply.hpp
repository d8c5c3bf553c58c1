// SPDX-License-Identifier: BSD-3-Clause
//
// Products of one tile and one panel; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void multiply_add(const MultiplyArgs& args);
void multiply_add_exact(const MultiplyArgs& args, double* sums);
void multiply_convert(const ConvertArgs& args);
void finish(const FinishArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
