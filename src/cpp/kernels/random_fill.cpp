// SPDX-License-Identifier: BSD-3-Clause
//
// Keyed draws in bulk. Item i takes word i mod 4 of philox(counter = (i div 4, write, slot), key):
//   uniform  u = floor(word/2^8) 2^-24 + 2^-25
//   normal   words 0 and 1, or 2 and 3, by the transform of draws.hpp
#include "kernels/random_fill.hpp"

#include <cstring>

#include "kernels/draws.hpp"

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

void philox_batch(const RandomArgs& args, std::uint64_t first_block, Words& words) {
  for (int first = 0; first < kBatch; first += kChains * kWideLanes) {
    PhiloxState<kChains> state;
    for (int chain = 0; chain < kChains; ++chain) {
      const Wide blocks = wide_count(first_block + static_cast<std::uint64_t>(first + wide_first(chain)));
      state.c0[chain] = blocks;
      state.c1[chain] = wide_upper(blocks);
      state.c2[chain] = wide_set(args.write);
      state.c3[chain] = wide_set(args.slot);
    }
    state.draw(args.key[0], args.key[1]);
    for (int chain = 0; chain < kChains; chain += 2) state.store(chain, words.at[0] + first + chain * kWideLanes, kBatch);
  }
}

void normals_of_batch(const Words& words, float* out) {
  float z[4][kBatch];
  for (int pair = 0; pair < 2; ++pair)
    for (int l = 0; l < kBatch; ++l)
      normal_pair(words.at[2 * pair][l], words.at[2 * pair + 1][l], z[2 * pair][l], z[2 * pair + 1][l]);
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
