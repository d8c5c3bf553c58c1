// SPDX-License-Identifier: BSD-3-Clause
//
// Philox4x32-10 on many counters at a time, and the normal transform: u₁ = float32(w_even) 2^-32 + 2^-33,
// r = sqrt(-2 ln u₁), φ = 2π w_odd/2^32; r cos φ, r sin φ. Files that include this are compiled without contraction into
// fused multiply-adds and use only correctly rounded operations (+ - * / sqrt), so every SIMD level draws the same bits.
// Sources: Salmon et al. (SC 2011) for Philox, Box & Muller (1958).
#pragma once

#include <cmath>
#include <cstring>

#include "kernels/simd_words.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

/// `Chains` states of kWideLanes counters each, side by side to hide the latency of products.
template <int Chains>
struct PhiloxState {
  Wide c0[Chains], c1[Chains], c2[Chains], c3[Chains];

  /// Counters become the words drawn from them.
  void draw(std::uint32_t k0, std::uint32_t k1) {
    const Wide m0 = wide_set(0xD2511F53u), m1 = wide_set(0xCD9E8D57u);
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
      for (int chain = 0; chain < Chains; ++chain) {
        const Wide p0 = wide_multiply(c0[chain], m0);
        const Wide p1 = wide_multiply(c2[chain], m1);
        c0[chain] = wide_mix(p1, c1[chain], wide_set(k0));
        c1[chain] = p1;
        c2[chain] = wide_mix(p0, c3[chain], wide_set(k1));
        c3[chain] = p0;
      }
  }

  /// The words of a pair of chains, one with the even and one with the odd counters, in order: word j to words + j·stride.
  void store(int chain, std::uint32_t* words, int stride) const {
    store_words(words, c0[chain], c0[chain + 1]);
    store_words(words + stride, c1[chain], c1[chain + 1]);
    store_words(words + 2 * stride, c2[chain], c2[chain + 1]);
    store_words(words + 3 * stride, c3[chain], c3[chain + 1]);
  }
};

/// ln u for u in (0, 1]: u = m 2^e with m in [√½, √2), ln m = 2 artanh((m-1)/(m+1)) to the 9th power; error below 1e-9.
inline float natural_log(float u) {
  std::uint32_t bits;
  std::memcpy(&bits, &u, sizeof bits);
  const std::uint32_t shifted = bits - 0x3F3504F3u;  // bits of √½
  const auto exponent = static_cast<float>(static_cast<std::int32_t>(shifted) >> 23);
  const std::uint32_t mantissa_bits = (shifted & 0x007FFFFFu) + 0x3F3504F3u;
  float m;
  std::memcpy(&m, &mantissa_bits, sizeof m);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float t = s * s;
  const float series = 2.0f + t * (2.0f / 3 + t * (2.0f / 5 + t * (2.0f / 7 + t * (2.0f / 9))));
  return exponent * 0.693147180559945f + s * series;
}

/// x, negated if the highest bit of `sign` is set.
inline float flip_sign(float x, std::uint32_t sign) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits ^= sign & 0x80000000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// cos and sin of 2π w/2^32: the nearest quarter turn is taken off exactly in integers, Taylor series within ±π/4.
inline void cos_sin_turns(std::uint32_t w, float& cosine, float& sine) {
  const std::uint32_t quarter = (w + 0x20000000u) >> 30;
  const auto rest = static_cast<float>(static_cast<std::int32_t>(w - (quarter << 30)));
  const float a = rest * 1.4629180792671596e-9f;  // 2π/2^32
  const float t = a * a;
  const float c = 1.0f - t * (0.5f - t * (1.0f / 24 - t * (1.0f / 720 - t * (1.0f / 40320 - t * (1.0f / 3628800)))));
  const float s = a * (1.0f - t * (1.0f / 6 - t * (1.0f / 120 - t * (1.0f / 5040 - t * (1.0f / 362880)))));
  const bool swap = quarter & 1u;
  const float x = swap ? s : c;
  const float y = swap ? c : s;
  cosine = flip_sign(x, (quarter + 1u) << 30);  // negative in quarters 1 and 2
  sine = flip_sign(y, quarter << 30);           // negative in quarters 2 and 3
}

/// Two normal draws from two words.
inline void normal_pair(std::uint32_t w_even, std::uint32_t w_odd, float& first, float& second) {
  const float u = static_cast<float>(w_even) * 0x1p-32f + 0x1p-33f;
  const float radius = std::sqrt(-2.0f * natural_log(u));
  float cosine, sine;
  cos_sin_turns(w_odd, cosine, sine);
  first = radius * cosine;
  second = radius * sine;
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
