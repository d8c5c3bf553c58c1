// SPDX-License-Identifier: BSD-3-Clause
//
// Programming laws as formulas, and the rates of faults. That the draws follow the laws is tested from Python.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>

#include "device/drift.hpp"
#include "device/faults.hpp"
#include "device/programming.hpp"
#include "device/read_noise.hpp"
#include "kernels/kernel_table.hpp"
#include "layer/cell_drift.hpp"

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
  const ProgrammingLaw means{Kind::kMeanTable, {0.2, 0.6, 0.1, 0.3, -0.1, 0.1}};
  CHECK(programmed(means, 0.5f, 2.0f) == doctest::Approx(0.5 + 0.05 + 2 * 0.25));
  CHECK(programmed(table, 0.0f, 1.0f) == doctest::Approx(0.1));
  CHECK(programmed(table, 1.0f, 1.0f) == doctest::Approx(1.3));
  // sigma = 1 + 2 G µS at g_max = 10 µS, g = 0.5: G = 5 µS, sigma = 11 µS = 1.1 g_max
  CHECK(programmed({Kind::kPolynomial, {1.0, 2.0}}, 0.5f, 1.0f, 10e-6) == doctest::Approx(1.6));
  // sigma = (g_max/25)(1 + 2x) µS: relative to g_max (1 + 2x)/25
  CHECK(programmed({Kind::kPolynomialX, {25.0, 1.0, 2.0}}, 0.5f, 1.0f, 10e-6) == doctest::Approx(0.58));
  CHECK(programmed({Kind::kPolynomial, {-1.0}}, 0.5f, 1.0f, 10e-6) == 0.5f);  // a negative deviation counts as 0
  CHECK_THROWS_AS(programmed({Kind::kPolynomial, {1.0}}, 0.5f, 1.0f), std::invalid_argument);
}

TEST_CASE("read noise grows with time where its law says so") {
  using Read = ReadNoise::Kind;
  constexpr auto kProduct = ReadNoise::Correlation::kProduct;
  Cell cell;
  cell.g_max = 50e-6;
  cell.read_noise = {{Read::kFlicker, kProduct, {0.01, 0.5, 1e-3, 0.2, 20.0, 1e-6}},
                     {Read::kLogarithmic, kProduct, {0.03, 1e-6}},
                     {Read::kGaussian, ReadNoise::Correlation::kCycle, {0.5}}};
  const double flicker = 0.4 * 0.01 / 0.7, growth = std::log((100.0 + 20.0 + 1e-6) / 2e-6);
  const double logarithmic = 0.03 * std::log10(20.0) / 50.0;
  CHECK(ReadVariance(cell, kProduct, 100.0)(0.4, 0.49) ==
        doctest::Approx(flicker * flicker * growth + logarithmic * logarithmic * std::log((100.0 + 1e-6) / 2e-6)));
  CHECK(depends_on_written(cell, kProduct));
  CHECK(!depends_on_written(cell, ReadNoise::Correlation::kCycle));
  cell.read_noise = {{Read::kLogarithmic, kProduct, {0.03, 1e-6}}};
  CHECK(ReadVariance(cell, kProduct, 1e-6)(0.4, 0.4) == 0.0);
  CHECK(ReadVariance(cell, kProduct, 0.0)(0.4, 0.4) == 0.0);
  CHECK(ReadVariance(cell, kProduct, 1.0)(0.01, 0.4) == 0.0);  // below 1 µS
}

TEST_CASE("a machine with wrong numbers of a law is refused") {
  Hardware hardware;
  const auto refuses = [&] { CHECK_THROWS_AS(validate(hardware), std::invalid_argument); };
  hardware.cell.read_noise = {{ReadNoise::Kind::kLogarithmic, ReadNoise::Correlation::kCycle, {0.03, 1e-6}}};
  refuses();  // no g_max
  hardware.cell.g_max = 50e-6;
  refuses();  // cells below 1 µS
  hardware.cell.on_off_ratio = 50.0;
  validate(hardware);
  hardware.cell.read_noise[0].params = {0.03};
  refuses();
  hardware.cell.read_noise = {{ReadNoise::Kind::kFlicker, ReadNoise::Correlation::kCycle, {0.01, 0.5, 1e-3, 0.2, 20.0, 0.0}}};
  refuses();
  hardware.cell.read_noise.clear();
  hardware.cell.programming = {{Kind::kMeanTable, {0.0, 1.0, 0.1, 0.1, -0.1, 0.1}}};
  validate(hardware);
  hardware.cell.programming[0].params.pop_back();
  refuses();
}

TEST_CASE("a table of drift is linear in conductance, linear in time up to its first time, then in its logarithm") {
  const DriftLaw law{DriftLaw::Kind::kTable, {2, 2, 10, 1000, 0.2, 1.0, 0.1, 0.8, 0.05, 0.6, 0.01, 0.03, 0.02, 0.06}};
  const auto at = [&](double seconds, float g, float z) {
    apply_drift(law, {}, seconds, &z, &g, 1);
    return g;
  };
  CHECK(at(5.0, 0.2f, 0.0f) == doctest::Approx(0.15));
  CHECK(at(5.0, 1.0f, 2.0f) == doctest::Approx(0.9 + 2 * 0.015));
  CHECK(at(10.0, 0.6f, 1.0f) == doctest::Approx(0.6 - 0.15 + 0.02));
  CHECK(at(100.0, 0.2f, 0.0f) == doctest::Approx(0.075));
  CHECK(at(100.0, 1.0f, 2.0f) == doctest::Approx(0.7 + 2 * 0.045));
  CHECK(at(1000.0, 0.2f, -4.0f) == 0.0f);
}

