// SPDX-License-Identifier: BSD-3-Clause
//
// Cells are numbered through the whole layer, whatever arrays they lie in: weight cells ((slice·P + polarity)·N + n)·K_g + k,
// then unit columns (unit·S + slice)·K_max + k, then the cells outside the blocks of block-diagonal arrays
// ((slice·P + polarity)·N + n)·K_max + k. That number is the counter of each of a cell's draws.
#include "layer/cell_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/interrupt.hpp"
#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace {

constexpr double kCellWork = 32.0;  // multiply-adds that writing a cell costs as much as

bool has_spread(const Cell& cell) { return cell.g_min_sigma > 0.0 || cell.g_max_sigma > 0.0; }

}  // namespace

CellWriter::CellWriter(const Writing& writing)
    : writing_(writing),
      definition_(writing.definition),
      cell_(definition_.hardware.cell),
      code_(definition_.code),
      acts_on_weights_(!writing.programming.empty() && writing.programming[0].kind == ProgrammingLaw::Kind::kWeightGaussian) {
  acts_on_cells_ = has_spread(cell_) || (!writing.programming.empty() && !acts_on_weights_);
}

std::size_t CellWriter::chunk(std::size_t first, std::size_t count) const {
  const std::size_t plane = definition_.weight.size(), step = std::min(kCellChunk, count);
  return first < writing_.counts.weights ? std::min(step, plane - first % plane) : step;
}

void CellWriter::program(std::size_t first, std::size_t count, float* digits) const {
  const auto low = acts_on_cells_ ? static_cast<float>(code_.g_min) : 0.0f;
  const auto step = acts_on_cells_ ? static_cast<float>(code_.delta / code_.top_digit) : 1.0f;
  while (count > 0) {
    const std::size_t part = chunk(first, count);
    check_interrupt(kCellWork * static_cast<double>(part));
    place(first, part, low, step, digits);
    if (acts_on_cells_) disturb(first, part, digits);
    if (first < writing_.counts.weights && acts_on_weights_) disturb_weights(first, part, digits);
    first += part;
    digits += part;
    count -= part;
  }
}

void CellWriter::draw(Draw kind, StreamKind stream, std::uint64_t first, std::size_t count, std::size_t slot,
                      float* out) const {
  const PhiloxKey key = stream_key(writing_.seed, stream, definition_.layer_id);
  // Why: spread and faults belong to the device, so writing it again does not change them.
  const bool of_write = stream == StreamKind::kProgramming || stream == StreamKind::kDrift;
  const RandomArgs args{{key[0], key[1]}, first, count, of_write ? writing_.write : 0, static_cast<std::uint32_t>(slot)};
  (kind == Draw::kNormal ? kernels().fill_normals : kernels().fill_uniforms)(args, out);
}

void CellWriter::place(std::size_t first, std::size_t count, float low, float step, float* cells) const {
  PlaceArgs args{1, 0, 0, low, step};
  const CellCounts& counts = writing_.counts;
  if (first < counts.weights) {
    const std::size_t size = definition_.weight.size(), plane = first / size;
    const auto polarities = static_cast<std::size_t>(code_.num_polarities);
    const PlanePart part = plane_part(code_, static_cast<int>(plane / polarities), static_cast<int>(plane % polarities));
    args.sign = part.sign;
    args.shift = part.shift;
    args.mask = static_cast<int>(part.mask);
    const float* const numbers = definition_.numbers.data() + (part.is_second ? size : 0) + first % size;
    kernels().place_digits(args, numbers, count, cells);
  } else if (first < counts.weights + counts.units) {
    kernels().place_digits(args, writing_.unit_numbers.data() + (first - counts.weights), count, cells);
  } else {
    std::fill_n(cells, count, low);
  }
}

