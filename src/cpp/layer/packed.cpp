// SPDX-License-Identifier: BSD-3-Clause
//
// Packing cells, and turning converter settings into one multiply-add per conversion. With A = Σ digit·input digit of one
// conversion, κ = (L-1)·F/Δ (F the input digit at full scale) and u the lane's sum of input digits, the current is
// I = A/κ + g_min·u/F, its code rint((I - low)/lsb), and the sum in digit units grows by W·κ·(low + code·lsb), W the weight
// of slice, cycle, polarity and pass.
#include "layer/packed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.hpp"
#include "layer/cell_reader.hpp"
#include "layer/pack_converters.hpp"
#include "layer/pack_noise.hpp"
#include "layer/pack_tables.hpp"

namespace imperfect {
namespace {

// Why: gathering a panel costs a copy for each row of each group; with few outputs per group, or few rows, there is too
// little work to repay it, and reading unaligned rows in place is faster (a depthwise 3×3 by five times).
constexpr int kDirectOutputs = 4;
constexpr int kDirectRows = 32;
constexpr std::size_t kCellsPerThread = 16384;  // fewer are packed before a second thread has started
constexpr int kFoldedRows = 256;  // rows summed in one go by the folded plan: keeps a panel in the second-level cache

std::vector<PackedTile> cut_tiles(int outputs, bool tables) {
  std::vector<PackedTile> tiles;
  for (int first = 0; first < outputs;) {
    int width = tables ? kernels().table_columns : kernels().max_tile;
    while (!tables && width > outputs - first) width /= 2;
    tiles.push_back({first, width});
    first += width;
  }
  return tiles;
}

/// Groups of rows whose subset sums of ideal digits can be added in 8 bits, and whole blocks in 16; 0 if they cannot.
int groups_in_a_byte(const LayerDefinition& definition, const PackedLayer& layer) {
  constexpr int kByte = 127, kShort = 32767;
  if (layer.plan.kind != PlanKind::kBitSerial || !has_ideal_cells(definition.hardware) || definition.code.weight_bits == 0)
    return 0;
  const auto top = static_cast<int>(definition.code.top_digit);
  int rows = 0;
  for (const Block& block : definition.tiling.merged[0].row_blocks) rows = std::max(rows, block.size());
  return top * rows <= kShort ? kByte / (kByteTableRows * top) : 0;
}

/// Whether the cells of every array may be rounded to 16-bit integers: then the levels below the largest still tell.
bool can_be_fixed16(const LayerDefinition& definition, const PackedLayer& layer) {
  constexpr int kMostRows = 4096;
  return definition.precision == Precision::kFixed16 && layer.plan.kind == PlanKind::kBitSerial && layer.byte_groups == 0 &&
         definition.tiling.merged[0].row_blocks[0].size() <= kMostRows;
}

/// Ideal integer cells and inputs whose products may pass 2^24, where float32 sums are no longer exact.
bool needs_exact_sums(const LayerDefinition& definition, const InputCode& input) {
  const WeightCode& code = definition.code;
  if (!has_ideal_cells(definition.hardware) || code.weight_bits == 0 || input.magnitude_bits == 0) return false;
  const auto rows = static_cast<std::size_t>(definition.tiling.rows_per_group);
  double largest = 0.0;
  for (std::size_t first = 0; first < definition.numbers.size(); first += rows) {
    double sum = 0.0;  // of |q|, which the output's digits recombine to
    for (std::size_t i = first; i < first + rows; ++i) sum += std::abs(definition.numbers[i] - code.offset());
    largest = std::max(largest, sum);
  }
  return largest * input.top_number() >= 0x1p24;
}

OutputCode lossless_code(const LayerDefinition& definition, const PackedLayer& layer, int rows) {
  const Hardware& hardware = definition.hardware;
  const WeightCode& code = definition.code;
  const bool subtracts_first = !code.is_offset() && hardware.subtract == Subtract::kAnalog;
  const double largest = rows * (subtracts_first ? code.delta : 1.0);
  const double steps = code.continuous_levels > 0 ? code.continuous_levels - 1 : code.top_digit;
  const double lsb = code.delta / (steps * layer.conversion_top());
  return make_lossless_code(*hardware.adc.bits, is_bipolar(hardware, layer.input), lsb, largest, rows);
}

OutputCode output_code(const LayerDefinition& definition, const PackedLayer& layer, const Calibration& calibration,
                       std::size_t plane, int rows) {
  const Hardware& hardware = definition.hardware;
  const int bits = *hardware.adc.bits;
  const std::size_t slice = hardware.subtract == Subtract::kDigital ? plane / 2 : plane;
  switch (hardware.adc.range) {
    case Adc::RangeKind::kFull: return make_output_code(bits, full_range(rows, is_bipolar(hardware, layer.input)));
    case Adc::RangeKind::kLossless: return lossless_code(definition, layer, rows);
    case Adc::RangeKind::kCalibrated:
      return make_output_code(bits, {calibration.ranges.at(plane).first, calibration.ranges.at(plane).second});
    case Adc::RangeKind::kExplicit: break;
  }
  const auto& range = hardware.adc.ranges[hardware.adc.ranges.size() == 1 ? 0 : slice];
  return make_output_code(bits, {range.first, range.second});
}

void set_conversions(const LayerDefinition& definition, const PackedLayer& layer, const Calibration& calibration,
                     PackedBlock& block) {
  const WeightCode& code = definition.code;
  const InputCode& input = layer.input;
  const bool digital = definition.hardware.subtract == Subtract::kDigital;
  // Why: bits that are driven alone are all ones, and what a nonlinear converter drives for a one is a common factor.
  const double one = layer.plan.kind == PlanKind::kBitSerial && !layer.cycle_numbers.empty() ? layer.cycle_numbers[1] : 1.0;
  const double kappa = code.top_digit * layer.conversion_top() / code.delta;
  for (int plane = 0; plane < layer.converted_planes(); ++plane) {
    OutputCode out;
    if (definition.hardware.adc.bits) {
      out = output_code(definition, layer, calibration, static_cast<std::size_t>(plane), block.rows.size());
      block.codes.push_back(out);
    }
    const double polarity = digital && plane % 2 == 1 ? -1.0 : 1.0;
    const double weight = polarity * code.slice_weight(digital ? plane / 2 : plane);
    for (int cycle = 0; cycle < layer.conversions(); ++cycle) {
      Conversion c;
      c.current = static_cast<float>(one / (kappa * out.lsb));
      c.lane_current = layer.needs_lane_sums ? static_cast<float>(one * code.g_min / (input.top_digit() * out.lsb)) : 0.0f;
      c.start = static_cast<float>(-out.low / out.lsb);
      c.last_code = static_cast<float>(out.num_codes - 1);
      c.zero_code = c.start;
      c.gain = static_cast<float>(weight * input.cycle_weight(cycle) * kappa * out.lsb);
      block.conversions[0].push_back(c);
      c.gain = -c.gain;
      block.conversions[1].push_back(c);
    }
  }
}

void set_offsets(const LayerDefinition& definition, PackedLayer& layer) {
  const Hardware& hardware = definition.hardware;
  const WeightCode& code = definition.code;
  layer.needs_lane_sums = (code.is_offset() || reads_polarities_apart(hardware)) && code.g_min > 0.0;
  layer.removes_offset = code.is_offset() && hardware.offset_removal == OffsetRemoval::kDigital;
  if (!layer.removes_offset) return;
  layer.own_row_offset = code.offset();
  for (int slice = 0; slice < code.num_slices; ++slice)
    layer.any_row_offset += code.slice_weight(slice) * code.top_digit * code.g_min / code.delta;
}

CellLines read_tile(const PackedLayer& layer, const CellReader& reader, int plane, const PackedTile& tile) {
  if (layer.plan.kind != PlanKind::kFolded) return reader.plane(plane, tile.first, tile.width);
  return layer.has_read_noise ? reader.folded_apart(tile.first, tile.width) : reader.folded(tile.first, tile.width);
}

/// One tile and power of all row blocks: each plane's cells are read, drawn if need be, while they are in the cache.
void pack_tile(const PackedLayer& layer, const CellReader& reader, const PackedTile& tile, int power, PackedGroup& group) {
  for (int plane = 0; plane < layer.planes; ++plane) {
    const CellLines lines = read_tile(layer, reader, plane, tile);
    for (const PackedBlock& block : group.blocks) {
      const int rows = block.rows.size();
      const std::ptrdiff_t before = (std::ptrdiff_t{plane} * block.inputs + std::ptrdiff_t{power} * rows) * tile.width;
      float* const to = group.weights.data() + group.tile_offset(layer, block, tile) + before;
      const float* const minus = lines.minus == nullptr ? nullptr : lines.minus + block.rows.begin;
      kernels().pack_lines({tile.width, rows, reader.rows(), lines.plus + block.rows.begin, minus, to});
      if (layer.is_fixed16)
        round_to_shorts(rows, tile.width, to, group.shorts.data() + (to - group.weights.data()),
                        group.short_scales.data() + group.short_scale(layer, block, tile, plane));
      if (layer.byte_groups == 0) continue;
      const int groups = (rows + kByteTableRows - 1) / kByteTableRows;
      const int columns = layer.planes * tile.first + plane * tile.width;
      fill_byte_tables(to, rows, tile.width,
                       group.byte_tables.data() + block.byte_tables + std::ptrdiff_t{groups} * kByteTableSize * columns);
    }
  }
}

/// The row blocks of a group, `per_row` weights a row, with the conversions of their sums.
void add_blocks(const LayerDefinition& definition, const PackedLayer& layer, const Calibration& calibration,
                const std::vector<Block>& row_blocks, std::size_t per_row, std::uint64_t seed, PackedGroup& group) {
  for (const Block& rows : row_blocks) {
    PackedBlock block;
    block.rows = rows;
    block.inputs = layer.powers * rows.size();
    block.weights = per_row * static_cast<std::size_t>(rows.begin);
    if (layer.plan.kind != PlanKind::kFolded) set_conversions(definition, layer, calibration, block);
    if (layer.reads_lines && definition.hardware.adc.bits)
      pack_converters(definition, layer, seed, group, static_cast<int>(group.blocks.size()), block);
    group.blocks.push_back(std::move(block));
  }
}

PackedGroup pack_group(const LayerDefinition& definition, const PackedLayer& layer, const Calibration& calibration,
                       const MergedGroup& merged, const std::vector<CellReader>& readers, std::uint64_t seed) {
  const CellReader& reader = readers.front();
  const bool folded = layer.plan.kind == PlanKind::kFolded;
  PackedGroup group;
  group.first_group = merged.first_group;
  group.groups = merged.groups;
  group.data_outputs = reader.data_outputs();
  const bool tables = layer.plan.kind == PlanKind::kBitSerial;
  group.first_unit = reader.first_unit();
  // Why: the noise of a unit column is common to all outputs it serves, so with read noise it stays a bit line of its own.
  group.units = folded && !layer.has_read_noise ? 0 : reader.units();
  group.tiles = cut_tiles(group.converted_outputs(), tables);
  group.total_outputs = group.tiles.back().first + group.tiles.back().width;
  if (group.units > 0)
    for (int o = 0; o < group.data_outputs; ++o) group.unit_of.push_back(group.data_outputs + reader.unit_of(o));

  const std::size_t per_input = static_cast<std::size_t>(group.total_outputs) * static_cast<std::size_t>(layer.planes);
  const std::size_t per_row = per_input * static_cast<std::size_t>(layer.powers);
  group.weights.reserve(per_row * static_cast<std::size_t>(reader.rows()));
  add_blocks(definition, layer, calibration,
             folded ? cut_blocks(reader.rows(), kFoldedRows, Partition::kFill) : merged.row_blocks, per_row, seed, group);
  if (layer.byte_groups > 0) reserve_byte_tables(layer, group);
  if (layer.is_fixed16) {
    group.shorts.reserve(per_row * static_cast<std::size_t>(reader.rows()));
    group.short_scales.resize(group.blocks.size() * per_input);
  }
  if (layer.plan.kind == PlanKind::kCircuit) return group;
  const auto tiles = static_cast<std::ptrdiff_t>(group.tiles.size());
  const std::size_t cells = per_row * static_cast<std::size_t>(reader.rows());
  const int threads =
      static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(num_threads()), 1 + cells / kCellsPerThread));
  parallel_for(tiles, threads, [&](std::ptrdiff_t t, int) {
    for (int power = 0; power < layer.powers; ++power)
      pack_tile(layer, readers[static_cast<std::size_t>(power)], group.tiles[static_cast<std::size_t>(t)], power, group);
  });
  return group;
}

