// SPDX-License-Identifier: BSD-3-Clause
//
// Look-up tables at every SIMD level, against plain loops.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

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
