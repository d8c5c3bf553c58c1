// SPDX-License-Identifier: BSD-3-Clause
//
// Layers whose answer is known: parts that lose nothing, curved cells, the energy of reads, errors of weights,
// read-outs.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "layer/packed.hpp"
#include "layer/readout.hpp"
#include "layer/wired_cells.hpp"
#include "layer_data.hpp"

using namespace imperfect;

TEST_CASE("one-bit inputs, ideal levels, lossless converters: the product from 8-bit tables is exact") {
  Hardware hardware;
  hardware.weight_bits = 6;
  hardware.cell.bits = 2;
  hardware.array.rows = 20;
  hardware.dac.bits = 5;
  hardware.dac.slice_bits = 1;
  hardware.dac.is_signed = true;
  hardware.dac.range = 15.0;
  hardware.adc.bits = 8;
  hardware.adc.range = Adc::RangeKind::kLossless;
  const int inputs = 64, outputs = 30;
  Vector weight = integers(static_cast<std::size_t>(inputs * outputs), -31, 31, 5);
  weight[0] = 31.0f;
  const Vector x = integers(8 * inputs, -15, 15, 6);
  const Layer layer(linear(inputs, outputs), view(weight), {}, hardware);
  CHECK(layer.plan().reason.find("8-bit tables") != std::string::npos);
  const Vector y = run(layer, x, {8, inputs, 1, 1});
  for (int n = 0; n < 8; ++n)
    for (int o = 0; o < outputs; ++o) {
      float sum = 0.0f;
      for (int i = 0; i < inputs; ++i)
        sum += weight[static_cast<std::size_t>(o * inputs + i)] * x[static_cast<std::size_t>(n * inputs + i)];
      REQUIRE(y[static_cast<std::size_t>(n * outputs + o)] == doctest::Approx(sum).epsilon(1e-6));
    }
}

TEST_CASE("however inputs are driven and currents read, parts that lose nothing give the product") {
  const int inputs = 33, outputs = 7, samples = 5;
  Vector weight = integers(static_cast<std::size_t>(inputs * outputs), -7, 7, 5);
  weight[0] = 7.0f;
  const Vector x = integers(static_cast<std::size_t>(inputs * samples), -15, 15, 6);
  const BatchShape input{samples, inputs, 1, 1};
  const Vector expected = run(Layer(linear(inputs, outputs), view(weight), {}, {}), x, input);
  Hardware plain;
  plain.weight_bits = 4;
  plain.cell.g_max = 1e-4;
  plain.dac.bits = 5;
  plain.dac.is_signed = true;
  plain.dac.range = 15.0;
  Hardware two_passes = plain, analog = plain, gated = plain;
  two_passes.dac.two_pass = analog.dac.two_pass = true;  // one for each sign
  two_passes.dac.is_signed = analog.dac.is_signed = false;
  two_passes.dac.range = analog.dac.range = 31.0;
  two_passes.dac.slice_bits = analog.dac.slice_bits = 2;
  two_passes.adc.bits = 12;
  two_passes.adc.range = Adc::RangeKind::kLossless;
  analog.dac.accumulate = Accumulate::kAnalog;
  analog.array.column_current_max = 1e6;
  gated.array.is_gated = true;
  for (const Hardware& hardware : {plain, two_passes, analog, gated}) {
    const Vector y = run(Layer(linear(inputs, outputs), view(weight), {}, hardware), x, input);
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == doctest::Approx(expected[i]).epsilon(1e-5).scale(1.0));
  }
}

TEST_CASE("curved cells: a cell at v volt carries g v + a2 v² + a3 v³, whether or not inputs are converted") {
  Hardware hardware;
  hardware.weight_range = {WeightRange::Kind::kValue, 1.0};
  hardware.cell.g_max = 1e-4;
  hardware.cell.on_off_ratio = 10.0;
  hardware.cell.v_read = 0.2;
  hardware.cell.curve = {IvCurve::Kind::kTable, {1e-4, 2e-4, 5e-4}};  // in proportion to g below
  hardware.dac.range = 7.0;
  hardware.dac.is_signed = false;
  for (const bool is_converted : {false, true}) {
    if (is_converted) hardware.dac.bits = 3;
    const Vector y = run(Layer(linear(1, 1), view(Vector{1.0f}), {}, hardware), {3.0f}, {1, 1, 1, 1});
    const double u = 3.0 / 7.0, bent = u * u * 2.0 * 0.2 + u * u * u * 5.0 * 0.04;
    CHECK(double{y[0]} == doctest::Approx(7.0 * (u + bent)).epsilon(1e-5));
  }
}

