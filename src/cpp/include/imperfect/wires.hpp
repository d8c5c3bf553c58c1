// SPDX-License-Identifier: BSD-3-Clause
//
// Passive arrays with resistive wires (IR drop): cells are linear, so the currents at the grounded ends of the bit lines are
// I = TᵀV with one matrix T (word lines × bit lines) for each programmed array, V the voltages of the drivers.
#pragma once

#include <cstddef>

#include "imperfect/array_view.hpp"

namespace imperfect {

/// Side of the drivers, then side of the grounded ends: word lines start at the left or right, bit lines end at the bottom
/// (after the last row) or the top (before the first).
enum class Corner { kLeftBottom, kLeftTop, kRightBottom, kRightTop };

/// Resistances in ohm: of the segment before each cell on its word line and after each cell on its bit line, as seen from
/// driver and ground, and in series with each driver and each grounded end. Zero is allowed everywhere.
struct Wires {
  double r_row = 0.0;
  double r_col = 0.0;
  double r_driver = 0.0;
  double r_sense = 0.0;
  Corner corner = Corner::kLeftBottom;
};

/// Arrays of one shape, conductances in siemens, each row-major and one after another.
struct ArrayBatch {
  std::size_t count = 0;
  int rows = 0;
  int columns = 0;

  std::size_t array_size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns); }
  std::size_t square_size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(rows); }
};

/// T of every array, siemens, shaped like g. `drivers`, unless empty, becomes the count × rows × rows admittances Y between
/// drivers: VᵀYV is the power that an array takes, wires included. Throws std::invalid_argument if a size does not match, or
/// a conductance or a resistance is negative or not finite, or outside 1e-30 to 1e30 and not zero. Threads: 0 for the
/// default.
void transfer_matrices(const ArrayBatch& batch, ArrayView<const double> g, const Wires& wires, ArrayView<double> transfer,
                       ArrayView<double> drivers, int num_threads);

}  // namespace imperfect
