// SPDX-License-Identifier: BSD-3-Clause
//
// Circuits of a layer, kCircuitLanes drives at a time.
#include "layer/circuits.hpp"

#include <algorithm>

#include "base/interrupt.hpp"
#include "device/cell_curve.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

ArrayCircuit make_circuit(const LayerDefinition& definition, const CellArrays& cells, const CellNumbers& numbers,
                          const WiredArray& array, int first_unit) {
  const Hardware& hardware = definition.hardware;
  const std::vector<WiredLine> lines = list_lines(definition, array);
  std::vector<std::size_t> places;
  find_cells(numbers, array, lines, places);
  const bool is_curved = hardware.cell.curve.kind != IvCurve::Kind::kNone;
  std::vector<double> g(places.size()), a2, a3;
  for (std::size_t i = 0; i < places.size(); ++i) g[i] = wired_conductance(definition.code, numbers.at(cells, places[i]));
  if (is_curved) {
    const CurveTerms terms(hardware.cell);
    std::transform(g.begin(), g.end(), std::back_inserter(a2), [&](double x) { return terms.square(x); });
    std::transform(g.begin(), g.end(), std::back_inserter(a3), [&](double x) { return terms.cube(x); });
  }
  const CellCurve curve{{a2.data(), a2.size()}, {a3.data(), a3.size()}};
  ArrayCircuit circuit{CircuitSolver(kernels().circuit, array.rows().size(), static_cast<int>(lines.size()), g.data(), curve,
                                     relative_wires(hardware), hardware.array.is_gated),
                       {}};
  const int data = definition.tiling.outputs(array.columns.group);
  for (const WiredLine& line : lines)
    circuit.lines.push_back({static_cast<int>(line.plane), line.is_unit ? data + line.number - first_unit : line.number});
  return circuit;
}

/// Word-line voltages of one cycle and group of lanes; lanes beyond the last are not driven.
void fill_voltages(const CircuitReads& reads, int cycle, int first, int count, double* voltages) {
  for (int row = 0; row < reads.rows; ++row) {
    const float* const digits = reads.digits + (std::ptrdiff_t{cycle} * reads.rows + row) * reads.lanes + first;
    for (int l = 0; l < kCircuitLanes; ++l)
      voltages[row * kCircuitLanes + l] = l < count ? reads.volts_per_digit * double{digits[l]} : 0.0;
  }
}

void store_currents(const CircuitReads& reads, const ArrayCircuit& circuit, int cycle, int first, int count,
                    const double* currents) {
  for (const ArrayCircuit::Line& line : circuit.lines) {
    const std::ptrdiff_t read = std::ptrdiff_t{line.plane} * reads.cycles + cycle;
    float* const to = reads.sums + (read * reads.outputs + line.output) * reads.lanes + first;
    for (int l = 0; l < count; ++l) to[l] = static_cast<float>(currents[l] * reads.digits_per_current);
    currents += kCircuitLanes;
  }
}

}  // namespace

void make_circuits(const LayerDefinition& definition, const CellSource& cells,
                   const std::function<void(std::size_t, std::size_t, ArrayCircuit)>& put) {
  const auto arrays = cells.arrays();
  const CellNumbers numbers(definition, cells.counts());
  const std::vector<ColumnBlock> blocks = column_blocks(definition.tiling);
  const MergedGroup* group = nullptr;
  int first_unit = 0;  // of the group
  for (const WiredArray& array : list_arrays(definition, blocks)) {
    check_interrupt();
    if (&array.columns.group != group) first_unit = array.columns.first_unit;
    group = &array.columns.group;
    put(static_cast<std::size_t>(group - definition.tiling.merged.data()), array.row_block,
        make_circuit(definition, *arrays, numbers, array, first_unit));
  }
}

void read_circuits(const std::vector<ArrayCircuit>& circuits, const CircuitReads& reads, const Block& outputs,
                   CircuitBuffers& buffers) {
  double* const voltages = buffers.voltages.reserve(static_cast<std::size_t>(reads.rows * kCircuitLanes));
  for (const ArrayCircuit& circuit : circuits) {
    const auto is_wanted = [&](const ArrayCircuit::Line& line) {
      return line.output >= outputs.begin && line.output < outputs.end;
    };
    if (std::none_of(circuit.lines.begin(), circuit.lines.end(), is_wanted)) continue;
    double* const currents = buffers.currents.reserve(circuit.lines.size() * kCircuitLanes);
    for (int first = 0; first < reads.lanes; first += kCircuitLanes) {
      const int count = std::min(kCircuitLanes, reads.lanes - first);
      buffers.scratch.forget();
      for (int cycle = 0; cycle < reads.cycles; ++cycle) {
        fill_voltages(reads, cycle, first, count, voltages);
        circuit.solver.solve(voltages, currents, nullptr, buffers.scratch);
        store_currents(reads, circuit, cycle, first, count, currents);
      }
    }
  }
}

}  // namespace imperfect
