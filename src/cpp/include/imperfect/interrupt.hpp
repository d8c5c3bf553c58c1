// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// Stopping what takes too long: a program that wants its user's Ctrl-C, or a deadline, to end a computation says so before
/// it calls. Without a scope nothing is ever asked.
#pragma once

#include <exception>
#include <functional>
#include <memory>

namespace imperfect {

/// Thrown by a computation that was told to stop. Layers are as they were before; an output may be half written.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override;  ///< that it was interrupted
};

struct Interruption;

/// While it lives, all that its thread computes asks `should_stop`, on that thread and about ten times a second, and throws
/// Interrupted once the answer is true. `should_stop` may use layers itself; it must not throw.
class InterruptScope {
 public:
  explicit InterruptScope(std::function<bool()> should_stop);  ///< of the calling thread, which must also end the scope
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  std::unique_ptr<Interruption> own_;
};

}  // namespace imperfect
