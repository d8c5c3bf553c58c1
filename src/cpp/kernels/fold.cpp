// SPDX-License-Identifier: BSD-3-Clause
//
// One row of the output at a time. It is split by stride while products are added, so that those of one kernel element and
// input row lie side by side in one part.
#include "kernels/fold.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

/// The input along one axis whose product with kernel element k belongs at `place`; -1 without one.
int input_at(const FoldArgs& args, int axis, int k, int place) {
  const std::ptrdiff_t from = std::ptrdiff_t{place} + args.pad_begin[axis] - std::ptrdiff_t{k} * args.dilation[axis];
  if (from < 0 || from % args.stride[axis] != 0) return -1;
  const std::ptrdiff_t input = from / args.stride[axis];
  return input < args.input[axis] ? static_cast<int>(input) : -1;
}

/// Adds the products of one row of inputs with the kernel elements (…, kx) from `element` on.
void add_input_row(const FoldArgs& args, int element, std::ptrdiff_t input_row) {
  const int length = args.input[2], stride = args.stride[2];
  const std::ptrdiff_t positions = std::ptrdiff_t{args.input[0]} * args.input[1] * length;
  for (int kx = 0; kx < args.kernel[2]; ++kx) {
    const std::ptrdiff_t place = std::ptrdiff_t{kx} * args.dilation[2];
    const float* const from = args.products + (element + kx) * positions + input_row * length;
    float* const to = args.row + place % stride * args.part_size + place / stride;
    for (int i = 0; i < length; ++i) to[i] += from[i];
  }
}

/// `step` of 1 or 2 is known where this is inlined, so that the loop becomes shuffles.
inline void copy_part(const FoldArgs& args, const float* from, int first, int step, float* y) {
  const float low = args.low, high = args.high;
  for (int x = first, i = 0; x < args.output[2]; x += step, ++i) {
    const float value = from[i] < low ? low : from[i];
    y[x] = value > high ? high : value;
  }
}

/// Puts the parts of the row together again.
void finish_row(const FoldArgs& args, float* y) {
  const int stride = args.stride[2];
  for (int first = 0; first < stride && first < args.output[2]; ++first) {
    const std::ptrdiff_t place = std::ptrdiff_t{first} + args.pad_begin[2];
    const float* const from = args.row + place % stride * args.part_size + place / stride;
    if (stride == 1) {
      copy_part(args, from, first, 1, y);
    } else if (stride == 2) {
      copy_part(args, from, first, 2, y);
    } else {
      copy_part(args, from, first, stride, y);
    }
  }
}

}  // namespace

void fold(const FoldArgs& args) {
  float* y = args.y;
  for (int z = 0; z < args.output[0]; ++z)
    for (int row = 0; row < args.output[1]; ++row, y += args.output[2]) {
      for (std::ptrdiff_t i = 0; i < args.part_size * args.stride[2]; ++i) args.row[i] = args.shift;
      for (int kz = 0; kz < args.kernel[0]; ++kz) {
        const int from_z = input_at(args, 0, kz, z);
        for (int ky = 0; from_z >= 0 && ky < args.kernel[1]; ++ky) {
          const int from_y = input_at(args, 1, ky, row);
          if (from_y < 0) continue;
          add_input_row(args, (kz * args.kernel[1] + ky) * args.kernel[2], std::ptrdiff_t{from_z} * args.input[1] + from_y);
        }
      }
      finish_row(args, y);
    }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
