// SPDX-License-Identifier: BSD-3-Clause
//
// Arguments of the gates of recurrent cells, for one sample and one step. Sums are [gate][unit]; σ is the logistic function,
// ⊙ the product of elements. Sources: Hochreiter & Schmidhuber (1997), Gers et al. (2000) for peepholes; Cho et al. (2014).
#pragma once

namespace imperfect {

/// i, f, o = σ(clip(a + b + p ⊙ c)), with the new c for o; g = tanh(clip(a + b)); c' = f ⊙ c + i ⊙ g; h = o ⊙ tanh(c').
struct LstmArgs {
  int hidden;
  float clip;               ///< limits what enters σ and tanh to [-clip, clip]
  bool is_coupled;          ///< f = 1 - i
  const float* from_input;  ///< a, gates in the order i, f, g, o
  const float* from_state;  ///< b
  const float* peepholes;   ///< p of i, f, o; null without
};

/// r, z = σ(clip(a + b)); n = tanh(clip(a_n + b_n')); h' = (1 - z) ⊙ n + z ⊙ h, where b_n' = r ⊙ b_n, or what the arrays give
/// for r ⊙ h.
struct GruArgs {
  int hidden;
  float clip;
  const float* from_input;  ///< a, gates in the order r, z, n
  const float* from_state;  ///< b; without n where `candidate` is given
  const float* candidate;   ///< b_n' of r ⊙ h; null: r ⊙ b_n
};

/// What the cells compute.
struct GateKernels {
  /// c becomes c', h is written.
  void (*step_lstm)(const LstmArgs&, float* c, float* h);
  /// reset = r ⊙ h; reads no candidate.
  void (*reset_gru)(const GruArgs&, const float* h, float* reset);
  /// h becomes h'.
  void (*step_gru)(const GruArgs&, float* h);
};

}  // namespace imperfect
