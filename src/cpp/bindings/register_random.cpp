// SPDX-License-Identifier: BSD-3-Clause
//
// Keys and draws, for tests and for deriving the seeds of trials.
#include "bindings/numpy_convert.hpp"
#include "kernels/kernel_table.hpp"
#include "random/philox.hpp"

namespace imperfect {
namespace {

py::array_t<float> draws(bool normal, PhiloxKey key, std::uint64_t first, std::size_t count, std::uint32_t write,
                         std::uint32_t slot) {
  std::vector<float> values(count);
  const RandomArgs args{{key[0], key[1]}, first, count, write, slot};
  (normal ? kernels().fill_normals : kernels().fill_uniforms)(args, values.data());
  return to_array(std::move(values), {static_cast<py::ssize_t>(count)});
}

}  // namespace

void register_random(py::module_& m) {
  m.def("philox", &philox, py::arg("counter"), py::arg("key"), "Philox4x32-10: four words for a counter and a key.");
  m.def(
      "stream_key",
      [](std::uint64_t seed, std::uint32_t kind, std::uint64_t layer) {
        return stream_key(seed, static_cast<StreamKind>(kind), layer);
      },
      py::arg("seed"), py::arg("kind"), py::arg("layer"), "Key of one kind of draw in one layer.");
  m.def("trial_seed", &trial_seed, py::arg("seed"), py::arg("trial"), "Seed of one trial under a base seed.");
  m.def(
      "normals",
      [](PhiloxKey key, std::uint64_t first, std::size_t count, std::uint32_t write, std::uint32_t slot) {
        return draws(true, key, first, count, write, slot);
      },
      py::arg("key"), py::arg("first"), py::arg("count"), py::arg("write") = 0, py::arg("slot") = 0,
      "Standard normal draws of consecutive items, float32.");
  m.def(
      "uniforms",
      [](PhiloxKey key, std::uint64_t first, std::size_t count, std::uint32_t write, std::uint32_t slot) {
        return draws(false, key, first, count, write, slot);
      },
      py::arg("key"), py::arg("first"), py::arg("count"), py::arg("write") = 0, py::arg("slot") = 0,
      "Uniform draws in (0, 1) of consecutive items, float32.");
}

}  // namespace imperfect
