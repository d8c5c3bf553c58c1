// SPDX-License-Identifier: BSD-3-Clause
//
// First the drives of the batch, in pieces on several threads, then the arrays, one at a time on each thread. Sums are in
// double and in an order that does not depend on threads.
#include "layer/read_activity.hpp"

#include <array>
#include <map>
#include <utility>

#include "circuit/transfer_matrix.hpp"
#include "device/cell_curve.hpp"
#include "layer/drives.hpp"
#include "layer/wired_arrays.hpp"

namespace imperfect {
namespace {

enum class Sums { kSquares, kPowers, kMoments, kCircuits };

Sums choose_sums(const Hardware& hardware) {
  if (solves_circuits(hardware)) return Sums::kCircuits;
  if (hardware.array.has_wires()) return Sums::kMoments;
  return hardware.cell.curve.kind == IvCurve::Kind::kNone ? Sums::kSquares : Sums::kPowers;
}

/// Sums over the drives of one row block.
struct BlockDrives {
  std::uint64_t driven = 0;                   ///< word lines at other than 0 V
  std::array<std::vector<double>, 3> powers;  ///< Σ v², Σ v³, Σ v⁴ of each row
  std::vector<double> moments;                ///< Σ v v' of each pair of rows, [row][row up to it]
  double energy = 0.0;                        ///< of solved circuits

  void add(const BlockDrives& other) {
    driven += other.driven;
    energy += other.energy;
    for (std::size_t p = 0; p < powers.size(); ++p) add_to(powers[p], other.powers[p]);
    add_to(moments, other.moments);
  }

