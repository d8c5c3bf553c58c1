// SPDX-License-Identifier: BSD-3-Clause
//
// How inputs become word-line voltages. v = x/X clipped to [-1, 1] (or [0, 1]); n = rint(|v|(2^m - 1)); input slices of s
// bits, least significant first, give T = ceil(m/s) cycles; cycle k drives digit u_k/(2^s - 1) and weighs 2^(sk). Two-pass
// input drives the positive and the negative part of x, each as an unsigned m-bit number.
#pragma once

#include <algorithm>
#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// The input code of a layer once full scale and sign are known.
struct InputCode {
  double full_scale = 1.0;  ///< X
  bool is_signed = true;    ///< inputs below zero are kept
  bool two_pass = false;
  int magnitude_bits = 0;  ///< m; 0: not quantised
  int cycle_bits = 0;      ///< s; m where accumulation merges the cycles
  int num_cycles = 1;      ///< conversions of one pass: T, or 1 with analog accumulation
  int drive_bits = 0;      ///< bits driven at a time, whatever accumulation does: s; equals m without input slices

  int num_passes() const { return two_pass ? 2 : 1; }
  /// Word lines are driven with both signs.
  bool drives_both_signs() const { return is_signed && !two_pass; }
  /// 2^m - 1: the number of full scale; 1 if not quantised.
  double top_number() const;
  /// Digit at full scale in one conversion: 2^s - 1; 1 if not quantised.
  double top_digit() const;
  /// What one digit of a cycle is worth: 2^(s·cycle).
  double cycle_weight(int cycle) const;
  /// First bit of a cycle's digit and how many bits it has.
  int shift(int cycle) const { return cycle * cycle_bits; }
  int bits(int cycle) const;
  /// Drives of one pass, T, and the first bit and number of bits of each.
  int num_drives() const { return magnitude_bits == 0 ? 1 : (magnitude_bits + drive_bits - 1) / drive_bits; }
  int drive_shift(int drive) const { return drive * drive_bits; }
  int bits_of_drive(int drive) const { return std::min(drive_bits, magnitude_bits - drive_shift(drive)); }
};

/// Input magnitude bits m for a sign choice.
int magnitude_bits(const Dac& dac, bool is_signed);

/// `full_scale` and `is_signed` as configured or calibrated.
/// With `keeps_drives` every drive is a cycle of its own even where they accumulate in analog.
InputCode make_input_code(const Dac& dac, double full_scale, bool is_signed, bool keeps_drives = false);

/// What the word lines really carry, 2^s - 1 at full scale, for each digit of one drive. `nonlinearity` as in Dac.
std::vector<float> driven_digits(const Dac& dac, const InputCode& input);
/// The same for each number of one cycle: with merged drives, their weighted sum.
std::vector<float> driven_numbers(const InputCode& input, const std::vector<float>& digits);

}  // namespace imperfect
