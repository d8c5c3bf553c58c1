// SPDX-License-Identifier: BSD-3-Clause
//
// Which thread is ended by what.
#include "bindings/interruptible.hpp"

#include <stdexcept>

namespace imperfect {

const StopFlag*& entered_stop_flag() {
  thread_local const StopFlag* flag = nullptr;
  return flag;
}

bool is_main_thread() {
  // Why remembered: asking takes half a microsecond. A thread that forks becomes the main one of the child, which then is
  // not interrupted; it never happens the other way round.
  thread_local const bool is_main = [] {
    const py::module_ threading = py::module_::import("threading");
    return threading.attr("get_ident")().equal(threading.attr("main_thread")().attr("ident"));
  }();
  return is_main;
}

void register_interrupts(py::module_& m) {
  py::class_<StopFlag>(m, "StopFlag", "Set, it ends with KeyboardInterrupt what threads compute that entered it.")
      .def(py::init<>())
      .def("set", &StopFlag::set)
      .def_property_readonly("is_set", &StopFlag::is_set)
      .def("__enter__", [](const StopFlag& flag) { entered_stop_flag() = &flag; })
      .def(
          "__exit__",
          [](const StopFlag&, const py::object&, const py::object&, const py::object&) { entered_stop_flag() = nullptr; },
          py::arg("kind"), py::arg("error"), py::arg("traceback"));
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Interrupted&) {
      PyErr_SetNone(PyExc_KeyboardInterrupt);
    } catch (const std::length_error& too_large) {  // more than any memory holds
      PyErr_SetString(PyExc_MemoryError, too_large.what());
    }
  });
}

}  // namespace imperfect
