// SPDX-License-Identifier: BSD-3-Clause
//
// Whole layers: exact integer products, the same bits for any number of threads and split of the batch, state and errors.
// Agreement with the equations is tested from Python against the float64 reference.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <limits>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/kernel_table.hpp"
#include "layer_data.hpp"

using namespace imperfect;

TEST_CASE("ideal integer cells give the integer product, beyond 2^24 too") {
  const int rows = 300, outputs = 11, samples = 70;
  for (const Scheme scheme : {Scheme::kDifferential, Scheme::kOffset})
    for (const int bits : {4, 8, 16}) {
      Hardware hardware;
      hardware.scheme = scheme;
      hardware.weight_bits = bits;
      hardware.cell.bits = 3;
      hardware.weight_range = {WeightRange::Kind::kValue, static_cast<double>((1 << (bits - 1)) - 1)};
      hardware.dac.bits = bits;
      hardware.dac.is_signed = true;
      hardware.dac.range = static_cast<double>((1 << (bits - 1)) - 1);
      const int top = (1 << (bits - 1)) - 1;
      const Vector weight = integers(rows * outputs, -top, top, 1), x = integers(rows * samples, -top, top, 2);
      const Layer layer(linear(rows, outputs), view(weight), {}, hardware);
      const Vector y = run(layer, x, {samples, rows, 1, 1});
      for (std::size_t s = 0; s < samples; ++s)
        for (std::size_t o = 0; o < outputs; ++o) {
          double sum = 0.0;
          for (std::size_t r = 0; r < rows; ++r) sum += double{weight[o * rows + r]} * x[s * rows + r];
          REQUIRE(y[s * outputs + o] == static_cast<float>(sum));
        }
    }
}

namespace {

/// Splits rows, pads, groups and, for volumes, planes.
LayerShape convolution(bool is_volume, bool is_transposed) {
  LayerShape shape;
  shape.in_channels = 6;
  shape.out_channels = 20;
  shape.groups = is_volume ? 2 : 1;
  shape.kernel[0] = shape.stride[0] = is_volume ? 2 : 1;
  shape.kernel[1] = 3;
  shape.kernel[2] = 2;
  shape.stride[2] = 2;
  shape.pad_begin[1] = 1;
  shape.is_transposed = is_transposed;
  return shape;
}

void check_bits(const LayerShape& shape, const BatchShape& input, const Hardware& hardware) {
  const Vector weight = integers(shape.weight_size(), -9, 9, 3), x = integers(input.size(), -3, 3, 4);
  const Layer layer(shape, view(weight), {}, hardware, 5, 6);
  const Vector y = run(layer, x, input, 1);
  for (const int threads : {2, 3, 16}) CHECK(run(layer, x, input, threads) == y);
  Vector parts;
  BatchShape single = input;
  single.images = 1;
  for (std::size_t image = 0; image < input.images; ++image) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(image * input.image_size());
    const Vector one = run(layer, Vector(begin, begin + static_cast<std::ptrdiff_t>(input.image_size())), single);
    parts.insert(parts.end(), one.begin(), one.end());
  }
  CHECK(parts == y);
}

}  // namespace

TEST_CASE("same bits for any number of threads, for a batch whole and split") {
  for (const bool is_volume : {false, true})
    for (const bool is_transposed : {false, true})
      for (const bool converted : {false, true}) {
        Hardware hardware = noisy_converted();
        if (!converted) hardware.adc.bits.reset();
        check_bits(convolution(is_volume, is_transposed), {5, 6, 9, 12, is_volume ? 3 : 1}, hardware);
      }
}

