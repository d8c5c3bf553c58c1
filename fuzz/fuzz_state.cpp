// SPDX-License-Identifier: BSD-3-Clause
//
// What a saved chip is read back through: a layer of any hardware, among it all that the C interface cannot say, takes cells,
// converter ranges, readout inputs and an epilogue that may come from a hostile file, and is then used. Refusals must be
// std::invalid_argument; what comes out must be finite and the same when it is asked for again.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"
#include "imperfect/layer.hpp"

namespace {

using namespace imperfect;
using fuzz::Bytes;
using fuzz::expect;

constexpr std::size_t kMostWeights = 1024, kMostInputs = 1024, kMostOutputs = 4096, kMostCalls = 10;

/// One of the kinds of an enum whose last is given.
template <class Kind>
Kind kind(Bytes& in, Kind last) {
  return static_cast<Kind>(in.byte() % (static_cast<int>(last) + 1));
}

std::optional<int> bits(Bytes& in, int high) {
  const int value = in.integer(0, high);
  return value == 0 ? std::nullopt : std::optional<int>(value);
}

/// Parameters that a law of that many takes, or any.
std::vector<double> params(Bytes& in, std::size_t count) {
  if (in.byte() >= 224) return in.numbers();
  std::vector<double> values(count);
  for (double& value : values) value = in.number();
  return values;
}

/// n numbers from 0 to 1, then `columns` − 1 times n numbers.
std::vector<double> table(Bytes& in, std::size_t columns) {
  const std::size_t n = 2 + in.byte() % 3u;
  std::vector<double> values = params(in, n * columns);
  for (std::size_t i = 0; i < n && values.size() == n * columns && in.byte() < 224; ++i)
    values[i] = static_cast<double>(i) / static_cast<double>(n - 1);
  return values;
}

void edit_shape(LayerShape& s, Bytes& in) {
  const int axis = in.byte() % 3;
  switch (in.byte() % 10) {
    case 0: s.in_channels = in.integer(1, 8); break;
    case 1: s.out_channels = in.integer(1, 8); break;
    case 2: s.groups = in.integer(1, 4); break;
    case 3: s.kernel[axis] = in.integer(1, 4); break;
    case 4: s.stride[axis] = in.integer(1, 3); break;
    case 5: s.dilation[axis] = in.integer(1, 3); break;
    case 6: s.pad_begin[axis] = in.padding(3); break;
    case 7: s.pad_end[axis] = in.padding(3); break;
    case 8: s.is_transposed = in.byte() % 2; break;
    default: s.output_padding[axis] = in.integer(0, 2); break;
  }
}

void edit_weights(Hardware& h, Bytes& in) {
  switch (in.byte() % 10) {
    case 0: h.weight_bits = bits(in, 9); break;
    case 1: h.scheme = kind(in, Scheme::kOffset); break;
    case 2: h.two_sided = in.byte() % 2; break;
    case 3: h.subtract = kind(in, Subtract::kDigital); break;
    case 4: h.offset_removal = kind(in, OffsetRemoval::kUnitColumn); break;
    case 5: h.weight_range.kind = kind(in, WeightRange::Kind::kValue); break;
    case 6: h.weight_range.value = in.number(); break;
    case 7: h.per = kind(in, RangePer::kChannel); break;
    case 8: h.groups = kind(in, Grouping::kBlockDiagonal); break;
    default: h.drift_compensation = kind(in, DriftCompensation::kColumn); break;
  }
}

ProgrammingLaw programming(Bytes& in) {
  using Kind = ProgrammingLaw::Kind;
  const Kind law = kind(in, Kind::kWriteVerify);
  switch (law) {
    case Kind::kTable: return {law, table(in, 2)};
    case Kind::kMeanTable: return {law, table(in, 3)};
    case Kind::kPolynomial:
    case Kind::kPolynomialX: return {law, params(in, 2 + in.byte() % 4u)};
    case Kind::kSaturating: return {law, params(in, 2)};
    case Kind::kWriteVerify: return {law, {in.number(), static_cast<double>(in.integer(0, 40)), in.number()}};
    default: return {law, params(in, 1)};
  }
}

DriftLaw drift(Bytes& in) {
  using Kind = DriftLaw::Kind;
  const Kind law = kind(in, Kind::kSpreadSaturating);
  switch (law) {
    case Kind::kPower: return {law, params(in, 9)};
    case Kind::kShift: return {law, params(in, 3)};
    case Kind::kSpreadSaturating: return {law, params(in, 3 * (1 + in.byte() % 3u))};
    case Kind::kSpreadPolynomials: {
      std::vector<double> values = params(in, 2 + 6 * (1 + in.byte() % 2u));
      if (values.size() > 1) values[1] = static_cast<double>((values.size() - 2) / 6);
      return {law, values};
    }
    default: break;
  }
  const double times = in.integer(0, 3), points = in.integer(0, 3);
  std::vector<double> values{times, points};
  const double size = times + points + 2.0 * times * points;
  for (int i = 0; i < 30 && i < size; ++i)
    values.push_back(i < times ? i + 1.0 : i < times + points ? (i - times) / 4.0 : in.number());
  return {law, values};
}

ReadNoise read_noise(Bytes& in) {
  using Kind = ReadNoise::Kind;
  const Kind law = kind(in, Kind::kLogarithmic);
  const auto correlation = kind(in, ReadNoise::Correlation::kProduct);
  if (law == Kind::kTable) return {law, correlation, table(in, 2)};
  const std::size_t count = law == Kind::kFlicker ? 6 : law == Kind::kSaturating || law == Kind::kLogarithmic ? 2 : 1;
  return {law, correlation, params(in, count)};
}

void edit_cell(Cell& c, Bytes& in) {
  switch (in.byte() % 11) {
    case 0: c.bits = bits(in, 4); break;
    case 1: c.g_max = in.number(); break;
    case 2: c.on_off_ratio = in.number(); break;
    case 3: c.programming.push_back(programming(in)); break;
    case 4: c.faults.push_back({in.number(), in.number(), kind(in, StuckAt::Cluster::kColumn)}); break;
    case 5: c.drift.push_back(drift(in)); break;
    case 6: c.read_noise.push_back(read_noise(in)); break;
    case 7: c.g_min_sigma = in.number(); break;
    case 8: c.g_max_sigma = in.number(); break;
    case 9: c.v_read = in.number(); break;
    default: {
      c.curve.kind = kind(in, IvCurve::Kind::kTable);
      c.curve.params = table(in, 3);
      if (c.curve.kind == IvCurve::Kind::kLogPolynomials && c.curve.params.size() > 3)
        c.curve.params[2] = 1.0 + in.byte() % 3;
    }
  }
}

void edit_array(Array& a, Bytes& in) {
  switch (in.byte() % 10) {
    case 0: a.rows = bits(in, 9); break;
    case 1: a.cols = bits(in, 9); break;
    case 2: a.partition = kind(in, Partition::kFill); break;
    case 3: a.column_current_max = in.number(); break;
    case 4: a.wires.r_row = in.number(); break;
    case 5: a.wires.r_col = in.number(); break;
    case 6: (in.byte() % 2 ? a.wires.r_driver : a.wires.r_sense) = in.number(); break;
    case 7: a.wires.corner = kind(in, Corner::kRightTop); break;
    case 8: a.is_interleaved = in.byte() % 2; break;
    default: a.is_gated = in.byte() % 2; break;
  }
}

void edit_dac(Dac& d, Bytes& in) {
  switch (in.byte() % 8) {
    case 0: d.bits = bits(in, 9); break;
    case 1: d.slice_bits = bits(in, 4); break;
    case 2: d.is_signed = in.byte() % 2 != 0; break;
    case 3: d.two_pass = in.byte() % 2; break;
    case 4: d.accumulate = kind(in, Accumulate::kAnalog); break;
    case 5: d.range = in.number(); break;
    case 6: d.method = {kind(in, RangeMethod::Kind::kMse), in.number()}; break;
    default: d.nonlinearity = {{0.0, 0.0}, {in.number() / 4.0, in.number()}, {1.0, in.number()}}; break;
  }
}

void edit_adc(Adc& a, Bytes& in) {
  switch (in.byte() % 9) {
    case 0: a.bits = bits(in, 9); break;
    case 1: a.range = kind(in, Adc::RangeKind::kExplicit); break;
    case 2: a.ranges.emplace_back(in.number(), in.number()); break;
    case 3: a.method = {kind(in, RangeMethod::Kind::kMse), in.number()}; break;
    case 4: a.tie_slices = in.byte() % 2; break;
    case 5: a.gain_sigma = in.number(); break;
    case 6: a.offset_sigma = in.number(); break;
    case 7: a.noise = in.number(); break;
    default:
      a.inl.kind = kind(in, Inl::Kind::kPipeline);
      a.inl.params =
          a.inl.kind == Inl::Kind::kPipeline ? std::vector<double>{1.0 + in.byte() % 8, in.number()} : in.numbers();
      break;
  }
}

struct Definition {
  LayerShape shape;
  Hardware hardware;
};

Definition make_definition(Bytes& in) {
  Definition made;
  for (int left = in.byte() % 32; left > 0; --left) {
    switch (in.byte() % 6) {
      case 0: edit_shape(made.shape, in); break;
      case 1: edit_weights(made.hardware, in); break;
      case 2: edit_cell(made.hardware.cell, in); break;
      case 3: edit_array(made.hardware.array, in); break;
      case 4: edit_dac(made.hardware.dac, in); break;
      default: edit_adc(made.hardware.adc, in); break;
    }
  }
  return made;
}

Layer make_layer(const Definition& made, Bytes& in) {
  const LayerShape& s = made.shape;
  std::size_t size = fuzz::product_up_to(kMostWeights, s.in_channels, s.out_channels, s.kernel[0], s.kernel[1], s.kernel[2]);
  size /= static_cast<std::size_t>(std::max(s.groups, 1));
  const std::vector<float> weight = in.floats(size);
  const bool fixed16 = in.byte() % 4 == 0;
  return Layer(s, {weight.data(), weight.size()}, {}, made.hardware, in.byte(), in.byte(),
               fixed16 ? Precision::kFixed16 : Precision::kFloat32);
}

struct Batch {
  BatchShape shape;
  std::vector<float> x;

