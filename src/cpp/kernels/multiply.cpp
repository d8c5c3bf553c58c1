// SPDX-License-Identifier: BSD-3-Clause
//
// Register-tiled products: sums[o][l] += Σ_r weights[r][o] inputs[r][l], plain, with double sums, and with every row block
// converted (ADC) and weighted in registers, so that no analog sum ever goes to memory. Shapes: kernel_table.hpp.
#include "kernels/multiply.hpp"

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

/// The sums of `Tile` outputs × one panel, held in registers.
template <int Tile>
struct Sums {
  Vector at[Tile][kVectors];

  void multiply(const float* weights, int stride, const float* inputs, int rows) {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) at[o][v] = broadcast(0.0f);
    for (int r = 0; r < rows; ++r, weights += stride, inputs += kLanes) {
      Vector x[kVectors];
      for (int v = 0; v < kVectors; ++v) x[v] = load(inputs + v * kWidth);
      for (int o = 0; o < Tile; ++o) {
        const Vector w = broadcast(weights[o]);
        for (int v = 0; v < kVectors; ++v) at[o][v] = mul_add(w, x[v], at[o][v]);
      }
    }
  }

  void add_to(float* sums) const {
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) {
        float* const p = sums + o * kLanes + v * kWidth;
        store(p, add(load(p), at[o][v]));
      }
  }

  void convert_and_add(const Conversion& c, const float* lane_sums, float* sums) const {
    for (int v = 0; v < kVectors; ++v) {
      const Vector start = mul_add(load(lane_sums + v * kWidth), broadcast(c.lane_current), broadcast(c.start));
      for (int o = 0; o < Tile; ++o) {
        Vector code = mul_add(at[o][v], broadcast(c.current), start);
        code = clamp(round_to_even(code), broadcast(0.0f), broadcast(c.last_code));
        code = subtract(code, broadcast(c.zero_code));
        float* const p = sums + o * kLanes + v * kWidth;
        store(p, mul_add(code, broadcast(c.gain), load(p)));
      }
    }
  }
};

template <int Tile>
void multiply_add_tile(const MultiplyArgs& args, int first) {
  Sums<Tile> sums;
  sums.multiply(args.weights + first, args.tile, args.inputs, args.rows);
  sums.add_to(args.sums + first * kLanes);
}

template <int Tile>
void multiply_convert_tile(const ConvertArgs& args, int first) {
  Sums<Tile> sums;
  const std::ptrdiff_t rows = args.rows;
  for (int plane = 0; plane < args.planes; ++plane)
    for (int cycle = 0; cycle < args.cycles; ++cycle) {
      sums.multiply(args.weights + plane * rows * args.tile + first, args.tile, args.inputs + cycle * rows * kLanes,
                    args.rows);
      sums.convert_and_add(args.conversions[plane * args.cycles + cycle], args.lane_sums + cycle * kLanes,
                           args.sums + first * kLanes);
    }
}

}  // namespace

void multiply_add(const MultiplyArgs& args) {
  switch (args.tile) {
    case 8:
      for (int first = 0; first < 8; first += kTileInRegisters) multiply_add_tile<kTileInRegisters>(args, first);
      return;
    case 4: return multiply_add_tile<4>(args, 0);
    case 2: return multiply_add_tile<2>(args, 0);
    default: return multiply_add_tile<1>(args, 0);
  }
}

void multiply_add_exact(const MultiplyArgs& args, double* sums) {
  for (int r = 0; r < args.rows; ++r)
    for (int o = 0; o < args.tile; ++o) {
      const double w = args.weights[r * args.tile + o];
      const float* const x = args.inputs + static_cast<std::ptrdiff_t>(r) * kLanes;
      for (int l = 0; l < kLanes; ++l) sums[o * kLanes + l] += w * x[l];
    }
}

void multiply_convert(const ConvertArgs& args) {
  switch (args.tile) {
    case 8:
      for (int first = 0; first < 8; first += kTileInRegisters) multiply_convert_tile<kTileInRegisters>(args, first);
      return;
    case 4: return multiply_convert_tile<4>(args, 0);
    case 2: return multiply_convert_tile<2>(args, 0);
    default: return multiply_convert_tile<1>(args, 0);
  }
}

void finish(const FinishArgs& args) {
  const Vector low = broadcast(args.low), high = broadcast(args.high);
  for (int o = 0; o < args.outputs; ++o) {
    const Vector scale = broadcast(args.scale[o]), shift = broadcast(args.shift[o]);
    for (int v = 0; v < kVectors; ++v) {
      float* const p = args.sums + static_cast<std::ptrdiff_t>(o) * kLanes + v * kWidth;
      store(p, clamp(mul_add(load(p), scale, shift), low, high));
    }
  }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
