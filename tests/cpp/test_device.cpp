// SPDX-License-Identifier: BSD-3-Clause
//
// Programming laws as formulas, and the rates of faults. That the draws follow the laws is tested from Python.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>

#include "device/faults.hpp"
#include "device/programming.hpp"
#include "kernels/kernel_table.hpp"

using namespace imperfect;
using Kind = ProgrammingLaw::Kind;

namespace {

float programmed(const ProgrammingLaw& law, float g, float draw, std::optional<double> g_max = std::nullopt) {
  if (const auto sigma = sigma_polynomial(law, g_max)) {
    const auto terms = static_cast<int>(sigma->coefficients.size());
    kernels().add_normal_errors({sigma->coefficients.data(), terms, sigma->scale, sigma->unit}, &draw, 1, &g);
  } else {
    apply_programming_law(law, &draw, &g, 1);
  }
  return g;
}

}  // namespace

TEST_CASE("each law is its formula") {
  CHECK(programmed({Kind::kGaussian, {0.1}}, 0.5f, 2.0f) == doctest::Approx(0.7));
  CHECK(programmed({Kind::kProportional, {0.1}}, 0.5f, 2.0f) == doctest::Approx(0.6));
  CHECK(programmed({Kind::kLogNormal, {0.1}}, 0.5f, 2.0f) == doctest::Approx(0.5 * std::exp(0.2 - 0.005)));
  CHECK(programmed({Kind::kUniform, {0.1}}, 0.5f, 0.75f) == doctest::Approx(0.525));
  const ProgrammingLaw table{Kind::kTable, {0.2, 0.6, 0.1, 0.3}};
  CHECK(programmed(table, 0.4f, 1.0f) == doctest::Approx(0.6));
  CHECK(programmed(table, 0.0f, 1.0f) == doctest::Approx(0.1));
  CHECK(programmed(table, 1.0f, 1.0f) == doctest::Approx(1.3));
  // sigma = 1 + 2 G µS at g_max = 10 µS, g = 0.5: G = 5 µS, sigma = 11 µS = 1.1 g_max
  CHECK(programmed({Kind::kPolynomial, {1.0, 2.0}}, 0.5f, 1.0f, 10e-6) == doctest::Approx(1.6));
  // sigma = (g_max/25)(1 + 2x) µS: relative to g_max (1 + 2x)/25
  CHECK(programmed({Kind::kPolynomialX, {25.0, 1.0, 2.0}}, 0.5f, 1.0f, 10e-6) == doctest::Approx(0.58));
  CHECK(programmed({Kind::kPolynomial, {-1.0}}, 0.5f, 1.0f, 10e-6) == 0.5f);  // a negative deviation counts as 0
  CHECK_THROWS_AS(programmed({Kind::kPolynomial, {1.0}}, 0.5f, 1.0f), std::invalid_argument);
}

TEST_CASE("spread keeps the order of a cell's limits") {
  Cell cell;
  cell.on_off_ratio = 10.0;
  cell.g_min_sigma = 0.5;
  cell.g_max_sigma = 0.1;
  CHECK(spread_limits(cell, -1.0f, 0.0f).g_min == 0.0f);
  CHECK(spread_limits(cell, 10.0f, 0.0f).g_max == spread_limits(cell, 10.0f, 0.0f).g_min);
  const float z_min = 0.2f, z_max = 1.0f;
  float g = 0.55f;  // half of the range 0.1 … 1 becomes half of 0.2 … 1.1
  apply_spread(cell, &z_min, &z_max, &g, 1);
  CHECK(g == doctest::Approx(0.65));
}

TEST_CASE("fault rates, within 5 standard deviations") {
  const StuckAt law{0.002, 0.005};
  const PhiloxKey key = stream_key(1, StreamKind::kFaults, 0);
  const double segments = 200, cells = segments * kFaultSegment;
  double on = 0, off = 0;
  for (std::uint64_t segment = 0; segment < 200; ++segment) {
    std::uint32_t last = 0;
    bool first = true;
    for (const Fault& fault : draw_faults(law, key, segment, 0)) {
      REQUIRE(fault.position < kFaultSegment);
      REQUIRE((first || fault.position > last));
      last = fault.position;
      first = false;
      (fault.stuck_on ? on : off) += 1;
    }
  }
  const double p_off = 0.998 * 0.005;  // on wins
  CHECK(std::abs(on - cells * 0.002) < 5 * std::sqrt(cells * 0.002));
  CHECK(std::abs(off - cells * p_off) < 5 * std::sqrt(cells * p_off));
}

TEST_CASE("certain, impossible and vanishing faults") {
  const PhiloxKey key = stream_key(1, StreamKind::kFaults, 0);
  CHECK(draw_faults({1.0, 0.0}, key, 0, 0).size() == kFaultSegment);
  CHECK(draw_faults({0.0, 1.0}, key, 0, 0)[7].stuck_on == false);
  CHECK(draw_faults({0.0, 0.0}, key, 0, 0).empty());
  CHECK(draw_faults({1e-300, 0.0}, key, 0, 0).empty());
}
