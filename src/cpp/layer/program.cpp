// SPDX-License-Identifier: BSD-3-Clause
//
// Cells are numbered through the whole layer, whatever arrays they lie in: weight cells ((slice·P + polarity)·N + n)·K_g + k,
// then unit columns (unit·S + slice)·K_max + k, then the cells outside the blocks of block-diagonal arrays
// ((slice·P + polarity)·N + n)·K_max + k. That number is the counter of each of a cell's draws.
#include "layer/program.hpp"

#include <algorithm>
#include <array>

#include "base/parallel.hpp"
#include "device/faults.hpp"
#include "device/programming.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

constexpr std::ptrdiff_t kChunksPerThread = 8;  // fewer are done before a second thread has started
constexpr std::size_t kChunk = 2048;  // cells worked on at a time: draws and conductances stay in the first-level cache

bool has_weight_law(const Cell& cell) {
  return !cell.programming.empty() && cell.programming[0].kind == ProgrammingLaw::Kind::kWeightGaussian;
}

bool has_spread(const Cell& cell) { return cell.g_min_sigma > 0.0 || cell.g_max_sigma > 0.0; }

/// One programming run over one layer.
class Programmer {
 public:
  Programmer(const LayerDefinition& definition, std::uint64_t seed, std::uint32_t write)
      : definition_(definition), cell_(definition.hardware.cell), code_(definition.code), seed_(seed), write_(write) {}

  /// Turns target digits into programmed digits; `first` is the number of the first cell.
  void program(std::uint64_t first, std::vector<float>& digits) const {
    if (has_spread(cell_) || (!cell_.programming.empty() && !has_weight_law(cell_))) {
      const auto chunks = static_cast<std::ptrdiff_t>((digits.size() + kChunk - 1) / kChunk);
      const auto threads = static_cast<int>(std::min<std::ptrdiff_t>(num_threads(), 1 + chunks / kChunksPerThread));
      parallel_for(chunks, threads, [&](std::ptrdiff_t i, int) {
        const std::size_t begin = static_cast<std::size_t>(i) * kChunk;
        program_chunk(first + begin, digits.data() + begin, std::min(kChunk, digits.size() - begin));
      });
    }
  }

  /// Adds the error of a law that acts on recombined weights to the most significant slice. In a differential pair the
  /// increase goes to one cell of the pair, whichever makes it positive, so that clipping at zero never takes part of it.
  void disturb_weights(std::vector<float>& digits) const {
    if (!has_weight_law(cell_)) return;
    const double sigma = cell_.programming[0].params[0];
    const std::size_t plane = definition_.weight.size();
    const auto top_slice = static_cast<std::size_t>(code_.num_slices - 1);
    float* const plus = digits.data() + top_slice * static_cast<std::size_t>(code_.num_polarities) * plane;
    const auto scale = static_cast<float>(sigma / (code_.weight_per_digit() * code_.slice_weight(code_.num_slices - 1)));
    std::array<float, kChunk> z;
    for (std::size_t begin = 0; begin < plane; begin += kChunk) {
      const std::size_t count = std::min(kChunk, plane - begin);
      draw(Draw::kNormal, StreamKind::kProgramming, begin, count, 0, z.data());
      for (std::size_t i = 0; i < count; ++i) {
        const float error = scale * z[i];
        float* const at = plus + begin + i;
        if (code_.is_offset() || error > 0.0f) {
          at[0] += error;
        } else {
          at[plane] -= error;
        }
      }
    }
  }

  void apply_faults(std::uint64_t first, std::vector<float>& digits) const {
    const PhiloxKey key = stream_key(seed_, StreamKind::kFaults, definition_.layer_id);
    const std::uint64_t end = first + digits.size();
    for (std::uint32_t law = 0; law < cell_.faults.size(); ++law)
      for (std::uint64_t segment = first / kFaultSegment; segment * kFaultSegment < end; ++segment)
        for (const Fault& fault : draw_faults(cell_.faults[law], key, segment, law)) {
          const std::uint64_t index = segment * kFaultSegment + fault.position;
          if (index >= first && index < end) digits[index - first] = stuck_digits(index, fault.stuck_on);
        }
  }

