// SPDX-License-Identifier: BSD-3-Clause
//
// A programmed and calibrated layer in the form the kernels read: cells packed by row block and tile, and what each
// conversion does. Made once per programming or calibration and then only read.
#pragma once

#include <memory>
#include <vector>

#include "base/aligned.hpp"
#include "circuit/adc.hpp"
#include "circuit/dac.hpp"
#include "kernels/kernel_table.hpp"
#include "layer/circuits.hpp"
#include "layer/powers.hpp"
#include "layer/wired_cells.hpp"
#include "plan/plan.hpp"

namespace imperfect {

/// `width` consecutive outputs that one kernel call computes: 1, 2, 4 or 8, or the columns of a look-up table.
struct PackedTile {
  int first = 0;
  int width = 1;
};

/// The converters of one row block's bit lines where these are read one by one: p = current·scale + start in codes, and its
/// error. Empty with ideal converters.
struct LineConverters {
  std::vector<float> scales;  ///< [converted plane][output]
  std::vector<float> starts;
  std::vector<float> errors;  ///< [converted plane][output][code], or [code] where all are alike
  std::ptrdiff_t error_stride = 0;
};

/// One row block. Its weights start at `weights`, laid out [tile][plane][input][output of the tile].
struct PackedBlock {
  Block rows;
  int inputs = 0;  ///< rows, once for each power of nonlinear cells' inputs
  std::size_t weights = 0;
  std::size_t byte_tables = 0;
  std::vector<OutputCode> codes;  ///< [converted plane]
  /// [plane][cycle], for the positive (or only) and the negative pass; where bit lines are read one by one, of currents.
  std::vector<Conversion> conversions[2];
  LineConverters converters;
  std::vector<ArrayCircuit> circuits;  ///< where circuits are solved; then there are no weights
};

struct PackedLayer;

/// One matrix: a group, or several groups that share arrays. Data outputs come first, then unit columns.
struct PackedGroup {
  int first_group = 0;
  int groups = 1;
  int data_outputs = 0;
  int total_outputs = 0;  ///< with unit columns, rounded up to whole look-up tables where these are used
  std::vector<PackedTile> tiles;
  std::vector<PackedBlock> blocks;
  std::vector<int> unit_of;  ///< the output number of each data output's unit column; empty without unit columns
  int units = 0;             ///< unit columns, after the data outputs
  int first_unit = 0;        ///< unit columns of the groups before
  AlignedBuffer<float> weights;
  /// Variances of read noise in squared digits, laid out as the weights: drawn afresh in each cycle, or the same in all
  /// cycles of a product. Empty without such noise.
  AlignedBuffer<float> fresh_variances;
  AlignedBuffer<float> shared_variances;
  /// Subset sums of ideal cells, in place of the weights: [block][tile][plane][group of 4 rows][column of the tile][subset].
  AlignedBuffer<std::int8_t> byte_tables;
  /// Cells in 16-bit units, laid out as the weights, and digits of a unit: [block][plane·total_outputs + column], the columns
  /// of a plane tile by tile.
  AlignedBuffer<std::int16_t> shorts;
  std::vector<float> short_scales;

