// SPDX-License-Identifier: BSD-3-Clause
//
// The number of threads, and what happens to it when the process forks.
#include "base/parallel.hpp"

#include <atomic>

#include "base/check.hpp"

#if defined(_OPENMP)
#include <omp.h>
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#endif

namespace imperfect {
namespace {

std::atomic<int> default_threads{0};
std::atomic<bool> is_forked_child{false};

#if defined(_OPENMP) && (defined(__unix__) || defined(__APPLE__))
[[maybe_unused]] const int fork_handler_installed = pthread_atfork(nullptr, nullptr, [] { is_forked_child = true; });
#endif

}  // namespace

bool has_openmp() {
#if defined(_OPENMP)
  return true;
#else
  return false;
#endif
}

int num_threads() { return resolve_num_threads(0); }

void set_num_threads(int count) {
  check(count >= 0, "num_threads=", count, ": must be 0 (OpenMP's default) or a positive number");
  default_threads = count;
}

int resolve_num_threads(int requested) {
  check(requested >= 0, "num_threads=", requested, ": must be 0 (the default) or a positive number");
  if (is_forked_child) return 1;
  if (requested > 0) return requested;
  if (const int count = default_threads; count > 0) return count;
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

int team_size() {
#if defined(_OPENMP)
  return omp_get_num_threads();
#else
  return 1;
#endif
}

int this_thread() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

}  // namespace imperfect
