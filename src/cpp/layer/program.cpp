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

constexpr std::size_t kPart = 65536;  // cells that one thread writes at a time when all are kept
constexpr std::size_t kChunk = 2048;  // cells worked on at a time: draws and conductances stay in the first-level cache

bool has_weight_law(const Cell& cell) {
  return !cell.programming.empty() && cell.programming[0].kind == ProgrammingLaw::Kind::kWeightGaussian;
}

bool has_spread(const Cell& cell) { return cell.g_min_sigma > 0.0 || cell.g_max_sigma > 0.0; }

/// One writing of one layer's cells.
class Programmer {
 public:
  Programmer(const LayerDefinition& definition, const CellCounts& counts, const std::vector<float>& unit_numbers,
             std::uint64_t seed, std::uint32_t write)
      : definition_(definition),
        cell_(definition.hardware.cell),
        code_(definition.code),
        counts_(counts),
        unit_numbers_(unit_numbers),
        seed_(seed),
        write_(write),
        acts_on_cells_(has_spread(cell_) || (!cell_.programming.empty() && !has_weight_law(cell_))) {}

  /// Programmed digits of cells [first, first + count) of one kind, without faults.
  void program(std::size_t first, std::size_t count, float* digits) const {
    const std::size_t plane = definition_.weight.size();
    while (count > 0) {
      std::size_t step = std::min(kChunk, count);
      if (first < counts_.weights) step = std::min(step, plane - first % plane);
      place(first, step, digits);
      if (acts_on_cells_) disturb(first, step, digits);
      if (first < counts_.weights && has_weight_law(cell_)) disturb_weights(first, step, digits);
      first += step;
      digits += step;
      count -= step;
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

  /// Targets: conductances if programming acts on cells, else digits.
  void place(std::size_t first, std::size_t count, float* cells) const {
    PlaceArgs args{1, 0, 0, 0.0f, 1.0f};
    if (acts_on_cells_) {
      args.low = static_cast<float>(code_.g_min);
      args.step = static_cast<float>(code_.delta / code_.top_digit);
    }
    if (first < counts_.weights) {
      const std::size_t size = definition_.weight.size(), plane = first / size;
      const auto polarities = static_cast<std::size_t>(code_.num_polarities);
      const PlanePart part = plane_part(code_, static_cast<int>(plane / polarities), static_cast<int>(plane % polarities));
      args.sign = part.sign;
      args.shift = part.shift;
      args.mask = static_cast<int>(part.mask);
      const float* const numbers = definition_.numbers.data() + (part.is_second ? size : 0) + first % size;
      kernels().place_digits(args, numbers, count, cells);
    } else if (first < counts_.weights + counts_.units) {
      kernels().place_digits(args, unit_numbers_.data() + (first - counts_.weights), count, cells);
    } else {
      std::fill_n(cells, count, args.low);
    }
  }

  /// Turns target conductances into programmed digits.
  void disturb(std::uint64_t first, std::size_t count, float* g) const {
    std::array<float, kChunk> z, z_max;
    if (has_spread(cell_)) {
      draw(Draw::kNormal, StreamKind::kGMinSpread, first, count, 0, z.data());
      draw(Draw::kNormal, StreamKind::kGMaxSpread, first, count, 0, z_max.data());
      apply_spread(cell_, z.data(), z_max.data(), g, count);
    }
    for (std::size_t slot = 0; slot < cell_.programming.size() && !has_weight_law(cell_); ++slot) {
      const ProgrammingLaw& law = cell_.programming[slot];
      draw(draw_of(law), StreamKind::kProgramming, first, count, slot, z.data());
      if (const auto sigma = sigma_polynomial(law, cell_.g_max)) {
        const auto terms = static_cast<int>(sigma->coefficients.size());
        kernels().add_normal_errors({sigma->coefficients.data(), terms, sigma->scale, sigma->unit}, z.data(), count, g);
      } else {
        apply_programming_law(law, z.data(), g, count);
      }
    }
    kernels().to_digits(static_cast<float>(code_.g_min), static_cast<float>(code_.top_digit / code_.delta), count, g);
  }

  /// Adds the error of a law that acts on recombined weights to the most significant slice. In a differential pair the
  /// increase goes to one cell of the pair, whichever makes it positive, so that clipping at zero never takes part of it.
  void disturb_weights(std::size_t first, std::size_t count, float* digits) const {
    const std::size_t size = definition_.weight.size(), plane = first / size;
    const auto polarities = static_cast<std::size_t>(code_.num_polarities);
    const int top_slice = code_.num_slices - 1;
    if (plane / polarities != static_cast<std::size_t>(top_slice)) return;
    const double sigma = cell_.programming[0].params[0];
    const auto scale = static_cast<float>(sigma / (code_.weight_per_digit() * code_.slice_weight(top_slice)));
    const float sign = plane % polarities == 0 ? 1.0f : -1.0f;
    std::array<float, kChunk> z;
    draw(Draw::kNormal, StreamKind::kProgramming, first % size, count, 0, z.data());
    for (std::size_t i = 0; i < count; ++i) {
      const float error = sign * scale * z[i];
      digits[i] += code_.is_offset() ? error : std::max(error, 0.0f);
    }
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
  const CellCounts& counts_;
  const std::vector<float>& unit_numbers_;
  std::uint64_t seed_;
  std::uint32_t write_;
  bool acts_on_cells_;
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

CellCounts count_cells(const LayerDefinition& definition) {
  const Tiling& tiling = definition.tiling;
  const WeightCode& code = definition.code;
  const auto planes = static_cast<std::size_t>(code.num_planes());
  const auto max_rows = static_cast<std::size_t>(tiling.max_rows());
  const bool has_off_block = tiling.groups_per_array > 1 && !is_ideal(definition.hardware.cell);
  return {planes * definition.weight.size(), static_cast<std::size_t>(tiling.num_units() * code.num_slices) * max_rows,
          has_off_block ? planes * static_cast<std::size_t>(tiling.num_outputs()) * max_rows : 0};
}

CellSource::CellSource(std::shared_ptr<const LayerDefinition> definition, std::uint64_t seed, std::uint32_t write)
    : definition_(std::move(definition)),
      counts_(count_cells(*definition_)),
      seed_(seed),
      write_(write),
      unit_numbers_(encode_units(*definition_)) {
  // Why: a fault is found by counting from the start of its segment, and a small group's rows fill only part of a batch of
  // draws; reading such cells piece by piece would draw the same numbers many times.
  if (!definition_->hardware.cell.faults.empty() || definition_->tiling.num_groups > 1)
    kept_ = std::make_shared<const CellArrays>(write_all());
}

CellSource::CellSource(std::shared_ptr<const LayerDefinition> definition, CellArrays cells)
    : definition_(std::move(definition)),
      counts_(count_cells(*definition_)),
      kept_(std::make_shared<const CellArrays>(std::move(cells))) {}

void CellSource::read(std::size_t first, std::size_t count, float* digits) const {
  if (!kept_) return Programmer(*definition_, counts_, unit_numbers_, seed_, write_).program(first, count, digits);
  const std::size_t first_off_block = counts_.weights + counts_.units;
  if (first < counts_.weights) {
    std::copy_n(kept_->weights.data() + first, count, digits);
  } else if (first < first_off_block) {
    std::copy_n(kept_->units.data() + (first - counts_.weights), count, digits);
  } else {
    std::copy_n(kept_->off_block.data() + (first - first_off_block), count, digits);
  }
}

std::shared_ptr<const CellArrays> CellSource::arrays() const {
  return kept_ ? kept_ : std::make_shared<const CellArrays>(write_all());
}

CellArrays CellSource::write_all() const {
  const Programmer programmer(*definition_, counts_, unit_numbers_, seed_, write_);
  const auto write_kind = [&](std::size_t first, std::size_t count) {
    std::vector<float> digits(count);
    const auto parts = static_cast<std::ptrdiff_t>((count + kPart - 1) / kPart);
    parallel_for(parts, static_cast<int>(std::min<std::ptrdiff_t>(num_threads(), parts)), [&](std::ptrdiff_t i, int) {
      const std::size_t begin = static_cast<std::size_t>(i) * kPart;
      programmer.program(first + begin, std::min(kPart, count - begin), digits.data() + begin);
    });
    programmer.apply_faults(first, digits);
    return digits;
  };
  return {write_kind(0, counts_.weights), write_kind(counts_.weights, counts_.units),
          write_kind(counts_.weights + counts_.units, counts_.off_block)};
}

}  // namespace imperfect
