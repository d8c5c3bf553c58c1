// SPDX-License-Identifier: BSD-3-Clause
//
// Every kernel at every SIMD level that this machine can run, against plain double-precision loops; draws of all levels bit
// for bit.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "base/aligned.hpp"
#include "kernels/kernel_table.hpp"
#include "random/philox.hpp"

using namespace imperfect;

namespace {

std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> result;
  std::istringstream names(available_levels());
  for (std::string name; names >> name;) result.push_back(&kernels(name.c_str()));
  return result;
}

/// Aligned test data: normal draws times `scale`.
struct Data : AlignedBuffer<float> {
  Data(std::size_t count, float scale, std::uint64_t seed) : AlignedBuffer<float>(count) {
    const PhiloxKey key = stream_key(seed, StreamKind::kProgramming, 0);
    kernels("base").fill_normals({{key[0], key[1]}, 0, count, 0, 0}, data());
    for (std::size_t i = 0; i < count; ++i) data()[i] *= scale;
  }
};

constexpr int kRows = 37;

}  // namespace

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
      k->multiply_direct({groups,
                          tile,
                          rows,
                          lanes,
                          weights.data(),
                          source.data(),
                          50,
                          offsets,
                          1,
                          nullptr,
                          {tile, scale.data(), shift.data(), -1.0f, 1.5f},
                          tile,
                          out.data(),
                          group,
                          output});
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
      const int groups = 2, rows = 4, planes = 3, lanes = k->lanes;
      const std::ptrdiff_t offsets[] = {0, 5, 9, 2}, output = lanes, group = tile * output;
      const auto width = static_cast<std::size_t>(tile);
      const Data weights(groups * planes * rows * width, 1.0f, 1), source(static_cast<std::size_t>(lanes) + 40, 1.0f, 2);
      const Data scale(groups * width, 1.0f, 6), shift(groups * width, 1.0f, 7);
      std::vector<Conversion> conversions;  // 256 codes from -1 to 1, planes weighted by 1, 4 and 16
      for (const float gain : {1.0f, 4.0f, 16.0f}) conversions.push_back({127.5f, 0.0f, 127.5f, 255.0f, 127.5f, gain});
      std::vector<float> out(groups * static_cast<std::size_t>(group));
      k->multiply_direct({groups,
                          tile,
                          rows,
                          lanes,
                          weights.data(),
                          source.data(),
                          30,
                          offsets,
                          planes,
                          conversions.data(),
                          {tile, scale.data(), shift.data(), -1e9f, 1e9f},
                          tile,
                          out.data(),
                          group,
                          output});
      for (std::size_t g = 0; g < groups; ++g)
        for (std::size_t o = 0; o < width; ++o)
          for (int l = 0; l < lanes; ++l) {
            double total = 0.0, slack = 1e-3;
            for (std::size_t plane = 0; plane < planes; ++plane) {
              double sum = 0.0;
              for (std::size_t r = 0; r < rows; ++r)
                sum += double{weights.data()[((g * planes + plane) * rows + r) * width + o]} *
                       source.data()[30 * g + static_cast<std::size_t>(offsets[r] + l)];
              const double gain = conversions[plane].gain, code = std::nearbyint(sum * 127.5 + 127.5);
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

namespace {

/// Look-ups in integer tables of `k`: of 16-bit cells if `wide`, else of bytes; both must be exact.
void check_integer_tables(const KernelTable& k, bool wide, bool is_signed) {
  const int rows = 23, cycles = 5, tile = k.table_columns, group_rows = wide ? 5 : 4;
  const int groups = (rows + group_rows - 1) / group_rows, lanes = k.byte_lanes;
  const auto columns = static_cast<std::size_t>(tile), width = static_cast<std::size_t>(lanes);
  std::vector<int> cells(static_cast<std::size_t>(rows) * columns);
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i] = static_cast<int>(i * 7919 % (wide ? 2001 : 7)) - (wide ? 1000 : 3);
  AlignedBuffer<float> panel(static_cast<std::size_t>(rows) * width);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * width; ++i)
    panel.data()[i] = static_cast<float>(static_cast<int>(i * 104729 % 63) - (is_signed ? 31 : 0));
  AlignedBuffer<std::uint8_t> indices[2];
  std::vector<std::uint8_t> used(static_cast<std::size_t>(cycles));
  for (const int sign : {1, -1})
    k.index_nibbles({rows, group_rows, cycles, sign, panel.data(), used.data(),
                     indices[sign < 0].reserve(static_cast<std::size_t>(cycles * groups) * width)});
  const std::uint8_t* const negative = is_signed ? indices[1].data() : nullptr;
  std::vector<Conversion> conversions;
  for (int t = 0; t < cycles; ++t) conversions.push_back({0.5f, 0.25f, 40000.125f, 80000.0f, 40000.0f, std::ldexp(1.0f, t)});
  AlignedBuffer<float> lane_sums(static_cast<std::size_t>(cycles) * width), sums(columns * width);
  for (std::size_t i = 0; i < static_cast<std::size_t>(cycles) * width; ++i) lane_sums.data()[i] = static_cast<float>(i % 5);
  std::fill_n(sums.data(), columns * width, 3.0f);
  if (wide) {
    const std::vector<std::int16_t> shorts(cells.begin(), cells.end());
    const std::vector<float> scales(columns, 2.0f);
    AlignedBuffer<std::int16_t> tables(static_cast<std::size_t>(groups * 32) * columns);
    k.look_up_shorts({tile, rows, cycles, indices[0].data(), negative, used.data(), shorts.data(), scales.data(),
                      tables.data(), conversions.data(), lane_sums.data(), sums.data()});
  } else {
    AlignedBuffer<std::int8_t> tables(static_cast<std::size_t>(groups * 16) * columns);
    for (int g = 0; g < groups; ++g)
      for (int c = 0; c < tile; ++c)
        for (int subset = 0; subset < 16; ++subset) {
          int sum = 0;
          for (int r = 0; r < 4 && 4 * g + r < rows; ++r)
            if ((subset >> r & 1) != 0) sum += cells[static_cast<std::size_t>((4 * g + r) * tile + c)];
          tables.data()[(g * tile + c) * 16 + subset] = static_cast<std::int8_t>(sum);
        }
    k.look_up_bytes({tile, groups, 127 / 12, cycles, indices[0].data(), negative, used.data(), tables.data(),
                     conversions.data(), lane_sums.data(), sums.data()});
  }
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t l = 0; l < width; ++l) {
      double expected = 3.0;
      for (int t = 0; t < cycles; ++t) {
        int sum = 0;
        for (int r = 0; r < rows; ++r) {
          const int n = static_cast<int>(panel.data()[static_cast<std::size_t>(r) * width + l]);
          const int bit = (std::abs(n) >> t & 1) * (n < 0 ? (is_signed ? -1 : 0) : 1);
          sum += bit * cells[static_cast<std::size_t>(r * tile) + c];
        }
        const double current =
            (wide ? 2.0 : 1.0) * 0.5 * sum + 0.25 * lane_sums.data()[static_cast<std::size_t>(t) * width + l];
        expected += (std::nearbyint(current + 40000.125) - 40000.0) * std::ldexp(1.0, t);
      }
      REQUIRE(sums.data()[c * width + l] == expected);
    }
}

}  // namespace

