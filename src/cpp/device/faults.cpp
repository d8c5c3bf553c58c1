// SPDX-License-Identifier: BSD-3-Clause
//
// Geometric skipping over the cells of a segment.
#include "device/faults.hpp"

#include <cmath>

namespace imperfect {

std::vector<Fault> draw_faults(const StuckAt& law, PhiloxKey key, std::uint64_t segment, std::uint32_t slot) {
  const double p = 1.0 - (1.0 - law.p_on) * (1.0 - law.p_off);
  std::vector<Fault> faults;
  if (p <= 0.0) return faults;
  const double log_survival = std::log1p(-p);  // -inf when every cell is faulty: the skip is then always 0
  double position = -1.0;
  for (std::uint32_t draw = 0;; ++draw) {
    const PhiloxCounter words = philox({low_word(segment), high_word(segment), slot, draw}, key);
    const std::uint64_t bits = (std::uint64_t{words[0]} << 21) | (words[1] >> 11);
    const double u = (static_cast<double>(bits) + 0.5) * 0x1p-53;
    position += 1.0 + std::floor(std::log(u) / log_survival);
    if (position >= static_cast<double>(kFaultSegment)) return faults;
    const double coin = (words[2] >> 8) * 0x1p-24 + 0x1p-25;
    faults.push_back({static_cast<std::uint32_t>(position), coin < law.p_on / p});
  }
}

}  // namespace imperfect
