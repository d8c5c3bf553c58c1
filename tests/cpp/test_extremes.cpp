// SPDX-License-Identifier: BSD-3-Clause
//
// Sizes and numbers at the edge of what a struct can hold: refused, or computed without the memory they seem to ask for.
// Each was found by fuzzing.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "imperfect/layer.hpp"

using namespace imperfect;

namespace {

constexpr int kMost = std::numeric_limits<int>::max();

using Vector = std::vector<float>;

ArrayView<const float> view(const Vector& values) { return {values.data(), values.size()}; }

/// A convolution of one channel by a square kernel of ones.
Layer ones(LayerShape shape, int side, const Hardware& hardware = {}) {
  shape.kernel[1] = shape.kernel[2] = side;
  return Layer(shape, view(Vector(static_cast<std::size_t>(side * side), 1.0f)), {}, hardware);
}

Vector run(const Layer& layer, const Vector& x, const BatchShape& input) {
  Vector y(layer.shape().output_shape(input).size());
  layer.forward(view(x), input, {y.data(), y.size()});
  return y;
}

}  // namespace

TEST_CASE("a step far beyond the image takes no more memory than one to its end") {
  LayerShape shape;
  shape.stride[0] = shape.stride[1] = shape.stride[2] = kMost;
  shape.pad_begin[1] = 1;
  const Vector x = {1.0f, 2.0f, 3.0f, 4.0f};
  CHECK(run(ones(shape, 2), x, {1, 1, 2, 2}) == Vector{3.0f});
}

TEST_CASE("kernels and padding that leave the range of int are refused") {
  LayerShape shape;
  shape.dilation[1] = kMost;
  CHECK_THROWS_AS(run(ones(shape, 3), Vector(9, 1.0f), {1, 1, 3, 3}), std::invalid_argument);
  shape = {};
  shape.pad_begin[1] = shape.pad_end[1] = kMost;
  CHECK_THROWS_AS(run(ones(shape, 1), {1.0f}, {1, 1, 1, 1}), std::invalid_argument);
  shape.pad_end[1] = 0;  // exactly 2^31 rows
  CHECK_THROWS_AS(run(ones(shape, 1), {1.0f}, {1, 1, 1, 1}), std::invalid_argument);
}

TEST_CASE("an empty batch of large images takes no memory") {
  LayerShape shape;
  shape.is_transposed = true;
  CHECK(run(ones(shape, 64), {}, {0, 1, 40000, 40000}).empty());
}

TEST_CASE("numbers that float32 cannot hold are refused") {
  Hardware hardware;
  hardware.cell.g_max_sigma = 1e300;
  CHECK_THROWS_AS(ones({}, 1, hardware), std::invalid_argument);
  hardware = {};
  hardware.dac.range = 1e300;
  CHECK_THROWS_AS(ones({}, 1, hardware), std::invalid_argument);
  hardware = {};
  hardware.cell.programming = {{ProgrammingLaw::Kind::kGaussian, {1e30}}};
  hardware.weight_range = {WeightRange::Kind::kValue, 1e30};
  CHECK_THROWS_AS(ones({}, 1, hardware).effective_weight(), std::invalid_argument);
}

TEST_CASE("times of a law that replaces the spread must increase from 0") {
  Hardware hardware;
  const auto makes = [&](ProgrammingLaw::Kind kind, std::vector<double> first, DriftLaw::Kind drift,
                         std::vector<double> rows) {
    hardware.cell.programming = {{kind, std::move(first)}};
    hardware.cell.drift = {{drift, std::move(rows)}};
    validate(hardware);
  };
  const auto saturating = [&](std::vector<double> rows) {
    makes(ProgrammingLaw::Kind::kSaturating, {0.1, 0.2}, DriftLaw::Kind::kSpreadSaturating, std::move(rows));
  };
  saturating({0.0, 0.1, 0.2, 10.0, 0.2, 0.2});
  CHECK_THROWS_AS(saturating({-1.0, 0.1, 0.2}), std::invalid_argument);
  CHECK_THROWS_AS(saturating({5.0, 0.1, 0.2, 5.0, 0.2, 0.2}), std::invalid_argument);
  const auto polynomials = [&](double time) {
    makes(ProgrammingLaw::Kind::kPolynomialX, {50.0, 1.0, 0.0, 0.0, 0.0, 0.0}, DriftLaw::Kind::kSpreadPolynomials,
          {50.0, 1.0, time, 1.0, 0.0, 0.0, 0.0, 0.0});
  };
  polynomials(1.0);
  CHECK_THROWS_AS(polynomials(1e300), std::invalid_argument);
}