TEST_CASE("convolutions of volumes, and transposed ones, are what plain loops give") {
  for (const bool is_transposed : {false, true}) {
    const LayerShape shape = convolution(true, is_transposed);
    const BatchShape input{2, 6, 4, 7, 3}, output = shape.output_shape(input);
    const Vector weight = integers(shape.weight_size(), -9, 9, 3), x = integers(input.size(), -3, 3, 4);
    Vector y(output.size(), 0.0f);
    // The smaller side of the map is at i, the larger at i·stride + k - pad; each weight joins two channels of a group.
    const BatchShape& small = is_transposed ? input : output;
    const BatchShape& large = is_transposed ? output : input;
    const int outer = small.channels, inner = large.channels / shape.groups;
    for (int n = 0; n < 2; ++n)
      for (int c = 0; c < outer; ++c)
        for (int w = 0; w < inner * 2 * 3 * 2; ++w)
          for (int i = 0; i < static_cast<int>(small.positions()); ++i) {
            const int d = c / (outer / shape.groups) * inner + w / 12;
            const int z = i / small.width / small.height * 2 + w / 6 % 2, v = i / small.width % small.height + w / 2 % 3 - 1;
            const int h = i % small.width * 2 + w % 2;
            if (z >= large.depth || v < 0 || v >= large.height || h >= large.width) continue;
            const auto near = static_cast<std::size_t>((n * outer + c) * static_cast<int>(small.positions()) + i);
            const auto far =
                static_cast<std::size_t>((((n * large.channels + d) * large.depth + z) * large.height + v) * large.width + h);
            const float factor = weight[static_cast<std::size_t>(c * inner * 12 + w)];
            (is_transposed ? y[far] : y[near]) += factor * (is_transposed ? x[near] : x[far]);
          }
    const Vector found = run(Layer(shape, view(weight), {}, Hardware{}), x, input);
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(found[i] == doctest::Approx(y[i]).epsilon(1e-4));
  }
}

TEST_CASE("programming: same seed same bits, copies share, state can be restored") {
  const Vector weight = integers(40, -9, 9, 3), x = integers(10, -3, 3, 4);
  const BatchShape input{1, 10, 1, 1};
  Layer layer(linear(10, 4), view(weight), {}, noisy_converted(), 1, 2);
  const Vector y = run(layer, x, input);
  const Layer copy = layer;
  layer.program(9);
  CHECK(run(layer, x, input) != y);
  CHECK(run(copy, x, input) == y);
  const Vector other = run(layer, x, input);
  layer.program(9, 1);
  CHECK(run(layer, x, input) != other);
  layer.program(1);
  CHECK(run(layer, x, input) == y);
  Layer restored(linear(10, 4), view(weight), {}, noisy_converted(), 77, 2);
  restored.set_cells(*layer.cells(), 1, 0);
  CHECK(run(restored, x, input) == y);
  CHECK_THROWS_AS(restored.set_cells({}, 1, 0), std::invalid_argument);
}

TEST_CASE("cells drawn while packing are those that cells() gives, for any number of threads") {
  const int rows = 45, outputs = 150;
  const Vector weight = integers(rows * outputs, -30, 30, 3), x = integers(2 * rows, -3, 3, 4);
  const BatchShape input{2, rows, 1, 1};
  for (int variant = 0; variant < 6; ++variant) {
    CAPTURE(variant);
    Hardware hardware = noisy_converted();
    hardware.cell.faults.clear();
    if (variant == 1) hardware.subtract = Subtract::kDigital;
    if (variant == 2) hardware.adc.bits.reset();
    if (variant >= 3) hardware.scheme = Scheme::kOffset;
    if (variant == 4) hardware.offset_removal = OffsetRemoval::kUnitColumn;
    if (variant == 5) hardware.cell.programming = {{ProgrammingLaw::Kind::kWeightGaussian, {0.05}}};
    if (variant == 5) hardware.dac.slice_bits = 1;
    Layer layer(linear(rows, outputs), view(weight), {}, hardware, 1, 2);
    Layer given(linear(rows, outputs), view(weight), {}, hardware, 77, 2);
    given.set_cells(*layer.cells(), 1, 0);
    const Vector y = run(layer, x, input);
    CHECK(run(given, x, input) == y);
    CHECK(given.effective_weight() == layer.effective_weight());
    set_num_threads(3);
    layer.program(1);
    CHECK(run(layer, x, input) == y);
    CHECK(layer.cells()->weights == given.cells()->weights);
    set_num_threads(0);
  }
}

