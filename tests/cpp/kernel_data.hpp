// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernels' tests share: every SIMD level that this machine can run, and random data.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "base/aligned.hpp"
#include "kernels/kernel_table.hpp"
#include "random/philox.hpp"

namespace imperfect {

inline std::vector<const KernelTable*> tables() {
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

inline constexpr int kRows = 37;

}  // namespace imperfect