 private:
  static void add_to(std::vector<double>& sums, const std::vector<double>& more) {
    sums.resize(std::max(sums.size(), more.size()));
    for (std::size_t i = 0; i < more.size(); ++i) sums[i] += more[i];
  }
};

using AllDrives = std::vector<std::vector<BlockDrives>>;  ///< [merged group][row block]

AllDrives no_drives(const Tiling& tiling) {
  AllDrives drives;
  for (const MergedGroup& group : tiling.merged) drives.emplace_back(group.row_blocks.size());
  return drives;
}

void add_powers(const Drive& drive, std::size_t terms, BlockDrives& sums) {
  for (std::size_t p = 0; p < terms; ++p) sums.powers[p].resize(static_cast<std::size_t>(drive.rows));
  for (int row = 0; row < drive.rows; ++row) {
    const float* const digits = drive.digits + std::ptrdiff_t{row} * drive.lanes;
    double totals[3] = {};
    int driven = 0;
    for (int l = 0; l < drive.count; ++l) {
      const double v = double{digits[l]} * drive.volts_per_digit, square = v * v;
      driven += digits[l] != 0.0f;
      totals[0] += square;
      totals[1] += square * v;
      totals[2] += square * square;
    }
    sums.driven += static_cast<std::uint64_t>(driven);
    for (std::size_t p = 0; p < terms; ++p) sums.powers[p][static_cast<std::size_t>(row)] += totals[p];
  }
}

void add_moments(const Drive& drive, BlockDrives& sums) {
  const auto rows = static_cast<std::size_t>(drive.rows);
  sums.moments.resize(rows * (rows + 1) / 2);
  double* to = sums.moments.data();
  for (int i = 0; i < drive.rows; ++i) {
    const float* const first = drive.digits + std::ptrdiff_t{i} * drive.lanes;
    for (int l = 0; l < drive.count; ++l) sums.driven += first[l] != 0.0f;
    for (int j = 0; j <= i; ++j) {
      const float* const second = drive.digits + std::ptrdiff_t{j} * drive.lanes;
      double sum = 0.0;
      for (int l = 0; l < drive.count; ++l) sum += double{first[l]} * double{second[l]};
      *to++ += sum * drive.volts_per_digit * drive.volts_per_digit;
    }
  }
}

/// Solves every circuit of a row block for one drive.
void add_solved(const std::vector<ArrayCircuit>& circuits, const Drive& drive, BlockDrives& sums) {
  CircuitBuffers& buffers = workspace().circuit;
  double* const voltages = buffers.voltages.reserve(static_cast<std::size_t>(drive.rows * kCircuitLanes));
  for (int first = 0; first < drive.count; first += kCircuitLanes) {
    const int count = std::min(kCircuitLanes, drive.count - first);
    for (int row = 0; row < drive.rows; ++row)
      for (int l = 0; l < kCircuitLanes; ++l) {
        const float digit = l < count ? drive.digits[std::ptrdiff_t{row} * drive.lanes + first + l] : 0.0f;
        voltages[row * kCircuitLanes + l] = double{digit} * drive.volts_per_digit;
        sums.driven += digit != 0.0f;
      }
    for (const ArrayCircuit& circuit : circuits) {
      CircuitLanes power;
      buffers.scratch.forget();
      circuit.solver.solve(voltages, buffers.currents.reserve(circuit.lines.size() * kCircuitLanes), power.at,
                           buffers.scratch);
      for (int l = 0; l < count; ++l) sums.energy += power.at[l];
    }
  }
}

AllDrives sum_drives(const LayerDefinition& definition, const CellSource& cells, const PackedLayer& packed, const float* x,
                     const BatchShape& shape, Sums kind) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<ArrayCircuit>> circuits;
  if (kind == Sums::kCircuits)
    make_circuits(definition, cells, [&](std::size_t group, std::size_t block, ArrayCircuit circuit) {
      circuits[{group, block}].push_back(std::move(circuit));
    });
  std::vector<AllDrives> pieces(kDrivePieces, no_drives(definition.tiling));
  for_each_drive(definition, packed, x, shape, [&](std::size_t piece, const Drive& drive) {
    BlockDrives& sums = pieces[piece][drive.group][drive.row_block];
    if (kind == Sums::kCircuits)
      add_solved(circuits.at({drive.group, drive.row_block}), drive, sums);
    else if (kind == Sums::kMoments)
      add_moments(drive, sums);
    else
      add_powers(drive, kind == Sums::kPowers ? 3 : 1, sums);
  });
  AllDrives total = no_drives(definition.tiling);
  for (const AllDrives& piece : pieces)
    for (std::size_t group = 0; group < total.size(); ++group)
      for (std::size_t block = 0; block < total[group].size(); ++block) total[group][block].add(piece[group][block]);
  return total;
}

/// Energy of single arrays from the sums over their drives; for one thread.
class ArrayEnergy {
 public:
  ArrayEnergy(const LayerDefinition& definition, const CellCounts& counts, const CellArrays& cells)
      : definition_(definition),
        counts_(counts),
        numbers_(definition, counts),
        cells_(cells),
        curve_(definition.hardware.cell) {}

  double of(const WiredArray& array, const std::vector<WiredLine>& lines, const BlockDrives& drives, Sums kind) {
    find_cells(numbers_, array, lines, places_);
    return kind == Sums::kMoments ? with_wires(array, static_cast<int>(lines.size()), drives)
                                  : of_cells(lines.size(), drives, kind);
  }

 private:
  double conductance(std::size_t place) const {
    // Why: cells off the blocks are not kept where all of them are ideal.
    return definition_.code.to_conductance(place < counts_.total() ? numbers_.at(cells_, place) : 0.0f);
  }

  double of_cells(std::size_t columns, const BlockDrives& drives, Sums kind) const {
    double energy = 0.0;
    for (std::size_t row = 0; row * columns < places_.size() && !drives.powers[0].empty(); ++row) {
      double sums[3] = {};
      for (std::size_t column = 0; column < columns; ++column) {
        const double g = conductance(places_[row * columns + column]);
        sums[0] += g;
        if (kind != Sums::kPowers) continue;
        sums[1] += curve_.square(g);
        sums[2] += curve_.cube(g);
      }
      energy += sums[0] * drives.powers[0][row];
      if (kind == Sums::kPowers) energy += sums[1] * drives.powers[1][row] + sums[2] * drives.powers[2][row];
    }
    return energy;
  }

