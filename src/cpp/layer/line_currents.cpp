// SPDX-License-Identifier: BSD-3-Clause
//
// Product by product, in the first-level cache.
#include "layer/line_currents.hpp"

#include <algorithm>

namespace imperfect {
namespace {

/// Sums of digits of one plane and cycle, with their noise.
void read_sums(const LineRead& read, int plane, int cycle, float* sums) {
  const int lanes = kernels().lanes;
  const std::ptrdiff_t per_read = std::ptrdiff_t{read.outputs} * lanes;
  const bool is_noisy = read.noise != nullptr;
  if (is_noisy)
    std::copy_n(read.noise + (std::ptrdiff_t{plane} * read.layer.input.num_cycles + cycle) * per_read, per_read, sums);
  kernels().multiply({read.outputs, read.stride, read.rows, read.weights + std::ptrdiff_t{plane} * read.rows * read.stride,
                      read.inputs.digits + std::ptrdiff_t{cycle} * read.rows * lanes, is_noisy, nullptr, sums});
}

}  // namespace

void read_line_currents(const LineRead& read, int plane, int conversion, float* sums, float* currents) {
  const PackedLayer& layer = read.layer;
  const InputCode& input = layer.input;
  const int first = layer.sums_drives ? 0 : conversion, last = layer.sums_drives ? input.num_cycles : conversion + 1;
  bool is_first = true;
  for (int polarity = 0; polarity < layer.planes_per_conversion; ++polarity)
    for (int cycle = first; cycle < last; ++cycle) {
      read_sums(read, plane * layer.planes_per_conversion + polarity, cycle, sums);
      const double weight = layer.sums_drives ? input.cycle_weight(cycle) * input.top_digit() / input.top_number() : 1.0;
      kernels().find_line_currents({read.outputs, sums, read.inputs.lane_sums + std::ptrdiff_t{cycle} * kernels().lanes,
                                    layer.current_per_digit, layer.current_per_input, layer.line_limit,
                                    static_cast<float>(polarity == 0 ? weight : -weight), !is_first, currents});
      is_first = false;
    }
}

}  // namespace imperfect