 private:
  void draw(Draw kind, StreamKind stream, std::uint64_t first, std::size_t count, std::size_t slot, float* out) const {
    const PhiloxKey key = stream_key(seed_, stream, definition_.layer_id);
    // Why: spread and faults belong to the device, so writing it again does not change them.
    const std::uint32_t write = stream == StreamKind::kProgramming ? write_ : 0;
    const RandomArgs args{{key[0], key[1]}, first, count, write, static_cast<std::uint32_t>(slot)};
    (kind == Draw::kNormal ? kernels().fill_normals : kernels().fill_uniforms)(args, out);
  }

  void program_chunk(std::uint64_t first, float* digits, std::size_t count) const {
    std::array<float, kChunk> g, z, z_max;
    for (std::size_t i = 0; i < count; ++i) g[i] = static_cast<float>(code_.to_conductance(digits[i]));
    if (has_spread(cell_)) {
      draw(Draw::kNormal, StreamKind::kGMinSpread, first, count, 0, z.data());
      draw(Draw::kNormal, StreamKind::kGMaxSpread, first, count, 0, z_max.data());
      apply_spread(cell_, z.data(), z_max.data(), g.data(), count);
    }
    for (std::size_t law = 0; law < cell_.programming.size() && !has_weight_law(cell_); ++law) {
      draw(draw_of(cell_.programming[law]), StreamKind::kProgramming, first, count, law, z.data());
      apply_programming_law(cell_.programming[law], cell_.g_max, z.data(), g.data(), count);
    }
    for (std::size_t i = 0; i < count; ++i) digits[i] = static_cast<float>(code_.to_digits(std::max(g[i], 0.0f)));
  }

  float stuck_digits(std::uint64_t index, bool on) const {
    if (!has_spread(cell_)) return on ? static_cast<float>(code_.top_digit) : 0.0f;
    float z_min, z_max;
    draw(Draw::kNormal, StreamKind::kGMinSpread, index, 1, 0, &z_min);
    draw(Draw::kNormal, StreamKind::kGMaxSpread, index, 1, 0, &z_max);
    const CellLimits limits = spread_limits(cell_, z_min, z_max);
    return static_cast<float>(code_.to_digits(on ? limits.g_max : limits.g_min));
  }

  const LayerDefinition& definition_;
  const Cell& cell_;
  const WeightCode& code_;
  std::uint64_t seed_;
  std::uint32_t write_;
};

/// Target digits of all unit columns: [unit][slice][row of the array].
std::vector<float> encode_units(const LayerDefinition& definition) {
  const Tiling& tiling = definition.tiling;
  const auto max_rows = static_cast<std::size_t>(tiling.max_rows());
  const int slices = definition.code.num_slices;
  std::vector<float> units(static_cast<std::size_t>(tiling.num_units() * slices) * max_rows, 0.0f);
  float* row = units.data();
  for (const MergedGroup& group : tiling.merged)
    for (int unit = 0; unit < tiling.units(group); ++unit) {
      const int own = unit % group.groups;
      for (int slice = 0; slice < slices; ++slice, row += max_rows)
        std::fill_n(row + own * tiling.rows_per_group, tiling.rows_per_group,
                    static_cast<float>(definition.code.offset_digit(slice)));
    }
  return units;
}

}  // namespace

bool is_ideal(const Cell& cell) { return cell.programming.empty() && cell.faults.empty() && !has_spread(cell); }

CellArrays program_cells(const LayerDefinition& definition, std::uint64_t seed, std::uint32_t write) {
  const Tiling& tiling = definition.tiling;
  const WeightCode& code = definition.code;
  CellArrays cells;
  cells.weights =
      encode_weights(code, definition.weight.data(), definition.weight_ranges, tiling.num_outputs(), tiling.rows_per_group);
  cells.units = encode_units(definition);
  if (is_ideal(definition.hardware.cell)) return cells;
  if (tiling.groups_per_array > 1)
    cells.off_block.assign(static_cast<std::size_t>(code.num_planes()) * static_cast<std::size_t>(tiling.num_outputs()) *
                               static_cast<std::size_t>(tiling.max_rows()),
                           0.0f);

  const Programmer programmer(definition, seed, write);
  programmer.program(0, cells.weights);
  programmer.disturb_weights(cells.weights);
  const std::uint64_t first_unit = cells.weights.size();
  const std::uint64_t first_off_block = first_unit + cells.units.size();
  programmer.program(first_unit, cells.units);
  programmer.program(first_off_block, cells.off_block);
  programmer.apply_faults(0, cells.weights);
  programmer.apply_faults(first_unit, cells.units);
  programmer.apply_faults(first_off_block, cells.off_block);
  return cells;
}

}  // namespace imperfect
