// SPDX-License-Identifier: BSD-3-Clause
//
// Gathering panels and splitting them into digits.
#include "layer/panel.hpp"

#include <algorithm>
#include <cmath>

#include "base/per_thread.hpp"

namespace imperfect {
namespace {

/// Adds `length` neighbouring lanes from `lane` on, whose inputs lie side by side from `offset` on; to the last run if they
/// continue it.
void add_lanes(std::vector<LaneRun>& runs, int lane, int length, std::ptrdiff_t offset) {
  if (!runs.empty()) {
    LaneRun& last = runs.back();
    const std::ptrdiff_t stride = last.length == 1 ? offset - last.first : last.stride;
    if (offset == last.first + last.length * stride && (length == 1 || stride == 1)) {
      last.stride = stride;
      last.length += length;
      return;
    }
  }
  runs.push_back({lane, length, offset, 1});
}

/// Digits or numbers become what the converter drives for them, of their sign; `driven` is empty if that is the same.
void make_driven(const std::vector<float>& driven, std::size_t count, const float* from, float* to) {
  if (driven.empty()) {
    std::copy_n(from, count, to);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) to[i] = std::copysign(driven[static_cast<std::size_t>(std::abs(from[i]))], from[i]);
}

}  // namespace

Workspace& workspace() { return per_thread<Workspace>(); }

PanelReader::PanelReader(const LayerShape& shape, const PackedLayer& layer, const InputLayout& layout,
                         const BatchShape& input, Workspace& workspace)
    : shape_(shape),
      layer_(layer),
      layout_(layout),
      input_(input),
      output_(shape.output_shape(input)),
      workspace_(workspace),
      positions_(output_.positions()) {}

std::size_t PanelReader::load(const float* x, std::size_t first, std::size_t count) {
  images_ = count;
  first_image_ = first;
  const float* const from = x + first * input_.image_size();
  return workspace_.inputs.load(layout_, layer_.input, input_, from, count, layer_.is_direct);
}

int PanelReader::select(std::size_t first, int lanes) {
  lanes_ = lanes;
  const auto count = static_cast<int>(std::min(static_cast<std::size_t>(lanes), num_lanes() - first));
  workspace_.input_runs.clear();
  workspace_.output_runs.clear();
  auto image = static_cast<std::ptrdiff_t>(first / positions_);
  const auto position = static_cast<int>(first % positions_);
  int x = position % output_.width, y = position / output_.width % output_.height;
  int z = position / output_.width / output_.height;
  for (int lane = 0, length = 0; lane < count; lane += length) {
    length = std::min(output_.width - x, count - lane);
    add_lanes(workspace_.input_runs, lane, length, layout_.offset(image, z, y, x));
    const std::ptrdiff_t output_image = static_cast<std::ptrdiff_t>(first_image_) + image;
    const std::ptrdiff_t row = std::ptrdiff_t{z} * output_.height + y;
    add_lanes(workspace_.output_runs, lane, length,
              output_image * static_cast<std::ptrdiff_t>(output_.image_size()) + row * output_.width + x);
    x = 0;
    if (++y < output_.height) continue;
    y = 0;
    if (++z < output_.depth) continue;
    z = 0;
    ++image;
  }
  return count;
}

const std::ptrdiff_t* PanelReader::row_offsets(const PackedGroup& group, const Block& rows) const {
  return layout_.row_offsets.data() + group.first_group * shape_.rows_per_group() + rows.begin;
}

const float* PanelReader::gather(const PackedGroup& group, const Block& rows) {
  GatherArgs args;
  args.lanes = lanes_;
  args.source = numbers();
  args.row_offsets = row_offsets(group, rows);
  args.rows = rows.size();
  args.runs = workspace_.input_runs.data();
  args.num_runs = static_cast<int>(workspace_.input_runs.size());
  args.panel = workspace_.panel.reserve(static_cast<std::size_t>(rows.size() * lanes_));
  kernels().gather(args);
  return args.panel;
}

/// The first, second and third power of some cycles' digits, as converters drive them: [cycle][power][row][lane].
const float* PanelReader::take_powers(const float* digits, int cycles, std::size_t size) {
  // Why: digits of one pass are not negative; whole numbers of two passes are, where the second one is subtracted.
  const bool keeps_sign = layer_.input.two_pass;
  float* const all = workspace_.powers.reserve(static_cast<std::size_t>(cycles * layer_.powers) * size);
  float* to = all;
  for (int cycle = 0; cycle < cycles; ++cycle, digits += size) {
    make_driven(layer_.cycle_numbers, size, digits, to);
    to += size;
    for (int power = 2; power <= layer_.powers; ++power, to += size)
      take_power(layer_.power_tables, power, keeps_sign, size, digits, to);
  }
  return all;
}

const float* PanelReader::driven_numbers(const Block& rows) {
  if (layer_.cycle_numbers.empty() && layer_.powers == 1) return workspace_.panel.data();
  const std::size_t size = static_cast<std::size_t>(rows.size()) * static_cast<std::size_t>(lanes_);
  if (layer_.input.num_cycles == 1) return take_powers(workspace_.panel.data(), 1, size);
  const std::size_t all = size * static_cast<std::size_t>(layer_.powers);
  float* const numbers = workspace_.digits.reserve(all);
  float* const digits = workspace_.drive.reserve(size);
  std::fill_n(numbers, all, 0.0f);
  for (int cycle = 0; cycle < layer_.input.num_cycles; ++cycle) {
    kernels().extract_digits({layer_.input.shift(cycle), layer_.input.bits(cycle), 0}, workspace_.panel.data(), size, digits);
    const float* const driven = take_powers(digits, 1, size);
    const auto weight = static_cast<float>(layer_.input.cycle_weight(cycle));
    for (std::size_t i = 0; i < all; ++i) numbers[i] += weight * driven[i];
  }
  return numbers;
}

const float* PanelReader::drives(const float* numbers) {
  const InputCode& input = layer_.input;
  if (input.num_cycles == 1 && !input.two_pass) return numbers;
  const auto size = static_cast<std::size_t>(layout_.image_size);
  const auto count = static_cast<std::size_t>(input.num_passes() * input.num_cycles);
  float* const all = workspace_.digits.reserve(count * size + static_cast<std::size_t>(kernels().lanes));
  float* to = all;
  for (int pass = 0; pass < input.num_passes(); ++pass)
    for (int cycle = 0; cycle < input.num_cycles; ++cycle, to += size)
      kernels().extract_digits({input.shift(cycle), input.bits(cycle),
                                !input.two_pass ? 0
                                : pass == 0     ? 1
                                                : -1},
                               numbers, size, to);
  return all;
}

BlockInputs PanelReader::digits(const Block& rows, int pass) {
  const InputCode& input = layer_.input;
  const auto lanes = static_cast<std::size_t>(lanes_);
  const auto cycles = static_cast<std::size_t>(input.num_cycles);
  const std::size_t size = static_cast<std::size_t>(rows.size()) * lanes;
  const float* digits = workspace_.panel.data();
  const float* powers = nullptr;
  const std::vector<float>& driven = layer_.cycle_numbers;
  if (cycles > 1 || input.two_pass) {
    float* const to = workspace_.digits.reserve(cycles * size);
    const int sign = !input.two_pass ? 0 : pass == 0 ? 1 : -1;
    for (int cycle = 0; cycle < input.num_cycles; ++cycle)
      kernels().extract_digits({input.shift(cycle), input.bits(cycle), sign}, workspace_.panel.data(), size,
                               to + static_cast<std::size_t>(cycle) * size);
    if (layer_.powers > 1) powers = take_powers(to, input.num_cycles, size);
    if (!driven.empty()) make_driven(driven, cycles * size, to, to);
    digits = to;
  } else if (layer_.powers > 1) {
    digits = powers = take_powers(digits, 1, size);  // the first power comes first
  } else if (!driven.empty()) {
    digits = driven_numbers(rows);
  }
  const float* const driving = powers == nullptr ? digits : powers;
  float* const sums = workspace_.lane_sums.reserve(cycles * lanes);
  std::fill_n(sums, cycles * lanes, 0.0f);
  for (std::size_t cycle = 0; layer_.needs_lane_sums && cycle < cycles; ++cycle)
    kernels().add_rows(digits + cycle * size, rows.size(), lanes_, sums + cycle * lanes);
  if (!layer_.has_read_noise) return {driving, digits, sums, nullptr};
  if (input.num_drives() > input.num_cycles) return {driving, digits, sums, squared_drives(rows, pass)};
  float* const squares = workspace_.squares.reserve(cycles * size);
  std::fill_n(squares, cycles * size, 0.0f);
  kernels().add_squares(digits, cycles * size, 1.0f, squares);
  return {driving, digits, sums, squares};
}

const float* PanelReader::squared_drives(const Block& rows, int pass) {
  const InputCode& input = layer_.input;
  const std::size_t size = static_cast<std::size_t>(rows.size()) * static_cast<std::size_t>(lanes_);
  float* const squares = workspace_.squares.reserve(size);
  std::fill_n(squares, size, 0.0f);
  if (input.magnitude_bits == 0) {
    kernels().add_squares(workspace_.panel.data(), size, 1.0f, squares);
    return squares;
  }
  float* const digits = workspace_.drive.reserve(size);
  const int sign = !input.two_pass || pass == kBothPasses ? 0 : pass == 0 ? 1 : -1;
  for (int drive = 0; drive < input.num_drives(); ++drive) {
    kernels().extract_digits({input.drive_shift(drive), input.bits_of_drive(drive), sign}, workspace_.panel.data(), size,
                             digits);
    if (!layer_.drive_digits.empty()) make_driven(layer_.drive_digits, size, digits, digits);
    kernels().add_squares(digits, size, std::ldexp(1.0f, 2 * input.drive_shift(drive)), squares);
  }
  return squares;
}

}  // namespace imperfect
