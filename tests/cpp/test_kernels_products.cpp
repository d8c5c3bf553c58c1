// SPDX-License-Identifier: BSD-3-Clause
//
// Products at every SIMD level, against plain double-precision loops.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

TEST_CASE("products") {
  for (const KernelTable* k : tables())
    for (const int tile : {1, 2, 4, 8}) {
      CAPTURE(k->name);
      CAPTURE(tile);
      const auto lanes = static_cast<std::size_t>(k->lanes);
      const auto width = static_cast<std::size_t>(tile);
      const Data weights(kRows * width, 1.0f, 1), inputs(kRows * lanes, 1.0f, 2);
      AlignedBuffer<float> sums(width * lanes);
      std::fill_n(sums.data(), width * lanes, 0.5f);
      std::vector<double> exact(width * lanes, 0.5);
      const MultiplyArgs args{tile, tile, kRows, weights.data(), inputs.data(), true, nullptr, sums.data()};
      k->multiply(args);
      k->multiply_exact(args, exact.data());
      for (std::size_t o = 0; o < width; ++o)
        for (std::size_t l = 0; l < lanes; ++l) {
          double sum = 0.5, size = 0.5;
          for (std::size_t r = 0; r < kRows; ++r) {
            const double term = double{weights.data()[r * width + o]} * inputs.data()[r * lanes + l];
            sum += term;
            size += std::abs(term);
          }
          REQUIRE(std::abs(sums.data()[o * lanes + l] - sum) <= 1e-6 * size);
          REQUIRE(std::abs(exact[o * lanes + l] - sum) <= 1e-14 * size);
        }
    }
}

TEST_CASE("products straight from memory, finished, for several groups") {
  for (const KernelTable* k : tables())
    for (const int tile : {1, 2, 4, 8}) {
      CAPTURE(k->name);
      const int groups = 3, rows = 5, lanes = k->lanes + 3;
      const std::ptrdiff_t offsets[] = {7, 0, 19, 20, 3}, output = 2 * k->lanes, group = tile * output + 5;
      const auto width = static_cast<std::size_t>(tile);
      const Data weights(groups * rows * width, 1.0f, 1), source(static_cast<std::size_t>(output) + 120, 1.0f, 2);
      const Data scale(groups * width, 1.0f, 6), shift(groups * width, 1.0f, 7);
      std::vector<float> out(groups * static_cast<std::size_t>(group));
      const FinishArgs finish{tile, scale.data(), shift.data(), -1.0f, 1.5f};
      k->multiply_direct({groups, tile, rows, lanes, weights.data(), source.data(), 50, offsets, 1, 1, 0, nullptr, finish,
                          tile, out.data(), group, output});
      for (std::size_t g = 0; g < groups; ++g)
        for (std::size_t o = 0; o < width; ++o)
          for (int l = 0; l < lanes; ++l) {
            double sum = 0.0;
            for (std::size_t r = 0; r < rows; ++r)
              sum += double{weights.data()[(g * rows + r) * width + o]} *
                     source.data()[50 * g + static_cast<std::size_t>(offsets[r] + l)];
            const std::size_t n = g * width + o;
            const double y = std::min(std::max(sum * scale.data()[n] + shift.data()[n], -1.0), 1.5);
            const auto at =
                g * static_cast<std::size_t>(group) + o * static_cast<std::size_t>(output) + static_cast<std::size_t>(l);
            REQUIRE(out[at] == doctest::Approx(y).epsilon(1e-5));
          }
    }
}

