// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// Passive arrays with resistive wires (IR drop). Where cells are linear, the currents at the grounded ends of the bit lines
/// are I = TᵀV with one matrix T (word lines × bit lines) for each programmed array, V the voltages of the drivers. Curved
/// cells and arrays whose idle word lines are disconnected are solved for each V. Both functions are safe in any thread.
#pragma once

#include <cstddef>

#include "imperfect/array_view.hpp"

namespace imperfect {

/// Side of the drivers, then side of the grounded ends: word lines start at the left or right, bit lines end at the bottom
/// (after the last row) or the top (before the first).
enum class Corner {
  kLeftBottom,   ///< drivers left, grounded ends after the last row
  kLeftTop,      ///< drivers left, grounded ends before the first row
  kRightBottom,  ///< drivers right, grounded ends after the last row
  kRightTop      ///< drivers right, grounded ends before the first row
};

/// Resistances in ohm: of the segment before each cell on its word line and after each cell on its bit line, as seen from
/// driver and ground, and in series with each driver and each grounded end. Zero is allowed everywhere.
struct Wires {
  double r_row = 0.0;                   ///< of a segment of a word line
  double r_col = 0.0;                   ///< of a segment of a bit line
  double r_driver = 0.0;                ///< of a driver
  double r_sense = 0.0;                 ///< of a grounded end
  Corner corner = Corner::kLeftBottom;  ///< where drivers and grounded ends are
};

/// Arrays of one shape, conductances in siemens, each row-major and one after another.
struct ArrayBatch {
  std::size_t count = 0;  ///< arrays
  int rows = 0;           ///< word lines
  int columns = 0;        ///< bit lines

  /// Cells of one array.
  std::size_t array_size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns); }
  /// Values of a matrix word lines × word lines.
  std::size_t square_size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(rows); }
};

/// T of every array, siemens, shaped like g. `drivers`, unless empty, becomes the count × rows × rows admittances Y between
/// drivers: VᵀYV is the power that an array takes, wires included. Throws std::invalid_argument if a size does not match, or
/// a conductance or a resistance is negative or not finite, or outside 1e-30 to 1e30 and not zero. Threads: 0 for the
/// default.
void transfer_matrices(const ArrayBatch& batch, ArrayView<const double> g, const Wires& wires, ArrayView<double> transfer,
                       ArrayView<double> drivers, int num_threads);

/// Cells I(u) = g u + a2 u² + a3 u³: a2 in A/V², a3 in A/V³, shaped like g; empty: 0.
struct CellCurve {
  ArrayView<const double> a2;  ///< of every cell, or empty
  ArrayView<const double> a3;  ///< of every cell, or empty
};

/// One array and the drives that it is solved for.
struct CircuitDrives {
  int rows = 0;           ///< word lines
  int columns = 0;        ///< bit lines
  std::size_t count = 0;  ///< drives
  bool is_gated = false;  ///< a word line at exactly 0 V disconnects its cells (select transistors off)
};

/// Relative to the largest current of a drive: what solve_currents may be off by, in arrays whose wires let pass more than a
/// few percent of what ideal ones would.
inline constexpr double kCurrentAccuracy = 1e-10;

/// Currents in ampere into the grounded ends, [drive][bit line], for voltages of the drivers, [drive][word line]; power, in
/// watt, unless empty: one number for each drive. Throws std::invalid_argument for input that transfer_matrices refuses,
/// voltages or curves that are not finite, if the currents are not found in a bounded number of steps, or if a cell has a
/// negative differential conductance at its voltage. Results do not depend on the number of threads or on other drives.
void solve_currents(const CircuitDrives& drives, ArrayView<const double> g, const CellCurve& curve, const Wires& wires,
                    ArrayView<const double> voltages, ArrayView<double> currents, ArrayView<double> power, int num_threads);

}  // namespace imperfect