TEST_CASE("a layer at a later time has drifted cells, keeps the written ones, and can go back") {
  const LayerShape shape = linear(70, 24);
  const Vector weight = integers(shape.weight_size(), -7, 7, 3);
  Hardware hardware;
  hardware.cell.programming = {{ProgrammingLaw::Kind::kGaussian, {0.01}}};
  hardware.cell.drift = {{DriftLaw::Kind::kPower, {20.0, 0.05, 0.0, 0.05, 0.05, 0.01, 0.0, 0.01, 0.01}}};
  const Layer layer(shape, view(weight), {}, hardware, 3);
  const Layer later = layer.at(86400.0);
  CHECK(later.seconds() == 86400.0);
  CHECK(later.cells()->weights == layer.cells()->weights);
  CHECK(later.conductances() != layer.conductances());
  CHECK(later.at(0.0).conductances() == layer.conductances());
  Layer restored(shape, view(weight), {}, hardware, 3);
  restored.set_cells(*layer.cells(), 3, 0);
  CHECK(restored.at(86400.0).conductances() == later.conductances());
  Vector x = integers(70, -3, 3, 4);
  CHECK(run(restored.at(86400.0), x, {1, 70, 1, 1}) == run(later, x, {1, 70, 1, 1}));
  CHECK_THROWS_AS(layer.at(-1.0), std::invalid_argument);
  CHECK_THROWS_AS(layer.pulses(), std::invalid_argument);
}

TEST_CASE("an epilogue shares the cells and acts on the output") {
  const Vector weight = {1.0f, -1.0f}, bias = {1.0f, 0.0f}, x = {2.0f};
  const Layer layer(linear(1, 2), view(weight), view(bias), {});
  const Layer clipped = layer.with_epilogue({{2.0f, 1.0f}, {0.5f, 0.0f}, 0.0f, 6.0f});
  CHECK(run(layer, x, {1, 1, 1, 1}) == Vector{3.0f, -2.0f});
  CHECK(run(clipped, x, {1, 1, 1, 1}) == Vector{6.0f, 0.0f});
  CHECK(clipped.cells()->weights == layer.cells()->weights);
  CHECK_THROWS_AS(layer.with_epilogue({{1.0f}, {}, 0.0f, 6.0f}), std::invalid_argument);
  const float infinite = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(layer.with_epilogue({{1.0f, infinite}, {}, 0.0f, 6.0f}), std::invalid_argument);
  CHECK_THROWS_AS(layer.with_epilogue({{}, {-infinite, 0.0f}, 0.0f, 6.0f}), std::invalid_argument);
}

TEST_CASE("ranges left open must be calibrated first") {
  Hardware hardware;
  hardware.dac.bits = 4;
  hardware.adc.bits = 8;
  hardware.adc.range = Adc::RangeKind::kCalibrated;
  const Vector weight = {1.0f, -1.0f}, x = {2.0f, 0.5f};
  const BatchShape input{1, 2, 1, 1};
  Layer layer(linear(2, 1), view(weight), {}, hardware);
  Vector y(1);
  CHECK(layer.needs_calibration());
  CHECK_THROWS_AS(layer.forward(view(x), input, {y.data(), 1}), std::invalid_argument);
  CHECK(layer.plan().kind == "uncalibrated");
  layer.calibrate(view(x), input);
  CHECK_FALSE(layer.needs_calibration());
  CHECK(layer.calibration()->full_scale == 2.0);
  CHECK_FALSE(layer.calibration()->is_signed);
  CHECK(run(layer, x, input)[0] == doctest::Approx(1.5).epsilon(0.1));
  const Vector large = {9.0f, 0.5f};
  CHECK(layer.clipping_rates(view(large), input).dac == 0.5);
}

