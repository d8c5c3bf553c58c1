// SPDX-License-Identifier: BSD-3-Clause
//
// Bit lines whose currents are limited or whose converters differ; see kernel_table.hpp.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void find_line_currents(const LineCurrentArgs& args);
void convert_lines(const ConvertLinesArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