TEST_CASE("products straight from memory, each plane converted") {
  for (const KernelTable* k : tables())
    for (const int tile : {1, 2, 4, 8}) {
      CAPTURE(k->name);
      const int groups = 2, rows = 4, planes = 3, drives = 2, lanes = k->lanes, drive_size = lanes + 100;
      const std::ptrdiff_t offsets[] = {0, 5, 9, 2}, output = lanes, group = tile * output;
      const auto width = static_cast<std::size_t>(tile);
      const Data weights(groups * planes * rows * width, 1.0f, 1), source(static_cast<std::size_t>(2 * drive_size), 1.0f, 2);
      const Data scale(groups * width, 1.0f, 6), shift(groups * width, 1.0f, 7);
      std::vector<Conversion> conversions;  // 256 codes from -1 to 1, planes weighted by 1, 4 and 16, drives by 1 and 2
      for (const float gain : {1.0f, 2.0f, 4.0f, 8.0f, 16.0f, 32.0f})
        conversions.push_back({127.5f, 0.0f, 127.5f, 255.0f, 127.5f, gain});
      std::vector<float> out(groups * static_cast<std::size_t>(group));
      const FinishArgs finish{tile, scale.data(), shift.data(), -1e9f, 1e9f};
      k->multiply_direct({groups, tile, rows, lanes, weights.data(), source.data(), 30, offsets, planes, drives, drive_size,
                          conversions.data(), finish, tile, out.data(), group, output});
      for (std::size_t g = 0; g < groups; ++g)
        for (std::size_t o = 0; o < width; ++o)
          for (int l = 0; l < lanes; ++l) {
            double total = 0.0, slack = 1e-3;
            for (std::size_t c = 0; c < planes * drives; ++c) {
              const std::size_t plane = c / drives, drive = c % drives;
              double sum = 0.0;
              for (std::size_t r = 0; r < rows; ++r)
                sum += double{weights.data()[((g * planes + plane) * rows + r) * width + o]} *
                       source.data()[drive * static_cast<std::size_t>(drive_size) + 30 * g +
                                     static_cast<std::size_t>(offsets[r] + l)];
              const double gain = conversions[c].gain, code = std::nearbyint(sum * 127.5 + 127.5);
              total += (std::min(std::max(code, 0.0), 255.0) - 127.5) * gain;
              if (std::abs(std::abs(sum * 127.5 + 127.5 - code) - 0.5) < 1e-3) slack += gain;
            }
            const std::size_t n = g * width + o;
            const double y = total * scale.data()[n] + shift.data()[n];
            const auto at = g * static_cast<std::size_t>(group) + o * static_cast<std::size_t>(output);
            REQUIRE(std::abs(out[at + static_cast<std::size_t>(l)] - y) <= slack * std::abs(scale.data()[n]) + 1e-3);
          }
    }
}

TEST_CASE("conversion in registers is the formula, integers exactly") {
  for (const KernelTable* k : tables())
    for (const int tile : {1, 2, 4, 8}) {
      CAPTURE(k->name);
      const int planes = 3, cycles = 2;
      const auto lanes = static_cast<std::size_t>(k->lanes), width = static_cast<std::size_t>(tile);
      Data weights(planes * kRows * width, 2.0f, 3), inputs(cycles * kRows * lanes, 2.0f, 4);
      for (std::size_t i = 0; i < planes * kRows * width; ++i) weights.data()[i] = std::round(weights.data()[i]);
      for (std::size_t i = 0; i < cycles * kRows * lanes; ++i) inputs.data()[i] = std::round(inputs.data()[i]);
      Data lane_sums(cycles * lanes, 3.0f, 5);
      for (std::size_t i = 0; i < cycles * lanes; ++i) lane_sums.data()[i] = std::round(lane_sums.data()[i]);
      std::vector<Conversion> conversions;
      for (int i = 0; i < planes * cycles; ++i)
        conversions.push_back({0.25f, 0.5f, 20.125f + static_cast<float>(i), 40.0f, 20.0f, 0.5f + static_cast<float>(i)});
      AlignedBuffer<float> sums(width * lanes);
      std::fill_n(sums.data(), width * lanes, 1.0f);
      k->multiply_convert({tile, kRows, planes, cycles, weights.data(), inputs.data(), conversions.data(), lane_sums.data(),
                           nullptr, sums.data()});
      for (std::size_t o = 0; o < width; ++o)
        for (std::size_t l = 0; l < lanes; ++l) {
          double expected = 1.0;
          for (std::size_t p = 0; p < planes; ++p)
            for (std::size_t t = 0; t < cycles; ++t) {
              double sum = 0.0;
              for (std::size_t r = 0; r < kRows; ++r)
                sum += double{weights.data()[(p * kRows + r) * width + o]} * inputs.data()[(t * kRows + r) * lanes + l];
              const Conversion& c = conversions[p * cycles + t];
              const double code =
                  std::nearbyint(sum * c.current + lane_sums.data()[t * lanes + l] * c.lane_current + c.start);
              expected += (std::min(std::max(code, 0.0), double{c.last_code}) - c.zero_code) * c.gain;
            }
          REQUIRE(sums.data()[o * lanes + l] == expected);
        }
    }
}