TEST_CASE("a spread that saturates is linear between its times") {
  const DriftLaw law{DriftLaw::Kind::kSpreadSaturating, {1, 0.1, 2, 3, 0.3, 4, 5, 0.4, 8}};
  CHECK(spread_at(law, 0.0).params == std::vector<double>{0.1, 2});
  CHECK(spread_at(law, 2.0).params[0] == doctest::Approx(0.2));
  CHECK(spread_at(law, 4.0).params[0] == doctest::Approx(0.35));
  CHECK(spread_at(law, 5.0).params[1] == doctest::Approx(8.0));
  Cell cell;  // takes the place of its own first spread, and of no other law
  cell.drift = {law};
  cell.programming = {{Kind::kSaturating, {0.1, 2}}, {Kind::kSaturating, {0.1, 3}}, {Kind::kGaussian, {0.1, 2}}};
  const std::vector<ProgrammingLaw> later = programming_at(cell, 5.0);
  CHECK(later[0].params == std::vector<double>{0.4, 8});
  CHECK(later[1].params == std::vector<double>{0.1, 3});
  CHECK(later[2].params == std::vector<double>{0.1, 2});
}

TEST_CASE("drift, curves and nonlinearities with wrong numbers are refused") {
  const auto is_refused = [](const Hardware& hardware) {
    try {
      validate(hardware);
    } catch (const std::invalid_argument&) {
      return true;
    }
    return false;
  };
  const auto drift_is_refused = [&](DriftLaw::Kind kind, const std::vector<double>& params) {
    Hardware hardware;
    hardware.cell.g_max = 50e-6;
    hardware.cell.drift = {{kind, params}};
    if (replaces_spread(hardware.cell.drift[0]) && params.size() >= 3)
      hardware.cell.programming = {{Kind::kSaturating, {params[1], params[2]}}};
    return is_refused(hardware);
  };
  using Drift = DriftLaw::Kind;
  CHECK_FALSE(drift_is_refused(Drift::kTable, {1, 2, 10, 0.2, 1.0, 0.1, 0.8, 0.01, 0.03}));
  CHECK(drift_is_refused(Drift::kTable, {0, 2, 0.2, 1.0}));
  CHECK(drift_is_refused(Drift::kTable, {1, 1, 10, 0.2, 0.1, 0.01}));
  CHECK(drift_is_refused(Drift::kTable, {2e6, 2}));
  CHECK(drift_is_refused(Drift::kTable, {1}));
  CHECK_FALSE(drift_is_refused(Drift::kSpreadSaturating, {0, 0.1, 2, 3, 0.3, 4}));
  CHECK(drift_is_refused(Drift::kSpreadSaturating, {0, 0.1, 2, 3}));
  CHECK(drift_is_refused(Drift::kSpreadSaturating, {}));
  CHECK(drift_is_refused(Drift::kSpreadPolynomials, {25.0, 1.0}));
  Hardware other;
  other.cell.drift = {{Drift::kSpreadSaturating, {0, 0.1, 2, 3, 0.3, 4}}};
  other.cell.programming = {{Kind::kSaturating, {0.1, 3}}};
  CHECK(is_refused(other));  // not programmed with the law's first spread
  const auto curve_is_refused = [&](const std::vector<double>& params) {
    Hardware hardware;
    hardware.cell.g_max = 50e-6;
    hardware.cell.v_read = 0.2;
    hardware.cell.curve = {IvCurve::Kind::kTable, params};
    return is_refused(hardware);
  };
  CHECK_FALSE(curve_is_refused({1e-6, 0.0, 1e-7}));
  CHECK(curve_is_refused({1e-6, 0.0, 1e-7, 0.0}));
  CHECK(curve_is_refused({}));
  const auto inl_is_refused = [&](const Inl& inl) {
    Hardware hardware;
    hardware.adc.bits = 8;
    hardware.adc.inl = inl;
    return is_refused(hardware);
  };
  CHECK_FALSE(inl_is_refused({Inl::Kind::kTable, {0, 255, 0.5, -0.5}}));
  CHECK(inl_is_refused({Inl::Kind::kTable, {0, 0.5}}));
  CHECK(inl_is_refused({Inl::Kind::kTable, {0, 255, 0.5, -0.5, 1.0}}));
  CHECK_FALSE(inl_is_refused({Inl::Kind::kPipeline, {3, 0.1}}));
  CHECK(inl_is_refused({Inl::Kind::kPipeline, {0.1}}));
  CHECK(inl_is_refused({Inl::Kind::kPipeline, {0, 0.1}}));
  CHECK(inl_is_refused({Inl::Kind::kSar, {3, 0.1}}));
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
