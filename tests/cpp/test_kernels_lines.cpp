// SPDX-License-Identifier: BSD-3-Clause
//
// Bit lines read one by one at every SIMD level, against plain double-precision loops.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

TEST_CASE("currents are limited each on its own, then weighted and added up") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const int outputs = 5;
    const auto lanes = static_cast<std::size_t>(k->lanes);
    const Data first(outputs * lanes, 2.0f, 1), second(outputs * lanes, 2.0f, 2), inputs(lanes, 1.0f, 3);
    AlignedBuffer<float> currents(outputs * lanes);
    const float limit = 0.75f;
    k->find_line_currents({outputs, first.data(), inputs.data(), 0.5f, 0.25f, limit, 2.0f, false, currents.data()});
    k->find_line_currents({outputs, second.data(), inputs.data(), 0.5f, 0.25f, limit, -1.0f, true, currents.data()});
    int limited = 0;
    const auto current = [&](const Data& sums, std::size_t i) {
      const double free = 0.5 * double{sums.data()[i]} + 0.25 * double{inputs.data()[i % lanes]};
      limited += std::abs(free) > double{limit};
      return std::clamp(free, -double{limit}, double{limit});
    };
    for (std::size_t i = 0; i < outputs * lanes; ++i)
      REQUIRE(std::abs(currents.data()[i] - (2.0 * current(first, i) - current(second, i))) < 1e-6);
    REQUIRE(limited > 0);
  }
}

TEST_CASE("every bit line has its own converter, with nonlinearity and noise") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const std::size_t outputs = 3, codes = 8;
    const auto lanes = static_cast<std::size_t>(k->lanes);
    const Data currents(outputs * lanes, 2.0f, 1), noise(outputs * lanes, 1.0f, 2), errors(outputs * codes, 0.4f, 3);
    const float scales[] = {1.0f, 1.5f, 0.75f}, starts[] = {3.0f, 4.0f, 2.5f};
    AlignedBuffer<float> sums(outputs * lanes);
    std::fill_n(sums.data(), outputs * lanes, 1.0f);
    k->convert_lines({static_cast<int>(outputs), currents.data(), scales, starts, errors.data(),
                      static_cast<std::ptrdiff_t>(codes), noise.data(), 0.25f, codes - 1.0f, 3.0f, 0.5f, sums.data()});
    for (std::size_t i = 0; i < outputs * lanes; ++i) {
      const std::size_t o = i / lanes;
      double p = double{currents.data()[i]} * double{scales[o]} + double{starts[o]} + 0.25 * double{noise.data()[i]};
      const double inside = std::clamp(p, 0.0, codes - 1.0);
      const auto code = std::min(static_cast<std::size_t>(inside), codes - 2);
      const float* const error = errors.data() + o * codes + code;
      p += error[0] + (inside - static_cast<double>(code)) * (double{error[1]} - double{error[0]});
      if (std::abs(p - std::floor(p) - 0.5) < 1e-4) continue;  // either neighbour is right
      const double value = std::clamp(std::nearbyint(p), 0.0, codes - 1.0) - 3.0;
      REQUIRE(double{sums.data()[i]} == 1.0 + 0.5 * value);
    }
  }
}

TEST_CASE("an ideal converter passes currents on") {
  for (const KernelTable* k : tables()) {
    const auto lanes = static_cast<std::size_t>(k->lanes);
    const Data currents(lanes, 2.0f, 1);
    AlignedBuffer<float> sums(lanes);
    std::fill_n(sums.data(), lanes, 1.0f);
    ConvertLinesArgs args{};
    args.outputs = 1;
    args.currents = currents.data();
    args.gain = 2.0f;
    args.sums = sums.data();
    k->convert_lines(args);
    for (std::size_t l = 0; l < lanes; ++l)
      REQUIRE(double{sums.data()[l]} == doctest::Approx(1.0 + 2.0 * double{currents.data()[l]}).epsilon(1e-6));
  }
}
