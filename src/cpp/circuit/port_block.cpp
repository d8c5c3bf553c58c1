// SPDX-License-Identifier: BSD-3-Clause
//
// Copies between matrices of ports whose orders differ: entries that change sides of the diagonal are transposed.
#include "circuit/port_block.hpp"

#include <algorithm>

namespace imperfect {
namespace {

/// A rectangle of entries, rows and columns of the destination.
struct Rectangle {
  const double* from;
  std::ptrdiff_t from_stride;
  double* to;
  std::ptrdiff_t to_stride;
  int rows;
  int columns;
};

void copy(const Rectangle& r) {
  for (int i = 0; i < r.rows; ++i) std::copy_n(r.from + i * r.from_stride, r.columns, r.to + i * r.to_stride);
}

constexpr int kSquare = 8;  // a cache line of doubles

void copy_transposed(const Rectangle& r) {
  for (int i = 0; i < r.rows; i += kSquare)
    for (int j = 0; j < r.columns; j += kSquare) {
      const double* const from = r.from + j * r.from_stride + i;
      double* const to = r.to + i * r.to_stride + j;
      if (i + kSquare <= r.rows && j + kSquare <= r.columns) {
        for (int a = 0; a < kSquare; ++a)
          for (int b = 0; b < kSquare; ++b) to[a * r.to_stride + b] = from[b * r.from_stride + a];
        continue;
      }
      for (int a = 0; a < std::min(kSquare, r.rows - i); ++a)
        for (int b = 0; b < std::min(kSquare, r.columns - j); ++b) to[a * r.to_stride + b] = from[b * r.from_stride + a];
    }
}

/// Entries above the diagonal of a square; added to what is there if `is_added`.
void copy_triangle(const Rectangle& r, bool is_added) {
  for (int i = 0; i < r.rows; ++i) {
    const double* const from = r.from + i * r.from_stride;
    double* const to = r.to + i * r.to_stride;
    if (!is_added) {
      std::copy(from + i + 1, from + r.columns, to + i + 1);
    } else {
      for (int j = i + 1; j < r.columns; ++j) to[j] += from[j];
    }
  }
}

}  // namespace

void PortMatrix::separate(const std::vector<PortRange>& these, const std::vector<PortRange>& those) const {
  for (const PortRange& a : these)
    for (const PortRange& b : those) {
      const PortRange &upper = a.to < b.to ? a : b, &lower = a.to < b.to ? b : a;
      double* const to = entries + upper.to * stride + lower.to;
      for (int i = 0; i < upper.length; ++i) std::fill_n(to + i * stride, lower.length, 0.0);
    }
}

void PortMatrix::place(const PortBlock& block, const std::vector<PortRange>& ranges) const {
  for (std::size_t p = 0; p < ranges.size(); ++p) {
    const PortRange& first = ranges[p];
    const double* const diagonal = block.entries + first.from * block.stride + first.from;
    double* const to = entries + first.to * stride + first.to;
    copy_triangle({diagonal, block.stride, to, stride, first.length, first.length}, first.is_added);
    for (std::size_t q = p + 1; q < ranges.size(); ++q) {
      const PortRange& second = ranges[q];
      const double* const from = block.entries + first.from * block.stride + second.from;
      if (first.to < second.to)
        copy({from, block.stride, entries + first.to * stride + second.to, stride, first.length, second.length});
      else
        copy_transposed({from, block.stride, entries + second.to * stride + first.to, stride, second.length, first.length});
    }
  }
}

}  // namespace imperfect
