// SPDX-License-Identifier: BSD-3-Clause
//
// Products with one-bit inputs by tables of subset sums; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void index_bits(const IndexArgs& args);
void count_bits(const CountArgs& args);
void build_tables(const TableArgs& args);
void look_up_convert(const LookUpArgs& args);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
