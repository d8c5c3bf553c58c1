// SPDX-License-Identifier: BSD-3-Clause
//
// Arrays with wires solved at every SIMD level: the currents obey the circuit's laws and the levels agree.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "circuit/circuit_solver.hpp"
#include "kernel_data.hpp"

using namespace imperfect;

namespace {

constexpr int kLines = 23, kColumns = 19;
constexpr std::size_t kLanes = kCircuitLanes, kCells = std::size_t{kLines} * kColumns;

struct Problem {
  std::vector<double> g, a3, voltages;

  explicit Problem(bool is_curved) : g(kCells), a3(is_curved ? kCells : 0), voltages(kLines * kLanes) {
    const Data cells(kCells, 1.0f, 1), drives(voltages.size(), 0.3f, 2);
    for (std::size_t i = 0; i < kCells; ++i) g[i] = 1e-4 * std::exp(double{cells.data()[i]});
    for (std::size_t i = 0; i < a3.size(); ++i) a3[i] = 2.0 * g[i];
    for (std::size_t i = 0; i < voltages.size(); ++i) voltages[i] = i % 3 == 0 ? 0.0 : double{drives.data()[i]};
  }
  CircuitSolver solver(const KernelTable& kernels, const Wires& wires, bool is_gated) const {
    const CellCurve curve{{}, {a3.data(), a3.size()}};
    return CircuitSolver(kernels.circuit, kLines, kColumns, g.data(), curve, wires, is_gated);
  }
};

std::vector<double> currents(const CircuitSolver& solver, const std::vector<double>& voltages, CircuitScratch& scratch) {
  std::vector<double> found(kColumns * kLanes);
  solver.solve(voltages.data(), found.data(), nullptr, scratch);
  return found;
}

double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double error = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error = std::max(error, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return error / largest;
}

}  // namespace

TEST_CASE("without wires currents are sums of the cells' own") {
  for (const KernelTable* k : tables())
    for (const bool is_curved : {false, true}) {
      CAPTURE(k->name);
      const Problem problem(is_curved);
      CircuitScratch scratch;
      std::vector<double> expected(kColumns * kLanes, 0.0);
      for (std::size_t i = 0; i < kCells; ++i)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const double v = problem.voltages[i / kColumns * kLanes + lane], a3 = is_curved ? problem.a3[i] : 0.0;
          expected[i % kColumns * kLanes + lane] += v * (problem.g[i] + v * v * a3);
        }
      CHECK(difference(currents(problem.solver(*k, {}, true), problem.voltages, scratch), expected) < 1e-13);
      const Wires tiny{1e-20, 1e-20, 1e-20, 1e-20};
      CHECK(difference(currents(problem.solver(*k, tiny, true), problem.voltages, scratch), expected) < 1e-13);
    }
}

TEST_CASE("levels agree, and so do linear arrays with transfer matrices") {
  for (const bool is_curved : {false, true})
    for (const bool is_gated : {false, true}) {
      const Problem problem(is_curved);
      const Wires wires{3.0, 2.0, 10.0, 5.0, Corner::kRightTop};
      CircuitScratch scratch;
      std::vector<double> expected = currents(problem.solver(kernels("base"), wires, is_gated), problem.voltages, scratch);
      if (!is_curved && !is_gated) {
        std::vector<double> transfer(kCells), sums(expected.size(), 0.0);
        transfer_matrices({1, kLines, kColumns}, {problem.g.data(), kCells}, wires, {transfer.data(), kCells}, {}, 1);
        for (std::size_t i = 0; i < kCells; ++i)
          for (std::size_t lane = 0; lane < kLanes; ++lane)
            sums[i % kColumns * kLanes + lane] += problem.voltages[i / kColumns * kLanes + lane] * transfer[i];
        CHECK(difference(expected, sums) < 1e-11);
      }
      for (const KernelTable* k : tables()) {
        CAPTURE(k->name);
        CHECK(difference(currents(problem.solver(*k, wires, is_gated), problem.voltages, scratch), expected) < 1e-11);
      }
    }
}

TEST_CASE("a search that starts from the last solution finds the same, sooner") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    Problem problem(true);
    const CircuitSolver solver = problem.solver(*k, {3.0, 2.0, 10.0, 5.0}, false);
    CircuitScratch warm, cold;
    currents(solver, problem.voltages, warm);
    for (double& v : problem.voltages) v *= 1.0 + 1e-6;
    const std::vector<double> from_last = currents(solver, problem.voltages, warm);
    CHECK(difference(from_last, currents(solver, problem.voltages, cold)) < 1e-11);
    CHECK(warm.steps() < cold.steps());
    for (double& v : problem.voltages) v *= 1e-9;
    cold.forget();
    CircuitScratch fresh;
    currents(solver, problem.voltages, fresh);
    currents(solver, problem.voltages, cold);
    CHECK(cold.steps() == fresh.steps());
    cold.forget();
    CHECK(difference(currents(solver, problem.voltages, warm), currents(solver, problem.voltages, cold)) < 1e-10);
    for (double& v : problem.voltages) v = 0.0;
    for (const double current : currents(solver, problem.voltages, warm)) CHECK(current == 0.0);
  }
}

TEST_CASE("currents that are not found, and cells that fall, are refused; a gate makes a cell harmless") {
  const double g[] = {1e-4, 1e-4}, rising[] = {1e-4, 1e-4}, falling[] = {0.0, -1e-4};
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const Wires wires{1.0, 1.0};
    const auto solve = [&](const double* a3, double first, double second) {
      std::vector<double> voltages(2 * kLanes, first), found(kLanes);
      std::fill_n(voltages.begin() + kLanes, kLanes, second);
      CircuitScratch scratch;
      CircuitSolver(k->circuit, 2, 1, g, {{}, {a3, 2}}, wires, true).solve(voltages.data(), found.data(), nullptr, scratch);
    };
    for (const double huge : {1e99, 1e200})  // too many steps; no number has its third power
      CHECK_THROWS_WITH_AS(solve(rising, huge, huge), doctest::Contains("were not found"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(solve(falling, 1.0, 1.0), doctest::Contains("word line 1 and bit line 0"), std::invalid_argument);
    CHECK_NOTHROW(solve(falling, 0.2, 0.2));
    CHECK_NOTHROW(solve(falling, 1.0, 0.0));
  }
}

TEST_CASE("Newton's steps that run in circles come to an end") {
  const double ohm = 1e4, cell = 1e-4, square = -2e-4, cube = 1e-4;  // falls between 1/3 V and 1 V
  const std::vector<double> g(3, cell), a2(3, square), a3(3, cube);
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    std::vector<double> voltages(kLanes), found(3 * kLanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) voltages[lane] = 1.0 + 0.1 * static_cast<double>(lane);
    CircuitScratch scratch;
    const CircuitSolver solver(k->circuit, 1, 3, g.data(), {{a2.data(), 3}, {a3.data(), 3}}, {ohm, ohm}, false);
    solver.solve(voltages.data(), found.data(), nullptr, scratch);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      double word = voltages[lane];
      for (std::size_t j = 0; j < 3; ++j) {
        for (std::size_t behind = j; behind < 3; ++behind) word -= ohm * found[behind * kLanes + lane];
        const double u = word - ohm * found[j * kLanes + lane];
        CHECK(found[j * kLanes + lane] == doctest::Approx(u * (cell + u * (square + u * cube))).epsilon(1e-9));
      }
    }
  }
}