void pack_noise(const LayerDefinition& definition, const PackedLayer& layer, const ReadCells& cells,
                const MergedGroup& merged, int first_unit, PackedGroup& group) {
  const CellReader reader(definition, *cells.cells, merged, first_unit);
  if (!cells.shares) return pack_variances(definition, layer, reader, nullptr, group);
  const CellReader shares(definition, *cells.shares, merged, first_unit);
  pack_variances(definition, layer, reader, &shares, group);
}

/// The weights of all groups, one tile after another.
void pack_direct(PackedLayer& layer) {
  const PackedGroup& first = layer.groups[0];
  const std::ptrdiff_t rows = first.blocks[0].rows.size();
  float* at =
      layer.direct_weights.reserve(layer.groups.size() * static_cast<std::size_t>(layer.planes * rows * first.total_outputs));
  const PackedBlock& block = first.blocks[0];
  const int cycles = layer.input.num_cycles;
  for (int plane = 0; plane < layer.planes && layer.plan.kind == PlanKind::kFused; ++plane)
    for (int pass = 0; pass < layer.input.num_passes(); ++pass) {
      const auto conversions = block.conversions[pass].begin() + plane * cycles;
      layer.direct_conversions.insert(layer.direct_conversions.end(), conversions, conversions + cycles);
    }
  for (const PackedTile& tile : first.tiles)
    for (const PackedGroup& group : layer.groups)
      at = std::copy_n(group.tile_weights(layer, group.blocks[0], tile), layer.planes * rows * tile.width, at);
}

