// SPDX-License-Identifier: BSD-3-Clause
//
// Included first in every file of a tree with mutants: which of them is on, and which were reached so far.
#pragma once

namespace imperfect_mutation {

// Why a type of its own: the compiler may then keep other numbers in registers while one of these is written.
enum class State : int { kUnseen, kSeen, kOn };
extern State states[];

/// Whether a mutant is on. One load where it was reached before.
static inline bool on(int mutant) {
  if (states[mutant] == State::kUnseen) states[mutant] = State::kSeen;
  return states[mutant] == State::kOn;
}

}  // namespace imperfect_mutation
