// SPDX-License-Identifier: BSD-3-Clause
//
// Quantising, padding and splitting a chunk of images.
#include "layer/input_buffer.hpp"

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

int divide_up(int value, int by) { return value / by + (value % by != 0); }

int modulo(int value, int by) {
  const int rest = value % by;
  return rest < 0 ? rest + by : rest;
}

/// The pixels of one axis that lie in part `part` of a split by `stride`: which is the first, where it goes, how many.
struct SplitAxis {
  SplitAxis(int size, int pad, int stride, int part)
      : first(modulo(part - pad, stride)),
        place(static_cast<int>((std::int64_t{first} + pad) / stride)),
        count(first < size ? divide_up(size - first, stride) : 0) {}
  int first, place, count;
};

}  // namespace

InputLayout::InputLayout(const LayerShape& shape, const BatchShape& input) {
  const int sizes[3] = {input.depth, input.height, input.width};
  int planes[3];
  std::ptrdiff_t channel_size = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const int padded = sizes[axis] + shape.pad_begin[axis] + shape.pad_end[axis];
    // Why: a step beyond the image leads nowhere, but a part of the split for each of its pixels would take memory.
    stride[axis] = std::min(shape.stride[axis], padded);
    pad_begin[axis] = shape.pad_begin[axis];
    is_plain = is_plain && shape.stride[axis] == 1 && shape.pad_begin[axis] == 0 && shape.pad_end[axis] == 0;
    planes[axis] = divide_up(padded, stride[axis]);
    channel_size *= std::ptrdiff_t{planes[axis]} * stride[axis];
  }
  num_planes = planes[0];
  plane_height = planes[1];
  plane_width = planes[2];
  image_size = channel_size * input.channels;
  row_offsets.reserve(static_cast<std::size_t>(shape.groups * shape.rows_per_group()));
  for (int channel = 0; channel < shape.in_channels; ++channel)
    for (int kz = 0; kz < shape.kernel[0]; ++kz)
      for (int ky = 0; ky < shape.kernel[1]; ++ky)
        for (int kx = 0; kx < shape.kernel[2]; ++kx) {
          const int z = kz * shape.dilation[0], y = ky * shape.dilation[1], x = kx * shape.dilation[2];
          const std::ptrdiff_t part = (std::ptrdiff_t{z % stride[0]} * stride[1] + y % stride[1]) * stride[2] + x % stride[2];
          row_offsets.push_back(channel * channel_size + part * num_planes * plane_size() +
                                offset(0, z / stride[0], y / stride[1], x / stride[2]));
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
  for (int z = 0; z < layout.stride[0]; ++z)
    for (int y = 0; y < layout.stride[1]; ++y)
      for (int part_x = 0; part_x < layout.stride[2]; ++part_x, to += layout.num_planes * layout.plane_size())
        pad_part(layout, input, x, count, {z, y, part_x}, to);
}

void InputBuffer::pad_part(const InputLayout& layout, const BatchShape& input, const float* x, std::size_t count,
                           const int (&part)[3], float* to) {
  const std::ptrdiff_t picture = std::ptrdiff_t{input.height} * input.width;
  const SplitAxis planes(input.depth, layout.pad_begin[0], layout.stride[0], part[0]);
  const SplitAxis rows(input.height, layout.pad_begin[1], layout.stride[1], part[1]);
  const SplitAxis columns(input.width, layout.pad_begin[2], layout.stride[2], part[2]);
  PadArgs args;
  args.pictures = static_cast<std::ptrdiff_t>(count) * input.channels;
  args.from_picture = picture * input.depth;
  args.from_row = std::ptrdiff_t{layout.stride[1]} * input.width;
  args.step = layout.stride[2];
  args.length = columns.count;
  // Why: else something written before lies between the planes of one call.
  args.may_overrun = layout.num_planes * layout.stride[0] * layout.stride[1] * layout.stride[2] == 1;
  args.to_picture = layout.image_size / input.channels;
  args.plane_rows = layout.plane_height;
  args.plane_width = layout.plane_width;
  args.first_row = rows.place;
  args.first_column = columns.place;
  for (int plane = 0; plane < layout.num_planes; ++plane) {
    const int number = plane - planes.place;
    const bool is_zero = number < 0 || number >= planes.count || columns.count == 0;
    args.rows = is_zero ? 0 : rows.count;
    const int from_plane = is_zero ? 0 : planes.first + number * layout.stride[0];
    args.from = x + from_plane * picture + std::ptrdiff_t{rows.first} * input.width + columns.first;
    args.to = to + plane * layout.plane_size();
    kernels().pad(args);
  }
}

}  // namespace imperfect
