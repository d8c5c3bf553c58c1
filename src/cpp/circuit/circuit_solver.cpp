// SPDX-License-Identifier: BSD-3-Clause
//
// Rounds of: solve all word lines, see how far the cells' currents are from those assumed, and reduce the difference by
// conjugate gradients. Linear cells need one reduction, curved ones a few. Differences r are measured by rᵀMr, M the inverse
// of the bit lines' matrices, against the power lost in the bit lines' wires.
#include "circuit/circuit_solver.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.hpp"
#include "base/interrupt.hpp"

namespace imperfect {
namespace {

// Squares of relative differences. The last reduction aims lower than what is asked for, so that one round mostly does.
constexpr double kTolerance = 1e-24;
constexpr double kAim = 1e-26;
constexpr double kCurvedAim = 1e-8;  ///< of one round with curved cells, whose slopes are those of the round's start
constexpr double kNothing = 1e-280;  ///< watt
constexpr int kMaxSteps = 5000, kMaxRounds = 80;

constexpr std::size_t kLanes = kCircuitLanes;

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// Copies [row][column] to an array with drivers at the left and ground at the bottom.
template <class Place>
void copy(const double* from, std::size_t size, AlignedBuffer<double>& to, const Place& place) {
  double* const all = to.reserve(size);
  for (std::size_t i = 0; i < size; ++i) all[place(i)] = from == nullptr ? 0.0 : from[i];
}

}  // namespace

/// One solution on its way.
struct CircuitSolver::Search {
  CircuitArgs args;
  double* currents;
  double* power;
  int steps = 0;
  bool is_done[kCircuitLanes] = {};
  CircuitLanes energy, product;

  bool all_done() const {
    return std::all_of(is_done, is_done + kCircuitLanes, [](bool done) { return done; });
  }
};

CircuitSolver::CircuitSolver(const CircuitKernels& kernels, int rows, int columns, const double* g, const CellCurve& curve,
                             const Wires& wires, bool is_gated)
    : kernels_(kernels), rows_(rows), columns_(columns), wires_(wires), is_gated_(is_gated), number_(next_number()) {
  const auto m = static_cast<std::size_t>(rows), n = static_cast<std::size_t>(columns), size = m * n;
  const auto place = [&](std::size_t i) {
    return static_cast<std::size_t>(row_at(static_cast<int>(i / n))) * n +
           static_cast<std::size_t>(column_at(static_cast<int>(i % n)));
  };
  copy(g, size, g_, place);
  const auto is_zero = [](double a) { return a == 0.0; };
  const bool has_squares = !std::all_of(curve.a2.begin(), curve.a2.end(), is_zero);
  is_curved_ = has_squares || !std::all_of(curve.a3.begin(), curve.a3.end(), is_zero);
  if (is_curved_) {
    may_fall_ = has_squares || std::any_of(curve.a3.begin(), curve.a3.end(), [](double a) { return a < 0.0; });
    copy(curve.a2.data, size, a2_, place);
    copy(curve.a3.data, size, a3_, place);
    return;
  }
  double* const steps = steps_.reserve(size);
  for (std::size_t i = 0; i < m; ++i) {
    double seen = 0.0;
    for (std::size_t j = n; j-- > 0;) {
      const double all = g_.data()[i * n + j] + seen, r = wires.r_row + (j == 0 ? wires.r_driver : 0.0);
      steps[i * n + j] = 1.0 / (1.0 + r * all);
      seen = all * steps[i * n + j];
    }
  }
}

/// Where a word line lies if bit lines end at the bottom; its own inverse.
int CircuitSolver::row_at(int line) const {
  const bool from_below = wires_.corner == Corner::kLeftTop || wires_.corner == Corner::kRightTop;
  return from_below ? rows_ - 1 - line : line;
}

int CircuitSolver::column_at(int line) const {
  const bool from_right = wires_.corner == Corner::kRightBottom || wires_.corner == Corner::kRightTop;
  return from_right ? columns_ - 1 - line : line;
}

CircuitArgs CircuitSolver::lay_out(CircuitScratch& scratch) const {
  const auto m = static_cast<std::size_t>(rows_), n = static_cast<std::size_t>(columns_);
  const std::size_t all = m * n * kLanes, arrays = is_curved_ ? 10 : 7;
  double* next = scratch.numbers_.reserve(arrays * all + (2 * m + 3 * n) * kLanes);
  const auto take = [&](std::size_t size) { return std::exchange(next, next + size); };
  CircuitArgs args{};
  args.rows = rows_;
  args.columns = columns_;
  args.first_row = wires_.r_row + wires_.r_driver;
  args.next_row = wires_.r_row;
  args.next_column = wires_.r_col;
  args.last_column = wires_.r_col + wires_.r_sense;
  args.g = g_.data();
  args.a2 = a2_.data();
  args.a3 = a3_.data();
  for (double** array :
       {&args.injected, &args.residual, &args.work, &args.direction, &args.along, &args.change, &args.bit_steps})
    *array = take(all);
  args.word_steps = is_curved_ ? take(all) : const_cast<double*>(steps_.data());
  args.slopes = is_curved_ ? take(all) : nullptr;
  args.drops = is_curved_ ? take(all) : nullptr;
  for (double** array : {&args.line, &args.stack, &args.currents}) *array = take(n * kLanes);
  args.voltages = take(m * kLanes);
  args.is_on = take(m * kLanes);
  return args;
}

void CircuitSolver::begin(const double* voltages, bool is_warm, const CircuitArgs& args) const {
  const auto n = static_cast<std::size_t>(columns_), all = static_cast<std::size_t>(rows_) * n;
  double* const v = const_cast<double*>(args.voltages);
  double* const is_on = const_cast<double*>(args.is_on);
  bool is_driven[kLanes] = {};
  for (int row = 0; row < rows_; ++row)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = voltages[static_cast<std::size_t>(row) * kLanes + lane];
      const std::size_t to = static_cast<std::size_t>(row_at(row)) * kLanes + lane;
      v[to] = value;
      is_on[to] = is_gated_ && value == 0.0 ? 0.0 : 1.0;
      is_driven[lane] |= value != 0.0;
    }
  // Why lanes without drive start anew: currents that must vanish are never close to zero relative to themselves.
  for (std::size_t i = 0; i < all * kLanes; ++i)
    if (!is_warm || !is_driven[i % kLanes]) args.injected[i] = 0.0;
  if (args.drops == nullptr) return;
  for (std::size_t i = 0; i < all * kLanes; ++i) args.drops[i] = v[i / (n * kLanes) * kLanes + i % kLanes];
}