  /// Outputs that have converters: data and unit columns.
  int converted_outputs() const { return data_outputs + units; }
  /// The tables of one tile of a block: [plane][group of rows][column][subset].
  const std::int8_t* tile_tables(const PackedLayer& layer, const PackedBlock& block, const PackedTile& tile) const;
  /// The weights of one tile of a block: [plane][row][output of the tile].
  const float* tile_weights(const PackedLayer& layer, const PackedBlock& block, const PackedTile& tile) const;
  /// Where the scale of a tile's first column of a plane stands.
  std::size_t short_scale(const PackedLayer& layer, const PackedBlock& block, const PackedTile& tile, int plane) const;
  /// Where that is, from the start of the weights or variances.
  std::ptrdiff_t tile_offset(const PackedLayer& layer, const PackedBlock& block, const PackedTile& tile) const;
};

/// Everything a forward pass reads besides the inputs.
struct PackedLayer {
  InputCode input;
  Plan plan;
  bool is_direct = false;         ///< multiplied straight from the padded images
  bool exact_sums = false;        ///< integer products beyond 2^24 are summed in double
  int byte_groups = 0;            ///< bit-serial with byte tables: groups of rows whose sums fit in 8 bits; 0: no such tables
  bool is_fixed16 = false;        ///< bit-serial with cells rounded to 16-bit integers
  bool has_read_noise = false;    ///< one normal draw for each conversion, or for each output of a folded product
  bool needs_lane_sums = false;   ///< each conversion sees g_min times the sum of its inputs
  bool removes_offset = false;    ///< the offset is removed digitally after each row block:
  double own_row_offset = 0.0;    ///<   this times the sum of the input numbers on the output's own rows
  double any_row_offset = 0.0;    ///<   and this times the sum over all rows of the array
  int planes = 1;                 ///< of cells, each with its own product
  int planes_per_slice = 1;       ///< 2 where polarities are read apart
  bool reads_lines = false;       ///< currents of bit lines are limited, or their converters differ or are ideal
  int planes_per_conversion = 1;  ///< 2 where polarities are read apart and subtracted in analog
  bool sums_drives = false;       ///< cycles are read apart and summed in analog
  float line_limit = 0.0f;        ///< largest current of a bit line; infinity where none is set
  float current_per_digit = 0.0f;    ///< unit currents of one cell digit times one input digit
  float current_per_input = 0.0f;    ///< leak of one input digit; 0 where it cancels
  float noise_sigma = 0.0f;          ///< of every conversion, in lsb
  std::vector<float> drive_digits;   ///< what each digit of one drive really is; empty: what it should be
  std::vector<float> cycle_numbers;  ///< the same for each number of one cycle
  int powers = 1;                    ///< of the inputs that a nonlinear cell's current depends on
  PowerTables power_tables;
  int rows_per_group = 0;
  std::vector<PackedGroup> groups;

  int converted_planes() const { return planes / planes_per_conversion; }
  /// Conversions of one plane, row block and pass.
  int conversions() const { return sums_drives ? 1 : input.num_cycles; }
  /// The input number that one conversion takes as full scale.
  double conversion_top() const { return sums_drives ? input.top_number() : input.top_digit(); }

  AlignedBuffer<float> direct_weights;         ///< of a direct layer: [tile][group][plane][row][output of the tile]
  std::vector<Conversion> direct_conversions;  ///< of a direct layer with converters: [plane][pass][cycle]
};

/// Rows and entries of one byte table.
inline constexpr int kByteTableRows = 4;
inline constexpr int kByteTableSize = 1 << kByteTableRows;

inline const std::int8_t* PackedGroup::tile_tables(const PackedLayer& layer, const PackedBlock& block,
                                                   const PackedTile& tile) const {
  const std::ptrdiff_t row_groups = (block.rows.size() + kByteTableRows - 1) / kByteTableRows;
  return byte_tables.data() + block.byte_tables + row_groups * kByteTableSize * layer.planes * tile.first;
}

/// Rows whose subset sums one table of 16-bit numbers holds.
inline constexpr int kShortTableRows = 5;
inline constexpr int kShortTableSize = 1 << kShortTableRows;

inline const float* PackedGroup::tile_weights(const PackedLayer& layer, const PackedBlock& block,
                                              const PackedTile& tile) const {
  return weights.data() + tile_offset(layer, block, tile);
}

inline std::ptrdiff_t PackedGroup::tile_offset(const PackedLayer& layer, const PackedBlock& block,
                                               const PackedTile& tile) const {
  return static_cast<std::ptrdiff_t>(block.weights) + std::ptrdiff_t{block.inputs} * layer.planes * tile.first;
}

inline std::size_t PackedGroup::short_scale(const PackedLayer& layer, const PackedBlock& block, const PackedTile& tile,
                                            int plane) const {
  const auto number = static_cast<std::size_t>(&block - blocks.data());
  return (number * static_cast<std::size_t>(layer.planes) + static_cast<std::size_t>(plane)) *
             static_cast<std::size_t>(total_outputs) +
         static_cast<std::size_t>(tile.first);
}

/// Packs programmed cells. `calibration` is read only where the hardware leaves a range or sign open; its ranges are those
/// of the converted planes. `seed` is that of the chip, for its converters.
std::shared_ptr<const PackedLayer> pack_layer(const LayerDefinition& definition, const ReadCells& cells,
                                              const Calibration& calibration, std::uint64_t seed);

}  // namespace imperfect
