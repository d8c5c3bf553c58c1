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

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kBatch = 16;  // counters worked on side by side; the compiler turns each loop over them into vectors

/// Words [j][l]: word j of counter number l.
struct Words {
  std::uint32_t at[4][kBatch];
};

void philox_batch(const RandomArgs& args, std::uint64_t first_block, Words& words) {
  std::uint32_t c0[kBatch], c1[kBatch], c2[kBatch], c3[kBatch];
  for (int l = 0; l < kBatch; ++l) {
    const std::uint64_t block = first_block + static_cast<std::uint64_t>(l);
    c0[l] = static_cast<std::uint32_t>(block);
    c1[l] = static_cast<std::uint32_t>(block >> 32);
    c2[l] = args.write;
    c3[l] = args.slot;
  }
  std::uint32_t k0 = args.key[0], k1 = args.key[1];
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
    for (int l = 0; l < kBatch; ++l) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0[l];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2[l];
      c0[l] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[l] ^ k0;
      c1[l] = static_cast<std::uint32_t>(p1);
      c2[l] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[l] ^ k1;
      c3[l] = static_cast<std::uint32_t>(p0);
    }
  for (int l = 0; l < kBatch; ++l) {
    words.at[0][l] = c0[l];
    words.at[1][l] = c1[l];
    words.at[2][l] = c2[l];
    words.at[3][l] = c3[l];
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
  cosine = (quarter == 1u || quarter == 2u) ? -x : x;
  sine = quarter >= 2u && quarter <= 3u ? -y : y;
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
  Words words;
  float batch[kItems];
  std::uint64_t block = args.first >> 2;
  std::size_t skip = static_cast<std::size_t>(args.first & 3u);
  for (std::size_t done = 0; done < args.count; block += kBatch, skip = 0) {
    philox_batch(args, block, words);
    const std::size_t left = args.count - done;
    const std::size_t take = left < kItems - skip ? left : kItems - skip;
    transform(words, batch);
    std::memcpy(out + done, batch + skip, take * sizeof(float));
    done += take;
  }
}

}  // namespace

void fill_normals(const RandomArgs& args, float* out) { fill(args, normals_of_batch, out); }
void fill_uniforms(const RandomArgs& args, float* out) { fill(args, uniforms_of_batch, out); }

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
