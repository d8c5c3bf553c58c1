// SPDX-License-Identifier: BSD-3-Clause
//
// Quantising, padding and splitting a chunk of images.
#include "layer/input_buffer.hpp"

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

int divide_up(int value, int by) { return (value + by - 1) / by; }

/// The pixels of one axis that lie in part `part` of a split by `stride`: which is the first, where it goes, how many.
struct SplitAxis {
  SplitAxis(int size, int pad, int stride, int part)
      : first(((part - pad) % stride + stride) % stride),
        place((first + pad) / stride),
        count(first < size ? divide_up(size - first, stride) : 0) {}
  int first, place, count;
};

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
  float* to =
      padded_.reserve(static_cast<std::size_t>(layout.image_size) * count + static_cast<std::size_t>(kernels().lanes));
  numbers_ = to;
  const std::ptrdiff_t picture = std::ptrdiff_t{input.height} * input.width;
  const std::ptrdiff_t plane = std::ptrdiff_t{layout.plane_height} * layout.plane_width;
  const auto pictures = static_cast<std::ptrdiff_t>(count) * input.channels;
  for (int y_part = 0; y_part < layout.stride[0]; ++y_part)
    for (int x_part = 0; x_part < layout.stride[1]; ++x_part, to += plane) {
      const SplitAxis rows(input.height, layout.pad_begin[0], layout.stride[0], y_part);
      const SplitAxis columns(input.width, layout.pad_begin[1], layout.stride[1], x_part);
      PadArgs args;
      args.pictures = pictures;
      args.from = x + std::ptrdiff_t{rows.first} * input.width + columns.first;

      args.from_picture = picture;
      args.from_row = std::ptrdiff_t{layout.stride[0]} * input.width;
      args.step = layout.stride[1];
      args.rows = columns.count == 0 ? 0 : rows.count;
      args.length = columns.count;
      args.may_overrun = layout.stride[0] * layout.stride[1] == 1;  // else planes written before lie in between
      args.to = to;
      args.to_picture = layout.image_size / input.channels;
      args.plane_rows = layout.plane_height;
      args.plane_width = layout.plane_width;
      args.first_row = rows.place;
      args.first_column = columns.place;
      kernels().pad(args);
    }
}

}  // namespace imperfect
