// SPDX-License-Identifier: BSD-3-Clause
//
// Inputs on their way to the arrays, at every SIMD level, against plain loops.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

TEST_CASE("pictures are padded, split and put together again") {
  for (const KernelTable* k : tables())
    for (const int width : {1, 5, 15, 16, 33})
      for (const int step : {1, 2, 3}) {
        CAPTURE(k->name);
        const int pictures = 2, height = width == 5 ? 1 : 3, columns = (width + step - 1) / step, plane_width = columns + 3;
        const int plane_rows = height + 4 + k->lanes / plane_width;  // what is below is more than one panel
        const auto slack = static_cast<std::size_t>(k->lanes);
        std::vector<float> from(static_cast<std::size_t>(pictures * height * width));
        for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i + 1);
        const std::ptrdiff_t plane = plane_rows * plane_width;
        const std::size_t planes = static_cast<std::size_t>(pictures * plane);
        std::vector<float> to;
        for (const bool may_overrun : {true, false}) {
          to.assign(planes + slack, -1.0f);
          k->pad({pictures, from.data(), height * width, width, step, height, columns, may_overrun, to.data(), plane,
                  plane_rows, plane_width, 1, 2});
          for (int p = 0; p < pictures; ++p)
            for (int y = 0; y < plane_rows; ++y)
              for (int x = 0; x < plane_width; ++x) {
                const bool inside = y >= 1 && y <= height && x >= 2 && x - 2 < columns;
                const int source = (p * height + y - 1) * width + (x - 2) * step;
                REQUIRE(to[static_cast<std::size_t>(p * plane + y * plane_width + x)] ==
                        (inside ? from[static_cast<std::size_t>(source)] : 0.0f));
              }
          if (!may_overrun) REQUIRE(to[planes] == -1.0f);
        }
        std::vector<float> rows(static_cast<std::size_t>(pictures * height * columns + 1), -5.0f);
        k->copy_rows({pictures, to.data() + plane_width + 2, plane, plane_width, height, columns, rows.data(),
                      std::ptrdiff_t{height} * columns});
        for (int i = 0; i < pictures * height * columns; ++i) {
          const int p = i / (height * columns), y = i / columns % height, x = i % columns;
          REQUIRE(rows[static_cast<std::size_t>(i)] == from[static_cast<std::size_t>((p * height + y) * width + x * step)]);
        }
        REQUIRE(rows.back() == -5.0f);
      }
}

TEST_CASE("inputs are quantised as in double precision, halves and full scale included") {
  std::vector<float> x;
  for (int i = -600; i <= 600; ++i)  // halves of the step at X = 255, and their neighbours
    for (const float towards : {-1e9f, 0.5f * static_cast<float>(i), 1e9f})
      x.push_back(std::nextafter(0.5f * static_cast<float>(i), towards));
  for (int i = 0; i < 4000; ++i) x.push_back(std::sin(static_cast<float>(i)) * 300.0f);
  for (const KernelTable* k : tables())
    for (const double full_scale : {255.0, 254.99999, 0.1, 1e30})
      for (const double top : {1.0, 255.0, 65535.0})
        for (const bool is_signed : {false, true}) {
          std::size_t clipped = 0;
          std::vector<float> wanted, numbers(x.size());
          for (const float value : x) {
            const double v = value / full_scale, low = is_signed ? -1.0 : 0.0;
            clipped += v < low || v > 1.0;
            wanted.push_back(static_cast<float>(std::nearbyint(std::min(std::max(v, low), 1.0) * top)));
          }
          CHECK(k->quantize_inputs({full_scale, top, is_signed}, x.data(), x.size(), numbers.data()) == clipped);
          CHECK(numbers == wanted);
        }
}

TEST_CASE("inputs: quantising and digits") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const std::vector<float> x = {-3.0f, -0.5f, 0.1f, 0.26f, 2.0f};
    std::vector<float> n(x.size());
    CHECK(k->quantize_inputs({2.0, 7.0, true}, x.data(), x.size(), n.data()) == 1);
    CHECK(n == std::vector<float>{-7.0f, -2.0f, 0.0f, 1.0f, 7.0f});
    CHECK(k->quantize_inputs({2.0, 7.0, false}, x.data(), x.size(), n.data()) == 2);
    CHECK(n == std::vector<float>{0.0f, 0.0f, 0.0f, 1.0f, 7.0f});
    CHECK(k->quantize_inputs({2.0, 0.0, true}, x.data(), x.size(), n.data()) == 0);
    CHECK(n[0] == -1.5f);

    const std::vector<float> numbers = {-13.0f, 13.0f, 0.0f};
    std::vector<float> digits(3);
    k->extract_digits({1, 2, 0}, numbers.data(), 3, digits.data());  // 13 = 0b1101
    CHECK(digits == std::vector<float>{-2.0f, 2.0f, 0.0f});
    k->extract_digits({0, 4, 1}, numbers.data(), 3, digits.data());
    CHECK(digits == std::vector<float>{0.0f, 13.0f, 0.0f});
    k->extract_digits({0, 4, -1}, numbers.data(), 3, digits.data());
    CHECK(digits == std::vector<float>{13.0f, 0.0f, 0.0f});
    k->extract_digits({0, 0, -1}, numbers.data(), 3, digits.data());
    CHECK(digits == std::vector<float>{13.0f, 0.0f, 0.0f});
  }
}