/// Block-diagonal arrays whose other cells are ideal: nothing leaks between their groups, so a folded product may take each
/// group alone, at a fraction of the work.
bool can_separate(const LayerDefinition& definition, const PackedLayer& layer) {
  return layer.plan.kind == PlanKind::kFolded && definition.tiling.groups_per_array > 1 &&
         has_ideal_cells(definition.hardware) && !layer.has_read_noise;
}

std::shared_ptr<LayerDefinition> separated(const LayerDefinition& definition) {
  auto result = std::make_shared<LayerDefinition>(definition);
  result->hardware.groups = Grouping::kSeparate;
  result->hardware.array = {};
  const Tiling& tiling = definition.tiling;
  result->tiling = make_tiling(result->hardware, tiling.num_groups, tiling.outputs_per_group, tiling.rows_per_group);
  return result;
}

/// Whether the layer can be multiplied straight from its padded images, and gains by it: it needs one product, or one for
/// each plane, of one row block, with nothing common to a lane.
bool can_be_direct(const LayerDefinition& definition, const PackedLayer& layer) {
  const Tiling& tiling = definition.tiling;
  const bool small_groups = tiling.num_groups > 1 && tiling.outputs_per_group <= kDirectOutputs;
  const bool has_kernel = definition.product.kernel_size() > 1;
  const bool gains = has_kernel && tiling.max_rows() <= (small_groups ? kFoldedRows : kDirectRows);
  if (!gains || tiling.groups_per_array > 1 || layer.exact_sums || layer.has_read_noise || layer.reads_lines ||
      layer.powers > 1 || !layer.cycle_numbers.empty())
    return false;
  if (layer.plan.kind == PlanKind::kFolded) return true;
  return layer.plan.kind == PlanKind::kFused && tiling.merged[0].row_blocks.size() == 1 && !tiling.unit_columns &&
         !layer.needs_lane_sums && !layer.removes_offset;
}

