// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernels take that bring inputs to panels, and outputs back.
// Lanes, panels and tiles as in kernel_table.hpp.
#pragma once

#include <cstddef>

namespace imperfect {

/// A stretch of lanes whose inputs lie at first + i·stride.
struct LaneRun {
  int begin;
  int length;
  std::ptrdiff_t first;
  std::ptrdiff_t stride;
};

/// panel[r][l] = source[row_offsets[r] + offset of lane l] for `lanes` lanes; those beyond the runs are set to zero.
struct GatherArgs {
  int lanes;
  const float* source;
  const std::ptrdiff_t* row_offsets;
  int rows;
  const LaneRun* runs;
  int num_runs;
  float* panel;
};

/// The way back: to[o·to_output + offset of lane l] = sums[o][l], for the lanes of the runs.
struct ScatterArgs {
  int lanes;
  int outputs;
  const LaneRun* runs;
  int num_runs;
  const float* sums;
  float* to;
  std::ptrdiff_t to_output;
};

/// Rows of pictures into planes of padded ones. Row r of picture p, `length` numbers from + p·from_picture + r·from_row +
/// i·step, goes to row first_row + r, column first_column of the plane of plane_rows × plane_width at to + p·to_picture;
/// everything else of the plane becomes zero. With `may_overrun` zeros may run up to a
/// panel beyond a plane, into the next one before it is written.
struct PadArgs {
  std::ptrdiff_t pictures;
  const float* from;

  std::ptrdiff_t from_picture;
  std::ptrdiff_t from_row;
  int step;
  int rows;
  int length;
  bool may_overrun;
  float* to;
  std::ptrdiff_t to_picture;
  int plane_rows;
  int plane_width;
  int first_row;
  int first_column;
};

/// Rows of `length` numbers, from_row apart, of pictures from_picture apart, to where the rows of a picture lie side by side
/// and pictures to_picture apart.
struct CopyRowsArgs {
  std::ptrdiff_t pictures;
  const float* from;
  std::ptrdiff_t from_picture;
  std::ptrdiff_t from_row;
  int rows;
  int length;
  float* to;
  std::ptrdiff_t to_picture;
};

/// Which part of an input number one cycle drives: `bits` bits from `shift` up, or the number as it is if bits = 0. sign: 0
/// both signs, +1 positive numbers only, -1 the magnitudes of negative ones.
struct DigitArgs {
  int shift;
  int bits;
  int sign;
};

/// Input numbers: rint(clip(x/full_scale, low, 1)·top), low 0 or -1; top = 0: x/full_scale as it is.
struct QuantizeArgs {
  double full_scale;
  double top;
  bool is_signed;
};

}  // namespace imperfect
