// SPDX-License-Identifier: BSD-3-Clause
//
// Images are read a few at a time, so that their outputs take little memory.
#include "layer/readout.hpp"

#include <algorithm>
#include <cmath>

#include "base/parallel.hpp"
#include "layer/forward.hpp"

namespace imperfect {
namespace {

constexpr std::size_t kMostValues = std::size_t{1} << 20;
constexpr double kLargestGain = 1e4;

}  // namespace

ReadoutInputs keep_inputs(const float* x, const BatchShape& shape) {
  BatchShape one = shape;
  one.images = 1;
  ReadoutInputs result{shape, {}};
  result.shape.images = std::clamp<std::size_t>(kMostValues / std::max<std::size_t>(one.size(), 1), 1, shape.images);
  result.x.assign(x, x + result.shape.size());
  return result;
}

std::vector<double> read_out(const LayerDefinition& definition, const PackedLayer& layer, const ReadoutInputs& inputs) {
  OutputScale scale = make_output_scale(definition, layer.input, {}, {});
  std::fill(scale.shift.begin(), scale.shift.end(), 0.0f);
  BatchShape part = inputs.shape;
  part.images = 1;
  const std::size_t per_image = part.size(), per_output = definition.product.output_shape(part).size();
  const std::size_t step = std::max<std::size_t>(1, kMostValues / per_output);
  const auto outputs = static_cast<std::size_t>(definition.product.out_channels), positions = per_output / outputs;
  std::vector<double> sums(outputs, 0.0);
  std::vector<float> y;
  for (std::size_t first = 0; first < inputs.shape.images; first += step) {
    part.images = std::min(step, inputs.shape.images - first);
    y.resize(part.images * per_output);
    run_forward(definition, layer, scale, nullptr, inputs.x.data() + first * per_image, part, y.data(), num_threads());
    for (std::size_t i = 0; i < y.size(); ++i) sums[i / positions % outputs] += std::abs(double{y[i]});
  }
  if (definition.hardware.drift_compensation == DriftCompensation::kLayer) {
    double total = 0.0;
    for (const double sum : sums) total += sum;
    std::fill(sums.begin(), sums.end(), total / static_cast<double>(outputs));
  }
  for (double& sum : sums) sum /= static_cast<double>(inputs.shape.images * positions);
  return sums;
}

std::vector<double> compensation(const std::vector<double>& before, const std::vector<double>& now) {
  std::vector<double> gains(before.size());
  std::transform(before.begin(), before.end(), now.begin(), gains.begin(),
                 [](double b, double b_now) { return b < kLargestGain * b_now ? b / b_now : 1.0; });
  return gains;
}

}  // namespace imperfect
