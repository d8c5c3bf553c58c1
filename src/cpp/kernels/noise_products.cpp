// SPDX-License-Identifier: BSD-3-Clause
//
// Normal draws of one plane become its noise currents: z_t sqrt(Σ_r σ_r² u_rt²) where each cycle is drawn afresh. Where a
// cell's draw is the same in all cycles, their currents have the covariance C_ts = Σ_r σ_r² u_rt u_rs, and L z has it too,
// with L L' = C by Cholesky's method; a cycle that adds nothing to those before it has a zero pivot and a zero column.
#include <cmath>

#include "kernels/read_noise.hpp"
#include "kernels/register_tile.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kMaxCycles = 16;
constexpr float kZeroPivot = 1e-6f;  // relative to the variance: what rounding leaves of an exact zero

template <int Tile>
void scale_fresh(const ShapeNoiseArgs& args, Sums<Tile> sums, int first) {
  const std::ptrdiff_t panel = std::ptrdiff_t{args.rows} * kLanes;
  for (int t = 0; t < args.cycles; ++t) {
    float* const z = args.noise + (std::ptrdiff_t{t} * args.tile + first) * kLanes;
    sums.multiply(args.fresh + first, args.tile, PackedRows{args.squares + t * panel}, args.rows);
    for (int o = 0; o < Tile; ++o)
      for (int v = 0; v < kVectors; ++v) {
        float* const p = z + o * kLanes + v * kWidth;
        store(p, multiply_by(square_root(sums.at[o][v]), load(p)));
      }
  }
}

/// Where element (i, j ≤ i) of a lower triangle stands.
constexpr std::ptrdiff_t triangle(int i, int j) { return std::ptrdiff_t{i} * (i + 1) / 2 + j; }

/// covariances[(t, s ≤ t)][o][lane].
template <int Tile>
void find_covariances(const ShapeNoiseArgs& args, Sums<Tile> sums, int first, float* covariances) {
  const std::ptrdiff_t panel = std::ptrdiff_t{args.rows} * kLanes;
  for (int t = 0; t < args.cycles; ++t)
    for (int s = 0; s <= t; ++s) {
      float* const to = covariances + triangle(t, s) * Tile * kLanes;
      sums.multiply(args.shared + first, args.tile, PairRows{args.digits + t * panel, args.digits + s * panel}, args.rows);
      sums.store_to(to);
      if (t != s || args.fresh == nullptr) continue;
      sums.multiply(args.fresh + first, args.tile, PackedRows{args.squares + t * panel}, args.rows);
      sums.add(to);
      sums.store_to(to);
    }
}

/// Column j of L for one output, in place of the lower triangle; at(i, j) is where the lanes of an element begin.
template <class At>
void eliminate_column(const At& at, int cycles, int j) {
  float inverse[kLanes];
  float* const diagonal = at(j, j);
  for (int l = 0; l < kLanes; ++l) {
    float rest = diagonal[l];
    for (int k = 0; k < j; ++k) rest -= at(j, k)[l] * at(j, k)[l];
    const bool is_zero = rest <= kZeroPivot * diagonal[l];
    diagonal[l] = is_zero ? 0.0f : std::sqrt(rest);
    inverse[l] = is_zero ? 0.0f : 1.0f / diagonal[l];
  }
  for (int i = j + 1; i < cycles; ++i)
    for (int l = 0; l < kLanes; ++l) {
      float rest = at(i, j)[l];
      for (int k = 0; k < j; ++k) rest -= at(i, k)[l] * at(j, k)[l];
      at(i, j)[l] = rest * inverse[l];
    }
}

template <int Tile>
void scale_shared(const ShapeNoiseArgs& args, Sums<Tile> sums, int first) {
  alignas(64) float covariances[triangle(kMaxCycles, 0) * Tile * kLanes];
  find_covariances(args, sums, first, covariances);
  for (int o = 0; o < Tile; ++o) {
    const auto at = [&](int i, int j) { return covariances + (triangle(i, j) * Tile + o) * kLanes; };
    for (int j = 0; j < args.cycles; ++j) eliminate_column(at, args.cycles, j);
    for (int i = args.cycles - 1; i >= 0; --i) {
      float* const noise = args.noise + (std::ptrdiff_t{i} * args.tile + first + o) * kLanes;
      for (int l = 0; l < kLanes; ++l) {
        float sum = 0.0f;
        for (int k = 0; k <= i; ++k)
          sum += at(i, k)[l] * args.noise[(std::ptrdiff_t{k} * args.tile + first + o) * kLanes + l];
        noise[l] = sum;
      }
    }
  }
}

}  // namespace

void shape_noise(const ShapeNoiseArgs& args) {
  for_each_part(args.tile, [&](auto sums, int first) {
    if (args.shared == nullptr) {
      scale_fresh(args, sums, first);
    } else {
      scale_shared(args, sums, first);
    }
  });
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
