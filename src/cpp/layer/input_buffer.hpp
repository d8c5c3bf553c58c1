// SPDX-License-Identifier: BSD-3-Clause
//
// A chunk of images as the arrays see them: quantised once, padded with zeros, and split by stride. With stride s, pixel
// (z, y, x) of the padded image lies in part (z mod s, y mod s, x mod s) at (z div s, y div s, x div s), so that what one
// kernel element reads for neighbouring outputs is contiguous whatever the stride. Pictures have depth 1.
#pragma once

#include <vector>

#include "base/aligned.hpp"
#include "circuit/dac.hpp"
#include "imperfect/layer.hpp"

namespace imperfect {

/// Where everything lies in a chunk of padded, split images.
struct InputLayout {
  InputLayout() = default;
  InputLayout(const LayerShape& shape, const BatchShape& input);

  int stride[3] = {1, 1, 1};
  int pad_begin[3] = {0, 0, 0};
  int num_planes = 0;  ///< of one part and channel
  int plane_height = 0;
  int plane_width = 0;
  std::ptrdiff_t image_size = 0;
  /// Relative to the input of the output at (0, 0, 0), for each row (channel, kz, ky, kx) of all groups.
  std::vector<std::ptrdiff_t> row_offsets;
  bool is_plain = true;  ///< neither padded nor split: as the caller's array

  std::ptrdiff_t plane_size() const { return std::ptrdiff_t{plane_height} * plane_width; }
  /// The input of the output at (z, y, x) of an image.
  std::ptrdiff_t offset(std::ptrdiff_t image, int z, int y, int x) const {
    return image * image_size + z * plane_size() + std::ptrdiff_t{y} * plane_width + x;
  }
  /// Lanes that all outputs of one image span if planes and rows are read through, with what lies between them.
  int span(const BatchShape& output) const {
    return static_cast<int>(offset(0, output.depth - 1, output.height - 1, output.width));
  }
};

/// Owns the numbers of one chunk.
class InputBuffer {
 public:
  /// Reads `count` images of `input` at `x`. With `must_copy` the numbers may be read a panel beyond their end. Returns how
  /// many inputs were clipped.
  std::size_t load(const InputLayout& layout, const InputCode& code, const BatchShape& input, const float* x,
                   std::size_t count, bool must_copy);
  const float* numbers() const { return numbers_; }

 private:
  void pad(const InputLayout& layout, const BatchShape& input, const float* x, std::size_t count);
  /// The same for one part of the split.
  static void pad_part(const InputLayout& layout, const BatchShape& input, const float* x, std::size_t count,
                       const int (&part)[3], float* to);

  AlignedBuffer<float> quantized_;
  AlignedBuffer<float> padded_;
  const float* numbers_ = nullptr;
};

}  // namespace imperfect