TEST_CASE("a report counts codes, clipping and currents") {
  Hardware hardware;
  hardware.dac.bits = 4;
  hardware.dac.is_signed = true;
  hardware.dac.range = 1.0;
  hardware.adc.bits = 3;
  hardware.adc.range = Adc::RangeKind::kExplicit;
  hardware.adc.ranges = {{-1.0, 1.0}};
  const Vector weight = {1.0f, 1.0f}, x = {1.0f, 1.0f, 0.0f, 0.0f, -3.0f, 0.0f};
  const Layer layer(linear(2, 1), view(weight), {}, hardware);
  const CalibrationReport report = layer.calibration_report(view(x), {3, 2, 1, 1});
  CHECK(report.full_scale == 1.0);
  CHECK(report.inputs_clipped == doctest::Approx(1.0 / 6.0));
  REQUIRE(report.converters.size() == 1);
  const ConverterUse& use = report.converters[0];
  CHECK(use.polarity == -1);
  CHECK(use.codes == std::vector<std::uint64_t>{1, 0, 0, 1, 0, 0, 1});
  CHECK(use.conversions == 3);
  CHECK(use.clipped_high == 1);
  CHECK(use.clipped_low == 0);
  CHECK(use.limited_lines == 0);
  CHECK(use.mean == doctest::Approx(1.0 / 3.0));
  CHECK_THROWS_AS(layer.calibration_report({}, {0, 2, 1, 1}), std::invalid_argument);
}

