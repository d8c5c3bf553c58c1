// SPDX-License-Identifier: BSD-3-Clause
//
// The overlapping products of a transposed convolution; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void fold(const FoldArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
