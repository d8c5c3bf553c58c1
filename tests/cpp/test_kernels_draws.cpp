// SPDX-License-Identifier: BSD-3-Clause
//
// Draws and what is made of them, at every SIMD level: the same bits where they are promised.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

TEST_CASE("draws of reads have the same bits at every level, and the words of Philox behind them") {
  constexpr int kReadLanes = 48;  // a multiple of every level's lanes
  const PhiloxKey key = stream_key(3, StreamKind::kRead, 4);
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    std::vector<std::uint64_t> samples(kReadLanes);
    for (std::size_t l = 0; l < samples.size(); ++l) samples[l] = (std::uint64_t{7} << 33) + 3 * l;
    for (const std::uint32_t first : {0u, 3u, 6u})
      for (const int outputs : {1, 2, 5, 8, 11}) {
        std::vector<float> z(samples.size() * static_cast<std::size_t>(outputs));
        k->draw_read_normals({{key[0], key[1]}, samples.data(), kReadLanes, first, outputs, 1025}, z.data());
        for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o)
          for (std::size_t l = 0; l < samples.size(); ++l) {
            const std::uint32_t output = first + static_cast<std::uint32_t>(o);
            const PhiloxCounter words = philox({low_word(samples[l]), high_word(samples[l]), output >> 2, 1025}, key);
            const std::size_t pair = output & 2u;
            const double u = static_cast<float>(words[pair]) * 0x1p-32f + 0x1p-33f;
            const double angle = 2.0 * 3.14159265358979323846 * words[pair + 1] / 4294967296.0;
            const double wave = (output & 1u) != 0 ? std::sin(angle) : std::cos(angle);
            REQUIRE(std::abs(z[o * samples.size() + l] - std::sqrt(-2.0 * std::log(u)) * wave) < 2e-6);
          }
        std::vector<float> expected(z.size());
        kernels("base").draw_read_normals({{key[0], key[1]}, samples.data(), kReadLanes, first, outputs, 1025},
                                          expected.data());
        REQUIRE(z == expected);
      }
  }
}

/// L with L L' = c.
void factorise(const double (&c)[3][3], double (&lower)[3][3]) {
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t s = 0; s <= t; ++s) {
      double rest = c[t][s];
      for (std::size_t j = 0; j < s; ++j) rest -= lower[t][j] * lower[s][j];
      lower[t][s] = t == s ? std::sqrt(rest) : rest / lower[s][s];
    }
}

TEST_CASE("noise currents have the covariance of their cells") {
  for (const KernelTable* k : tables())
    for (const int tile : {1, 2, 4, 8}) {
      CAPTURE(k->name);
      const std::size_t rows = 9, cycles = 3, lanes = static_cast<std::size_t>(k->lanes),
                        width = static_cast<std::size_t>(tile);
      Data fresh(rows * width, 1.0f, 1), shared(rows * width, 1.0f, 2), digits(cycles * rows * lanes, 2.0f, 3);
      for (Data* variances : {&fresh, &shared})
        for (std::size_t i = 0; i < rows * width; ++i) variances->data()[i] = std::abs(variances->data()[i]);
      std::vector<float> squares(cycles * rows * lanes);
      k->add_squares(digits.data(), squares.size(), 1.0f, squares.data());
      AlignedBuffer<float> aligned(squares.size());
      std::copy(squares.begin(), squares.end(), aligned.data());
      const Data z(cycles * width * lanes, 1.0f, 4);
      AlignedBuffer<float> noise(cycles * width * lanes);
      for (const bool is_shared : {false, true}) {
        std::copy_n(z.data(), cycles * width * lanes, noise.data());
        k->shape_noise({tile, static_cast<int>(rows), static_cast<int>(cycles), fresh.data(),
                        is_shared ? shared.data() : nullptr, aligned.data(), digits.data(), noise.data()});
        for (std::size_t o = 0; o < width; ++o)
          for (std::size_t l = 0; l < lanes; ++l) {
            double c[3][3] = {}, lower[3][3] = {};
            for (std::size_t t = 0; t < cycles; ++t)
              for (std::size_t s = 0; s < cycles; ++s)
                for (std::size_t r = 0; r < rows; ++r) {
                  const double pair =
                      double{digits.data()[(t * rows + r) * lanes + l]} * digits.data()[(s * rows + r) * lanes + l];
                  if (t == s) c[t][s] += fresh.data()[r * width + o] * pair;
                  if (is_shared) c[t][s] += shared.data()[r * width + o] * pair;
                }
            factorise(c, lower);
            for (std::size_t t = 0; t < cycles; ++t) {
              double expected = 0.0;
              for (std::size_t s = 0; s <= t; ++s) expected += lower[t][s] * z.data()[(s * width + o) * lanes + l];
              REQUIRE(noise.data()[(t * width + o) * lanes + l] == doctest::Approx(expected).epsilon(1e-4).scale(1.0));
            }
          }
      }
    }
}

