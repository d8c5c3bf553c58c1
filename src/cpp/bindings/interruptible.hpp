// SPDX-License-Identifier: BSD-3-Clause
//
// Loops without the GIL that Ctrl-C ends.
#pragma once

#include <atomic>
#include <exception>
#include <optional>

#include "bindings/register.hpp"
#include "imperfect/interrupt.hpp"

namespace imperfect {

/// Ends what other threads compute for one that waits for them: each enters it before it begins.
class StopFlag {
 public:
  void set() { is_set_ = true; }
  bool is_set() const { return is_set_; }

 private:
  std::atomic<bool> is_set_{false};
};

/// The flag that the calling thread has entered, else null.
const StopFlag*& entered_stop_flag();

/// Whether Python handles signals on this thread. Needs the GIL.
bool is_main_thread();

/// Runs `work()` without the GIL. In the main thread signals are handled meanwhile, and what a handler raises ends it; in a
/// thread that entered a StopFlag setting that does.
template <class Work>
auto interruptible(const Work& work) {
  const StopFlag* const flag = entered_stop_flag();
  const bool handles_signals = is_main_thread();
  std::exception_ptr raised;
  const auto handle_signals = [&] {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() == 0) return false;
    raised = std::make_exception_ptr(py::error_already_set());
    return true;
  };
  const py::gil_scoped_release release;
  std::optional<InterruptScope> scope;
  if (flag != nullptr)
    scope.emplace([flag] { return flag->is_set(); });
  else if (handles_signals)
    scope.emplace(handle_signals);
  try {
    return work();
  } catch (const Interrupted&) {
    if (raised) std::rethrow_exception(raised);
    throw;
  }
}

}  // namespace imperfect
