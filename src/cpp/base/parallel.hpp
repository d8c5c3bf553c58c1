// SPDX-License-Identifier: BSD-3-Clause
//
// Loops over threads. OpenMP where the compiler has it, so that OMP_NUM_THREADS and threadpoolctl work as they do in
// scikit-learn; results never depend on the number of threads because work items never share an output.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>

#include "base/interrupt.hpp"

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

/// Multiply-adds that a work item is taken for where it does not check for interruptions itself.
inline constexpr double kItemWork = 1e5;

/// Threads that work inside of the parallel region at hand.
int team_size();

/// What the threads of one loop share.
class LoopTeam {
 public:
  Interruption* interruption() const { return interruption_; }

  /// One work item; none once another one failed.
  template <class Item>
  void run(const Item& item) {
    if (has_failed_.load(std::memory_order_relaxed)) return;
    try {
      check_interrupt(kItemWork);
      item();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      has_failed_.store(true, std::memory_order_relaxed);
    }
  }
  /// Called by each thread when no items are left for it.
  void finish() {
    finished_.fetch_add(1, std::memory_order_release);
    ask_until_finished(finished_, team_size());
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  Interruption* interruption_ = current_interruption();
  std::atomic<int> finished_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

/// Calls body(i, thread) for i in [0, count) on at most `threads` threads. The first exception ends the loop and is rethrown.
template <class Body>
void parallel_for(std::ptrdiff_t count, int threads, const Body& body) {
  if (threads <= 1 || count <= 1) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      check_interrupt(kItemWork);
      body(i, 0);
    }
    return;
  }
  LoopTeam team;
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
#endif
  {
    const InterruptHelper helper(team.interruption());
#if defined(_OPENMP)
#pragma omp for schedule(dynamic, 1) nowait
#endif
    for (std::ptrdiff_t i = 0; i < count; ++i) team.run([&] { body(i, this_thread()); });
    team.finish();
  }
  team.rethrow();
}

}  // namespace imperfect
