// SPDX-License-Identifier: BSD-3-Clause
//
// Cache sizes as the C library reports them.
#include "base/cache.hpp"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace imperfect {

std::size_t second_level_cache_bytes() {
  constexpr std::size_t kUnknown = 512 * 1024;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : kUnknown;
#else
  return kUnknown;
#endif
}

}  // namespace imperfect
