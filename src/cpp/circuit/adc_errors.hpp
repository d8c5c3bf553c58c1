// SPDX-License-Identifier: BSD-3-Clause
//
// Integral nonlinearity of one output converter, its error e(k) in lsb at each of n codes k, from component mismatch; z are
// independent standard normals. `bits` is the resolution.
//   ramp      step k of the ramp is 1 + sigma z_k high, level V(k) their sum; e(k) = k - V(k)(n-1)/V(n-1)
//   SAR       V(k) = Σ_i b_i(k) 2^i (1 + sigma z_i/√(2^i)) with b_i the bits of k: capacitors of 2^i units each; e(k) as for
//             the ramp
//   pipeline  stages of s bits: residue r in [0, 1), comparators at i/2^s + sigma z, d = how many of them r is not below,
//             next residue = clip((2^s r - d)(1 + sigma z), 0, 1); the last stage, of the bits left, is ideal. e(k) = the
//             number that comes out, with the last residue's fraction, for the middle of code k, less k. No redundancy, no
//             fit.
// Stretching V takes out what gain and offset are for. Source: Maloberti, Data Converters (Springer 2007), chapter 4.
#pragma once

#include <vector>

#include "imperfect/hardware.hpp"

namespace imperfect {

/// Every converter has errors of its own, which are drawn.
bool is_drawn(const Inl& law);

/// Normal draws that one converter takes.
int num_inl_draws(const Inl& law, int bits, int num_codes);

/// Errors at codes 0 to num_codes - 1; empty without a law. `draws` is read by drawn laws only.
std::vector<float> inl_errors(const Inl& law, int bits, int num_codes, const float* draws);

}  // namespace imperfect
