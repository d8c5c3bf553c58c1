// SPDX-License-Identifier: BSD-3-Clause
//
// From the Python dataclass Hardware to the plain struct.
#pragma once

#include "bindings/register.hpp"
#include "imperfect/hardware.hpp"

namespace imperfect {

/// Reads an `imperfect.Hardware`, which has validated itself.
Hardware to_hardware(const py::object& hardware);

}  // namespace imperfect
