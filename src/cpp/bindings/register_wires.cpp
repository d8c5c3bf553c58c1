// SPDX-License-Identifier: BSD-3-Clause
//
// Arrays with resistive wires.
#include <optional>
#include <string>
#include <tuple>

#include "base/check.hpp"
#include "bindings/interruptible.hpp"
#include "bindings/numpy_convert.hpp"
#include "imperfect/wires.hpp"

namespace imperfect {
namespace {

using Doubles = py::array_t<double, py::array::c_style>;

Corner to_corner(const std::string& name) {
  if (name == "left_bottom") return Corner::kLeftBottom;
  if (name == "left_top") return Corner::kLeftTop;
  if (name == "right_bottom") return Corner::kRightBottom;
  if (name == "right_top") return Corner::kRightTop;
  fail("corner='", name, "': must be one of left_bottom, left_top, right_bottom, right_top");
}

int line_count(const Doubles& g, py::ssize_t axis) {
  check(g.shape(axis) <= 1 << 20, "g has ", g.shape(axis), " lines along axis ", axis, ": must have at most ", 1 << 20);
  return static_cast<int>(g.shape(axis));
}

std::tuple<Doubles, std::optional<Doubles>> solve(const Doubles& g, double r_row, double r_col, double r_driver,
                                                  double r_sense, const std::string& corner, bool want_drivers,
                                                  int num_threads) {
  check(g.ndim() == 3, "g has ", g.ndim(), " dimensions: must have 3 (arrays, word lines, bit lines)");
  const Wires wires{r_row, r_col, r_driver, r_sense, to_corner(corner)};
  const ArrayBatch batch{static_cast<std::size_t>(g.shape(0)), line_count(g, 1), line_count(g, 2)};
  Doubles transfer({g.shape(0), g.shape(1), g.shape(2)});
  std::optional<Doubles> drivers;
  if (want_drivers) drivers.emplace(std::vector<py::ssize_t>{g.shape(0), g.shape(1), g.shape(1)});
  const ArrayView<const double> from{g.data(), static_cast<std::size_t>(g.size())};
  const ArrayView<double> to{transfer.mutable_data(), from.size};
  const ArrayView<double> squares =
      drivers ? ArrayView<double>{drivers->mutable_data(), batch.count * batch.square_size()} : ArrayView<double>{};
  interruptible([&] { transfer_matrices(batch, from, wires, to, squares, num_threads); });
  return {std::move(transfer), std::move(drivers)};
}

ArrayView<const double> view(const std::optional<Doubles>& array) {
  return array ? ArrayView<const double>{array->data(), static_cast<std::size_t>(array->size())} : ArrayView<const double>{};
}

std::tuple<Doubles, Doubles> read_currents(const Doubles& g, const Doubles& v, double r_row, double r_col, double r_driver,
                                           double r_sense, const std::string& corner, bool gated,
                                           const std::optional<Doubles>& a2, const std::optional<Doubles>& a3,
                                           int num_threads) {
  check(g.ndim() == 2, "g has ", g.ndim(), " dimensions: must have 2 (word lines, bit lines)");
  check(v.ndim() == 2, "v has ", v.ndim(), " dimensions: must have 2 (drives, word lines)");
  const Wires wires{r_row, r_col, r_driver, r_sense, to_corner(corner)};
  const CircuitDrives drives{line_count(g, 0), line_count(g, 1), static_cast<std::size_t>(v.shape(0)), gated};
  Doubles currents({v.shape(0), g.shape(1)}), power({v.shape(0)});
  const ArrayView<const double> cells{g.data(), static_cast<std::size_t>(g.size())};
  const ArrayView<const double> voltages{v.data(), static_cast<std::size_t>(v.size())};
  const ArrayView<double> to{currents.mutable_data(), static_cast<std::size_t>(currents.size())};
  const ArrayView<double> watt{power.mutable_data(), drives.count};
  const CellCurve curve{view(a2), view(a3)};
  interruptible([&] { solve_currents(drives, cells, curve, wires, voltages, to, watt, num_threads); });
  return {std::move(currents), std::move(power)};
}

}  // namespace

void register_wires(py::module_& m) {
  m.def("transfer_matrices", &solve, py::arg("g"), py::arg("r_row"), py::arg("r_col"), py::arg("r_driver"),
        py::arg("r_sense"), py::arg("corner"), py::arg("want_drivers"), py::arg("num_threads"),
        "Transfer matrices of arrays with wires and, if wanted, the admittances between drivers.");
  m.def("read_currents", &read_currents, py::arg("g"), py::arg("v"), py::arg("r_row"), py::arg("r_col"), py::arg("r_driver"),
        py::arg("r_sense"), py::arg("corner"), py::arg("gated"), py::arg("a2"), py::arg("a3"), py::arg("num_threads"),
        "Currents and power of one array with wires for many drives, gated or with curved cells.");
}

}  // namespace imperfect
