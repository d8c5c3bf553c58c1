// SPDX-License-Identifier: BSD-3-Clause
//
// Products of transposed convolutions are added up as in a plain loop, at every SIMD level.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

namespace {

/// Every product to where it belongs, one after another.
std::vector<float> fold_plainly(const FoldArgs& a) {
  std::vector<float> y(static_cast<std::size_t>(a.output[0] * a.output[1] * a.output[2]), a.shift);
  const float* product = a.products;
  int k[3], i[3], at[3];
  for (k[0] = 0; k[0] < a.kernel[0]; ++k[0])
    for (k[1] = 0; k[1] < a.kernel[1]; ++k[1])
      for (k[2] = 0; k[2] < a.kernel[2]; ++k[2])
        for (i[0] = 0; i[0] < a.input[0]; ++i[0])
          for (i[1] = 0; i[1] < a.input[1]; ++i[1])
            for (i[2] = 0; i[2] < a.input[2]; ++i[2], ++product) {
              bool inside = true;
              for (int axis = 0; axis < 3; ++axis) {
                at[axis] = i[axis] * a.stride[axis] + k[axis] * a.dilation[axis] - a.pad_begin[axis];
                inside = inside && at[axis] >= 0 && at[axis] < a.output[axis];
              }
              if (inside) y[static_cast<std::size_t>((at[0] * a.output[1] + at[1]) * a.output[2] + at[2])] += *product;
            }
  for (float& value : y) value = std::min(std::max(value, a.low), a.high);
  return y;
}

}  // namespace

TEST_CASE("overlapping products are added, cut and clipped") {
  for (const KernelTable* k : tables())
    for (const int width : {1, 2, 17, 40})
      for (const int stride : {1, 2, 3})
        for (const int dilation : {1, 2})
          for (const int pad : {0, 1, 3})
            for (const int extra : {0, 1, 5}) {
              CAPTURE(k->name);
              const int kernel[3] = {2, 3, 4}, strides[3] = {1, 2, stride}, dilations[3] = {2, 1, dilation};
              const int pads[3] = {1, 0, pad};
              const int length = (width - 1) * stride + 3 * dilation + 1 - 2 * pad + extra;
              if (length < 1) continue;
              std::vector<float> products(static_cast<std::size_t>(2 * 3 * 4 * 2 * 3 * width));
              for (std::size_t i = 0; i < products.size(); ++i) products[i] = std::sin(static_cast<float>(i));
              const int part_size = std::max(width + 3 * dilation / stride, (length - 1 + pad) / stride + 1);
              std::vector<float> row(static_cast<std::size_t>(part_size * stride));
              std::vector<float> y(static_cast<std::size_t>(3 * 7 * length));
              const FoldArgs args{kernel, strides, dilations,       pads,      {2, 3, width}, {3, 7, length}, 0.25f,
                                  -1.0f,  1.5f,    products.data(), part_size, row.data(),    y.data()};
              k->fold(args);
              REQUIRE(y == fold_plainly(args));
            }
}
