// SPDX-License-Identifier: BSD-3-Clause
//
// Runs of keyed random draws; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void fill_normals(const RandomArgs& args, float* out);
void fill_uniforms(const RandomArgs& args, float* out);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