TEST_CASE("bad input is refused") {
  const Vector weight = {1.0f, 2.0f}, nan = {1.0f, std::numeric_limits<float>::quiet_NaN()};
  const BatchShape input{1, 2, 1, 1};
  CHECK_THROWS_AS(Layer(linear(2, 1), view(nan), {}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Layer(linear(3, 1), view(weight), {}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Layer(linear(2, 1), view(weight), view(weight), {}), std::invalid_argument);
  CHECK_THROWS_AS(Layer(linear(0, 1), {}, {}, {}), std::invalid_argument);
  const Layer layer(linear(2, 1), view(weight), {}, {});
  Vector y(1);
  CHECK_THROWS_AS(layer.forward(view(nan), input, {y.data(), 1}), std::invalid_argument);
  CHECK_THROWS_AS(layer.forward(view(weight), {1, 3, 1, 1}, {y.data(), 1}), std::invalid_argument);
  CHECK_THROWS_AS(layer.forward(view(weight), input, {y.data(), 0}), std::invalid_argument);
  CHECK_THROWS_AS(layer.forward(view(weight), input, {y.data(), 1}, -1), std::invalid_argument);
  CHECK(run(layer, {}, {0, 2, 1, 1}).empty());
}

/// Whether a layer refuses what a change makes of hardware that is possible.
template <typename Change>
void refused(Change change) {
  const Vector weight = {1.0f, 2.0f};
  Hardware hardware = noisy_converted();
  change(hardware);
  CHECK_THROWS_AS(Layer(linear(2, 1), view(weight), {}, hardware), std::invalid_argument);
}

TEST_CASE("conductances and energies that are not finite are refused") {
  const Vector weight = {1.0f, 2.0f}, x = {1.0f, 1.0f};
  Hardware wild, driven;
  wild.cell.g_max = 1e-4;
  wild.cell.programming = {{ProgrammingLaw::Kind::kPolynomialX, {2.5e-5, 3e38}}};
  const Vector many(100, 1.0f);  // of some the error is negative, and they end at 0
  CHECK_THROWS_AS(Layer(linear(100, 1), view(many), {}, wild).conductances(), std::invalid_argument);
  driven.cell.g_max = 1e-4;
  driven.dac.range = 1e-300;
  CHECK_THROWS_AS(Layer(linear(2, 1), view(weight), {}, driven).read_activity(view(x), {1, 2, 1, 1}), std::invalid_argument);
}

TEST_CASE("impossible weights and cells are refused") {
  refused([](Hardware& h) { h.weight_bits = 0; });
  refused([](Hardware& h) { h.weight_bits = 40; });
  refused([](Hardware& h) { h.cell.bits = 7; });
  refused([](Hardware& h) { h.cell.on_off_ratio = 1.0; });
  refused([](Hardware& h) { h.cell.on_off_ratio = std::numeric_limits<double>::quiet_NaN(); });
  refused([](Hardware& h) { h.cell.g_min_sigma = -1.0; });
  refused([](Hardware& h) { h.cell.programming = {{ProgrammingLaw::Kind::kGaussian, {}}}; });
  refused([](Hardware& h) { h.cell.programming = {{ProgrammingLaw::Kind::kTable, {0.5, 0.1, 0.1, 0.1}}}; });
  refused([](Hardware& h) { h.cell.programming = {{ProgrammingLaw::Kind::kPolynomial, {1.0}}}; });
  refused([](Hardware& h) { h.cell.faults = {{2.0, 0.0}}; });
  refused([](Hardware& h) { h.cell.programming = {{ProgrammingLaw::Kind::kWriteVerify, {0.1, 0.5, 0.1}}}; });
  refused([](Hardware& h) { h.cell.programming = {{ProgrammingLaw::Kind::kSaturating, {0.1, 0.0}}}; });
  refused([](Hardware& h) { h.cell.drift = {{DriftLaw::Kind::kPower, {20.0, 0.1}}}; });
  refused([](Hardware& h) { h.cell.drift = {{DriftLaw::Kind::kPower, {0.0, 0.1, 0, 1, 1, 0, 0, 1, 1}}}; });
  refused([](Hardware& h) { h.cell.drift = {{DriftLaw::Kind::kShift, {0.1, 0.1, 0.1}}}; });
  refused([](Hardware& h) { h.cell.drift = {{DriftLaw::Kind::kTable, {1, 2, 10, 1.0, 0.5, 0, 0, 0, 0}}}; });
  refused([](Hardware& h) { h.cell.drift = {{DriftLaw::Kind::kSpreadSaturating, {0.0, 0.1, 0.2}}}; });
}

TEST_CASE("impossible arrays and converters are refused") {
  refused([](Hardware& h) { h.array.rows = 0; });
  refused([](Hardware& h) { h.array.column_current_max = 0.0; });
  refused([](Hardware& h) { h.two_sided = true; });
  refused([](Hardware& h) { h.offset_removal = OffsetRemoval::kUnitColumn; });
  refused([](Hardware& h) { h.weight_range = {WeightRange::Kind::kPercentile, 20.0}; });
  refused([](Hardware& h) { h.dac.two_pass = true; });
  refused([](Hardware& h) { h.dac.range = 0.0; });
  refused([](Hardware& h) { h.dac.nonlinearity = {{0.0, 0.1}, {1.0, 1.0}}; });
  refused([](Hardware& h) { h.dac.nonlinearity = {{0.0, 0.0}, {0.5, 0.5}}; });
  refused([](Hardware& h) { h.dac.nonlinearity = {{0.0, 0.0}, {0.5, -0.5}, {1.0, 1.0}}; });
  refused([](Hardware& h) { h.adc.range = Adc::RangeKind::kExplicit; });
  refused([](Hardware& h) { h.adc.range = Adc::RangeKind::kExplicit, h.adc.ranges = {{1.0, -1.0}}; });
  refused([](Hardware& h) { h.adc.bits = 1; });
  refused([](Hardware& h) { h.adc.tie_slices = true, h.adc.range = Adc::RangeKind::kFull; });
  refused([](Hardware& h) { h.adc.gain_sigma = -0.1; });
  refused([](Hardware& h) { h.adc.noise = 0.5, h.adc.bits.reset(); });
  refused([](Hardware& h) { h.adc.inl = {Inl::Kind::kTable, {0.0, 64.0, 1.0, 1.0}}; });
  refused([](Hardware& h) { h.adc.inl = {Inl::Kind::kSar, {0.3}}; });
  refused([](Hardware& h) { h.adc.inl = {Inl::Kind::kPipeline, {0.0, 0.1}}; });
  refused([](Hardware& h) { h.adc.inl = {Inl::Kind::kRamp, {0.1}}, h.adc.bits = 13; });
}

int main(int argc, char** argv) {
  try {
    std::printf("SIMD level %s\n", kernels().name);
  } catch (const std::invalid_argument& error) {
    std::printf("%s\n", error.what());
    return 0;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
