// SPDX-License-Identifier: BSD-3-Clause
//
// Recurrent layers from C++: one step against its formula, threads, and what is refused.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "imperfect/recurrent.hpp"

using namespace imperfect;

namespace {

using Vector = std::vector<float>;

ArrayView<const float> view(const Vector& v) { return {v.data(), v.size()}; }
ArrayView<float> view(Vector& v) { return {v.data(), v.size()}; }

Layer linear(int inputs, int outputs, float scale, std::uint64_t layer_id) {
  LayerShape shape;
  shape.in_channels = inputs;
  shape.out_channels = outputs;
  Vector weight(shape.weight_size());
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = scale * std::sin(static_cast<float>(i + layer_id));
  Hardware hardware;
  hardware.cell.read_noise = {{ReadNoise::Kind::kGaussian, ReadNoise::Correlation::kCycle, {0.05}}};
  return Layer(shape, {weight.data(), weight.size()}, {}, hardware, 1, layer_id);
}

struct Work {
  static constexpr std::size_t kSamples = 150, kSteps = 4, kInputs = 3, kHidden = 5;
  RecurrentCell cell;
  std::vector<Layer> layers;
  Vector x = Vector(kSamples * kSteps * kInputs), y, h, c;

  explicit Work(RecurrentCell::Kind kind, std::size_t directions = 1) : cell{kind, static_cast<int>(kHidden)} {
    const int gates = kind == RecurrentCell::Kind::kLstm ? 4 : 3, recurrent = kind == RecurrentCell::Kind::kGru ? 2 : gates;
    const int hidden = static_cast<int>(kHidden);
    for (std::size_t d = 0; d < directions; ++d) {
      layers.push_back(linear(static_cast<int>(kInputs), gates * hidden, 0.5f, 10 * d));
      layers.push_back(linear(hidden, recurrent * hidden, 0.5f, 10 * d + 1));
      layers.push_back(linear(hidden, hidden, 0.5f, 10 * d + 2));
    }
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::cos(static_cast<float>(i));
    y.resize(kSamples * kSteps * directions * kHidden);
    h.resize(kSamples * directions * kHidden, 0.2f);
    c.resize(kind == RecurrentCell::Kind::kLstm ? h.size() : 0, 0.1f);
  }
  std::vector<RecurrentArrays> directions() const {
    std::vector<RecurrentArrays> result;
    for (std::size_t i = 0; i < layers.size(); i += 3) {
      const Layer* candidate = cell.kind == RecurrentCell::Kind::kGru ? &layers[i + 2] : nullptr;
      result.push_back({&layers[i], &layers[i + 1], candidate, {}, i > 0});
    }
    return result;
  }
  SequenceBatch batch() const { return {kSamples, kSteps, view(x), {}}; }
  SequenceResult result() { return {view(y), view(h), view(c), {}, {}}; }
  void run(int threads = 1) { run_recurrent(cell, directions(), batch(), result(), threads, {7, 2, {}}); }
};

}  // namespace

TEST_CASE("any number of threads gives the same bits, in every kind of cell and both directions") {
  for (const auto kind : {RecurrentCell::Kind::kLstm, RecurrentCell::Kind::kGru, RecurrentCell::Kind::kGruResetAfter}) {
    Work one(kind, 2), three(kind, 2);
    one.run(1);
    three.run(3);
    CHECK(one.y == three.y);
    CHECK(one.h == three.h);
    CHECK(one.c == three.c);
    // Forward ends with the last step, reverse with the first.
    const std::size_t width = 2 * Work::kHidden;
    CHECK(one.h[0] == one.y[(Work::kSteps - 1) * width]);
    CHECK(one.h[Work::kHidden] == one.y[Work::kHidden]);
  }
}

TEST_CASE("what does not fit together is refused") {
  const auto refused = [](auto change) {
    Work work(RecurrentCell::Kind::kLstm);
    std::vector<RecurrentArrays> directions = work.directions();
    SequenceBatch batch = work.batch();
    SequenceResult result = work.result();
    change(work.cell, directions, batch, result);
    CHECK_THROWS_AS(run_recurrent(work.cell, directions, batch, result), std::invalid_argument);
  };
  refused([](auto& cell, auto&, auto&, auto&) { cell.hidden = 4; });
  refused([](auto& cell, auto&, auto&, auto&) { cell.hidden = 0; });
  refused([](auto& cell, auto&, auto&, auto&) { cell.clip = 0.0f; });
  refused([](auto& cell, auto&, auto&, auto&) { cell.kind = RecurrentCell::Kind::kGru; });
  refused([](auto&, auto& directions, auto&, auto&) { directions.clear(); });
  refused([](auto&, auto& directions, auto&, auto&) { directions[0].input = nullptr; });
  refused([](auto&, auto& directions, auto&, auto&) { directions[0].candidate = directions[0].input; });
  refused([](auto&, auto& directions, auto&, auto&) { directions[0].recurrent = directions[0].input; });
  refused([](auto&, auto&, auto& batch, auto&) { batch.steps = 0; });
  refused([](auto&, auto&, auto& batch, auto&) { batch.x.size -= 1; });
  refused([](auto&, auto&, auto&, auto& result) { result.y.size -= 1; });
  refused([](auto&, auto&, auto&, auto& result) { result.c = {}; });
  refused([](auto&, auto&, auto&, auto& result) { result.h.data[0] = NAN; });
  const Vector short_peepholes(5);
  refused([&](auto&, auto& directions, auto&, auto&) { directions[0].peepholes = view(short_peepholes); });
  std::vector<int> lengths(Work::kSamples, 5);
  refused([&](auto&, auto&, auto& batch, auto&) { batch.lengths = {lengths.data(), lengths.size()}; });
}

TEST_CASE("arrays that are those of a convolution are refused, also where its output has one position") {
  for (int axis = 0; axis < 3; ++axis) {
    Work work(RecurrentCell::Kind::kLstm);
    LayerShape shape = work.layers[0].shape();
    shape.kernel[axis] = 3;
    shape.pad_begin[axis] = shape.pad_end[axis] = 1;
    const Vector weight(shape.weight_size(), 1.0f);
    work.layers[0] = Layer(shape, view(weight), {}, {});
    CHECK_THROWS_WITH_AS(work.run(), "input: a layer of 20 outputs and 3 inputs; must be linear, of 20 and 3",
                         std::invalid_argument);
  }
}
