// SPDX-License-Identifier: BSD-3-Clause
//
// Chooses the SIMD level once, from the CPU, the operating system and IMPERFECT_SIMD. Compiled for the baseline.
#include <cstdlib>
#include <string>

#include "base/check.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {

extern const KernelTable kernel_table_base;
#if defined(IMPERFECT_X86_LEVELS)
extern const KernelTable kernel_table_avx2;
extern const KernelTable kernel_table_avx512;
#endif

namespace {

struct Level {
  const KernelTable* table;
  bool supported;
};

#if defined(IMPERFECT_X86_LEVELS)
// __builtin_cpu_supports asks CPUID and, through XGETBV, whether the operating system saves the wide registers.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const Level* levels(std::size_t& count) {
  static const Level all[] = {
      {&kernel_table_base, true},
      {&kernel_table_avx2, has_avx2()},
      {&kernel_table_avx512, has_avx512()},
  };
  count = 3;
  return all;
}
#else
const Level* levels(std::size_t& count) {
  static const Level all[] = {{&kernel_table_base, true}};
  count = 1;
  return all;
}
#endif

const KernelTable& choose() {
  if (const char* asked = std::getenv("IMPERFECT_SIMD"); asked != nullptr && *asked != '\0') return kernels(asked);
  std::size_t count = 0;
  const Level* const all = levels(count);
  const KernelTable* best = all[0].table;
  for (std::size_t i = 1; i < count; ++i)
    if (all[i].supported) best = all[i].table;
  return *best;
}

std::string join_available() {
  std::size_t count = 0;
  const Level* const all = levels(count);
  std::string names;
  for (std::size_t i = 0; i < count; ++i)
    if (all[i].supported) names += (names.empty() ? "" : " ") + std::string(all[i].table->name);
  return names;
}

}  // namespace

const KernelTable& kernels() {
  static const KernelTable& chosen = choose();
  return chosen;
}

const KernelTable& kernels(const char* level) {
  std::size_t count = 0;
  const Level* const all = levels(count);
  for (std::size_t i = 0; i < count; ++i)
    if (std::string(level) == all[i].table->name && all[i].supported) return *all[i].table;
  fail("IMPERFECT_SIMD='", level, "': must be one of the levels this machine can run: ", available_levels());
}

const char* available_levels() {
  static const std::string names = join_available();
  return names.c_str();
}

}  // namespace imperfect
