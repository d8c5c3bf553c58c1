// SPDX-License-Identifier: BSD-3-Clause
//
// Where cells are ideal levels, what four word lines with one-bit inputs add to a bit line is one of 16 small integers. A
// byte shuffle looks up that many lanes at once, sums stay integers of 8 and then 16 bits, and only the finished sum becomes
// a float for its converter: the same codes as any other exact way. Cells rounded to 16 bits take a shuffle of 16-bit
// numbers, which holds the 32 sums of five word lines.
#include "kernels/integer_tables.hpp"

#include "kernels/simd_bytes.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kGroupRows = 4;
constexpr int kTableSize = 1 << kGroupRows;

/// The sums of kByteTile columns × kByteLanes lanes of one cycle.
struct ShortSums {
  Shorts at[kByteTile][2];

  void clear() {
    for (auto& column : at) column[0] = column[1] = zero_shorts();
  }

  /// Look-ups of all groups; 8-bit sums are widened before they can overflow.
  template <bool Signed>
  void look_up_all(const ByteLookUpArgs& args, const std::int8_t* tables, int cycle) {
    clear();
    const std::ptrdiff_t first_index = std::ptrdiff_t{cycle} * args.groups * kByteLanes;
    for (int begin = 0; begin < args.groups; begin += args.groups_per_widening) {
      const int end = begin + args.groups_per_widening < args.groups ? begin + args.groups_per_widening : args.groups;
      Bytes sums[kByteTile];
      for (Bytes& sum : sums) sum = zero_bytes();
      for (int g = begin; g < end; ++g) {
        const std::ptrdiff_t index = first_index + std::ptrdiff_t{g} * kByteLanes;
        const std::int8_t* const table = tables + std::ptrdiff_t{g} * args.tile * kTableSize;
        const Bytes positive = load_bytes(args.positive + index);
        const Bytes negative = Signed ? load_bytes(args.negative + index) : zero_bytes();
        for (int c = 0; c < kByteTile; ++c) {
          const Bytes entries = load_table(table + c * kTableSize);
          sums[c] = add_bytes(sums[c], look_up(entries, positive));
          if (Signed) sums[c] = subtract_bytes(sums[c], look_up(entries, negative));
        }
      }
      for (int c = 0; c < kByteTile; ++c)
        for (int half = 0; half < 2; ++half) at[c][half] = add_half(at[c][half], sums[c], half);
    }
  }

  /// `scales`: digits of a unit for each column; null: 1.
  void convert_and_add(const Conversion& conversion, const float* lane_sums, const float* scales, float* sums) const {
    for (int c = 0; c < kByteTile; ++c) {
      const Vector current = broadcast(scales == nullptr ? conversion.current : conversion.current * scales[c]);
      for (int part = 0; part < 2 * kFloatsPerShorts; ++part) {
        const int lane = part * kWidth;
        const Vector start = mul_add(load(lane_sums + lane), broadcast(conversion.lane_current), broadcast(conversion.start));
        const Vector sum = to_floats(at[c][part / kFloatsPerShorts], part % kFloatsPerShorts);
        Vector code = mul_add(sum, current, start);
        code = clamp(round_to_even(code), broadcast(0.0f), broadcast(conversion.last_code));
        float* const p = sums + c * kByteLanes + lane;
        store(p, mul_add(subtract(code, broadcast(conversion.zero_code)), broadcast(conversion.gain), load(p)));
      }
    }
  }
};

#if defined(__AVX512BW__)

constexpr int kShortRows = 5;
constexpr int kShortTable = 1 << kShortRows;

/// Subset sums of five rows of one column, all 32 at once.
void build_short_table(const std::int16_t* weights, int rows, int stride, std::int16_t* table) {
  static constexpr std::uint32_t kSubsets[kShortRows] = {0xAAAAAAAAu, 0xCCCCCCCCu, 0xF0F0F0F0u, 0xFF00FF00u, 0xFFFF0000u};
  Shorts sums = zero_shorts();
  for (int r = 0; r < rows; ++r)
    sums = _mm512_mask_add_epi16(sums, kSubsets[r], sums, _mm512_set1_epi16(weights[std::ptrdiff_t{r} * stride]));
  _mm512_store_si512(table, sums);
}

/// tables[group of 5 rows][column of kByteTile][32].
void build_short_tables(const ShortLookUpArgs& args, int first) {
  std::int16_t* table = args.tables;
  for (int r = 0; r < args.rows; r += kShortRows)
    for (int c = 0; c < kByteTile; ++c, table += kShortTable)
      build_short_table(args.weights + std::ptrdiff_t{r} * args.tile + first + c,
                        args.rows - r < kShortRows ? args.rows - r : kShortRows, args.tile, table);
}

