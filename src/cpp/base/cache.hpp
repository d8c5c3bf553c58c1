// SPDX-License-Identifier: BSD-3-Clause
//
// Cache sizes of the machine at hand.
#pragma once

#include <cstddef>

namespace imperfect {

/// Bytes of one core's second-level cache; 512 KiB where the system does not tell.
std::size_t second_level_cache_bytes();

}  // namespace imperfect
