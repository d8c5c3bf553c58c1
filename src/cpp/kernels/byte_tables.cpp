// SPDX-License-Identifier: BSD-3-Clause
//
// Where cells are ideal levels, what four word lines with one-bit inputs add to a bit line is one of 16 small integers. A
// byte shuffle looks up that many lanes at once, sums stay integers of 8 and then 16 bits, and only the finished sum becomes
// a float for its converter: the same codes as any other exact way.
#include "kernels/byte_tables.hpp"

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

  void convert_and_add(const ByteLookUpArgs& args, int cycle, float* sums) const {
    const Conversion& conversion = args.conversions[cycle];
    const float* const lane_sums = args.lane_sums + std::ptrdiff_t{cycle} * kByteLanes;
    for (int c = 0; c < kByteTile; ++c)
      for (int part = 0; part < 2 * kFloatsPerShorts; ++part) {
        const int lane = part * kWidth;
        const Vector start = mul_add(load(lane_sums + lane), broadcast(conversion.lane_current), broadcast(conversion.start));
        const Vector sum = to_floats(at[c][part / kFloatsPerShorts], part % kFloatsPerShorts);
        Vector code = mul_add(sum, broadcast(conversion.current), start);
        code = clamp(round_to_even(code), broadcast(0.0f), broadcast(conversion.last_code));
        float* const p = sums + c * kByteLanes + lane;
        store(p, mul_add(subtract(code, broadcast(conversion.zero_code)), broadcast(conversion.gain), load(p)));
      }
  }
};

}  // namespace

void index_nibbles(const NibbleArgs& args) {
  for (int first = 0; first < args.rows; first += kGroupRows) {
    const int rows = args.rows - first < kGroupRows ? args.rows - first : kGroupRows;
    std::uint32_t numbers[kGroupRows][kByteLanes] = {};
    for (int r = 0; r < rows; ++r)
      for (int l = 0; l < kByteLanes; ++l) {
        const int n = static_cast<int>(args.panel[std::ptrdiff_t{first + r} * kByteLanes + l]);
        const int part = args.sign < 0 ? -n : n;
        numbers[r][l] = static_cast<std::uint32_t>(part < 0 ? 0 : part);
      }
    for (int cycle = 0; cycle < args.cycles; ++cycle) {
      const int groups = (args.rows + kGroupRows - 1) / kGroupRows;
      std::uint8_t* const to = args.indices + (std::ptrdiff_t{cycle} * groups + first / kGroupRows) * kByteLanes;
      for (int l = 0; l < kByteLanes; ++l) {
        std::uint32_t nibble = 0;
        for (int r = 0; r < kGroupRows; ++r) nibble |= ((numbers[r][l] >> cycle) & 1u) << r;
        to[l] = static_cast<std::uint8_t>(nibble);
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
      sums.convert_and_add(args, cycle, args.sums + first * kByteLanes);
    }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
