// SPDX-License-Identifier: BSD-3-Clause
//
// Recurrent layers. A batch is cut into blocks of samples, and each block of each direction runs on its own from the first
// step to the last: one product for the inputs of all its steps, then one or two for every step. No block shares an output
// with another, so neither threads nor the size of blocks change bits.
#include "imperfect/recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "kernels/kernel_table.hpp"
#include "layer/definition.hpp"

namespace imperfect {
namespace {

constexpr std::size_t kMostSamples = 192;                    // what layers compute at once
constexpr std::size_t kMostProducts = std::size_t{1} << 22;  // products of inputs that a block holds
// Why: threads meet at every step, which takes longer than a small product, on a busy machine much longer.
constexpr double kMultiplyAddsPerThread = 1e7;

/// Outputs of the arrays that take inputs, of those that take the state, and of the candidate's.
struct GateCounts {
  int input, recurrent, candidate;
};

GateCounts gate_counts(RecurrentCell::Kind kind) {
  switch (kind) {
    case RecurrentCell::Kind::kLstm: return {4, 4, 0};
    case RecurrentCell::Kind::kGru: return {3, 2, 1};
    case RecurrentCell::Kind::kGruResetAfter: return {3, 3, 0};
  }
  fail("kind: must be one of kLstm, kGru, kGruResetAfter");
}

/// Whether a layer is a plain product of inputs and weights.
bool is_linear(const LayerShape& s) {
  const auto all = [](const int (&sizes)[3], int value) {
    return std::all_of(sizes, sizes + 3, [=](int n) { return n == value; });
  };
  return s.groups == 1 && !s.is_transposed && all(s.kernel, 1) && all(s.stride, 1) && all(s.pad_begin, 0) &&
         all(s.pad_end, 0);
}

void check_arrays(const char* name, const Layer* layer, int inputs, int outputs) {
  check(layer != nullptr, name, ": must be a layer");
  const LayerShape& s = layer->shape();
  check(is_linear(s) && s.in_channels == inputs && s.out_channels == outputs, name, ": a layer of ", s.out_channels,
        " outputs and ", s.in_channels, " inputs; must be linear, of ", outputs, " and ", inputs);
}

void check_direction(const RecurrentCell& cell, const RecurrentArrays& arrays, int inputs) {
  const GateCounts gates = gate_counts(cell.kind);
  check_arrays("input", arrays.input, inputs, gates.input * cell.hidden);
  check_arrays("recurrent", arrays.recurrent, cell.hidden, gates.recurrent * cell.hidden);
  if (gates.candidate > 0) check_arrays("candidate", arrays.candidate, cell.hidden, gates.candidate * cell.hidden);
  check(gates.candidate > 0 || arrays.candidate == nullptr, "candidate: only a GRU that resets before the product has one");
  const std::size_t size = cell.kind == RecurrentCell::Kind::kLstm ? 3 * static_cast<std::size_t>(cell.hidden) : 0;
  check(arrays.peepholes.empty() || arrays.peepholes.size == size, "peepholes has ", arrays.peepholes.size,
        " values; must have ", size, " or none");
  check_finite("peepholes", arrays.peepholes);
}

void check_size(const char* name, std::size_t size, std::size_t needed, bool is_optional = false) {
  check(size == needed || (is_optional && size == 0), name, " has ", size, " values; must have ", needed);
}

void check_call(const RecurrentCell& cell, const std::vector<RecurrentArrays>& directions, const SequenceBatch& batch,
                const SequenceResult& result, const ReadKey& key) {
  check(cell.hidden >= 1 && cell.hidden <= 1 << 24, "hidden=", cell.hidden, ": must be from 1 to ", 1 << 24);
  check(cell.clip > 0.0f, "clip=", cell.clip, ": must be above 0");
  check(directions.size() == 1 || directions.size() == 2, "directions has ", directions.size(), " entries: must have 1 or 2");
  check(directions[0].input != nullptr, "input: must be a layer");
  check(batch.steps >= 1, "steps=", batch.steps, ": must be at least 1");
  const auto inputs = static_cast<std::size_t>(directions[0].input->shape().in_channels);
  for (const RecurrentArrays& arrays : directions) check_direction(cell, arrays, static_cast<int>(inputs));
  check_size("x", batch.x.size, batch.samples * batch.steps * inputs);
  const std::size_t states = batch.samples * directions.size() * static_cast<std::size_t>(cell.hidden);
  const bool is_lstm = cell.kind == RecurrentCell::Kind::kLstm;
  check_size("y", result.y.size, states * batch.steps);
  check_size("h", result.h.size, states);
  check_size("c", result.c.size, is_lstm ? states : 0);
  check_size("recurrent_inputs", result.recurrent_inputs.size, states * batch.steps, true);
  check_size("candidate_inputs", result.candidate_inputs.size, states * batch.steps, true);
  check_finite("h", {result.h.data, result.h.size});
  check_finite("c", {result.c.data, result.c.size});
  check_size("samples", key.samples.size, batch.samples, true);
  check_size("lengths", batch.lengths.size, batch.samples, true);
  for (const int length : batch.lengths)
    check(length >= 1 && static_cast<std::size_t>(length) <= batch.steps, "lengths holds ", length, ": must be from 1 to ",
          batch.steps);
}

/// One block of samples in one direction.
class SampleBlock {
 public:
  SampleBlock(const RecurrentCell& cell, const std::vector<RecurrentArrays>& directions, std::size_t direction,
              const SequenceBatch& batch, const SequenceResult& result, const ReadKey& key)
      : cell_(cell),
        arrays_(directions[direction]),
        batch_(batch),
        result_(result),
        key_(key),
        direction_(direction),
        num_directions_(directions.size()),
        hidden_(static_cast<std::size_t>(cell.hidden)),
        gates_(gate_counts(cell.kind)) {}

