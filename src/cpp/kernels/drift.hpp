// SPDX-License-Identifier: BSD-3-Clause
//
// What time does to programmed cells; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void drift_by_power(const PowerDriftArgs& args, const float* targets, const float* z, std::size_t count, float* g);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
