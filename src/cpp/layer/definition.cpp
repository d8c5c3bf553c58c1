// SPDX-License-Identifier: BSD-3-Clause
//
// Building and checking a layer's definition.
#include "layer/definition.hpp"

#include <cmath>
#include <cstdint>

#include "base/check.hpp"
#include "mapping/weight_range.hpp"

namespace imperfect {
namespace {

constexpr const char* kAxes[3] = {"depth ", "height ", "width "};
constexpr double kMostValues = 0x1p31;

void check_shape(const LayerShape& s) {
  check(s.in_channels >= 1, "in_channels=", s.in_channels, ": must be at least 1");
  check(s.out_channels >= 1, "out_channels=", s.out_channels, ": must be at least 1");
  check(s.groups >= 1 && s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0, "groups=", s.groups,
        ": must divide in_channels=", s.in_channels, " and out_channels=", s.out_channels);
  double kernel = 1.0;
  for (int axis = 0; axis < 3; ++axis) {
    check(s.kernel[axis] >= 1, "kernel size ", s.kernel[axis], ": must be at least 1");
    check(s.stride[axis] >= 1, "stride=", s.stride[axis], ": must be at least 1");
    check(s.dilation[axis] >= 1, "dilation=", s.dilation[axis], ": must be at least 1");
    check(s.pad_begin[axis] >= 0 && s.pad_end[axis] >= 0, "padding=(", s.pad_begin[axis], ", ", s.pad_end[axis],
          "): must not be negative");
    check(s.output_padding[axis] >= 0 && (s.is_transposed || s.output_padding[axis] == 0),
          "output_padding=", s.output_padding[axis], ": must not be negative, and 0 unless the convolution is transposed");
    kernel *= s.kernel[axis];
  }
  check(kernel * s.in_channels < kMostValues && kernel * s.out_channels < kMostValues, "kernel size ", kernel, " times ",
        s.in_channels, " inputs or ", s.out_channels, " outputs: must be below 2^31");
}

int output_length(int input, int axis, const LayerShape& s) {
  const std::int64_t covered = std::int64_t{s.dilation[axis]} * (s.kernel[axis] - 1) + 1;
  const std::int64_t padded = std::int64_t{input} + s.pad_begin[axis] + s.pad_end[axis];
  check(padded >= covered, kAxes[axis], input, ": with padding ", s.pad_begin[axis], " + ", s.pad_end[axis],
        " smaller than the kernel's ", covered);
  return static_cast<int>((padded - covered) / s.stride[axis] + 1);
}

BatchShape transposed_output(const LayerShape& s, const BatchShape& input) {
  const int sizes[3] = {input.depth, input.height, input.width};
  double lengths[3], values = s.out_channels;
  for (int axis = 0; axis < 3; ++axis) {
    const double whole = 1.0 * s.stride[axis] * (sizes[axis] - 1) + 1.0 * s.dilation[axis] * (s.kernel[axis] - 1) + 1.0 +
                         s.output_padding[axis];
    lengths[axis] = whole - s.pad_begin[axis] - s.pad_end[axis];
    check(lengths[axis] >= 1.0, kAxes[axis], sizes[axis], ": padding ", s.pad_begin[axis], " + ", s.pad_end[axis],
          " leaves nothing of an output of ", whole);
    values *= lengths[axis];
  }
  check(values < kMostValues, "an output of ", s.out_channels, " × ", lengths[0], " × ", lengths[1], " × ", lengths[2],
        " numbers: must have fewer than 2^31");
  return {input.images, s.out_channels, static_cast<int>(lengths[1]), static_cast<int>(lengths[2]),
          static_cast<int>(lengths[0])};
}

LayerShape product_shape(const LayerShape& shape) {
  if (!shape.is_transposed) return shape;
  LayerShape product;
  product.in_channels = shape.in_channels;
  product.out_channels = shape.array_outputs();
  product.groups = shape.groups;
  return product;
}

/// Calls visit(place in the arrays' order, place in the given order) for every weight of a transposed convolution.
template <class Visit>
void for_each_weight(const LayerShape& shape, const Visit& visit) {
  const auto rows = static_cast<std::size_t>(shape.rows_per_group());
  const auto outputs = static_cast<std::size_t>(shape.outputs_per_group());
  for (std::size_t group = 0, first = 0; group < static_cast<std::size_t>(shape.groups); ++group, first += rows * outputs)
    for (std::size_t output = 0; output < outputs; ++output)
      for (std::size_t row = 0; row < rows; ++row) visit(first + output * rows + row, first + row * outputs + output);
}

/// w_r of each output of the arrays; all that belong to one channel of a transposed convolution share theirs.
std::vector<double> output_ranges(const LayerDefinition& definition) {
  const LayerShape& shape = definition.shape;
  const int columns = shape.array_outputs() / shape.out_channels;
  const std::vector<double> ranges =
      weight_ranges(definition.weight.data(), shape.out_channels, columns * shape.rows_per_group(),
                    definition.hardware.weight_range, definition.hardware.per);
  std::vector<double> result;
  result.reserve(ranges.size() * static_cast<std::size_t>(columns));
  for (const double range : ranges) result.insert(result.end(), static_cast<std::size_t>(columns), range);
  return result;
}

}  // namespace

BatchShape LayerShape::output_shape(const BatchShape& input) const {
  check(input.channels == in_channels, "x has ", input.channels, " channels; the layer takes ", in_channels);
  check(input.depth >= 1 && input.height >= 1 && input.width >= 1, "x has an empty image of ", input.depth, " × ",
        input.height, " × ", input.width);
  if (is_transposed) return transposed_output(*this, input);
  const double depth = static_cast<double>(input.depth) + pad_begin[0] + pad_end[0];
  const double height = static_cast<double>(input.height) + pad_begin[1] + pad_end[1];
  const double width = static_cast<double>(input.width) + pad_begin[2] + pad_end[2];
  check(depth * height * width * input.channels < kMostValues, "padding: an image of ", input.channels, " × ", depth, " × ",
        height, " × ", width, " numbers with its zeros; must have fewer than 2^31");
  return {input.images, out_channels, output_length(input.height, 1, *this), output_length(input.width, 2, *this),
          output_length(input.depth, 0, *this)};
}

std::vector<float> to_array_order(const LayerShape& shape, const float* weight) {
  std::vector<float> result(shape.weight_size());
  for_each_weight(shape, [&](std::size_t in_array, std::size_t given) { result[in_array] = weight[given]; });
  return result;
}

std::vector<float> from_array_order(const LayerShape& shape, const float* weight) {
  std::vector<float> result(shape.weight_size());
  for_each_weight(shape, [&](std::size_t in_array, std::size_t given) { result[given] = weight[in_array]; });
  return result;
}

void check_finite(const char* name, ArrayView<const float> values) {
  for (std::size_t i = 0; i < values.size; ++i)
    check(std::isfinite(values[i]), name, " holds ", values[i], " at flat index ", i, ": all values must be finite");
}

std::shared_ptr<const LayerDefinition> make_definition(const LayerShape& shape, ArrayView<const float> weight,
                                                       ArrayView<const float> bias, const Hardware& hardware,
                                                       std::uint64_t layer_id, Precision precision) {
  check_shape(shape);
  validate(hardware);
  check(weight.size == shape.weight_size(), "weight has ", weight.size, " values; the layer's shape needs ",
        shape.weight_size());
  check(bias.empty() || bias.size == static_cast<std::size_t>(shape.out_channels), "bias has ", bias.size,
        " values; the layer has ", shape.out_channels, " outputs");
  check_finite("weight", weight);
  check_finite("bias", bias);

  auto definition = std::make_shared<LayerDefinition>();
  definition->shape = shape;
  definition->product = product_shape(shape);
  definition->hardware = hardware;
  definition->layer_id = layer_id;
  definition->precision = precision;
  if (shape.is_transposed) {
    definition->weight = to_array_order(shape, weight.data);
  } else {
    definition->weight.assign(weight.begin(), weight.end());
  }
  definition->bias.assign(bias.begin(), bias.end());
  definition->code = make_weight_code(hardware);
  definition->weight_ranges = output_ranges(*definition);
  const int outputs = shape.array_outputs(), rows = shape.rows_per_group();
  definition->numbers = encode_weights(definition->code, definition->weight.data(), definition->weight_ranges, outputs, rows);
  definition->tiling = make_tiling(hardware, shape.groups, shape.outputs_per_group(), rows);
  return definition;
}

}  // namespace imperfect
