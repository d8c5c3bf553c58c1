// SPDX-License-Identifier: BSD-3-Clause
//
// Elimination as a partial Cholesky factorisation: with Y = [E F; Fᵀ K] and E = UᵀU, X = U⁻ᵀF, what is left is K - XᵀX. Rows
// of [U X] are computed strip by strip. They lie in panels of kPanel columns, [panel][row][column], so that every product
// reads one row of a panel (vectors) and of a strip of columns (broadcast): one register tile serves all steps.
#include <cmath>

#include "kernels/ports.hpp"
#include "kernels/simd_doubles.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

// The tile of sums beside one row of a panel and one broadcast: 8×3 of 32 registers with AVX-512, 4×3 of 16 with AVX2, 4×2
// of 16 without fused multiply-add.
#if defined(__AVX512F__)
constexpr int kTileVectors = 3, kStrip = 8;
#elif defined(__FMA__)
constexpr int kTileVectors = 3, kStrip = 4;
#else
constexpr int kTileVectors = 2, kStrip = 4;
#endif
constexpr int kPanel = kTileVectors * kDoubles;
static_assert(kPanel % kStrip == 0 && kPanelPad % kPanel == 0 && kStripRows % kStrip == 0, "strips lie inside panels");

/// kStrip rows × one panel.
struct Tile {
  Doubles at[kStrip][kTileVectors];

  /// Σ_j strip[j][row] · panel[j][column], j in [0, depth).
  void multiply(const double* strip, const double* panel, int depth) {
    for (auto& row : at)
      for (Doubles& sum : row) sum = broadcast(0.0);
    for (int j = 0; j < depth; ++j, strip += kPanel, panel += kPanel) {
      Doubles x[kTileVectors];
      for (int v = 0; v < kTileVectors; ++v) x[v] = load(panel + v * kDoubles);
      for (int r = 0; r < kStrip; ++r) {
        const Doubles f = broadcast(strip[r]);
        for (int v = 0; v < kTileVectors; ++v) at[r][v] = Eigen::internal::pmadd(f, x[v], at[r][v]);
      }
    }
  }

  /// The tile becomes what is at `from` less the tile.
  void subtract_from(const double* from, std::ptrdiff_t stride) {
    for (int r = 0; r < kStrip; ++r)
      for (int v = 0; v < kTileVectors; ++v)
        at[r][v] = Eigen::internal::psub(load_unaligned(from + r * stride + v * kDoubles), at[r][v]);
  }

  void store_to(double* to, std::ptrdiff_t stride) const {
    for (int r = 0; r < kStrip; ++r)
      for (int v = 0; v < kTileVectors; ++v) store_unaligned(to + r * stride + v * kDoubles, at[r][v]);
  }

  /// Forward substitution with the strip's own triangle, rows kPanel apart, and its inverse diagonal.
  void solve(const double* triangle, const double* inverse) {
    for (int r = 0; r < kStrip; ++r)
      for (int v = 0; v < kTileVectors; ++v) {
        Doubles sum = broadcast(0.0);
        for (int q = 0; q < r; ++q) sum = Eigen::internal::pmadd(broadcast(triangle[q * kPanel + r]), at[q][v], sum);
        at[r][v] = Eigen::internal::pmul(Eigen::internal::psub(at[r][v], sum), broadcast(inverse[r]));
      }
  }
};

/// The matrix in panels, and how its columns are padded.
struct Panels {
  int rows;     ///< eliminated ports, padded
  int columns;  ///< all ports, padded
  int count;
  double* data;

  explicit Panels(const EliminateArgs& args)
      : rows((args.eliminated + kStripRows - 1) / kStripRows * kStripRows),
        columns(rows + args.kept),
        count((columns + kPanel - 1) / kPanel),
        data(args.panels) {}
  double* panel(int p) const { return data + std::ptrdiff_t{p} * rows * kPanel; }
  double* entry(int row, int column) const { return panel(column / kPanel) + row * kPanel + column % kPanel; }
};

double sum_of(const double* values, int count) {
  Doubles sums[2] = {broadcast(0.0), broadcast(0.0)};
  int i = 0;
  for (; i + 2 * kDoubles <= count; i += 2 * kDoubles)
    for (int v = 0; v < 2; ++v) sums[v] = Eigen::internal::padd(sums[v], load_unaligned(values + i + v * kDoubles));
  double sum = total(Eigen::internal::padd(sums[0], sums[1]));
  for (; i < count; ++i) sum += values[i];
  return sum;
}

