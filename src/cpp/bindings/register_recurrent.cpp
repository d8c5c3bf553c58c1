// SPDX-License-Identifier: BSD-3-Clause
//
// Recurrent layers: the steps, over layers that Python keeps.
#include <optional>
#include <string>
#include <tuple>

#include "base/check.hpp"
#include "bindings/interruptible.hpp"
#include "bindings/numpy_convert.hpp"
#include "imperfect/recurrent.hpp"

namespace imperfect {
namespace {

using Floats = py::array_t<float>;
/// Arrays of inputs, of the state, of the candidate; peepholes; whether it runs from the last step to the first.
using Direction = std::tuple<const Layer*, const Layer*, std::optional<const Layer*>, std::optional<py::array>, bool>;

RecurrentCell::Kind to_kind(const std::string& name) {
  if (name == "lstm") return RecurrentCell::Kind::kLstm;
  if (name == "gru") return RecurrentCell::Kind::kGru;
  if (name == "gru_reset_after") return RecurrentCell::Kind::kGruResetAfter;
  fail("kind='", name, "': must be one of lstm, gru, gru_reset_after");
}

std::vector<RecurrentArrays> to_directions(const std::vector<Direction>& given) {
  std::vector<RecurrentArrays> result;
  for (const auto& [input, recurrent, candidate, peepholes, is_reversed] : given)
    result.push_back({input, recurrent, candidate.value_or(nullptr),
                      peepholes ? float_view("peepholes", *peepholes) : ArrayView<const float>{}, is_reversed});
  return result;
}

ArrayView<float> writable(Floats& array) { return {array.mutable_data(), static_cast<std::size_t>(array.size())}; }

/// y, h, c, and what entered the arrays of the state and of the candidate.
std::tuple<Floats, Floats, Floats, Floats, Floats> run(
    const RecurrentCell& cell, const std::vector<Direction>& given, const py::array& x,
    const std::optional<py::array_t<int, py::array::c_style>>& lengths, const py::array& first_h, const py::array& first_c,
    bool traces, int threads, std::uint64_t first_sample, std::uint64_t read,
    const std::optional<py::array_t<std::uint64_t, py::array::c_style>>& samples) {
  check(x.ndim() == 3, "x has ", x.ndim(), " dimensions: must have 3 (samples, steps, inputs)");
  const std::vector<RecurrentArrays> directions = to_directions(given);
  SequenceBatch batch{static_cast<std::size_t>(x.shape(0)), static_cast<std::size_t>(x.shape(1)), float_view("x", x), {}};
  if (lengths) batch.lengths = {lengths->data(), static_cast<std::size_t>(lengths->size())};
  ReadKey key{first_sample, read, {}};
  if (samples) key.samples = {samples->data(), static_cast<std::size_t>(samples->size())};
  const auto num_directions = static_cast<py::ssize_t>(directions.size());
  const auto copy = [](const char* name, const py::array& array) {
    const ArrayView<const float> from = float_view(name, array);
    return to_array(std::vector<float>(from.begin(), from.end()),
                    std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
  };
  Floats y({x.shape(0), x.shape(1), num_directions * cell.hidden});
  Floats h = copy("h", first_h), c = copy("c", first_c);
  const bool has_candidate = traces && cell.kind == RecurrentCell::Kind::kGru;
  const auto trace = [&](bool wanted) {
    return Floats({wanted ? num_directions : 0, x.shape(0), x.shape(1), static_cast<py::ssize_t>(cell.hidden)});
  };
  Floats recurrent = trace(traces), candidate = trace(has_candidate);
  const SequenceResult result{writable(y), writable(h), writable(c), writable(recurrent), writable(candidate)};
  interruptible([&] { run_recurrent(cell, directions, batch, result, threads, key); });
  return {std::move(y), std::move(h), std::move(c), std::move(recurrent), std::move(candidate)};
}

}  // namespace

void register_recurrent(py::module_& m) {
  py::class_<RecurrentCell>(m, "RecurrentCell")
      .def(py::init([](const std::string& kind, int hidden, float clip, bool is_coupled) {
             return RecurrentCell{to_kind(kind), hidden, clip, is_coupled};
           }),
           py::arg("kind"), py::arg("hidden"), py::arg("clip"), py::arg("is_coupled"))
      .def("run", &run, py::arg("directions"), py::arg("x"), py::arg("lengths"), py::arg("h"), py::arg("c"),
           py::arg("traces"), py::arg("num_threads"), py::arg("first_sample"), py::arg("read"), py::arg("samples"));
}

}  // namespace imperfect
