// SPDX-License-Identifier: BSD-3-Clause
//
// Crossbars whose word lines have no resistance of their own (r_row = 0): each bit line is a ladder on its own, solved by one
// sweep in each direction in which only positive numbers are added. With a driver in series the word lines are one node each,
// m nodes in all, eliminated together.
#pragma once

#include <vector>

#include "circuit/port_kernels.hpp"

namespace imperfect {

/// Resistances in ohm; sense > 0 is all that follows the last cell, wire included, the others may be zero.
struct LadderWires {
  double column;
  double driver;
  double sense;
};

/// Admittances between the drivers of `rows` word lines and the grounded ends of `columns` bit lines, all in one matrix of
/// rows + columns ports, entries above the diagonal; those that join two drivers or two ends only if `want_all`. g: siemens,
/// row-major.
std::vector<double> ladder_admittances(const PortKernels& kernels, const double* g, int rows, int columns,
                                       const LadderWires& wires, bool want_all);

}  // namespace imperfect
