// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// Views of memory that the caller owns: a pointer and a size, C-contiguous. Nothing is copied or freed.
#pragma once

#include <cstddef>

namespace imperfect {

/// `size` elements starting at `data`.
template <class T>
struct ArrayView {
  T* data = nullptr;     ///< the first element; may be null if there is none
  std::size_t size = 0;  ///< number of elements

  bool empty() const { return size == 0; }                ///< nothing to see
  T& operator[](std::size_t i) const { return data[i]; }  ///< not checked
  T* begin() const { return data; }                       ///< for loops over a range
  T* end() const { return data + size; }                  ///< for loops over a range
};

/// A batch of images, n × channels × depth × height × width in that order. A picture has depth 1; a vector of k numbers is k
/// channels of 1 × 1 × 1.
struct BatchShape {
  std::size_t images = 0;  ///< samples
  int channels = 0;        ///< of the layer
  int height = 1;          ///< at least 1
  int width = 1;           ///< at least 1
  int depth = 1;           ///< at least 1

  /// Values of one channel.
  std::size_t positions() const {
    return static_cast<std::size_t>(depth) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  /// Values of one image.
  std::size_t image_size() const { return static_cast<std::size_t>(channels) * positions(); }
  /// Values of all images.
  std::size_t size() const { return images * image_size(); }
};

}  // namespace imperfect
