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

/// The product of whole numbers, as a size of a buffer or a place in it.
template <typename... Factors>
std::size_t size(Factors... factors) {
  return static_cast<std::size_t>((factors * ...));
}

/// What a whole number drives at cycle `t`: -1, 0 or 1.
int bit_of(float number, int t) {
  const int n = static_cast<int>(number);
  return (std::abs(n) >> t & 1) * (n < 0 ? -1 : 1);
}

/// A check of look-ups in integer tables: of 16-bit cells if `wide`, else of bytes; both must be exact.
struct IntegerCase {
  static constexpr int rows = 23, cycles = 5;
  const KernelTable& k;
  bool wide, is_signed;
  int columns = k.table_columns, lanes = k.byte_lanes, group_rows = wide ? 5 : 4;
  int groups = (rows + group_rows - 1) / group_rows;
  std::vector<int> cells = std::vector<int>(size(rows, columns));
  std::vector<std::uint8_t> used = std::vector<std::uint8_t>(size(cycles));
  AlignedBuffer<float> panel{size(rows, lanes)}, lane_sums{size(cycles, lanes)}, sums{size(columns, lanes)};
  AlignedBuffer<std::uint8_t> indices[2] = {};
  std::vector<Conversion> conversions = {};

  void prepare() {
    for (std::size_t i = 0; i < cells.size(); ++i)
      cells[i] = static_cast<int>(i * 7919 % (wide ? 2001 : 7)) - (wide ? 1000 : 3);
    for (std::size_t i = 0; i < size(rows, lanes); ++i)
      panel.data()[i] = static_cast<float>(static_cast<int>(i * 104729 % 63) - (is_signed ? 31 : 0));
    for (const int sign : {1, -1})
      k.index_nibbles({rows, group_rows, cycles, sign, panel.data(), used.data(),
                       indices[sign < 0].reserve(size(cycles, groups, lanes))});
    for (int t = 0; t < cycles; ++t)
      conversions.push_back({0.5f, 0.25f, 40000.125f, 80000.0f, 40000.0f, std::ldexp(1.0f, t)});
    for (std::size_t i = 0; i < size(cycles, lanes); ++i) lane_sums.data()[i] = static_cast<float>(i % 5);
    std::fill_n(sums.data(), size(columns, lanes), 3.0f);
  }

  const std::uint8_t* negative() { return is_signed ? indices[1].data() : nullptr; }

  void look_up_shorts() {
    const std::vector<std::int16_t> shorts(cells.begin(), cells.end());
    const std::vector<float> scales(size(columns), 2.0f);
    AlignedBuffer<std::int16_t> space(size(groups, 32, columns));
    k.look_up_shorts({columns, rows, cycles, indices[0].data(), negative(), used.data(), shorts.data(), scales.data(),
                      space.data(), conversions.data(), lane_sums.data(), sums.data()});
  }

  void look_up_bytes() {
    AlignedBuffer<std::int8_t> subsets(size(groups, 16, columns));
    for (int g = 0; g < groups; ++g)
      for (int c = 0; c < columns; ++c)
        for (int subset = 0; subset < 16; ++subset) {
          int sum = 0;
          for (int r = 0; r < 4 && 4 * g + r < rows; ++r)
            if ((subset >> r & 1) != 0) sum += cells[size(4 * g + r, columns) + size(c)];
          subsets.data()[(g * columns + c) * 16 + subset] = static_cast<std::int8_t>(sum);
        }
    k.look_up_bytes({columns, groups, 127 / 12, cycles, indices[0].data(), negative(), used.data(), subsets.data(),
                     conversions.data(), lane_sums.data(), sums.data()});
  }

  double expected(int c, int l) {
    double result = 3.0;
    for (int t = 0; t < cycles; ++t) {
      int sum = 0;
      for (int r = 0; r < rows; ++r)
        sum += bit_of(panel.data()[size(r, lanes) + size(l)], t) * cells[size(r, columns) + size(c)];
      const double current = (wide ? 2.0 : 1.0) * 0.5 * sum + 0.25 * lane_sums.data()[size(t, lanes) + size(l)];
      result += (std::nearbyint(current + 40000.125) - 40000.0) * std::ldexp(1.0, t);
    }
    return result;
  }
};