/// Entries [first, first + count) of one row into columns from `column` on.
void place_row(const Panels& panels, int row, int column, const double* from, int count) {
  while (count > 0) {
    const int left = kPanel - column % kPanel, length = left < count ? left : count;
    double* const to = panels.entry(row, column);
    for (int i = 0; i < length; ++i) to[i] = from[i];
    from += length;
    column += length;
    count -= length;
  }
}

/// Rows to be eliminated into panels, diagonals from the sums of the rows. Padding: ports of their own, connected to nothing.
void pack(const EliminateArgs& args, const Panels& panels) {
  const int e = args.eliminated;
  for (int p = 0; p < panels.count; ++p) {
    // What rows do not overwrite: the left of diagonals, columns beyond the last, rows beyond the last.
    const int first = p * kPanel < panels.rows || p + 1 == panels.count ? 0 : e;
    for (int i = first * kPanel; i < panels.rows * kPanel; ++i) panels.panel(p)[i] = 0.0;
  }
  for (int i = 0; i < e; ++i) {
    const double* const row = args.matrix + i * args.stride;
    place_row(panels, i, i + 1, row + i + 1, e - i - 1);
    place_row(panels, i, panels.rows, row + e, args.kept);
    double diagonal = -sum_of(row + i + 1, e + args.kept - i - 1);
    for (int j = 0; j < i; ++j) diagonal -= args.matrix[j * args.stride + i];
    *panels.entry(i, i) = diagonal;
  }
  for (int i = e; i < panels.rows; ++i) *panels.entry(i, i) = 1.0;
}

/// The strip's own square, rows kPanel apart, becomes its Cholesky factor U.
void factor_square(double* square, double* inverse) {
  for (int r = 0; r < kStrip; ++r) {
    double* const row = square + r * kPanel;
    const double pivot = std::sqrt(row[r]);
    inverse[r] = 1.0 / pivot;
    for (int c = r; c < kStrip; ++c) row[c] *= inverse[r];
    for (int q = r + 1; q < kStrip; ++q)
      for (int c = q; c < kStrip; ++c) square[q * kPanel + c] -= row[q] * row[c];
  }
}

void factor_strip(const Panels& panels, int start) {
  const int first = start / kPanel, column = start % kPanel;
  const double* const strip = panels.panel(first) + column;
  alignas(64) double square[kStrip * kPanel];
  double inverse[kStrip];
  for (int p = first; p < panels.count; ++p) {
    double* const to = panels.panel(p) + start * kPanel;
    Tile tile;
    tile.multiply(strip, panels.panel(p), start);
    tile.subtract_from(to, kPanel);
    if (p == first) {
      tile.store_to(square, kPanel);
      factor_square(square + column, inverse);
    }
    tile.solve(square + column, inverse);
    tile.store_to(to, kPanel);
  }
}

/// One tile of K - XᵀX: kept rows from `row` on, one panel of columns.
void update_tile(const EliminateArgs& args, const Panels& panels, int row, int p) {
  const int strip = panels.rows + row;
  Tile tile;
  tile.multiply(panels.panel(strip / kPanel) + strip % kPanel, panels.panel(p), panels.rows);
  const int column = p * kPanel - panels.rows;
  double* const kept = args.matrix + args.eliminated * args.stride + args.eliminated;
  if (column >= 0 && column + kPanel <= args.kept && row + kStrip <= args.kept) {
    tile.subtract_from(kept + row * args.stride + column, args.stride);
    tile.store_to(kept + row * args.stride + column, args.stride);
    return;
  }
  alignas(64) double sums[kStrip * kPanel];
  tile.store_to(sums, kPanel);
  for (int r = 0; r < kStrip && row + r < args.kept; ++r)
    for (int c = column < 0 ? -column : 0; c < kPanel && column + c < args.kept; ++c)
      kept[(row + r) * args.stride + column + c] -= sums[r * kPanel + c];
}

}  // namespace

void eliminate(const EliminateArgs& args) {
  const Panels panels(args);
  pack(args, panels);
  const double columns = static_cast<double>(panels.count) * kPanel;
  for (int start = 0; start < panels.rows; start += kStrip) {
    if (args.check != nullptr) args.check(columns * start * kStrip);
    factor_strip(panels, start);
  }
  for (int p = (panels.rows + args.wanted_from) / kPanel; p < panels.count; ++p) {
    if (args.check != nullptr) args.check(static_cast<double>(panels.rows) * args.wanted_rows * kPanel);
    for (int row = 0; row < args.wanted_rows && (panels.rows + row) / kPanel <= p; row += kStrip)
      update_tile(args, panels, row, p);
  }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
