// SPDX-License-Identifier: BSD-3-Clause
//
// The sums of a few outputs × one panel of lanes, held in registers while rows go by. Shapes: kernel_table.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

/// One row of a packed panel.
struct PackedRows {
  const float* inputs;
  Vector at(int row, int v) const { return load(inputs + static_cast<std::ptrdiff_t>(row) * kLanes + v * kWidth); }
};

/// One row of inputs where it lies in a padded image.
struct DirectRows {
  const float* source;
  const std::ptrdiff_t* offsets;
  Vector at(int row, int v) const { return load_unaligned(source + offsets[row] + v * kWidth); }
};

/// The code of one conversion less the code of zero; `start` holds what does not depend on the output.
inline Vector converted(Vector sum, const Conversion& c, Vector start) {
  const Vector code =
      clamp(round_to_even(mul_add(sum, broadcast(c.current), start)), broadcast(0.0f), broadcast(c.last_code));
  return subtract(code, broadcast(c.zero_code));
}

/// The sums of `Tile` outputs × one panel, held in registers.
template <int Tile>
struct Sums {
  Vector at[Tile][kVectors];

  /// `stride`: distance between the weights of two rows.
  template <class Rows>
  void multiply(const float* weights, int stride, const Rows& inputs, int rows) {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) at[o][v] = broadcast(0.0f);
    for (int r = 0; r < rows; ++r, weights += stride) {
      Vector x[kVectors];
      for (int v = 0; v < kVectors; ++v) x[v] = inputs.at(r, v);
      for (int o = 0; o < Tile; ++o) {
        const Vector w = broadcast(weights[o]);
        for (int v = 0; v < kVectors; ++v) at[o][v] = mul_add(w, x[v], at[o][v]);
      }
    }
  }

  void add(const float* sums) {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) at[o][v] = IMPERFECT_ISA::add(load(sums + o * kLanes + v * kWidth), at[o][v]);
  }

  void add(const Sums& other) {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) at[o][v] = IMPERFECT_ISA::add(at[o][v], other.at[o][v]);
  }

  /// Each sum becomes what its conversion gives, without a current common to the lane.
  void convert(const Conversion& c) {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v)
        at[o][v] = multiply_by(converted(at[o][v], c, broadcast(c.start)), broadcast(c.gain));
  }

  void store_to(float* sums) const {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) store(sums + o * kLanes + v * kWidth, at[o][v]);
  }

  void finish(const FinishArgs& args, int first) {
    const Vector low = broadcast(args.low), high = broadcast(args.high);
    for (int o = 0; o < Tile; ++o) {
      const Vector scale = broadcast(args.scale[first + o]), shift = broadcast(args.shift[first + o]);
      for (int v = 0; v < kVectors; ++v) at[o][v] = clamp(mul_add(at[o][v], scale, shift), low, high);
    }
  }

  void convert_and_add(const Conversion& c, const float* lane_sums, float* sums) const {
    for (int v = 0; v < kVectors; ++v) {
      const Vector start = mul_add(load(lane_sums + v * kWidth), broadcast(c.lane_current), broadcast(c.start));
      for (int o = 0; o < Tile; ++o) {
        const Vector code = converted(at[o][v], c, start);
        float* const p = sums + o * kLanes + v * kWidth;
        store(p, mul_add(code, broadcast(c.gain), load(p)));
      }
    }
  }
};

/// Calls run<T>(first) for the parts of a tile that fit in the registers.
template <class Run>
void for_each_part(int tile, const Run& run) {
  switch (tile) {
    case 8:
      for (int first = 0; first < 8; first += kTileInRegisters) run(Sums<kTileInRegisters>(), first);
      return;
    case 4: return run(Sums<4>(), 0);
    case 2: return run(Sums<2>(), 0);
    default: return run(Sums<1>(), 0);
  }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