  ArrayView<const float> view() const { return {x.data(), x.size()}; }
};

Batch make_batch(const Layer& layer, Bytes& in) {
  Batch batch;
  BatchShape& s = batch.shape;
  s = {in.byte() % 3u, layer.shape().in_channels, in.integer(1, 5), in.integer(1, 5), in.integer(1, 2)};
  if (s.height < 0 || s.width < 0 || s.depth < 0 ||
      fuzz::product_up_to(kMostInputs, s.images, s.channels, s.height, s.width, s.depth) > kMostInputs)
    s = {1, layer.shape().in_channels, 1, 1, 1};
  batch.x = in.floats(s.size());
  return batch;
}

/// Cells of the right number, or one more or fewer; NaN and infinity among them.
CellArrays make_cells(const Layer& layer, Bytes& in) {
  CellArrays cells = *layer.cells();
  for (std::vector<float>* values : {&cells.weights, &cells.units, &cells.off_block}) {
    for (float& value : *values) {
      const std::uint8_t choice = in.byte();
      if (choice > 0) value = choice == 255 ? in.raw<float>() : static_cast<float>(choice) / 32.0f;
    }
    const std::uint8_t choice = in.byte();
    if (choice == 255) values->push_back(1.0f);
    if (choice == 254 && !values->empty()) values->pop_back();
  }
  return cells;
}

Calibration make_calibration(const Layer& layer, Bytes& in) {
  Calibration found{in.number(), in.byte() % 2 != 0, {}};
  const int slices = num_slices(layer.hardware());
  int planes = layer.hardware().subtract == Subtract::kDigital ? 2 * slices : slices;
  if (in.byte() >= 240) planes = in.byte() % 8;
  for (int i = 0; i < planes; ++i) found.ranges.emplace_back(in.number(), in.number());
  return found;
}

Epilogue make_epilogue(const Layer& layer, Bytes& in) {
  const auto outputs = static_cast<std::size_t>(layer.shape().out_channels);
  Epilogue epilogue;
  epilogue.scale = in.floats(in.byte() < 240 ? outputs : in.byte());
  epilogue.shift = in.floats(in.byte() < 240 ? outputs : 0);
  if (in.byte() % 2) epilogue.low = static_cast<float>(std::clamp(in.number(), -1e30, 1e30));
  if (in.byte() % 2) epilogue.high = in.raw<float>();
  return epilogue;
}

void check_finite(const std::vector<float>& values, const char* what) {
  for (const float value : values) expect(std::isfinite(value), what);
}

void check_forward(const Layer& layer, Bytes& in) {
  const Batch batch = make_batch(layer, in);
  const std::size_t size = layer.shape().output_shape(batch.shape).size();
  if (size > kMostOutputs) return;
  std::vector<float> first(size), second(size);
  const ReadKey key{in.byte(), in.byte(), {}};
  layer.forward(batch.view(), batch.shape, {first.data(), size}, 1, key);
  layer.forward(batch.view(), batch.shape, {second.data(), size}, 1, key);
  check_finite(first, "outputs are finite");
  expect(first == second, "the same read gives the same outputs");
}

void check_reports(const Layer& layer, Bytes& in) {
  const Batch batch = make_batch(layer, in);
  if (layer.shape().output_shape(batch.shape).size() > kMostOutputs) return;
  switch (in.byte() % 3) {
    case 0: {
      const ClippingRates rates = layer.clipping_rates(batch.view(), batch.shape);
      expect(rates.dac >= 0.0 && rates.dac <= 1.0, "a rate is from 0 to 1");
      return;
    }
    case 1: {
      const CalibrationReport report = layer.calibration_report(batch.view(), batch.shape);
      expect(report.inputs_clipped >= 0.0 && report.inputs_clipped <= 1.0, "a fraction is from 0 to 1");
      return;
    }
    default: expect(layer.read_activity(batch.view(), batch.shape).energy >= 0.0, "energy is not negative"); return;
  }
}

/// What a file of cells gives back is what it was given.
void check_round_trip(const Layer& layer, Bytes& in) {
  Layer other(layer);
  other.set_cells(*layer.cells(), layer.seed(), layer.write());
  expect(other.cells()->weights == layer.cells()->weights, "cells come back as they were stored");
  check_forward(other, in);
}

void call(Layer& layer, Bytes& in) {
  switch (in.byte() % 12) {
    case 0: return layer.set_cells(make_cells(layer, in), in.byte(), in.byte());
    case 1: return layer.set_calibration(make_calibration(layer, in));
    case 2: {
      const Batch batch = make_batch(layer, in);
      return layer.set_readout_inputs(batch.view(), batch.shape);
    }
    case 3: layer = layer.with_epilogue(make_epilogue(layer, in)); return;
    case 4: layer = layer.at(in.number()); return;
    case 5: return layer.program(in.byte(), in.byte());
    case 6:
    case 7: {
      const Batch batch = make_batch(layer, in);
      return layer.calibrate(batch.view(), batch.shape);
    }
    case 8: check_finite(layer.effective_weight(), "weights are finite"); return;
    case 9: check_finite(layer.conductances(), "conductances are finite"); return;
    case 10: return check_round_trip(layer, in);
    default:
      expect(!layer.plan().kind.empty(), "a plan has a kind");
      return in.byte() % 4 == 0 ? check_reports(layer, in) : check_forward(layer, in);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  try {
    const Definition made = make_definition(in);
    Layer layer = make_layer(made, in);
    for (std::size_t calls = 0; calls < kMostCalls && !in.empty(); ++calls) {
      try {
        call(layer, in);
      } catch (const std::invalid_argument& error) {
        expect(*error.what() != '\0', "a refusal says why");
      }
    }
  } catch (const std::invalid_argument& error) {
    expect(*error.what() != '\0', "a refusal says why");
  }
  return 0;
}