/// A check of look-ups in tables of subset sums of numbers, for `cycles` one-bit inputs.
struct SubsetCase {
  static constexpr int rows = 21;
  const KernelTable& k;
  int cycles, group_rows;
  bool is_signed;
  int lanes = k.lanes, columns = k.table_columns;
  int groups = (rows + group_rows - 1) / group_rows, sets = (cycles + 7) / 8;
  Data weights{size(rows, columns), 2.0f, 1}, panel{size(rows, lanes), is_signed ? 20.0f : 9.0f, 2};
  std::vector<std::uint8_t> used = std::vector<std::uint8_t>(size(sets, lanes)), index[2] = {};
  AlignedBuffer<float> lane_sums{size(cycles, lanes)}, sums{size(columns, lanes)};
  std::vector<Conversion> conversions = {};

  void prepare() {
    for (std::size_t i = 0; i < size(rows, columns); ++i) weights.data()[i] = std::round(weights.data()[i]);
    const float top = std::ldexp(1.0f, cycles) - 1.0f;
    for (std::size_t i = 0; i < size(rows, lanes); ++i) {
      // every third lane drives small numbers only, so that some cycles of it are idle
      const float scale = (i % size(lanes)) % 3 == 0 ? 0.2f : cycles > 8 ? 900.0f : 1.0f;
      const float n = std::round(panel.data()[i] * scale);
      panel.data()[i] = std::min(std::max(n, is_signed ? -top : 0.0f), top);
    }
    for (int t = 0; t < cycles; ++t) conversions.push_back({0.25f, 0.5f, 40.125f, 90.0f, 39.0f, std::ldexp(1.0f, t % 5)});
    std::fill_n(lane_sums.data(), size(cycles, lanes), 0.0f);
    std::fill_n(sums.data(), size(columns, lanes), 3.0f);
  }

  void index_part(int part) {
    index[part].resize(size(sets, groups, lanes, 8));
    for (int set = 0; set < sets; ++set) {
      std::uint8_t* const to = index[part].data() + size(set, groups, lanes, 8);
      k.index_bits({rows, lanes, group_rows, 8 * set, part == 0 ? 1 : -1, panel.data(), used.data() + size(set, lanes), to});
      k.count_bits({groups, lanes, std::min(cycles - 8 * set, 8), part == 0 ? 1.0f : -1.0f, to,
                    lane_sums.data() + size(8 * set, lanes)});
    }
  }

  void look_up() {
    for (int part = 0; part < (is_signed ? 2 : 1); ++part) index_part(part);
    AlignedBuffer<float> table(size(groups, 1 << group_rows, columns));
    k.build_tables({rows, group_rows, weights.data(), table.data()});
    k.look_up_convert({lanes, groups, group_rows, cycles, index[0].data(), is_signed ? index[1].data() : nullptr, used.data(),
                       table.data(), conversions.data(), lane_sums.data(), sums.data()});
  }

  double expected(int c, int l) {
    double result = 3.0;
    for (int t = 0; t < cycles; ++t) {
      double sum = 0.0, ones = 0.0;
      for (int r = 0; r < rows; ++r) {
        const int bit = bit_of(panel.data()[size(r, lanes) + size(l)], t);
        sum += bit * double{weights.data()[size(r, columns) + size(c)]};
        ones += bit;
      }
      const Conversion& conv = conversions[size(t)];
      const double code = std::nearbyint(0.25 * sum + 0.5 * ones + 40.125);
      result += (std::min(std::max(code, 0.0), 90.0) - 39.0) * conv.gain;
    }
    return result;
  }
};

template <typename Case>
void require_expected(Case& check) {
  for (int c = 0; c < check.columns; ++c)
    for (int l = 0; l < check.lanes; ++l) REQUIRE(check.sums.data()[size(c, check.lanes) + size(l)] == check.expected(c, l));
}

}  // namespace

TEST_CASE("integer tables give exact sums of one-bit inputs") {
  for (const KernelTable* k : tables())
    for (const bool wide : {false, true})
      for (const bool is_signed : {false, true}) {
        if (wide && k->look_up_shorts == nullptr) continue;
        CAPTURE(k->name);
        CAPTURE(wide);
        IntegerCase check{*k, wide, is_signed};
        check.prepare();
        wide ? check.look_up_shorts() : check.look_up_bytes();
        require_expected(check);
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
          SubsetCase check{*k, cycles, group_rows, is_signed};
          check.prepare();
          check.look_up();
          require_expected(check);
        }
}