  double with_wires(const WiredArray& array, int columns, const BlockDrives& drives) {
    const int rows = array.rows().size();
    const auto size = static_cast<std::size_t>(rows);
    if (drives.moments.empty()) return 0.0;
    g_.resize(places_.size());
    transfer_.resize(places_.size());
    admittances_.resize(size * size);
    for (std::size_t i = 0; i < places_.size(); ++i)
      g_[i] = wired_conductance(definition_.code, numbers_.at(cells_, places_[i]));
    const auto found =
        solvers_.try_emplace({rows, columns}, kernels().ports, rows, columns, relative_wires(definition_.hardware));
    found.first->second.solve(g_.data(), transfer_.data(), admittances_.data());
    check_solved(admittances_.data(), admittances_.size());
    double energy = 0.0;
    const double* moment = drives.moments.data();
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++moment)
        energy += *moment * (i == j ? admittances_[i * size + i] : admittances_[i * size + j] + admittances_[j * size + i]);
    return energy;
  }

  const LayerDefinition& definition_;
  const CellCounts& counts_;
  CellNumbers numbers_;
  const CellArrays& cells_;
  CurveTerms curve_;
  std::map<std::pair<int, int>, TransferSolver> solvers_;
  std::vector<std::size_t> places_;
  std::vector<double> g_, transfer_, admittances_;
};

}  // namespace

PackedLayer pack_drives(const Hardware& hardware, double full_scale, bool is_signed) {
  PackedLayer drives;
  drives.input = make_input_code(hardware.dac, full_scale, is_signed, true);
  if (!hardware.dac.nonlinearity.empty())
    drives.drive_digits = drives.cycle_numbers = driven_digits(hardware.dac, drives.input);
  return drives;
}

ReadActivity measure_reads(const LayerDefinition& definition, const CellSource& cells, const InputCode& input, const float* x,
                           const BatchShape& shape) {
  const Hardware& hardware = definition.hardware;
  const Sums kind = choose_sums(hardware);
  const PackedLayer packed = pack_drives(hardware, input.full_scale, input.is_signed && !input.two_pass);
  const AllDrives drives = sum_drives(definition, cells, packed, x, shape, kind);
  const std::vector<ColumnBlock> blocks = column_blocks(definition.tiling);
  const std::vector<WiredArray> arrays = list_arrays(definition, blocks);
  const auto stored = cells.arrays();
  const auto count = static_cast<std::ptrdiff_t>(arrays.size());
  std::vector<ReadActivity> found(arrays.size());
  std::vector<ArrayEnergy> workers;
  for (int t = 0; t < num_threads(); ++t) workers.emplace_back(definition, cells.counts(), *stored);
  parallel_for(count, num_threads(), [&](std::ptrdiff_t i, int thread) {
    const WiredArray& array = arrays[static_cast<std::size_t>(i)];
    const auto group = static_cast<std::size_t>(&array.columns.group - definition.tiling.merged.data());
    const BlockDrives& sums = drives[group][array.row_block];
    const std::vector<WiredLine> lines = list_lines(definition, array);
    ReadActivity& activity = found[static_cast<std::size_t>(i)];
    activity.word_line_charges = sums.driven;
    activity.cell_reads = sums.driven * lines.size();
    if (kind != Sums::kCircuits) activity.energy = workers[static_cast<std::size_t>(thread)].of(array, lines, sums, kind);
  });
  ReadActivity total;
  for (const ReadActivity& activity : found) {
    total.word_line_charges += activity.word_line_charges;
    total.cell_reads += activity.cell_reads;
    total.energy += activity.energy;
  }
  for (const auto& group : drives)
    for (const BlockDrives& block : group) total.energy += block.energy;
  return total;
}

}  // namespace imperfect
