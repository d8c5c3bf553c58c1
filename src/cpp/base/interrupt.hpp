// SPDX-License-Identifier: BSD-3-Clause
//
// Checks inside of long computations. The thread of a scope asks whether to stop; threads that help it see the answer.
#pragma once

#include <atomic>
#include <limits>

#include "imperfect/interrupt.hpp"

namespace imperfect {

/// Throws Interrupted if the computation that this thread takes part in was told to stop. `work` is about how many
/// multiply-adds lie between this check and the next; a check after little work does not even look at the clock.
void check_interrupt(double work = std::numeric_limits<double>::infinity());

/// Whether `should_stop` runs on this thread, while what asked it waits.
bool is_asking();

/// What this thread takes part in; null: nothing that can be interrupted.
Interruption* current_interruption();

/// Lets a thread take part while it helps another one.
class InterruptHelper {
 public:
  explicit InterruptHelper(Interruption* shared);
  ~InterruptHelper();
  InterruptHelper(const InterruptHelper&) = delete;
  InterruptHelper& operator=(const InterruptHelper&) = delete;

 private:
  Interruption* before_;
};

/// Asks until all `count` threads of a team have counted themselves as finished, so that these can be told to stop. Returns
/// at once on threads that do not ask.
void ask_until_finished(const std::atomic<int>& finished, int count);

}  // namespace imperfect
