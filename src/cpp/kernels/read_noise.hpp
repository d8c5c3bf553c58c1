// SPDX-License-Identifier: BSD-3-Clause
//
// Read noise, once per SIMD level; see kernel_table.hpp.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void draw_read_normals(const ReadArgs& args, float* z);
void shape_noise(const ShapeNoiseArgs& args);
void add_squares(const float* values, std::size_t count, float weight, float* sums);
void add_noise(const NoiseArgs& args, float* sums);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