TEST_CASE("inputs: gathering, scattering, sums of rows, finishing") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const auto lanes = static_cast<std::size_t>(k->lanes);
    std::vector<float> source(100);
    for (std::size_t i = 0; i < 100; ++i) source[i] = static_cast<float>(i);
    const std::ptrdiff_t offsets[] = {0, 10};
    const LaneRun runs[] = {{0, 2, 3, 1}, {2, 3, 20, 7}};
    AlignedBuffer<float> panel(2 * lanes), sums(lanes);
    k->gather({k->lanes, source.data(), offsets, 2, runs, 2, panel.data()});
    CHECK(std::vector<float>(panel.data(), panel.data() + 6) == std::vector<float>{3, 4, 20, 27, 34, 0});
    CHECK(panel.data()[lanes + 4] == 44.0f);
    std::vector<float> back(60, -1.0f);
    k->scatter({k->lanes, 2, runs, 2, panel.data(), back.data(), 20});
    CHECK(back[3] == 3.0f);
    CHECK(back[27] == 27.0f);
    CHECK(back[40] == 30.0f);
    CHECK(back[5] == -1.0f);
    std::fill_n(sums.data(), lanes, 1.0f);
    k->add_rows(panel.data(), 2, k->lanes, sums.data());
    CHECK(sums.data()[4] == 1.0f + 34.0f + 44.0f);
    const float scale[] = {2.0f, 2.0f}, shift[] = {-1.0f, 0.0f};
    k->finish({2, scale, shift, 6.0f, 50.0f}, k->lanes, panel.data());
    CHECK(panel.data()[0] == 6.0f);
    CHECK(panel.data()[2] == 39.0f);
    CHECK(panel.data()[lanes + 4] == 50.0f);
  }
}

TEST_CASE("runs of every length and stride are gathered, wherever their rows are, and scattered back") {
  constexpr int kInputs = 4;
  for (const KernelTable* k : tables())
    for (int length = 1; length <= k->lanes; ++length)
      for (const std::ptrdiff_t stride : {1, 2, 5})
        for (const std::ptrdiff_t apart : {1, 300})  // rows side by side, so that a lane is one stretch, or not
          for (int num_runs = 1; num_runs <= 2 && num_runs * length <= k->lanes; ++num_runs) {
            CAPTURE(k->name);
            const auto lanes = static_cast<std::size_t>(k->lanes);
            std::vector<float> source(1500), back(1500, -1.0f), wanted = back;
            for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<float>(i);
            const std::ptrdiff_t offsets[kInputs] = {0, apart, 2 * apart, 3 * apart};
            const LaneRun runs[] = {{0, length, 7, stride}, {length, length, 400, stride}};
            AlignedBuffer<float> panel((kInputs + 2) * lanes);
            std::fill_n(panel.data(), (kInputs + 2) * lanes, -1.0f);
            float* const first = panel.data() + lanes;
            k->gather({k->lanes, source.data(), offsets, kInputs, runs, num_runs, first});
            k->scatter({k->lanes, kInputs, runs, num_runs, first, back.data(), apart});
            for (std::ptrdiff_t r = 0; r < kInputs; ++r)
              for (std::ptrdiff_t l = 0; l < k->lanes; ++l) {
                const bool is_used = l < num_runs * length;
                const std::ptrdiff_t from = runs[l / length % 2].first + l % length * stride + r * apart;
                REQUIRE(first[r * k->lanes + l] == (is_used ? static_cast<float>(from) : 0.0f));
                if (is_used) wanted[static_cast<std::size_t>(from)] = static_cast<float>(from);
              }
            for (std::size_t l = 0; l < lanes; ++l) {
              REQUIRE(panel.data()[l] == -1.0f);
              REQUIRE(panel.data()[(kInputs + 1) * lanes + l] == -1.0f);
            }
            REQUIRE(back == wanted);
          }
}

TEST_CASE("finiteness") {
  for (const KernelTable* k : tables()) {
    std::vector<float> values(1000, 3e38f);
    CHECK(k->all_finite(values.data(), values.size()));
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY})
      for (const std::size_t at : {std::size_t{0}, std::size_t{517}, std::size_t{999}}) {
        values[at] = bad;
        CHECK_FALSE(k->all_finite(values.data(), values.size()));
        values[at] = 0.0f;
      }
  }
}

TEST_CASE("an unknown level is refused with the levels that can run") {
  CHECK_THROWS_WITH_AS(kernels("avx1024"), doctest::Contains("base"), std::invalid_argument);
}