  void run(std::size_t first, std::size_t count, int threads) {
    first_ = first, count_ = count, threads_ = threads;
    multiply_inputs();
    load_states();
    const double per_step = static_cast<double>(arrays_.recurrent->shape().weight_size()) * static_cast<double>(count);
    threads_ = static_cast<int>(std::min<double>(threads, 1.0 + per_step / kMultiplyAddsPerThread));
    from_state_.resize(count * static_cast<std::size_t>(gates_.recurrent) * hidden_);
    if (gates_.candidate > 0) reset_.resize(count * hidden_), candidate_.resize(count * hidden_);
    for (std::size_t k = 0; k < batch_.steps; ++k) step(arrays_.is_reversed ? batch_.steps - 1 - k : k);
    for (std::size_t s = 0; s < count; ++s) {
      std::copy_n(&h_[s * hidden_], hidden_, state(result_.h, s));
      if (!c_.empty()) std::copy_n(&c_[s * hidden_], hidden_, state(result_.c, s));
    }
  }

 private:
  std::uint64_t number(std::size_t s) const {
    return key_.samples.empty() ? key_.first_sample + first_ + s : key_.samples[first_ + s];
  }
  float* state(ArrayView<float> of, std::size_t s) const {
    return of.data + ((first_ + s) * num_directions_ + direction_) * hidden_;
  }
  float* trace(ArrayView<float> of, std::size_t s, std::size_t t) const {
    return of.data + ((direction_ * batch_.samples + first_ + s) * batch_.steps + t) * hidden_;
  }
  bool is_over(std::size_t s, std::size_t t) const {
    return !batch_.lengths.empty() && t >= static_cast<std::size_t>(batch_.lengths[first_ + s]);
  }

  void multiply_inputs() {
    const auto inputs = static_cast<std::size_t>(arrays_.input->shape().in_channels);
    const std::size_t rows = count_ * batch_.steps;
    from_input_.resize(rows * static_cast<std::size_t>(gates_.input) * hidden_);
    numbers_.resize(rows);
    for (std::size_t row = 0; row < rows; ++row)
      numbers_[row] = number(row / batch_.steps) * batch_.steps + row % batch_.steps;
    const ArrayView<const float> x{batch_.x.data + first_ * batch_.steps * inputs, rows * inputs};
    multiply(*arrays_.input, x, rows, from_input_);
    numbers_.resize(count_);
  }

  void multiply(const Layer& layer, ArrayView<const float> x, std::size_t rows, std::vector<float>& y) const {
    const ReadKey key{0, key_.read, {numbers_.data(), rows}};
    layer.forward(x, {rows, layer.shape().in_channels, 1, 1}, {y.data(), y.size()}, threads_, key);
  }

  void load_states() {
    h_.resize(count_ * hidden_);
    c_.resize(cell_.kind == RecurrentCell::Kind::kLstm ? count_ * hidden_ : 0);
    for (std::size_t s = 0; s < count_; ++s) {
      std::copy_n(state(result_.h, s), hidden_, &h_[s * hidden_]);
      if (!c_.empty()) std::copy_n(state(result_.c, s), hidden_, &c_[s * hidden_]);
    }
  }

  void step(std::size_t t) {
    for (std::size_t s = 0; s < count_; ++s) numbers_[s] = number(s) * batch_.steps + t;
    write_down(result_.recurrent_inputs, h_, t);
    multiply(*arrays_.recurrent, {h_.data(), h_.size()}, count_, from_state_);
    if (gates_.candidate > 0) {
      for (std::size_t s = 0; s < count_; ++s)
        kernels().gates.reset_gru(gru_args(s, t), &h_[s * hidden_], &reset_[s * hidden_]);
      write_down(result_.candidate_inputs, reset_, t);
      multiply(*arrays_.candidate, {reset_.data(), reset_.size()}, count_, candidate_);
    }
    for (std::size_t s = 0; s < count_; ++s) {
      float* y = result_.y.data + (((first_ + s) * batch_.steps + t) * num_directions_ + direction_) * hidden_;
      if (is_over(s, t)) {
        std::fill_n(y, hidden_, 0.0f);
        continue;
      }
      move_on(s, t);
      std::copy_n(&h_[s * hidden_], hidden_, y);
    }
  }

