// SPDX-License-Identifier: BSD-3-Clause
//
// What the options of the C interface mean: a shape and a machine.
#pragma once

#include "base/check.hpp"
#include "imperfect/hardware.hpp"
#include "imperfect/imperfect.h"
#include "imperfect/layer.hpp"

namespace imperfect {

template <class T>
void check_pointer(const char* name, const T* pointer) {
  check(pointer != nullptr, name, "=NULL: must point to something");
}

/// An ideal 1 × 1 linear layer.
imperfect_options default_options();
/// The caller's options; fields that its version does not have yet keep their defaults.
imperfect_options read_options(const imperfect_options& given);

LayerShape to_shape(const imperfect_options& options);
Hardware to_hardware(const imperfect_options& options);

}  // namespace imperfect
