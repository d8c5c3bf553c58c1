// SPDX-License-Identifier: BSD-3-Clause
//
// NumPy arrays at the boundary: dtype, number of dimensions and contiguity are checked, nothing is copied silently.
#pragma once

#include <vector>

#include "bindings/register.hpp"
#include "imperfect/array_view.hpp"

namespace imperfect {

/// A view of a C-contiguous float32 array. Throws TypeError for another dtype, ValueError if it is not contiguous.
ArrayView<const float> float_view(const char* name, const py::array& array);
/// The same, writable.
ArrayView<float> mutable_float_view(const char* name, py::array& array);
/// The shape of an n × c × h × w or n × c × d × h × w batch. Throws ValueError for another number of dimensions.
BatchShape batch_shape(const py::array& array);
/// The way back, in 4 or 5 dimensions; with 4 the depth must be 1.
std::vector<py::ssize_t> dimensions(const BatchShape& shape, py::ssize_t count);
/// A new array that takes over the vector's memory.
py::array_t<float> to_array(std::vector<float> values, const std::vector<py::ssize_t>& shape);

}  // namespace imperfect
