// SPDX-License-Identifier: BSD-3-Clause
//
// A chunk of images as the arrays see them: quantised once, padded with zeros, and split by stride. With stride s, pixel
// (y, x) of the padded image lies in plane (y mod s, x mod s) at (y div s, x div s), so that what one kernel element reads
// for neighbouring outputs is contiguous whatever the stride.
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

  int stride[2] = {1, 1};
  int pad_begin[2] = {0, 0};
  int plane_height = 0;
  int plane_width = 0;
  std::ptrdiff_t image_size = 0;
  /// Relative to the input of the output at (0, 0), for each row (channel, ky, kx) of all groups.
  std::vector<std::ptrdiff_t> row_offsets;
  bool is_plain = true;  ///< neither padded nor split: as the caller's array

  /// The input of the output at (y, x) of an image.
  std::ptrdiff_t offset(std::ptrdiff_t image, int y, int x) const {
    return image * image_size + std::ptrdiff_t{y} * plane_width + x;
  }
  /// Lanes that all outputs of one image span if rows are read through, with what lies between the rows.
  int span(const BatchShape& output) const { return (output.height - 1) * plane_width + output.width; }
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

  AlignedBuffer<float> quantized_;
  AlignedBuffer<float> padded_;
  const float* numbers_ = nullptr;
};

}  // namespace imperfect
