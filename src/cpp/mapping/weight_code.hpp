// SPDX-License-Identifier: BSD-3-Clause
//
// Weights as digits on cells. A weight w, clipped to its range w_r, becomes S slices × P polarities of cells. Cells are held
// in digit units c = (g - g_min)(L-1)/Δ, so that an ideal cell is an exact integer (L levels; continuous weights: L-1 = 1).
//   sliced:      q = rint(w/w_r (2^(B-1) - 1)); differential: |q| in base 2^b on the cell of its sign, offset: q + 2^(B-1)
//   continuous:  differential c± = max(±w/w_r, 0) or (1 ± w/w_r)/2 (two-sided); offset c = (1 + w/w_r)/2
#pragma once

#include <cstddef>
#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// How this hardware writes one weight.
struct WeightCode {
  int weight_bits = 0;  ///< B; 0: continuous
  int slice_bits = 0;   ///< bits per slice; 0: continuous
  int num_slices = 1;   ///< S
  int num_polarities = 2;
  bool two_sided = false;
  double top_digit = 1.0;     ///< L-1: the digit of a cell at g_max
  int continuous_levels = 0;  ///< continuous weights on cells with levels: how many; 0: none
  double g_min = 0.0;
  double delta = 1.0;  ///< Δ = 1 - g_min

  bool is_offset() const { return num_polarities == 1; }
  int num_planes() const { return num_slices * num_polarities; }
  /// 2^(b·i): what one digit of slice i is worth.
  double slice_weight(int slice) const;
  /// The zero of the offset scheme in recombined digits: 2^(B-1), or 1/2 for continuous weights; 0 if differential.
  double offset() const;
  /// That zero's digit in one slice: what a unit column holds.
  double offset_digit(int slice) const;
  /// y / (w_r X) for one recombined digit at full input: 1/(2^(B-1) - 1); continuous: 1, or 2 for the offset scheme.
  double weight_per_digit() const;
  /// g (relative to g_max) of a cell holding `digits`, and back.
  double to_conductance(double digits) const { return g_min + delta * digits / top_digit; }
  double to_digits(double conductance) const { return (conductance - g_min) * top_digit / delta; }
};

/// Where one plane (slice, polarity) finds its target digits in the numbers of `encode_weights`.
struct PlanePart {
  int sign = 1;
  int shift = 0;
  unsigned mask = 0;       ///< 0: the number is the digit
  bool is_second = false;  ///< the numbers of the second polarity
};
PlanePart plane_part(const WeightCode& code, int slice, int polarity);

WeightCode make_weight_code(const Hardware& hardware);

/// The numbers that a layer's cells are made from; writing it again does not change them. Sliced weights: q, or q + 2^(B-1)
/// for the offset scheme, [output][row]; continuous ones: the target digits of every cell, [polarity][output][row].
std::vector<float> encode_weights(const WeightCode& code, const float* weight, const std::vector<double>& ranges,
                                  int num_outputs, int rows);

}  // namespace imperfect