  /// One sample's gates.
  void move_on(std::size_t s, std::size_t t) {
    if (cell_.kind != RecurrentCell::Kind::kLstm) return kernels().gates.step_gru(gru_args(s, t), &h_[s * hidden_]);
    const float* peepholes = arrays_.peepholes.empty() ? nullptr : arrays_.peepholes.data;
    kernels().gates.step_lstm({cell_.hidden, cell_.clip, cell_.is_coupled, from_input(s, t), from_state(s), peepholes},
                              &c_[s * hidden_], &h_[s * hidden_]);
  }
  GruArgs gru_args(std::size_t s, std::size_t t) const {
    const float* candidate = candidate_.empty() ? nullptr : &candidate_[s * hidden_];
    return {cell_.hidden, cell_.clip, from_input(s, t), from_state(s), candidate};
  }
  const float* from_input(std::size_t s, std::size_t t) const {
    return &from_input_[(s * batch_.steps + t) * static_cast<std::size_t>(gates_.input) * hidden_];
  }
  const float* from_state(std::size_t s) const {
    return &from_state_[s * static_cast<std::size_t>(gates_.recurrent) * hidden_];
  }
  void write_down(ArrayView<float> to, const std::vector<float>& values, std::size_t t) const {
    if (to.empty()) return;
    for (std::size_t s = 0; s < count_; ++s) std::copy_n(&values[s * hidden_], hidden_, trace(to, s, t));
  }

  const RecurrentCell& cell_;
  const RecurrentArrays& arrays_;
  const SequenceBatch& batch_;
  const SequenceResult& result_;
  const ReadKey& key_;
  std::size_t direction_, num_directions_, hidden_;
  GateCounts gates_;
  std::size_t first_ = 0, count_ = 0;
  int threads_ = 1;
  std::vector<std::uint64_t> numbers_;
  std::vector<float> from_input_, from_state_, reset_, candidate_, h_, c_;
};

/// Copies of the layers, which keep the cells that they have now whatever is programmed meanwhile.
class Snapshot {
 public:
  explicit Snapshot(const std::vector<RecurrentArrays>& given) : directions(given) {
    layers_.reserve(3 * given.size());
    for (RecurrentArrays& arrays : directions)
      for (const Layer** layer : {&arrays.input, &arrays.recurrent, &arrays.candidate})
        if (*layer != nullptr) *layer = &layers_.emplace_back(**layer);
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  std::vector<RecurrentArrays> directions;

 private:
  std::vector<Layer> layers_;
};

std::size_t samples_per_block(const RecurrentCell& cell, const SequenceBatch& batch, std::size_t parts) {
  const auto lanes = static_cast<std::size_t>(kernels().lanes);
  const std::size_t per_sample =
      batch.steps * static_cast<std::size_t>(gate_counts(cell.kind).input) * static_cast<std::size_t>(cell.hidden);
  const std::size_t fair = (batch.samples + parts - 1) / parts;
  const std::size_t whole = (fair + lanes - 1) / lanes * lanes;  // half a panel of lanes takes as long as a whole one
  return std::max<std::size_t>(1, std::min({whole, kMostSamples, kMostProducts / per_sample}));
}

}  // namespace

void run_recurrent(const RecurrentCell& cell, const std::vector<RecurrentArrays>& directions, const SequenceBatch& batch,
                   const SequenceResult& result, int threads, const ReadKey& key) {
  check_call(cell, directions, batch, result, key);
  threads = resolve_num_threads(threads);
  const Snapshot now(directions);
  const std::size_t size = samples_per_block(cell, batch, static_cast<std::size_t>(threads));
  const std::size_t blocks = (batch.samples + size - 1) / size, items = blocks * directions.size();
  const int inner = items > 1 ? 1 : threads;
  parallel_for(static_cast<std::ptrdiff_t>(items), threads, [&](std::ptrdiff_t item, int) {
    const auto number = static_cast<std::size_t>(item);
    const std::size_t first = number / directions.size() * size;
    SampleBlock block(cell, now.directions, number % directions.size(), batch, result, key);
    block.run(first, std::min(size, batch.samples - first), inner);
  });
  check(kernels().all_finite(result.y.data, result.y.size),
        "the output is not finite: states or peepholes take it out of float32");
}

}  // namespace imperfect
