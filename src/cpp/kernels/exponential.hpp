// SPDX-License-Identifier: BSD-3-Clause
//
// e^y of single floats, written so that loops over it become vector code. Only correctly rounded operations: in files
// compiled without contraction every SIMD level gives the same bits.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

/// e^y for y in [-87, 0]: y = n ln 2 + r, Taylor series within ±ln(2)/2; relative error below 2e-7.
inline float exponential(float y) {
  constexpr float kRound = 12582912.0f;  // 1.5·2^23: adding and subtracting it rounds to an integer
  const float n = (y * 1.44269504088896f + kRound) - kRound;
  const float r = (y - n * 0.693145751953125f) - n * 1.42860682030941723e-6f;  // ln 2 in two parts, the first one short
  const float series =
      1.0f + r * (1.0f + r * (1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720))))));
  const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return series * power;
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
