// SPDX-License-Identifier: BSD-3-Clause
//
// A simulator that embeds the core: a 3 × 2 layer on 4-level cells with 5 % programming error, from C++.
#include <cmath>
#include <cstdio>
#include <vector>

#include <imperfect/layer.hpp>
#include <imperfect/version.hpp>

int main() {
  imperfect::Hardware hardware;
  hardware.weight_bits = 5;
  hardware.cell.bits = 2;
  hardware.cell.programming = {{imperfect::ProgrammingLaw::Kind::kGaussian, {0.05}}};

  imperfect::LayerShape shape;
  shape.in_channels = 3;
  shape.out_channels = 2;
  const std::vector<float> weight = {1.0f, -0.5f, 0.25f, 0.0f, 0.75f, -1.0f};
  const imperfect::Layer layer(shape, {weight.data(), weight.size()}, {}, hardware, /*seed=*/7);

  const std::vector<float> x = {1.0f, 2.0f, 4.0f};
  std::vector<float> y(2);
  layer.forward({x.data(), x.size()}, {1, 3, 1, 1}, {y.data(), y.size()});

  const std::vector<float> effective = layer.effective_weight();
  for (std::size_t n = 0; n < 2; ++n) {
    float expected = 0.0f;
    for (std::size_t k = 0; k < 3; ++k) expected += effective[n * 3 + k] * x[k];
    std::printf("y[%zu] = %.4f, with the effective weights %.4f\n", n, y[n], expected);
    if (std::abs(y[n] - expected) > 1e-5f) return 1;
  }
  std::printf("imperfect %s, plan %s\n", IMPERFECT_VERSION, layer.plan().kind.c_str());
  return 0;
}
