// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the C interface share: a layer of two inputs and one output, and a handle that frees itself.
#pragma once

#include "imperfect/imperfect.h"

inline imperfect_options two_to_one() {
  imperfect_options options;
  imperfect_default_options(&options);
  options.in_channels = 2;
  return options;
}

struct Handle {
  imperfect_layer* layer = nullptr;
  ~Handle() { imperfect_layer_free(layer); }
};

inline const float kWeight[] = {0.5f, -1.0f};
inline const float kInput[] = {1.0f, 2.0f, -1.0f, 0.5f};