TEST_CASE("integer tables give exact sums of one-bit inputs") {
  for (const KernelTable* k : tables())
    for (const bool wide : {false, true})
      for (const bool is_signed : {false, true}) {
        CAPTURE(k->name);
        CAPTURE(wide);
        if (!wide || k->look_up_shorts != nullptr) check_integer_tables(*k, wide, is_signed);
      }
}

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
            for (std::size_t t = 0; t < cycles; ++t)
              for (std::size_t s = 0; s <= t; ++s) {
                double rest = c[t][s];
                for (std::size_t j = 0; j < s; ++j) rest -= lower[t][j] * lower[s][j];
                lower[t][s] = t == s ? std::sqrt(rest) : rest / lower[s][s];
              }
            for (std::size_t t = 0; t < cycles; ++t) {
              double expected = 0.0;
              for (std::size_t s = 0; s <= t; ++s) expected += lower[t][s] * z.data()[(s * width + o) * lanes + l];
              REQUIRE(noise.data()[(t * width + o) * lanes + l] == doctest::Approx(expected).epsilon(1e-4).scale(1.0));
            }
          }
      }
    }
}

TEST_CASE("pictures are padded, split and put together again") {
  for (const KernelTable* k : tables())
    for (const int width : {1, 5, 16, 33})
      for (const int step : {1, 2, 3}) {
        CAPTURE(k->name);
        const int pictures = 2, height = 3, columns = (width + step - 1) / step, plane_width = columns + 3;
        const auto slack = static_cast<std::size_t>(k->lanes);
        std::vector<float> from(static_cast<std::size_t>(pictures * height * width));
        for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i + 1);
        const std::ptrdiff_t plane = (height + 2) * plane_width;
        std::vector<float> to(static_cast<std::size_t>(pictures * plane) + slack, -1.0f);
        k->pad({pictures, from.data(), height * width, width, step, height, columns, true, to.data(), plane, height + 2,
                plane_width, 1, 2});
        for (int p = 0; p < pictures; ++p)
          for (int y = 0; y < height + 2; ++y)
            for (int x = 0; x < plane_width; ++x) {
              const bool inside = y >= 1 && y <= height && x >= 2 && x - 2 < columns;
              const int source = (p * height + y - 1) * width + (x - 2) * step;
              REQUIRE(to[static_cast<std::size_t>(p * plane + y * plane_width + x)] ==
                      (inside ? from[static_cast<std::size_t>(source)] : 0.0f));
            }
        std::vector<float> rows(static_cast<std::size_t>(pictures * height * columns + 1), -5.0f);
        k->copy_rows({pictures, to.data() + plane_width + 2, plane, plane_width, height, columns, rows.data()});
        for (int i = 0; i < pictures * height * columns; ++i) {
          const int p = i / (height * columns), y = i / columns % height, x = i % columns;
          REQUIRE(rows[static_cast<std::size_t>(i)] == from[static_cast<std::size_t>((p * height + y) * width + x * step)]);
        }
        REQUIRE(rows.back() == -5.0f);
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

TEST_CASE("inputs: quantising, gathering, digits, sums of rows, finishing") {
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

TEST_CASE("an unknown level is refused with the levels that can run") {
  CHECK_THROWS_WITH_AS(kernels("avx1024"), doctest::Contains("base"), std::invalid_argument);
}

TEST_CASE("look-ups of subset sums are the converted products of one-bit inputs") {
  for (const KernelTable* k : tables())
    for (const int cycles : {1, 2, 3, 4, 5, 6, 7, 8, 11, 16})
      for (const int group_rows : {4, 5, 8})
        for (const bool is_signed : {false, true}) {
          CAPTURE(k->name);
          CAPTURE(cycles);
          CAPTURE(group_rows);
          const int rows = 21, lanes = k->lanes, columns = k->table_columns;
          const int groups = (rows + group_rows - 1) / group_rows, sets = (cycles + 7) / 8;
          const auto size = [](auto... factors) { return static_cast<std::size_t>((factors * ...)); };
          Data weights(size(rows, columns), 2.0f, 1), panel(size(rows, lanes), is_signed ? 20.0f : 9.0f, 2);
          for (std::size_t i = 0; i < size(rows, columns); ++i) weights.data()[i] = std::round(weights.data()[i]);
          const float top = std::ldexp(1.0f, cycles) - 1.0f;
          for (std::size_t i = 0; i < size(rows, lanes); ++i) {
            // every third lane drives small numbers only, so that some cycles of it are idle
            const float scale = (i % static_cast<std::size_t>(lanes)) % 3 == 0 ? 0.2f : cycles > 8 ? 900.0f : 1.0f;
            float n = std::round(panel.data()[i] * scale);
            n = std::min(std::max(n, is_signed ? -top : 0.0f), top);
            panel.data()[i] = n;
          }
          std::vector<std::uint8_t> used(size(sets, lanes)), index[2];
          AlignedBuffer<float> lane_sums(size(cycles, lanes)), table(size(groups, 1 << group_rows, columns));
          std::fill_n(lane_sums.data(), size(cycles, lanes), 0.0f);
          for (int part = 0; part < (is_signed ? 2 : 1); ++part) {
            index[part].resize(size(sets, groups, lanes, 8));
            for (int set = 0; set < sets; ++set) {
              std::uint8_t* const to = index[part].data() + size(set, groups, lanes, 8);
              k->index_bits(
                  {rows, lanes, group_rows, 8 * set, part == 0 ? 1 : -1, panel.data(), used.data() + size(set, lanes), to});
              k->count_bits({groups, lanes, std::min(cycles - 8 * set, 8), part == 0 ? 1.0f : -1.0f, to,
                             lane_sums.data() + size(8 * set, lanes)});
            }
          }
          k->build_tables({rows, group_rows, weights.data(), table.data()});
          std::vector<Conversion> conversions;
          for (int t = 0; t < cycles; ++t)
            conversions.push_back({0.25f, 0.5f, 40.125f, 90.0f, 39.0f, std::ldexp(1.0f, t % 5)});
          AlignedBuffer<float> sums(size(columns, lanes));
          std::fill_n(sums.data(), size(columns, lanes), 3.0f);
          k->look_up_convert({lanes, groups, group_rows, cycles, index[0].data(), is_signed ? index[1].data() : nullptr,
                              used.data(), table.data(), conversions.data(), lane_sums.data(), sums.data()});
          for (int l = 0; l < lanes; ++l)
            for (int c = 0; c < columns; ++c) {
              double expected = 3.0;
              for (int t = 0; t < cycles; ++t) {
                double sum = 0.0, ones = 0.0;
                for (int r = 0; r < rows; ++r) {
                  const int n = static_cast<int>(panel.data()[size(r, lanes) + static_cast<std::size_t>(l)]);
                  const int bit = ((std::abs(n) >> t) & 1) * (n < 0 ? -1 : 1);
                  sum += bit * double{weights.data()[size(r, columns) + static_cast<std::size_t>(c)]};
                  ones += bit;
                }
                const Conversion& conv = conversions[static_cast<std::size_t>(t)];
                const double code = std::nearbyint(0.25 * sum + 0.5 * ones + 40.125);
                expected += (std::min(std::max(code, 0.0), 90.0) - 39.0) * conv.gain;
              }
              REQUIRE(sums.data()[size(c, lanes) + static_cast<std::size_t>(l)] == expected);
            }
        }
}
