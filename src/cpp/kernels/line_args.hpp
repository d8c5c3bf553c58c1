// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernels take that read bit lines one by one; lanes, panels and tiles as in kernel_table.hpp.
#pragma once

#include <cstddef>

namespace imperfect {

/// Sums of digits of the bit lines of one drive become currents, at most ±limit: currents[o][l] = (or, to `accumulate`, +=)
/// weight · clip(sums[o][l]·per_digit + lane_sums[l]·per_input, ±limit), for `outputs` bit lines and one panel.
struct LineCurrentArgs {
  int outputs;
  const float* sums;
  const float* lane_sums;
  float per_digit;
  float per_input;
  float limit;
  float weight;
  bool accumulate;
  float* currents;
};

/// One conversion of each of `outputs` bit lines that have converters of their own: p = currents[o][l]·scales[o] + starts[o]
/// + noise_sigma·noise[o][l]; p += the INL error at p, linear between those at codes 0 to last_code, errors[o·error_stride +
/// code]; sums[o][l] += (clip(rint(p), 0, last_code) - zero_code)·gain. Without scales the converter is ideal: sums[o][l] +=
/// currents[o][l]·gain. `errors` and `noise` may be null.
struct ConvertLinesArgs {
  int outputs;
  const float* currents;
  const float* scales;
  const float* starts;
  const float* errors;
  std::ptrdiff_t error_stride;
  const float* noise;
  float noise_sigma;
  float last_code;
  float zero_code;
  float gain;
  float* sums;
};

}  // namespace imperfect