void set_input(const Hardware& hardware, const Calibration& calibration, PackedLayer& layer) {
  layer.sums_drives = (hardware.array.column_current_max || solves_circuits(hardware)) && hardware.dac.bits &&
                      hardware.dac.accumulate == Accumulate::kAnalog;
  layer.input = make_input_code(hardware.dac, hardware.dac.range.value_or(calibration.full_scale),
                                hardware.dac.is_signed.value_or(calibration.is_signed), layer.sums_drives);
  if (!hardware.dac.nonlinearity.empty()) {
    layer.drive_digits = driven_digits(hardware.dac, layer.input);
    layer.cycle_numbers = driven_numbers(layer.input, layer.drive_digits);
  }
  if (!needs_powers(hardware, layer.input)) return;
  layer.powers = kCurvePowers;
  layer.power_tables = make_power_tables(layer.input, layer.drive_digits);
}

/// What inputs are multiplied with, one source for each of their powers.
std::vector<CellSource> list_sources(const Hardware& hardware, const PackedLayer& layer, const CellSource& seen) {
  if (hardware.cell.curve.kind == IvCurve::Kind::kNone || solves_circuits(hardware)) return {seen};
  if (layer.powers == 1) return {seen.term(CellTerm::kAll)};
  return {seen, seen.term(CellTerm::kSquare), seen.term(CellTerm::kCube)};
}

