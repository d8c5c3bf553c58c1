// SPDX-License-Identifier: BSD-3-Clause
//
// Version, SIMD level and threads.
#include "base/parallel.hpp"
#include "bindings/register.hpp"
#include "imperfect/version.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {

void register_config(py::module_& m) {
  m.attr("__version__") = IMPERFECT_VERSION;
  m.attr("has_openmp") = has_openmp();
  m.def("simd_level", [] { return std::string(kernels().name); }, "Name of the SIMD level in use.");
  m.def(
      "available_simd_levels", [] { return std::string(available_levels()); },
      "Levels this machine can run, lowest first, separated by spaces.");
  m.def("num_threads", &num_threads, "Threads used when a call does not say.");
  m.def("set_num_threads", &set_num_threads, py::arg("count"), "Sets the default; 0 returns to OpenMP's.");
}

}  // namespace imperfect
