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

constexpr int kAtOnce = 8;  // sums side by side, which compilers put into vectors

/// Σ digit² and how many digits are not 0.
std::pair<double, std::uint64_t> sum_squares(const float* digits, int count) {
  double sums[kAtOnce] = {};
  int driven[kAtOnce] = {};
  int l = 0;
  for (; l + kAtOnce <= count; l += kAtOnce)
    for (int k = 0; k < kAtOnce; ++k) {
      sums[k] += double{digits[l + k]} * double{digits[l + k]};
      driven[k] += digits[l + k] != 0.0f;
    }
  for (; l < count; ++l) {
    sums[0] += double{digits[l]} * double{digits[l]};
    driven[0] += digits[l] != 0.0f;
  }
  double sum = 0.0;
  std::uint64_t number = 0;
  for (int k = 0; k < kAtOnce; ++k) {
    sum += sums[k];
    number += static_cast<std::uint64_t>(driven[k]);
  }
  return {sum, number};
}

void add_powers(const Drive& drive, std::size_t terms, BlockDrives& sums) {
  for (std::size_t p = 0; p < terms; ++p) sums.powers[p].resize(static_cast<std::size_t>(drive.rows));
  const double volts = drive.volts_per_digit;
  for (int row = 0; row < drive.rows; ++row) {
    const float* const digits = drive.digits + std::ptrdiff_t{row} * drive.lanes;
    const auto [squares, driven] = sum_squares(digits, drive.count);
    const auto place = static_cast<std::size_t>(row);
    sums.driven += driven;
    sums.powers[0][place] += squares * volts * volts;
    for (int l = 0; terms > 1 && l < drive.count; ++l) {
      const double v = double{digits[l]} * volts;
      sums.powers[1][place] += v * v * v;
      sums.powers[2][place] += v * v * v * v;
    }
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
    if (kind == Sums::kMoments) return with_wires(array, lines, drives);
    if (drives.powers[0].empty()) return 0.0;
    double energy = 0.0;
    for (const WiredLine& line : lines) energy += of_line(read_line(array, line), drives, kind);
    return energy;
  }

 private:
  /// Digits of one bit line. Where cells off the blocks are ideal they are not kept: 0.
  const float* read_line(const WiredArray& array, const WiredLine& line) {
    const Block& rows = array.rows();
    const MergedGroup& group = array.columns.group;
    const auto unit = static_cast<std::size_t>(line.number);
    if (line.is_unit) return cells_.units.data() + (numbers_.of_unit(unit, line.plane, rows.begin) - counts_.weights);
    if (group.groups == 1) return cells_.weights.data() + numbers_.of_data(group, line.plane, line.number, rows.begin);
    line_.clear();
    for (int row = rows.begin; row < rows.end; ++row) {
      const std::size_t place = numbers_.of_data(group, line.plane, line.number, row);
      line_.push_back(place < counts_.total() ? numbers_.at(cells_, place) : 0.0f);
    }
    return line_.data();
  }

  double of_line(const float* digits, const BlockDrives& drives, Sums kind) const {
    const std::size_t rows = drives.powers[0].size();
    const WeightCode& code = definition_.code;
    double driven = 0.0, weighted = 0.0, energy = 0.0;
    for (std::size_t row = 0; row < rows; ++row) {
      driven += drives.powers[0][row];
      weighted += drives.powers[0][row] * double{digits[row]};
    }
    energy = code.g_min * driven + code.delta / code.top_digit * weighted;
    for (std::size_t row = 0; kind == Sums::kPowers && row < rows; ++row) {
      const double g = code.to_conductance(digits[row]);
      energy += curve_.square(g) * drives.powers[1][row] + curve_.cube(g) * drives.powers[2][row];
    }
    return energy;
  }

  double with_wires(const WiredArray& array, const std::vector<WiredLine>& lines, const BlockDrives& drives) {
    const int rows = array.rows().size(), columns = static_cast<int>(lines.size());
    const auto size = static_cast<std::size_t>(rows);
    if (drives.moments.empty()) return 0.0;
    find_cells(numbers_, array, lines, places_);
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
  std::vector<float> line_;
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
