// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernels offer: one table of functions for each SIMD level. The sources in this folder (all but dispatch.cpp) are
// compiled once per level, in a namespace of that level; everything else is compiled for the baseline and reaches them
// through this table only. Lanes are (sample, position) pairs: a *panel* is `lanes` of them side by side, a *tile* is up to
// `max_tile` outputs. Matrices: inputs [row][lane], weights [row][output of the tile], sums [output][lane], all float32;
// wires (circuit/port_kernels.hpp, circuit/circuit_kernels.hpp) float64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "circuit/circuit_kernels.hpp"
#include "circuit/port_kernels.hpp"
#include "kernels/cell_args.hpp"
#include "kernels/fold_args.hpp"
#include "kernels/input_args.hpp"
#include "kernels/line_args.hpp"
#include "kernels/lookup_args.hpp"
#include "kernels/product_args.hpp"

namespace imperfect {

/// The functions of one SIMD level.
struct KernelTable {
  const char* name;
  int lanes;
  int max_tile;
  void (*multiply)(const MultiplyArgs&);
  /// sums[output][lane] += the same products in double, for integers beyond 2^24; reads tile, rows, weights and inputs only.
  void (*multiply_exact)(const MultiplyArgs&, double* sums);
  void (*multiply_direct)(const DirectArgs&);
  void (*multiply_convert)(const ConvertArgs&);
  void (*find_line_currents)(const LineCurrentArgs&);
  void (*convert_lines)(const ConvertLinesArgs&);
  int table_columns;  ///< columns of one look-up table: the vector width
  void (*index_bits)(const IndexArgs&);
  void (*count_bits)(const CountArgs&);
  void (*build_tables)(const TableArgs&);
  void (*look_up_convert)(const LookUpArgs&);
  int byte_lanes;  ///< lanes of one look-up in byte tables
  void (*index_nibbles)(const NibbleArgs&);
  void (*look_up_bytes)(const ByteLookUpArgs&);
  void (*look_up_shorts)(const ShortLookUpArgs&);  ///< null where a level has no shuffle of 16-bit numbers
  void (*pad)(const PadArgs&);
  void (*copy_rows)(const CopyRowsArgs&);
  void (*gather)(const GatherArgs&);
  void (*scatter)(const ScatterArgs&);
  void (*fold)(const FoldArgs&);
  /// digits[i] = the cycle's digit of numbers[i], with its sign when sign = 0.
  void (*extract_digits)(const DigitArgs&, const float* numbers, std::size_t count, float* digits);
  /// sums[output][lane], a multiple of the vector width of lanes, becomes y.
  void (*finish)(const FinishArgs&, int lanes, float* sums);
  /// lane_sums[l] += Σ_r panel[r][l].
  void (*add_rows)(const float* panel, int rows, int lanes, float* lane_sums);
  bool (*all_finite)(const float* values, std::size_t count);
  /// Returns how many inputs were clipped.
  std::size_t (*quantize_inputs)(const QuantizeArgs&, const float* x, std::size_t count, float* numbers);
  void (*fill_normals)(const RandomArgs&, float* out);
  void (*fill_uniforms)(const RandomArgs&, float* out);
  void (*draw_read_normals)(const ReadArgs&, float* z);
  void (*shape_noise)(const ShapeNoiseArgs&);
  /// sums[i] += weight·values[i]².
  void (*add_squares)(const float* values, std::size_t count, float weight, float* sums);
  void (*add_noise)(const NoiseArgs&, float* sums);
  void (*place_digits)(const PlaceArgs&, const float* numbers, std::size_t count, float* cells);
  void (*add_normal_errors)(const NormalErrorArgs&, const float* z, std::size_t count, float* g);
  void (*drift_by_power)(const PowerDriftArgs&, const float* targets, const float* z, std::size_t count, float* g);
  /// cells[i] = (max(cells[i], 0) - g_min)·per_conductance.
  void (*to_digits)(float g_min, float per_conductance, std::size_t count, float* cells);
  void (*pack_lines)(const PackArgs&);
  PortKernels ports;
  CircuitKernels circuit;
};

/// The table in use: the best level this CPU and operating system support, or a lower one asked for by IMPERFECT_SIMD.
/// Throws if that variable names an unknown level or one the CPU does not have.
const KernelTable& kernels();

/// The table of one level by name ("base", "avx2", "avx512"). Throws if unknown, not built, or not supported here.
const KernelTable& kernels(const char* level);

/// Names of the levels that can run here, lowest first, separated by spaces.
const char* available_levels();

}  // namespace imperfect
