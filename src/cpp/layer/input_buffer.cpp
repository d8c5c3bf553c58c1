// SPDX-License-Identifier: BSD-3-Clause
//
// Quantising, padding and splitting a chunk of images.
#include "layer/input_buffer.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

int divide_up(int value, int by) { return (value + by - 1) / by; }

}  // namespace

InputLayout::InputLayout(const LayerShape& shape, const BatchShape& input) {
  for (int axis = 0; axis < 2; ++axis) {
    stride[axis] = shape.stride[axis];
    pad_begin[axis] = shape.pad_begin[axis];
    is_plain = is_plain && shape.stride[axis] == 1 && shape.pad_begin[axis] == 0 && shape.pad_end[axis] == 0;
  }
  plane_height = divide_up(input.height + shape.pad_begin[0] + shape.pad_end[0], stride[0]);
  plane_width = divide_up(input.width + shape.pad_begin[1] + shape.pad_end[1], stride[1]);
  const std::ptrdiff_t plane = std::ptrdiff_t{plane_height} * plane_width;
  const std::ptrdiff_t channel_size = plane * stride[0] * stride[1];
  image_size = channel_size * input.channels;
  row_offsets.reserve(static_cast<std::size_t>(shape.groups * shape.rows_per_group()));
  for (int channel = 0; channel < shape.in_channels; ++channel)
    for (int ky = 0; ky < shape.kernel[0]; ++ky)
      for (int kx = 0; kx < shape.kernel[1]; ++kx) {
        const int y = ky * shape.dilation[0], x = kx * shape.dilation[1];
        const std::ptrdiff_t split = std::ptrdiff_t{y % stride[0]} * stride[1] + x % stride[1];
        row_offsets.push_back(channel * channel_size + split * plane + std::ptrdiff_t{y / stride[0]} * plane_width +
                              x / stride[1]);
      }
}

std::size_t InputBuffer::load(const InputLayout& layout, const InputCode& code, const BatchShape& input, const float* x,
                              std::size_t count, bool must_copy) {
  const std::size_t size = count * input.image_size();
  std::size_t clipped = 0;
  numbers_ = x;
  if (code.magnitude_bits != 0 || code.full_scale != 1.0) {
    const double top = code.magnitude_bits == 0 ? 0.0 : code.top_number();
    float* const to = quantized_.reserve(size + static_cast<std::size_t>(kernels().lanes));
    clipped = kernels().quantize_inputs({code.full_scale, top, code.is_signed}, x, size, to);
    numbers_ = to;
  }
  if (!layout.is_plain || (must_copy && numbers_ == x)) pad(layout, input, numbers_, count);
  return clipped;
}

void InputBuffer::pad(const InputLayout& layout, const BatchShape& input, const float* x, std::size_t count) {
  const auto size = static_cast<std::size_t>(layout.image_size) * count;
  float* const buffer = padded_.reserve(size + static_cast<std::size_t>(kernels().lanes));
  std::fill_n(buffer, size, 0.0f);
  numbers_ = buffer;
  const int sy = layout.stride[0], sx = layout.stride[1];
  const std::ptrdiff_t plane = std::ptrdiff_t{layout.plane_height} * layout.plane_width;
  const auto channels = static_cast<std::ptrdiff_t>(count) * input.channels;
  for (std::ptrdiff_t channel = 0; channel < channels; ++channel)
    for (int row = 0; row < input.height; ++row, x += input.width) {
      const int y = row + layout.pad_begin[0];
      float* const line = buffer + (channel * sy + y % sy) * sx * plane + std::ptrdiff_t{y / sy} * layout.plane_width;
      for (int first = 0; first < std::min(sx, input.width); ++first) {
        const int column = first + layout.pad_begin[1];
        float* const to = line + column % sx * plane + column / sx;
        const int length = divide_up(input.width - first, sx);
        // Why two of the loops: with the step known, the compiler turns them into vector copies and shuffles.
        if (sx == 1) {
          std::copy_n(x, length, to);
        } else if (sx == 2) {
          for (int i = 0; i < length; ++i) to[i] = x[first + 2 * i];
        } else {
          for (int i = 0; i < length; ++i) to[i] = x[first + sx * i];
        }
      }
    }
}

}  // namespace imperfect
