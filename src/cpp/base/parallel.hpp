// SPDX-License-Identifier: BSD-3-Clause
//
// Loops over threads. OpenMP where the compiler has it, so that OMP_NUM_THREADS and threadpoolctl work as they do in
// scikit-learn; results never depend on the number of threads because work items never share an output.
#pragma once

#include <cstddef>
#include <exception>
#include <mutex>

namespace imperfect {

/// Whether this build can use more than one thread at all.
bool has_openmp();
/// Threads used when a call does not say: what `set_num_threads` set, else OpenMP's own default. Always 1 in a forked
/// child: GNU OpenMP's pool does not survive fork(), and a child that starts a parallel region would wait for ever.
int num_threads();
/// Sets the default number of threads; 0 returns to OpenMP's default. Throws if negative.
void set_num_threads(int count);
/// Threads to use for a request: 0 means the default; limited to what is safe in this process. Throws if negative.
int resolve_num_threads(int requested);
/// The calling thread's number inside `parallel_for`.
int this_thread();

/// Calls body(i, thread) for i in [0, count) on at most `threads` threads. The first exception is rethrown.
template <class Body>
void parallel_for(std::ptrdiff_t count, int threads, const Body& body) {
  if (threads <= 1 || count <= 1) {
    for (std::ptrdiff_t i = 0; i < count; ++i) body(i, 0);
    return;
  }
  std::exception_ptr error;
  std::mutex error_mutex;
#if defined(_OPENMP)
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
#endif
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    try {
      body(i, this_thread());
    } catch (...) {
      const std::lock_guard<std::mutex> lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace imperfect
