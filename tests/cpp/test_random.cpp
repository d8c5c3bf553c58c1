// SPDX-License-Identifier: BSD-3-Clause
//
// Known answers of Philox4x32-10 (the generator's authors publish them as kat_vectors of Random123) and of our keys.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "random/philox.hpp"

using imperfect::philox;
using imperfect::PhiloxCounter;

TEST_CASE("philox gives the published answers") {
  const std::uint32_t f = 0xffffffffu;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(philox({f, f, f, f}, {f, f}) == PhiloxCounter{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        PhiloxCounter{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("keys and trial seeds differ in every argument") {
  using imperfect::stream_key;
  using Kind = imperfect::StreamKind;
  const auto key = stream_key(1, Kind::kProgramming, 2);
  CHECK(key != stream_key(2, Kind::kProgramming, 2));
  CHECK(key != stream_key(1, Kind::kFaults, 2));
  CHECK(key != stream_key(1, Kind::kProgramming, 3));
  CHECK(key != stream_key(1, Kind::kProgramming, 2 | (1ull << 40)));
  CHECK(imperfect::trial_seed(0, 1) != imperfect::trial_seed(1, 0));
  CHECK(imperfect::trial_seed(5, 0) != 5);
}
