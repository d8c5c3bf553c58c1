// SPDX-License-Identifier: BSD-3-Clause
//
// Draws of read noise, one for each conversion: output o of a lane takes word o mod 4 of
// philox(counter = (sample of the lane, o div 4, code of the conversion), key), by the transform of draws.hpp.
#include "kernels/read_noise.hpp"

#include "kernels/draws.hpp"
#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kStep = 2 * kWideLanes;  // lanes drawn at a time

/// The four words of kStep lanes for one block of four outputs.
struct Words {
  std::uint32_t at[4][kStep];
};

/// Draws `Blocks` consecutive blocks of four outputs.
template <int Blocks>
void draw_words(const ReadArgs& args, const std::uint64_t* samples, std::uint32_t block, Words* words) {
  PhiloxState<2 * Blocks> state;
  for (int b = 0; b < Blocks; ++b) {
    wide_load_pairs(samples, state.c0[2 * b], state.c0[2 * b + 1]);
    for (int chain = 2 * b; chain < 2 * b + 2; ++chain) {
      state.c1[chain] = wide_upper(state.c0[chain]);
      state.c2[chain] = wide_set(block + static_cast<std::uint32_t>(b));
      state.c3[chain] = wide_set(args.code);
    }
  }
  state.draw(args.key[0], args.key[1]);
  for (int b = 0; b < Blocks; ++b) state.store(2 * b, words[b].at[0], kStep);
}

/// Normals of one block; rows outside [0, outputs) are not wanted.
void transform_block(const Words& words, int first_row, int outputs, int lanes, float* z) {
  alignas(64) float unwanted[kStep];
  for (int pair = 0; pair < 4; pair += 2) {
    const int row = first_row + pair;
    float* const even = row >= 0 && row < outputs ? z + std::ptrdiff_t{row} * lanes : unwanted;
    float* const odd = row + 1 >= 0 && row + 1 < outputs ? z + std::ptrdiff_t{row + 1} * lanes : unwanted;
    if (even == odd) continue;
    for (int l = 0; l < kStep; ++l) {
      float first, second;
      normal_pair(words.at[pair][l], words.at[pair + 1][l], first, second);
      even[l] = first;
      odd[l] = second;
    }
  }
}

}  // namespace

void draw_read_normals(const ReadArgs& args, float* z) {
  const std::uint32_t first_block = args.first_output >> 2;
  const int blocks =
      static_cast<int>(((args.first_output + static_cast<std::uint32_t>(args.outputs) + 3) >> 2) - first_block);
  const int first_row = -static_cast<int>(args.first_output & 3u);
  for (int lane = 0; lane < args.lanes; lane += kStep)
    for (int b = 0; b < blocks; b += 2) {
      alignas(64) Words words[2];
      const int count = blocks - b < 2 ? 1 : 2;
      (count == 2 ? draw_words<2> : draw_words<1>)(args, args.samples + lane, first_block + static_cast<std::uint32_t>(b),
                                                   words);
      for (int i = 0; i < count; ++i) transform_block(words[i], first_row + 4 * (b + i), args.outputs, args.lanes, z + lane);
    }
}

void add_squares(const float* values, std::size_t count, float weight, float* sums) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += weight * values[i] * values[i];
}

void add_noise(const NoiseArgs& args, float* sums) {
  for (std::size_t i = 0; i < args.count; ++i) sums[i] += std::sqrt(args.variances[i]) * args.normals[i];
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