/// Turns target conductances into programmed digits.
void CellWriter::disturb(std::uint64_t first, std::size_t count, float* g) const {
  std::array<float, kCellChunk> z, z_max;
  if (has_spread(cell_)) {
    draw(Draw::kNormal, StreamKind::kGMinSpread, first, count, 0, z.data());
    draw(Draw::kNormal, StreamKind::kGMaxSpread, first, count, 0, z_max.data());
    apply_spread(cell_, z.data(), z_max.data(), g, count);
  }
  for (std::size_t slot = 0; slot < writing_.programming.size() && !acts_on_weights_; ++slot) {
    const ProgrammingLaw& law = writing_.programming[slot];
    if (law.kind == ProgrammingLaw::Kind::kWriteVerify) {
      write_verified(slot, first, count, g, nullptr);
      continue;
    }
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

/// Pulse p of the law in a slot takes the draws of slot + 256·p. Cells whose error is small enough get no further pulse. Adds
/// the last error of each cell to `g`, or counts the pulses, whichever is there.
void CellWriter::write_verified(std::size_t slot, std::uint64_t first, std::size_t count, float* g,
                                std::uint32_t* pulses) const {
  constexpr std::size_t kFew = 16;  // with fewer open cells than one in so many, each is drawn alone
  const std::vector<double>& params = writing_.programming[slot].params;
  const auto tolerance = static_cast<float>(params[0]), sigma = static_cast<float>(params[2]);
  const auto most = static_cast<std::size_t>(params[1]);
  std::array<float, kCellChunk> z, error;
  std::array<std::uint16_t, kCellChunk> open;
  std::iota(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(count), std::uint16_t{0});
  std::size_t left = count;
  for (std::size_t pulse = 0; pulse < most && left > 0; ++pulse) {
    check_interrupt(kCellWork * static_cast<double>(left));
    const bool all = left * kFew > count;
    if (all) draw(Draw::kNormal, StreamKind::kProgramming, first, count, slot + (pulse << 8), z.data());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < left; ++i) {
      const std::uint16_t cell = open[i];
      if (!all) draw(Draw::kNormal, StreamKind::kProgramming, first + cell, 1, slot + (pulse << 8), &z[cell]);
      error[cell] = sigma * z[cell];
      if (pulses != nullptr) ++pulses[cell];
      if (std::abs(error[cell]) > tolerance) open[kept++] = cell;
    }
    left = kept;
  }
  for (std::size_t i = 0; g != nullptr && i < count; ++i) g[i] += error[i];
}

void CellWriter::add_pulses(std::size_t first, std::size_t count, std::uint32_t* pulses) const {
  while (count > 0) {
    const std::size_t part = chunk(first, count);
    for (std::size_t slot = 0; slot < writing_.programming.size(); ++slot)
      if (writing_.programming[slot].kind == ProgrammingLaw::Kind::kWriteVerify)
        write_verified(slot, first, part, nullptr, pulses);
    first += part;
    pulses += part;
    count -= part;
  }
}

/// Adds the error of a law that acts on recombined weights to the most significant slice. In a differential pair the
/// increase goes to one cell of the pair, whichever makes it positive, so that clipping at zero never takes part of it.
void CellWriter::disturb_weights(std::size_t first, std::size_t count, float* digits) const {
  const std::size_t size = definition_.weight.size(), plane = first / size;
  const auto polarities = static_cast<std::size_t>(code_.num_polarities);
  const int top_slice = code_.num_slices - 1;
  if (plane / polarities != static_cast<std::size_t>(top_slice)) return;
  const double sigma = writing_.programming[0].params[0];
  const auto scale = static_cast<float>(sigma / (code_.weight_per_digit() * code_.slice_weight(top_slice)));
  const float sign = plane % polarities == 0 ? 1.0f : -1.0f;
  std::array<float, kCellChunk> z;
  draw(Draw::kNormal, StreamKind::kProgramming, first % size, count, 0, z.data());
  for (std::size_t i = 0; i < count; ++i) {
    const float error = sign * scale * z[i];
    digits[i] += code_.is_offset() ? error : std::max(error, 0.0f);
  }
}

float CellWriter::stuck_digits(std::uint64_t index, bool on) const {
  if (!has_spread(cell_)) return on ? static_cast<float>(code_.top_digit) : 0.0f;
  float z_min, z_max;
  draw(Draw::kNormal, StreamKind::kGMinSpread, index, 1, 0, &z_min);
  draw(Draw::kNormal, StreamKind::kGMaxSpread, index, 1, 0, &z_max);
  const CellLimits limits = spread_limits(cell_, z_min, z_max);
  return static_cast<float>(code_.to_digits(on ? limits.g_max : limits.g_min));
}

}  // namespace imperfect
