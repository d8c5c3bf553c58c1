// SPDX-License-Identifier: BSD-3-Clause
//
// Keyed draws in bulk. Item i takes word i mod 4 of philox(counter = (i div 4, write, slot), key):
//   uniform  u = floor(word/2^8) 2^-24 + 2^-25
//   normal   Box-Muller: u₁ = float32(w_even) 2^-32 + 2^-33, r = sqrt(-2 ln u₁), φ = 2π w_odd/2^32; r cos φ, r sin φ
// This file is compiled without contraction into fused multiply-adds and uses only correctly rounded operations (+ - * /
// sqrt), so every SIMD level draws the same bits. Sources: Salmon et al. (SC 2011) for Philox, Box & Muller (1958).
#include "kernels/random_fill.hpp"

#include <cmath>
#include <cstring>

#include "kernels/simd_words.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kBatch = 32;  // counters worked on side by side; the compiler turns each loop over them into vectors
constexpr int kChains = kWideLanes == 8 ? 4 : 2;  // Philox states side by side, to hide the latency of products

/// Words [j][l]: word j of counter number l.
struct Words {
  std::uint32_t at[4][kBatch];
};

/// Number of the first counter of a chain; chains go in pairs, one with the even, one with the odd counters.
constexpr int wide_first(int chain) { return chain / 2 * 2 * kWideLanes + chain % 2; }

/// kChains·kWideLanes counters.
struct PhiloxState {
  Wide c0[kChains], c1[kChains], c2[kChains], c3[kChains];
};

inline void set_counters(const RandomArgs& args, std::uint64_t first_block, PhiloxState& s) {
  for (int chain = 0; chain < kChains; ++chain) {
    const Wide blocks = wide_count(first_block + static_cast<std::uint64_t>(wide_first(chain)));
    s.c0[chain] = blocks;
    s.c1[chain] = wide_upper(blocks);
    s.c2[chain] = wide_set(args.write);
    s.c3[chain] = wide_set(args.slot);
  }
}

void philox_batch(const RandomArgs& args, std::uint64_t first_block, Words& words) {
  for (int first = 0; first < kBatch; first += kChains * kWideLanes) {
    PhiloxState s;
    set_counters(args, first_block + static_cast<std::uint64_t>(first), s);
    const Wide m0 = wide_set(0xD2511F53u), m1 = wide_set(0xCD9E8D57u);
    std::uint32_t k0 = args.key[0], k1 = args.key[1];
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
      for (int chain = 0; chain < kChains; ++chain) {
        const Wide p0 = wide_multiply(s.c0[chain], m0);
        const Wide p1 = wide_multiply(s.c2[chain], m1);
        s.c0[chain] = wide_mix(p1, s.c1[chain], wide_set(k0));
        s.c1[chain] = p1;
        s.c2[chain] = wide_mix(p0, s.c3[chain], wide_set(k1));
        s.c3[chain] = p0;
      }
    for (int chain = 0; chain < kChains; chain += 2) {
      const int at = first + chain * kWideLanes;
      store_words(words.at[0] + at, s.c0[chain], s.c0[chain + 1]);
      store_words(words.at[1] + at, s.c1[chain], s.c1[chain + 1]);
      store_words(words.at[2] + at, s.c2[chain], s.c2[chain + 1]);
      store_words(words.at[3] + at, s.c3[chain], s.c3[chain + 1]);
    }
  }
}

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

void normals_of_batch(const Words& words, float* out) {
  float z[4][kBatch];
  for (int pair = 0; pair < 2; ++pair)
    for (int l = 0; l < kBatch; ++l) {
      const float u = static_cast<float>(words.at[2 * pair][l]) * 0x1p-32f + 0x1p-33f;
      const float radius = std::sqrt(-2.0f * natural_log(u));
      float cosine, sine;
      cos_sin_turns(words.at[2 * pair + 1][l], cosine, sine);
      z[2 * pair][l] = radius * cosine;
      z[2 * pair + 1][l] = radius * sine;
    }
  for (int l = 0; l < kBatch; ++l)
    for (int j = 0; j < 4; ++j) out[4 * l + j] = z[j][l];
}

void uniforms_of_batch(const Words& words, float* out) {
  for (int l = 0; l < kBatch; ++l)
    for (int j = 0; j < 4; ++j) out[4 * l + j] = static_cast<float>(words.at[j][l] >> 8) * 0x1p-24f + 0x1p-25f;
}

template <class Transform>
void fill(const RandomArgs& args, const Transform& transform, float* out) {
  constexpr std::size_t kItems = 4 * kBatch;
  alignas(64) Words words;
  std::uint64_t block = args.first >> 2;
  std::size_t skip = static_cast<std::size_t>(args.first & 3u);
  for (std::size_t done = 0; done < args.count; block += kBatch, skip = 0) {
    philox_batch(args, block, words);
    const std::size_t left = args.count - done;
    const std::size_t take = left < kItems - skip ? left : kItems - skip;
    if (take == kItems) {
      transform(words, out + done);
    } else {
      float batch[kItems];
      transform(words, batch);
      std::memcpy(out + done, batch + skip, take * sizeof(float));
    }
    done += take;
  }
}

}  // namespace

void fill_normals(const RandomArgs& args, float* out) { fill(args, normals_of_batch, out); }
void fill_uniforms(const RandomArgs& args, float* out) { fill(args, uniforms_of_batch, out); }

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
