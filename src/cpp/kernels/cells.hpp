// SPDX-License-Identifier: BSD-3-Clause
//
// Cells on their way from weights to packed matrices; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void place_digits(const PlaceArgs& args, const float* numbers, std::size_t count, float* cells);
void add_normal_errors(const NormalErrorArgs& args, const float* z, std::size_t count, float* g);
void to_digits(float g_min, float per_conductance, std::size_t count, float* cells);
void pack_lines(const PackArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
