// SPDX-License-Identifier: BSD-3-Clause
//
// imperfect._core: a list of what is registered.
#include "bindings/register.hpp"

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Compiled core of imperfect. Private: use the classes of the package.";
  imperfect::register_config(m);
  imperfect::register_interrupts(m);
  imperfect::register_random(m);
  imperfect::register_layer(m);
  imperfect::register_recurrent(m);
  imperfect::register_wires(m);
}
