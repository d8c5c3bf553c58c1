// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of layers share: random integers, shapes, a machine with noise, one forward pass.
#pragma once

#include <cstdint>
#include <vector>

#include "imperfect/layer.hpp"
#include "random/philox.hpp"

namespace imperfect {

using Vector = std::vector<float>;

inline Vector integers(std::size_t count, int low, int high, std::uint64_t seed) {
  Vector values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t word = philox({low_word(i), 0, 0, 0}, {low_word(seed), 1})[0];
    values[i] = static_cast<float>(low + static_cast<int>(word % static_cast<unsigned>(high - low + 1)));
  }
  return values;
}

inline ArrayView<const float> view(const Vector& values) { return {values.data(), values.size()}; }

inline Vector run(const Layer& layer, const Vector& x, const BatchShape& input, int threads = 1) {
  Vector y(layer.shape().output_shape(input).size());
  layer.forward(view(x), input, {y.data(), y.size()}, threads);
  return y;
}

inline LayerShape linear(int in, int out) {
  LayerShape shape;
  shape.in_channels = in;
  shape.out_channels = out;
  return shape;
}

inline Hardware noisy_converted() {
  Hardware hardware;
  hardware.weight_bits = 6;
  hardware.cell.bits = 2;
  hardware.cell.on_off_ratio = 50.0;
  hardware.cell.programming = {{ProgrammingLaw::Kind::kGaussian, {0.05}}};
  hardware.cell.faults = {{0.01, 0.01}};
  hardware.array.rows = 20;
  hardware.dac.bits = 5;
  hardware.dac.slice_bits = 2;
  hardware.dac.is_signed = true;
  hardware.dac.range = 3.0;
  hardware.adc.bits = 6;
  return hardware;
}

}  // namespace imperfect
