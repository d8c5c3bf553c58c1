// SPDX-License-Identifier: BSD-3-Clause
//
// Scalar Philox4x32-10 and the derivation of keys and seeds.
#include "random/philox.hpp"

namespace imperfect {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
constexpr int kRounds = 10;
constexpr std::uint32_t kKeyTag = 0x494D5046u;  // "IMPF": keeps our keys apart from plain use of the generator

}  // namespace

PhiloxCounter philox(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c[0];
    const std::uint64_t p1 = std::uint64_t{kMultiplier1} * c[2];
    c = {high_word(p1) ^ c[1] ^ k[0], low_word(p1), high_word(p0) ^ c[3] ^ k[1], low_word(p0)};
    k = {k[0] + kWeyl0, k[1] + kWeyl1};
  }
  return c;
}

PhiloxKey stream_key(std::uint64_t seed, StreamKind kind, std::uint64_t layer) {
  const PhiloxCounter words = philox({low_word(seed), high_word(seed), low_word(layer), high_word(layer)},
                                     {static_cast<std::uint32_t>(kind), kKeyTag});
  return {words[0], words[1]};
}

std::uint64_t trial_seed(std::uint64_t seed, std::uint64_t trial) {
  const PhiloxCounter words = philox({low_word(seed), high_word(seed), low_word(trial), high_word(trial)}, {0u, kKeyTag});
  return words[0] | (std::uint64_t{words[1]} << 32);
}

}  // namespace imperfect
