// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel takes that adds up the products of a transposed convolution.
#pragma once

#include <cstddef>

namespace imperfect {

/// The products of one channel of one image, [kernel element (kz, ky, kx)][input (z, y, x)], added up where they overlap:
/// along each axis that of kernel element k and input i belongs at i·stride + k·dilation - pad_begin of the output, and is
/// dropped where that is outside. y = clip(shift + sum, low, high), kernel elements in order.
struct FoldArgs {
  const int* kernel;  ///< all of three numbers, for depth, height and width
  const int* stride;
  const int* dilation;
  const int* pad_begin;
  int input[3];
  int output[3];
  float shift;
  float low;
  float high;
  const float* products;
  std::ptrdiff_t part_size;  ///< of a row of the output before it is cut, split by stride: length of one part
  float* row;                ///< scratch: stride[2] parts
  float* y;
};

}  // namespace imperfect