TEST_CASE("energy of a read: conductances times squares of voltages, of the word lines that are driven") {
  Hardware hardware;
  hardware.weight_range = {WeightRange::Kind::kValue, 1.0};
  hardware.cell.on_off_ratio = 4.0;
  hardware.dac.bits = 3;
  hardware.dac.is_signed = false;
  hardware.dac.range = 7.0;
  hardware.adc.bits = 8;
  const Vector weight = {1.0f, 0.0f, -0.5f, 0.5f};  // two outputs of two rows
  Vector x(22, 7.0f);
  x[0] = 3.0f;
  x[3] = 0.0f;
  const ReadActivity found = Layer(linear(2, 2), view(weight), {}, hardware).read_activity(view(x), {11, 2, 1, 1});
  CHECK(found.word_line_charges == 2 * 21);  // of the arrays of both polarities
  CHECK(found.cell_reads == 2 * 2 * 21);
  const double first = 1.0 + 0.25 + 0.25 + 0.625, second = 0.25 + 0.25 + 0.625 + 0.25;
  CHECK(found.energy == doctest::Approx(first * (10.0 + 9.0 / 49.0) + second * 10.0));
}

TEST_CASE("errors of weights go up and down alike") {
  const int count = 4000;
  Hardware hardware;
  hardware.weight_range = {WeightRange::Kind::kValue, 1.0};
  hardware.weight_bits = 5;
  hardware.cell.bits = 2;
  hardware.cell.programming = {{ProgrammingLaw::Kind::kWeightGaussian, {0.05}}};
  const Vector weight(count, 0.0f);
  const Vector y = run(Layer(linear(1, count), view(weight), {}, hardware), {1.0f}, {1, 1, 1, 1});
  double sum = 0.0, squares = 0.0;
  for (const float error : y) {
    sum += error;
    squares += double{error} * error;
  }
  CHECK(std::abs(sum / count) < 5 * 0.05 / std::sqrt(count));
  CHECK(std::abs(std::sqrt(squares / count) / 0.05 - 1.0) < 5 / std::sqrt(2.0 * count));
}

TEST_CASE("cells rounded to 16 bits give nearly what float cells give, and the plan says so") {
  Hardware hardware = noisy_converted();
  hardware.dac.slice_bits = 1;
  hardware.adc.bits = 14;
  const Vector weight = integers(64 * 30, -100, 100, 5), x = integers(8 * 64, -3, 3, 6);
  const Layer exact(linear(64, 30), view(weight), {}, hardware, 3);
  const Layer rounded(linear(64, 30), view(weight), {}, hardware, 3, 0, Precision::kFixed16);
  CHECK(exact.plan().kind == "bit_serial");
  CHECK(exact.plan().reason.find("16-bit") == std::string::npos);
  CHECK(rounded.plan().reason.find("16-bit") != std::string::npos);
  const BatchShape input{8, 64, 1, 1};
  const Vector expected = run(exact, x, input), found = run(rounded, x, input);
  double error = 0.0, size = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(found[i] - expected[i], 2.0);
    size += std::pow(expected[i], 2.0);
  }
  CHECK(error > 0.0);
  CHECK(std::sqrt(error / size) < 2e-3);
}

TEST_CASE("read-outs keep a million inputs and read their outputs in parts") {
  const Vector zeros(4 * 300000);
  CHECK(keep_inputs(zeros.data(), {300000, 4, 1, 1}).shape.images == (1u << 20) / 4);

  const int inputs = 2, outputs = 40, samples = 30000;  // 1.2 million outputs
  const Vector weight = integers(static_cast<std::size_t>(inputs * outputs), -7, 7, 5);
  const Vector x = integers(static_cast<std::size_t>(inputs * samples), -15, 15, 6);
  const BatchShape input{samples, inputs, 1, 1};
  const auto definition = make_definition(linear(inputs, outputs), view(weight), {}, {}, 0, Precision::kFloat32);
  const ReadCells cells = read_cells(definition, std::make_shared<const CellSource>(definition, 0, 0));
  const std::vector<double> found =
      read_out(*definition, *pack_layer(*definition, cells, {}, 0), keep_inputs(x.data(), input));
  const Vector y = run(Layer(linear(inputs, outputs), view(weight), {}, {}), x, input);
  for (std::size_t o = 0; o < found.size(); ++o) {
    double sum = 0.0;
    for (std::size_t i = o; i < y.size(); i += found.size()) sum += std::abs(double{y[i]});
    REQUIRE(found[o] == doctest::Approx(sum / samples).epsilon(1e-6));
  }
}
