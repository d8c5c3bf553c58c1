// SPDX-License-Identifier: BSD-3-Clause
//
// Appended to one file of a tree with mutants. IMPERFECT_MUTANT is the number of the mutant that is on; the numbers of all
// that were reached are appended to the file IMPERFECT_REACHED when the program ends.
#include <cstdio>
#include <cstdlib>

namespace imperfect_mutation {

State states[IMPERFECT_NUM_MUTANTS + 1];

namespace {

struct Run {
  Run() {
    if (const char* number = std::getenv("IMPERFECT_MUTANT"); number != nullptr) states[std::atoi(number)] = State::kOn;
  }
  ~Run() {
    const char* const path = std::getenv("IMPERFECT_REACHED");
    std::FILE* const file = path != nullptr ? std::fopen(path, "a") : nullptr;
    if (file == nullptr) return;
    for (int i = 1; i <= IMPERFECT_NUM_MUTANTS; ++i)
      if (states[i] != State::kUnseen) std::fprintf(file, "%d\n", i);
    std::fclose(file);
  }
} run;

}  // namespace
}  // namespace imperfect_mutation
