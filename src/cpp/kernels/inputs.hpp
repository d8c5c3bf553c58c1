// SPDX-License-Identifier: BSD-3-Clause
//
// From inputs to panels of digits; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

bool all_finite(const float* values, std::size_t count);
std::size_t quantize_inputs(const QuantizeArgs& args, const float* x, std::size_t count, float* numbers);
void pad(const PadArgs& args);
void copy_rows(const CopyRowsArgs& args);
void gather(const GatherArgs& args);
void scatter(const ScatterArgs& args);
void extract_digits(const DigitArgs& args, const float* numbers, std::size_t count, float* digits);
void add_rows(const float* panel, int rows, int lanes, float* lane_sums);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
