// SPDX-License-Identifier: BSD-3-Clause
//
// Register-tiled products: Σ_r weights[r][o] inputs[r][l], plain, with double sums, straight from padded images, and with
// every row block converted (ADC) and weighted in registers, so that no analog sum ever goes to memory. Shapes:
// kernel_table.hpp.
#include "kernels/multiply.hpp"

#include "kernels/register_tile.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

template <int Tile>
void multiply_part(const MultiplyArgs& args, Sums<Tile> sums, int first) {
  float* const out = args.sums + first * kLanes;
  sums.multiply(args.weights + first, args.stride, PackedRows{args.inputs}, args.rows);
  if (args.accumulate) sums.add(out);
  if (args.finish != nullptr) sums.finish(*args.finish, first);
  sums.store_to(out);
}

/// All planes and drives of one panel straight from padded images, converted unless there are no conversions.
template <int Tile>
void multiply_planes(const DirectArgs& args, const float* weights, const float* source, Sums<Tile>& sums) {
  if (args.conversions == nullptr) return sums.multiply(weights, args.tile, DirectRows{source, args.row_offsets}, args.rows);
  const Conversion* conversion = args.conversions;
  for (int plane = 0; plane < args.planes; ++plane, weights += std::ptrdiff_t{args.rows} * args.tile)
    for (int drive = 0; drive < args.drives; ++drive, ++conversion) {
      Sums<Tile> next;
      next.multiply(weights, args.tile, DirectRows{source + drive * args.source_drive, args.row_offsets}, args.rows);
      next.convert(*conversion);
      if (conversion == args.conversions) {
        sums = next;
      } else {
        sums.add(next);
      }
    }
}

template <int Tile>
void direct_part(const DirectArgs& args, Sums<Tile> sums, int first) {
  for (int g = 0; g < args.groups; ++g) {
    const float* const weights = args.weights + std::ptrdiff_t{g} * args.planes * args.rows * args.tile + first;
    const float* const source = args.source + g * args.source_group;
    float* const out = args.out + g * args.out_group + first * args.out_output;
    for (int lane = 0; lane < args.lanes; lane += kLanes) {
      multiply_planes(args, weights, source + lane, sums);
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
      if (args.noise != nullptr)
        sums.add(args.noise + (std::ptrdiff_t{plane} * args.cycles + cycle) * args.tile * kLanes + first * kLanes);
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