inline Shorts load_indices(const std::uint8_t* p, int half) {
  return _mm512_cvtepu8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(p) + half));
}

template <bool Signed>
void look_up_groups(const ShortLookUpArgs& args, int cycle, ShortSums& sums) {
  const int groups = (args.rows + kShortRows - 1) / kShortRows;
  const std::ptrdiff_t first = std::ptrdiff_t{cycle} * groups * kByteLanes;
  const std::int16_t* table = args.tables;
  sums.clear();
  for (int g = 0; g < groups; ++g) {
    const std::ptrdiff_t index = first + std::ptrdiff_t{g} * kByteLanes;
    Shorts positive[2], negative[2];
    for (int half = 0; half < 2; ++half) {
      positive[half] = load_indices(args.positive + index, half);
      if (Signed) negative[half] = load_indices(args.negative + index, half);
    }
    for (int c = 0; c < kByteTile; ++c, table += kShortTable) {
      const Shorts entries = _mm512_load_si512(table);
      for (int half = 0; half < 2; ++half) {
        Shorts& sum = sums.at[c][half];
        sum = _mm512_add_epi16(sum, _mm512_permutexvar_epi16(positive[half], entries));
        if (Signed) sum = _mm512_sub_epi16(sum, _mm512_permutexvar_epi16(negative[half], entries));
      }
    }
  }
}

#endif

}  // namespace

void index_nibbles(const NibbleArgs& args) {
  constexpr int kMostRows = 5;
  const int group_rows = args.group_rows;
  for (int first = 0; first < args.rows; first += group_rows) {
    const int rows = args.rows - first < group_rows ? args.rows - first : group_rows;
    std::uint32_t numbers[kMostRows][kByteLanes] = {};
    for (int r = 0; r < rows; ++r)
      for (int l = 0; l < kByteLanes; ++l) {
        const int n = static_cast<int>(args.panel[std::ptrdiff_t{first + r} * kByteLanes + l]);
        const int part = args.sign < 0 ? -n : n;
        numbers[r][l] = static_cast<std::uint32_t>(part < 0 ? 0 : part);
      }
    for (int cycle = 0; cycle < args.cycles; ++cycle) {
      const int groups = (args.rows + group_rows - 1) / group_rows;
      std::uint8_t* const to = args.indices + (std::ptrdiff_t{cycle} * groups + first / group_rows) * kByteLanes;
      for (int l = 0; l < kByteLanes; ++l) {
        std::uint32_t bits = 0;
        for (int r = 0; r < kMostRows; ++r) bits |= ((numbers[r][l] >> cycle) & 1u) << r;
        to[l] = static_cast<std::uint8_t>(bits);
      }
      for (int l = 0; l < kByteLanes; ++l) args.used[cycle] |= to[l];
    }
  }
}

void look_up_bytes(const ByteLookUpArgs& args) {
  for (int cycle = 0; cycle < args.cycles; ++cycle)
    for (int first = 0; first < args.tile; first += kByteTile) {
      ShortSums sums;
      const std::int8_t* const tables = args.tables + first * kTableSize;
      if (args.used[cycle] == 0) {
        sums.clear();  // a cycle that no input drives
      } else if (args.negative != nullptr) {
        sums.look_up_all<true>(args, tables, cycle);
      } else {
        sums.look_up_all<false>(args, tables, cycle);
      }
      sums.convert_and_add(args.conversions[cycle], args.lane_sums + std::ptrdiff_t{cycle} * kByteLanes, nullptr,
                           args.sums + first * kByteLanes);
    }
}

#if defined(__AVX512BW__)

void look_up_shorts(const ShortLookUpArgs& args) {
  for (int first = 0; first < args.tile; first += kByteTile) {
    build_short_tables(args, first);
    for (int cycle = 0; cycle < args.cycles; ++cycle) {
      ShortSums sums;
      if (args.used[cycle] == 0) {
        sums.clear();
      } else if (args.negative != nullptr) {
        look_up_groups<true>(args, cycle, sums);
      } else {
        look_up_groups<false>(args, cycle, sums);
      }
      sums.convert_and_add(args.conversions[cycle], args.lane_sums + std::ptrdiff_t{cycle} * kByteLanes, args.scales + first,
                           args.sums + first * kByteLanes);
    }
  }
}

#endif

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
