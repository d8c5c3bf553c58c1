// SPDX-License-Identifier: BSD-3-Clause
//
// Products of ideal cells with one-bit inputs by 8-bit tables; see KernelTable.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void index_nibbles(const NibbleArgs& args);
void look_up_bytes(const ByteLookUpArgs& args);
#if defined(__AVX512BW__)
void look_up_shorts(const ShortLookUpArgs& args);
inline constexpr auto kLookUpShorts = &look_up_shorts;
#else
inline constexpr void (*kLookUpShorts)(const ShortLookUpArgs&) = nullptr;
#endif

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