TEST_CASE("sixteen cycles that drive a cell each leave its draws as they are") {
  constexpr std::size_t kCycles = 16;
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    const std::size_t lanes = static_cast<std::size_t>(k->lanes);
    AlignedBuffer<float> digits(kCycles * kCycles * lanes), squares(kCycles * kCycles * lanes), noise(kCycles * lanes);
    std::fill_n(digits.data(), kCycles * kCycles * lanes, 0.0f);
    for (std::size_t t = 0; t < kCycles; ++t) std::fill_n(digits.data() + t * (kCycles + 1) * lanes, lanes, 2.0f);
    const std::vector<float> variances(kCycles, 0.25f);
    const Data z(kCycles * lanes, 1.0f, 4);
    std::copy_n(z.data(), kCycles * lanes, noise.data());
    k->shape_noise({1, kCycles, kCycles, nullptr, variances.data(), squares.data(), digits.data(), noise.data()});
    for (std::size_t i = 0; i < kCycles * lanes; ++i) REQUIRE(noise.data()[i] == z.data()[i]);
  }
}

TEST_CASE("draws: the words of Philox, the same bits at every level, and any part of a run alone") {
  const PhiloxKey key = stream_key(7, StreamKind::kProgramming, 9);
  const std::uint64_t first = (1ull << 34) - 50;  // crosses a carry into the high word of the counter
  const std::size_t count = 300;
  const auto run = [&](const KernelTable* k, bool normal, std::uint64_t begin, std::size_t size) {
    std::vector<float> out(size);
    (normal ? k->fill_normals : k->fill_uniforms)({{key[0], key[1]}, begin, size, 3, 5}, out.data());
    return out;
  };
  const std::vector<float> normals = run(&kernels("base"), true, first, count);
  const std::vector<float> uniforms = run(&kernels("base"), false, first, count);
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    CHECK(run(k, true, first, count) == normals);
    CHECK(run(k, false, first, count) == uniforms);
    for (const std::size_t skip : {1u, 3u, 66u, 129u})
      CHECK(run(k, true, first + skip, 71) == std::vector<float>(normals.begin() + static_cast<std::ptrdiff_t>(skip),
                                                                 normals.begin() + static_cast<std::ptrdiff_t>(skip) + 71));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t item = first + i;
    const PhiloxCounter words = philox({low_word(item >> 2), high_word(item >> 2), 3, 5}, key);
    const std::uint32_t word = words[item & 3];
    REQUIRE(uniforms[i] == static_cast<float>((word >> 8) * 0x1p-24 + 0x1p-25));
    const std::size_t pair = item & 2;
    const float u = static_cast<float>(words[pair]) * 0x1p-32f + 0x1p-33f;
    const double radius = std::sqrt(-2.0 * std::log(double{u}));
    const double angle = 2.0 * 3.14159265358979323846 * words[pair + 1] * 0x1p-32;
    const double expected = radius * ((item & 1) == 0 ? std::cos(angle) : std::sin(angle));
    REQUIRE(std::abs(normals[i] - expected) < 2e-6);
  }
}

TEST_CASE("cells: digits, errors, clipping, the same bits at every level") {
  std::vector<float> numbers;
  for (int q = -255; q <= 255; ++q) numbers.push_back(static_cast<float>(q));
  const std::size_t count = numbers.size();
  const Data z(count, 1.0f, 3);
  const double coefficients[] = {0.01, 0.2, -0.3};
  std::vector<float> expected;
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    std::vector<float> g(count);
    k->place_digits({-1, 2, 3, 0.25f, 0.5f}, numbers.data(), count, g.data());
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(g[i] == 0.25f + 0.5f * static_cast<float>(numbers[i] < 0 ? (static_cast<int>(-numbers[i]) / 4) % 4 : 0));
    k->place_digits({1, 0, 0, 0.1f, 1.0f / 512}, numbers.data(), count, g.data());
    const std::vector<float> target = g;
    k->add_normal_errors({coefficients, 3, 2.0, 0.5}, z.data(), count, g.data());
    for (std::size_t i = 0; i < count; ++i) {
      const double x = 2.0 * target[i], sigma = 0.5 * (0.01 + 0.2 * x - 0.3 * x * x);
      REQUIRE(g[i] == doctest::Approx(target[i] + std::max(0.0, sigma) * z.data()[i]).epsilon(1e-6));
    }
    k->add_normal_errors({coefficients, 1, 1.0, 10.0}, z.data(), count, g.data());
    const std::vector<float> programmed = g;
    k->to_digits(0.125f, 3.0f, count, g.data());
    for (std::size_t i = 0; i < count; ++i) REQUIRE(g[i] == (std::max(programmed[i], 0.0f) - 0.125f) * 3.0f);
    if (expected.empty()) expected = g;
    CHECK(g == expected);
  }
}