/// Solves the word lines and takes the currents of lanes where they are those assumed.
void CircuitSolver::measure(Search& search) const {
  CircuitLanes power, failed;
  check_interrupt();
  kernels_.find_voltages(search.args, search.energy);
  check_interrupt();
  kernels_.find_currents(search.args, power, failed);
  check_interrupt();
  kernels_.finish_voltages(search.args, search.product);
  for (int lane = 0; lane < kCircuitLanes; ++lane) {
    const double product = search.product.at[lane];
    const bool is_close = product <= kTolerance * search.energy.at[lane] || product < kNothing;
    if (search.is_done[lane] || !is_close || failed.at[lane] != 0.0) continue;
    search.is_done[lane] = true;
    for (int j = 0; j < columns_; ++j)
      search.currents[j * kCircuitLanes + lane] = search.args.currents[column_at(j) * kCircuitLanes + lane];
    if (search.power != nullptr) search.power[lane] = power.at[lane];
    if (may_fall_) check_slopes(search.args, lane);
  }
}

/// Conjugate gradients for lanes that are not done, each until its own aim.
void CircuitSolver::reduce(Search& search) const {
  const double aim = is_curved_ ? kCurvedAim : kAim;
  CircuitLanes target, alpha, beta, curvature, next;
  bool is_moving[kCircuitLanes];
  for (int lane = 0; lane < kCircuitLanes; ++lane) {
    is_moving[lane] = !search.is_done[lane];
    target.at[lane] = std::max(aim * search.product.at[lane], kAim * search.energy.at[lane]);
  }
  const auto any = [&] { return std::find(is_moving, is_moving + kCircuitLanes, true) != is_moving + kCircuitLanes; };
  for (bool is_first = true; any() && search.steps < kMaxSteps; is_first = false, ++search.steps) {
    check_interrupt();
    kernels_.find_change(search.args, beta, is_first, curvature);
    for (int lane = 0; lane < kCircuitLanes; ++lane) {
      is_moving[lane] = is_moving[lane] && curvature.at[lane] > 0.0;
      alpha.at[lane] = is_moving[lane] ? search.product.at[lane] / curvature.at[lane] : 0.0;
    }
    check_interrupt();
    kernels_.advance(search.args, alpha);
    check_interrupt();
    kernels_.finish_voltages(search.args, next);
    for (int lane = 0; lane < kCircuitLanes; ++lane) {
      is_moving[lane] = is_moving[lane] && next.at[lane] > target.at[lane];
      beta.at[lane] = is_moving[lane] ? next.at[lane] / search.product.at[lane] : 0.0;
      search.product.at[lane] = next.at[lane];
    }
  }
}

void CircuitSolver::solve(const double* voltages, double* currents, double* power, CircuitScratch& scratch) const {
  const bool is_warm = std::exchange(scratch.solution_of_, 0) == number_;
  Search search{lay_out(scratch), currents, power, 0, {}, {}, {}};
  begin(voltages, is_warm, search.args);
  measure(search);
  for (int round = 0; !search.all_done(); ++round) {
    check(round < kMaxRounds && search.steps < kMaxSteps, "the currents of the array were not found in ", search.steps,
          " steps; resistances of wires, a2 or a3 are too large for these voltages");
    reduce(search);
    measure(search);
  }
  scratch.solution_of_ = number_;
  scratch.steps_ = search.steps;
}

/// Cells that a drive does not reach are disconnected and cannot fall.
void CircuitSolver::check_slopes(const CircuitArgs& args, int lane) const {
  for (int i = 0; i < rows_; ++i)
    for (int j = 0; args.is_on[i * kCircuitLanes + lane] != 0.0 && j < columns_; ++j) {
      const std::ptrdiff_t cell = std::ptrdiff_t{i} * columns_ + j;
      const double u = args.drops[cell * kCircuitLanes + lane];
      const double slope = args.g[cell] + u * (2.0 * args.a2[cell] + 3.0 * u * args.a3[cell]);
      check(slope >= 0.0, "a2, a3: the cell of word line ", row_at(i), " and bit line ", column_at(j), " takes ", u,
            " V and has a differential conductance of ", slope, " S there: must not be negative");
    }
}

}  // namespace imperfect