/// How the bit lines of a layer that is not folded are read.
void set_lines(const LayerDefinition& definition, PackedLayer& layer) {
  const Hardware& hardware = definition.hardware;
  const bool apart = reads_polarities_apart(hardware);
  layer.planes = apart ? definition.code.num_planes() : definition.code.num_slices;
  layer.planes_per_slice = apart ? 2 : 1;
  layer.planes_per_conversion = apart && hardware.subtract == Subtract::kAnalog ? 2 : 1;
  layer.reads_lines = !hardware.adc.bits || hardware.array.column_current_max || has_converter_errors(hardware.adc) ||
                      solves_circuits(hardware);
  layer.line_limit = static_cast<float>(hardware.array.column_current_max.value_or(std::numeric_limits<double>::infinity()));
  layer.noise_sigma = static_cast<float>(hardware.adc.noise);
  layer.current_per_digit = static_cast<float>(definition.code.delta / (definition.code.top_digit * layer.input.top_digit()));
}

/// Tables of integers where they serve, and the reason for them.
void set_integer_tables(const LayerDefinition& definition, PackedLayer& layer) {
  layer.byte_groups = groups_in_a_byte(definition, layer);
  if (layer.byte_groups > 0) layer.plan.reason = "one-bit inputs and ideal levels: integer sums from 8-bit tables, exact";
  layer.is_fixed16 = can_be_fixed16(definition, layer);
  if (layer.is_fixed16) layer.plan.reason = "one-bit inputs, cells rounded to 16-bit integers as precision='fixed16' asks";
}

}  // namespace

std::shared_ptr<const PackedLayer> pack_layer(const LayerDefinition& definition, const ReadCells& cells,
                                              const Calibration& calibration, std::uint64_t seed) {
  const Hardware& hardware = definition.hardware;
  PackedLayer layer;
  set_input(hardware, calibration, layer);
  layer.rows_per_group = definition.tiling.rows_per_group;
  layer.plan = choose_plan(hardware, definition.code, layer.input, definition.tiling.outputs(definition.tiling.merged[0]));
  layer.has_read_noise = !hardware.cell.read_noise.empty();
  if (can_separate(definition, layer)) {
    const auto alone = separated(definition);
    return pack_layer(*alone, read_cells(alone, std::make_shared<const CellSource>(alone, 0, 0)), calibration, seed);
  }
  if (layer.plan.kind == PlanKind::kFolded) {
    if (!hardware.dac.bits && layer.powers == 1) layer.input.full_scale = 1.0;  // nothing between x and y depends on it
    layer.exact_sums = !layer.has_read_noise && layer.cycle_numbers.empty() && needs_exact_sums(definition, layer.input);
  } else {
    set_lines(definition, layer);
    set_integer_tables(definition, layer);
    set_offsets(definition, layer);
    // Why: solved currents have the leak in them.
    if (solves_circuits(hardware)) layer.needs_lane_sums = false;
    if (layer.needs_lane_sums) layer.current_per_input = static_cast<float>(definition.code.g_min / layer.input.top_digit());
  }
  layer.is_direct = can_be_direct(definition, layer);
  const std::vector<CellSource> sources = list_sources(hardware, layer, *cells.seen);
  int first_unit = 0;
  for (const MergedGroup& merged : definition.tiling.merged) {
    std::vector<CellReader> readers;
    for (const CellSource& source : sources) readers.emplace_back(definition, source, merged, first_unit);
    layer.groups.push_back(pack_group(definition, layer, calibration, merged, readers, seed));
    if (layer.has_read_noise) pack_noise(definition, layer, cells, merged, first_unit, layer.groups.back());
    first_unit += readers.front().units();
  }
  if (layer.plan.kind == PlanKind::kCircuit)
    make_circuits(definition, *cells.cells, [&](std::size_t group, std::size_t row_block, ArrayCircuit circuit) {
      layer.groups[group].blocks[row_block].circuits.push_back(std::move(circuit));
    });
  if (layer.is_direct) pack_direct(layer);
  return std::make_shared<const PackedLayer>(std::move(layer));
}

}  // namespace imperfect
