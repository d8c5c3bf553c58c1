// SPDX-License-Identifier: BSD-3-Clause
//
// What the module registers, one function for each concept.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

namespace py = pybind11;

namespace imperfect {

void register_config(py::module_& m);
void register_interrupts(py::module_& m);
void register_random(py::module_& m);
void register_layer(py::module_& m);
void register_recurrent(py::module_& m);
void register_wires(py::module_& m);

}  // namespace imperfect
