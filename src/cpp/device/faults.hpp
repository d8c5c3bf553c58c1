// SPDX-License-Identifier: BSD-3-Clause
//
// Stuck-at faults. Rare faults are found by geometric skipping: the distance to the next faulty cell is drawn, not one coin
// for each cell. Cells are cut into segments of 65,536 consecutive indices, each with draws of its own, so that segments can
// be processed in any order.
#pragma once

#include <cstdint>
#include <vector>

#include "imperfect/hardware.hpp"
#include "random/philox.hpp"

namespace imperfect {

inline constexpr std::uint64_t kFaultSegment = 65536;

/// One faulty cell of a segment.
struct Fault {
  std::uint32_t position;  ///< within the segment
  bool stuck_on;
};

/// The faulty cells of one segment, in order; `slot` is the law's place among the laws of its cell. A cell is faulty with
/// probability 1 - (1 - p_on)(1 - p_off); a faulty cell is stuck on with probability p_on over that.
std::vector<Fault> draw_faults(const StuckAt& law, PhiloxKey key, std::uint64_t segment, std::uint32_t slot);

}  // namespace imperfect
