// SPDX-License-Identifier: BSD-3-Clause
//
// Products of one tile and one panel; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void multiply(const MultiplyArgs& args);
void multiply_exact(const MultiplyArgs& args, double* sums);
void multiply_direct(const DirectArgs& args);
void multiply_convert(const ConvertArgs& args);
void finish(const FinishArgs& args, int lanes, float* sums);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
