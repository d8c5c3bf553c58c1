// SPDX-License-Identifier: BSD-3-Clause
//
// Everything about a layer that programming and calibration do not change.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "imperfect/layer.hpp"
#include "mapping/tiling.hpp"
#include "mapping/weight_code.hpp"

namespace imperfect {

/// A layer before it is programmed.
struct LayerDefinition {
  LayerShape shape;
  LayerShape product;  ///< the convolution that the arrays compute: `shape`, or the products that a transposed one adds up
  Hardware hardware;
  std::uint64_t layer_id = 0;
  Precision precision = Precision::kFloat32;
  std::vector<float> weight;  ///< [output][row]
  std::vector<float> bias;    ///< one per output, or empty
  WeightCode code;
  std::vector<double> weight_ranges;  ///< w_r of each output of the arrays
  std::vector<float> numbers;         ///< what the weights are encoded as, see `encode_weights`
  Tiling tiling;
};

/// Checks shape, weights, bias and hardware, and cuts the layer into arrays.
std::shared_ptr<const LayerDefinition> make_definition(const LayerShape& shape, ArrayView<const float> weight,
                                                       ArrayView<const float> bias, const Hardware& hardware,
                                                       std::uint64_t layer_id, Precision precision);

/// Weights of a transposed convolution in the order of the arrays, [output = (channel, kernel element)][row = input channel],
/// and back.
std::vector<float> to_array_order(const LayerShape& shape, const float* weight);
std::vector<float> from_array_order(const LayerShape& shape, const float* weight);

/// Throws unless every value is finite.
void check_finite(const char* name, ArrayView<const float> values);

}  // namespace imperfect
