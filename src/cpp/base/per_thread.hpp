// SPDX-License-Identifier: BSD-3-Clause
//
// Buffers that each thread keeps between calls.
#pragma once

#include "base/interrupt.hpp"

namespace imperfect {

/// The calling thread's own T; another one for what `should_stop` computes while a computation waits with the first in use.
template <class T>
T& per_thread() {
  thread_local T own, nested;
  return is_asking() ? nested : own;
}

}  // namespace imperfect
