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

void copy_transposed(const Rectangle& r) {
  constexpr int kBlock = 8;  // a cache line of doubles
  for (int i = 0; i < r.rows; i += kBlock)
    for (int j = 0; j < r.columns; j += kBlock)
      for (int a = i; a < std::min(i + kBlock, r.rows); ++a)
        for (int b = j; b < std::min(j + kBlock, r.columns); ++b) r.to[a * r.to_stride + b] = r.from[b * r.from_stride + a];
}

}  // namespace

void PortMatrix::clear() const {
  for (int i = 0; i < size; ++i) std::fill(entries + i * stride + i, entries + i * stride + size, 0.0);
}

void PortMatrix::place(const PortBlock& block, const std::vector<PortRange>& ranges) const {
  for (std::size_t p = 0; p < ranges.size(); ++p) {
    const PortRange& first = ranges[p];
    const double* const diagonal = block.entries + first.from * block.stride + first.from;
    double* const to = entries + first.to * stride + first.to;
    for (int i = 0; i < first.length; ++i)
      for (int j = i + 1; j < first.length; ++j)
        to[i * stride + j] = diagonal[i * block.stride + j] + (first.shared ? to[i * stride + j] : 0.0);
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