TEST_CASE("programming touches no cell beyond the last") {
  const double coefficients[] = {0.5, -0.2};
  const std::vector<float> numbers = {3.0f, 5.0f, 7.0f};
  const float z[] = {1.0f, 1.0f, 1.0f};
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    std::vector<float> g(3, -7.0f);
    k->place_digits({1, 0, 0, 0.0f, 1.0f}, numbers.data(), 2, g.data());
    k->place_digits({1, 1, 3, 0.0f, 1.0f}, numbers.data(), 2, g.data());
    for (const int terms : {1, 2}) k->add_normal_errors({coefficients, terms, 1.0, 1.0}, z, 2, g.data());
    k->to_digits(0.0f, 2.0f, 2, g.data());
    CHECK(g[2] == -7.0f);
  }
}

TEST_CASE("drift by a power of time, the same bits at every level") {
  constexpr std::size_t kCount = 515;
  const Data z(kCount, 1.0f, 4), start(kCount, 1.0f, 5);
  std::vector<float> targets(kCount);
  for (std::size_t i = 0; i < kCount; ++i) targets[i] = static_cast<float>(i) / (kCount - 1);
  for (const int by_target : {0, 1, 2, 3})  // neither, the mean, the spread, both
    for (const float log_ratio : {0.0f, 0.05f, 14.3f, 2000.0f}) {
      PowerDriftArgs args{log_ratio, {0.05f, 0.0f, 0.0f, 1.0f}, {0.02f, 0.0f, 0.0f, 1.0f}};
      if ((by_target & 1) != 0) args.mean = {0.0244f, -0.0155f, 0.049f, 0.1f};
      if ((by_target & 2) != 0) args.spread = {-0.0059f, -0.0125f, 0.008f, 0.045f};
      std::vector<float> expected;
      for (const KernelTable* k : tables()) {
        CAPTURE(k->name);
        std::vector<float> g(start.data(), start.data() + kCount);
        k->drift_by_power(args, targets.data(), z.data(), kCount, g.data());
        for (std::size_t i = 0; i < kCount; ++i) {
          const double log_x = std::log(std::max(1e-7, double{targets[i]}));
          const auto part = [&](const PowerDriftArgs::Clipped& c) {
            return by_target != 0 ? std::clamp<double>(c.constant + c.per_log * log_x, c.low, c.high) : c.constant;
          };
          const double power = log_ratio * std::abs(part(args.mean) + part(args.spread) * z.data()[i]);
          if (power < 80.0) REQUIRE(g[i] == doctest::Approx(start.data()[i] * std::exp(-power)).epsilon(1e-5));
          REQUIRE(std::abs(g[i]) <= std::abs(start.data()[i]));
        }
        if (expected.empty()) expected = g;
        CHECK(g == expected);
      }
    }
}

TEST_CASE("lines of cells are packed side by side") {
  constexpr int kLine = 41;
  const Data plus(16 * kLine, 1.0f, 1), minus(16 * kLine, 1.0f, 2);
  for (const KernelTable* k : tables())
    for (const int width : {1, 2, 4, 8, 16})
      for (const bool pairs : {false, true}) {
        std::vector<float> to(static_cast<std::size_t>(width * kRows) + 1, -7.0f);
        k->pack_lines({width, kRows, kLine, plus.data() + 3, pairs ? minus.data() + 3 : nullptr, to.data()});
        for (int r = 0; r < kRows; ++r)
          for (int o = 0; o < width; ++o) {
            const int at = o * kLine + 3 + r;
            const float expected = pairs ? plus.data()[at] - minus.data()[at] : plus.data()[at];
            REQUIRE(to[static_cast<std::size_t>(r * width + o)] == expected);
          }
        CHECK(to.back() == -7.0f);
      }
}
