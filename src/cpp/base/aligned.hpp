// SPDX-License-Identifier: BSD-3-Clause
//
// A buffer aligned to 64 bytes, the widest vector and a cache line. Contents are uninitialised: kernels overwrite them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

namespace imperfect {

inline constexpr std::size_t kAlignment = 64;

/// Owns `size` elements of a trivial type, uninitialised, 64-byte aligned. Grows, never shrinks.
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivial_v<T>);
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t(kAlignment)); }
  };

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) { reserve(size); }

  /// Makes room for `size` elements; what was stored before is lost if it has to grow.
  T* reserve(std::size_t size) {
    if (size > capacity_) {
      if (size > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
      data_.reset();
      capacity_ = 0;
      data_.reset(static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t(kAlignment))));
      capacity_ = size;
    }
    return data_.get();
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

 private:
  std::unique_ptr<T, Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace imperfect
