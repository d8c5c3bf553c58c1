// SPDX-License-Identifier: BSD-3-Clause
//
// Views of memory that the caller owns: a pointer and a size, C-contiguous, float32. Nothing is copied or freed.
#pragma once

#include <cstddef>

namespace imperfect {

/// `size` elements starting at `data`.
template <class T>
struct ArrayView {
  T* data = nullptr;
  std::size_t size = 0;

  bool empty() const { return size == 0; }
  T& operator[](std::size_t i) const { return data[i]; }
  T* begin() const { return data; }
  T* end() const { return data + size; }
};

/// A batch of images, n × channels × depth × height × width in that order. A picture has depth 1; a vector of k numbers is k
/// channels of 1 × 1 × 1.
struct BatchShape {
  std::size_t images = 0;
  int channels = 0;
  int height = 1;
  int width = 1;
  int depth = 1;

  /// Values of one channel.
  std::size_t positions() const {
    return static_cast<std::size_t>(depth) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  std::size_t image_size() const { return static_cast<std::size_t>(channels) * positions(); }
  std::size_t size() const { return images * image_size(); }
};

}  // namespace imperfect
