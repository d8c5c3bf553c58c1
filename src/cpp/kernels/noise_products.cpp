// SPDX-License-Identifier: BSD-3-Clause
//
// Normal draws of one plane become its noise currents: z_t sqrt(Σ_r σ_r² u_rt²) where each cycle is drawn afresh. Where a
// cell's draw is the same in all cycles, their currents have the covariance C_ts = Σ_r σ_r² u_rt u_rs, and L z has it too,
// with L L' = C by Cholesky's method; a cycle that adds nothing to those before it has a zero pivot and a zero column.
#include <algorithm>
#include <cmath>

#include "kernels/read_noise.hpp"
#include "kernels/register_tile.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kMaxCycles = 16;
// Why: C of a few rows is singular, and near it when their σ differ. A pivot is then a small difference of large sums, so
// these are kept in double precision, and what rounding leaves of an exact zero stays far below this part of the variance.
constexpr double kZeroPivot = 1e-6;

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

/// Where element (i, j ≤ i) of a lower triangle stands, as a row of lanes.
constexpr int triangle(int i, int j) { return i * (i + 1) / 2 + j; }

struct Covariances {
  alignas(64) double values[triangle(kMaxCycles, 0)][kLanes];

  double* at(int i, int j) { return values[triangle(i, j)]; }
};

/// sums[lane] += Σ_r variances[r·stride] a[r][lane] b[r][lane].
void add_products(const float* variances, int stride, const float* a, const float* b, int rows, double* sums) {
  for (int r = 0; r < rows; ++r) {
    const double variance = variances[std::ptrdiff_t{r} * stride];
    const std::ptrdiff_t row = std::ptrdiff_t{r} * kLanes;
    for (int l = 0; l < kLanes; ++l) sums[l] += variance * (double{a[row + l]} * double{b[row + l]});
  }
}

/// The lower triangle of C for one output.
void find_covariances(const ShapeNoiseArgs& args, int output, Covariances& c) {
  const std::ptrdiff_t panel = std::ptrdiff_t{args.rows} * kLanes;
  for (int t = 0; t < args.cycles; ++t)
    for (int s = 0; s <= t; ++s) {
      std::fill_n(c.at(t, s), kLanes, 0.0);
      add_products(args.shared + output, args.tile, args.digits + t * panel, args.digits + s * panel, args.rows, c.at(t, s));
    }
  if (args.fresh == nullptr) return;
  for (int t = 0; t < args.cycles; ++t)
    for (int r = 0; r < args.rows; ++r) {
      const double variance = args.fresh[std::ptrdiff_t{r} * args.tile + output];
      const float* const squares = args.squares + t * panel + std::ptrdiff_t{r} * kLanes;
      for (int l = 0; l < kLanes; ++l) c.at(t, t)[l] += variance * double{squares[l]};
    }
}

/// Column j of L, in place of the lower triangle of C.
void eliminate_column(Covariances& c, int cycles, int j) {
  double inverse[kLanes];
  double* const diagonal = c.at(j, j);
  for (int l = 0; l < kLanes; ++l) {
    double rest = diagonal[l];
    for (int k = 0; k < j; ++k) rest -= c.at(j, k)[l] * c.at(j, k)[l];
    const bool is_zero = rest <= kZeroPivot * diagonal[l];
    diagonal[l] = is_zero ? 0.0 : std::sqrt(rest);
    inverse[l] = is_zero ? 0.0 : 1.0 / diagonal[l];
  }
  for (int i = j + 1; i < cycles; ++i) {
    double* const element = c.at(i, j);
    for (int k = 0; k < j; ++k)
      for (int l = 0; l < kLanes; ++l) element[l] -= c.at(i, k)[l] * c.at(j, k)[l];
    for (int l = 0; l < kLanes; ++l) element[l] *= inverse[l];
  }
}

/// L z in place of the draws z of one output; z's cycles stand `step` apart.
void correlate(Covariances& lower, int cycles, float* z, std::ptrdiff_t step) {
  for (int i = cycles - 1; i >= 0; --i) {
    double sums[kLanes] = {};
    for (int k = 0; k <= i; ++k)
      for (int l = 0; l < kLanes; ++l) sums[l] += lower.at(i, k)[l] * double{z[k * step + l]};
    for (int l = 0; l < kLanes; ++l) z[i * step + l] = static_cast<float>(sums[l]);
  }
}

void scale_shared(const ShapeNoiseArgs& args) {
  Covariances c;
  for (int o = 0; o < args.tile; ++o) {
    find_covariances(args, o, c);
    for (int j = 0; j < args.cycles; ++j) eliminate_column(c, args.cycles, j);
    correlate(c, args.cycles, args.noise + std::ptrdiff_t{o} * kLanes, std::ptrdiff_t{args.tile} * kLanes);
  }
}

}  // namespace

void shape_noise(const ShapeNoiseArgs& args) {
  if (args.shared != nullptr) return scale_shared(args);
  for_each_part(args.tile, [&](auto sums, int first) { scale_fresh(args, sums, first); });
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
