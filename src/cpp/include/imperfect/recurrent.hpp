// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// Recurrent layers: the products with inputs and with the hidden state are computed by analog layers, everything else in
/// float32. With a the product of the inputs and b that of the state, σ the logistic function, ⊙ the product of elements:
/// - LSTM: i, f, o = σ(a + b + p ⊙ c), g = tanh(a + b), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'); o sees c'
/// - GRU: r, z = σ(a + b), n = tanh(a_n + R_n (r ⊙ h)), or tanh(a_n + r ⊙ (R_n h)), h' = (1 - z) ⊙ n + z ⊙ h
///
/// Sources: Hochreiter & Schmidhuber (1997), Gers et al. (2000) for peepholes p; Cho et al. (2014).
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "imperfect/array_view.hpp"
#include "imperfect/layer.hpp"

namespace imperfect {

/// The digital part of a recurrent layer.
struct RecurrentCell {
  /// Rows of weights, gate after gate: i, f, g, o of an LSTM; r, z, n of a GRU. kGru resets the state before the product, in
  /// which case n's recurrent weights are a layer of their own; kGruResetAfter resets the product.
  enum class Kind {
    kLstm,          ///< LSTM
    kGru,           ///< GRU that resets the state
    kGruResetAfter  ///< GRU that resets the product
  };
  Kind kind = Kind::kLstm;                              ///< which
  int hidden = 1;                                       ///< units
  float clip = std::numeric_limits<float>::infinity();  ///< limits what enters σ and tanh of the gates
  bool is_coupled = false;                              ///< LSTM: f = 1 - i
};

/// The arrays of one direction: linear layers, which the caller keeps.
struct RecurrentArrays {
  const Layer* input = nullptr;           ///< inputs → gates·hidden
  const Layer* recurrent = nullptr;       ///< hidden → gates·hidden; of kGru 2·hidden
  const Layer* candidate = nullptr;       ///< of kGru: hidden → hidden
  ArrayView<const float> peepholes = {};  ///< of an LSTM: of i, f, o; empty without
  bool is_reversed = false;               ///< from the last step to the first
};

/// Sequences: x is [sample][step][input]. A sample ends after its length, 1 to `steps`; without lengths after all steps.
struct SequenceBatch {
  std::size_t samples = 0;            ///< sequences
  std::size_t steps = 0;              ///< of the longest sample
  ArrayView<const float> x = {};      ///< finite
  ArrayView<const int> lengths = {};  ///< one for each sample, or empty
};

/// What a pass reads and writes: h and c, [sample][direction][hidden], hold the first states before and the last ones after;
/// y is [sample][step][direction][hidden], 0 beyond a sample's length. The other two, [direction][sample][step][hidden] or
/// empty, take what enters the arrays of `recurrent` and of `candidate`.
struct SequenceResult {
  ArrayView<float> y = {};                 ///< the hidden states of all steps
  ArrayView<float> h = {};                 ///< the hidden state
  ArrayView<float> c = {};                 ///< empty unless LSTM
  ArrayView<float> recurrent_inputs = {};  ///< what enters `recurrent`
  ArrayView<float> candidate_inputs = {};  ///< what enters `candidate`
};

/// Runs all directions over the batch. In read noise step t of sample s counts as sample s·steps + t, in every direction.
/// Every layer computes with the cells that it has at the start. The same bits for any number of threads (0: the default),
/// and for a batch in parts. Throws std::invalid_argument for what does not fit together.
void run_recurrent(const RecurrentCell& cell, const std::vector<RecurrentArrays>& directions, const SequenceBatch& batch,
                   const SequenceResult& result, int threads = 0, const ReadKey& key = {});

}  // namespace imperfect
