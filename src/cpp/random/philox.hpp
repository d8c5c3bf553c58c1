// SPDX-License-Identifier: BSD-3-Clause
//
// Philox4x32-10, the counter-based generator behind every draw: a 128-bit counter and a 64-bit key give four 32-bit words
// that depend on nothing else. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// This is the scalar form for keys and rare draws; kernels/random_fill.cpp holds the vector form.
#pragma once

#include <array>
#include <cstdint>

namespace imperfect {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Four words for one counter and key.
PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key);

/// What a stream is used for. Draws of different kinds never share a key, so switching one effect on never shifts another.
enum class StreamKind : std::uint32_t {
  kProgramming = 1,
  kGMinSpread = 2,
  kGMaxSpread = 3,
  kFaults = 4,
  kRead = 5,
  kDrift = 6,
  kConverters = 7,
  kConverterNoise = 8
};

/// The key of one kind of draw in one layer: words 0 and 1 of philox(counter = (seed, layer), key = (kind, "IMPF")).
PhiloxKey stream_key(std::uint64_t seed, StreamKind kind, std::uint64_t layer);

/// The seed of trial number `trial` (one programmed chip) under a base seed.
std::uint64_t trial_seed(std::uint64_t seed, std::uint64_t trial);

/// The low and high 32-bit words of a 64-bit number, as Philox counters take them.
constexpr std::uint32_t low_word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high_word(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

}  // namespace imperfect
