// SPDX-License-Identifier: BSD-3-Clause
//
// Views and shapes of NumPy arrays.
#include "bindings/numpy_convert.hpp"

#include <limits>
#include <memory>
#include <string>

#include "base/check.hpp"

namespace imperfect {
namespace {

void check_float_array(const char* name, const py::array& array) {
  if (!array.dtype().equal(py::dtype::of<float>()))
    throw py::type_error(std::string(name) + " has dtype " + py::str(array.dtype()).cast<std::string>() +
                         ": must be float32");
  check((array.flags() & py::array::c_style) != 0, name, ": must be C-contiguous");
}

int dimension(const py::array& array, py::ssize_t axis) {
  const py::ssize_t size = array.shape(axis);
  check(size <= std::numeric_limits<int>::max(), "x has ", size, " elements along axis ", axis, ": too many");
  return static_cast<int>(size);
}

}  // namespace

ArrayView<const float> float_view(const char* name, const py::array& array) {
  check_float_array(name, array);
  return {static_cast<const float*>(array.data()), static_cast<std::size_t>(array.size())};
}

ArrayView<float> mutable_float_view(const char* name, py::array& array) {
  check_float_array(name, array);
  check(array.writeable(), name, ": must be writable");
  return {static_cast<float*>(array.mutable_data()), static_cast<std::size_t>(array.size())};
}

BatchShape batch_shape(const py::array& array) {
  check(array.ndim() == 4 || array.ndim() == 5, "x has ", array.ndim(),
        " dimensions: must have 4 (images, channels, height, width), or 5 with a depth before the height");
  const auto images = static_cast<std::size_t>(array.shape(0));
  if (array.ndim() == 4) return {images, dimension(array, 1), dimension(array, 2), dimension(array, 3)};
  return {images, dimension(array, 1), dimension(array, 3), dimension(array, 4), dimension(array, 2)};
}

std::vector<py::ssize_t> dimensions(const BatchShape& shape, py::ssize_t count) {
  const auto images = static_cast<py::ssize_t>(shape.images);
  if (count == 4) return {images, shape.channels, shape.height, shape.width};
  return {images, shape.channels, shape.depth, shape.height, shape.width};
}

py::array_t<float> to_array(std::vector<float> values, const std::vector<py::ssize_t>& shape) {
  auto owner = std::make_unique<std::vector<float>>(std::move(values));
  const py::capsule release(owner.get(), [](void* p) { delete static_cast<std::vector<float>*>(p); });
  return py::array_t<float>(shape, owner.release()->data(), release);
}

}  // namespace imperfect
