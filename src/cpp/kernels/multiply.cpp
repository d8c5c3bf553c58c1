// SPDX-License-Identifier: BSD-3-Clause
//
// Register-tiled products: Σ_r weights[r][o] inputs[r][l], plain, with double sums, straight from padded images, and with
// every row block converted (ADC) and weighted in registers, so that no analog sum ever goes to memory. Shapes:
// kernel_table.hpp.
#include "kernels/multiply.hpp"

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

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

template <int Tile>
void multiply_part(const MultiplyArgs& args, Sums<Tile> sums, int first) {
  float* const out = args.sums + first * kLanes;
  sums.multiply(args.weights + first, args.stride, PackedRows{args.inputs}, args.rows);
  if (args.accumulate) sums.add(out);
  if (args.finish != nullptr) sums.finish(*args.finish, first);
  for (int o = 0; o < Tile; ++o)
    for (int v = 0; v < kVectors; ++v) store(out + o * kLanes + v * kWidth, sums.at[o][v]);
}

/// All planes of one panel straight from a padded image, converted unless there are no conversions.
template <int Tile>
void multiply_planes(const DirectArgs& args, const float* weights, const DirectRows& inputs, Sums<Tile>& sums) {
  sums.multiply(weights, args.tile, inputs, args.rows);
  if (args.conversions == nullptr) return;
  sums.convert(args.conversions[0]);
  for (int plane = 1; plane < args.planes; ++plane) {
    Sums<Tile> next;
    next.multiply(weights + std::ptrdiff_t{plane} * args.rows * args.tile, args.tile, inputs, args.rows);
    next.convert(args.conversions[plane]);
    sums.add(next);
  }
}

template <int Tile>
void direct_part(const DirectArgs& args, Sums<Tile> sums, int first) {
  for (int g = 0; g < args.groups; ++g) {
    const float* const weights = args.weights + std::ptrdiff_t{g} * args.planes * args.rows * args.tile + first;
    const float* const source = args.source + g * args.source_group;
    float* const out = args.out + g * args.out_group + first * args.out_output;
    for (int lane = 0; lane < args.lanes; lane += kLanes) {
      multiply_planes(args, weights, DirectRows{source + lane, args.row_offsets}, sums);
      sums.finish(args.finish, g * args.finish_group + first);
      for (int o = 0; o < Tile; ++o)
        for (int v = 0; v < kVectors; ++v) store_unaligned(out + o * args.out_output + lane + v * kWidth, sums.at[o][v]);
    }
  }
}

template <int Tile>
void convert_part(const ConvertArgs& args, Sums<Tile> sums, int first) {
  const std::ptrdiff_t rows = args.rows;
  for (int plane = 0; plane < args.planes; ++plane)
    for (int cycle = 0; cycle < args.cycles; ++cycle) {
      sums.multiply(args.weights + plane * rows * args.tile + first, args.tile,
                    PackedRows{args.inputs + cycle * rows * kLanes}, args.rows);
      sums.convert_and_add(args.conversions[plane * args.cycles + cycle], args.lane_sums + cycle * kLanes,
                           args.sums + first * kLanes);
    }
}

}  // namespace

void multiply(const MultiplyArgs& args) {
  for_each_part(args.tile, [&](auto sums, int first) { multiply_part(args, sums, first); });
}

void multiply_direct(const DirectArgs& args) {
  for_each_part(args.tile, [&](auto sums, int first) { direct_part(args, sums, first); });
}

void multiply_convert(const ConvertArgs& args) {
  for_each_part(args.tile, [&](auto sums, int first) { convert_part(args, sums, first); });
}

void multiply_exact(const MultiplyArgs& args, double* sums) {
  for (int r = 0; r < args.rows; ++r)
    for (int o = 0; o < args.tile; ++o) {
      const double w = args.weights[std::ptrdiff_t{r} * args.stride + o];
      const float* const x = args.inputs + static_cast<std::ptrdiff_t>(r) * kLanes;
      for (int l = 0; l < kLanes; ++l) sums[o * kLanes + l] += w * x[l];
    }
}

void finish(const FinishArgs& args, int lanes, float* sums) {
  const Vector low = broadcast(args.low), high = broadcast(args.high);
  for (int o = 0; o < args.outputs; ++o) {
    const Vector scale = broadcast(args.scale[o]), shift = broadcast(args.shift[o]);
    for (int lane = 0; lane < lanes; lane += kWidth) {
      float* const p = sums + std::ptrdiff_t{o} * lanes + lane;
      store(p, clamp(mul_add(load(p), scale, shift), low, high));
    }
  }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
