// SPDX-License-Identifier: BSD-3-Clause
//
// Reads the file: names and values in a fixed order.
#include "analog_layers.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace {

/// Values by their names, in the order of the file.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path), path_(path) {}

  double number(const char* name) {
    std::string found;
    double value = 0.0;
    if (!(file_ >> found >> value) || found != name)
      throw std::runtime_error(path_ + ": '" + name + "' and a number expected, found '" + found + "'");
    return value;
  }
  int integer(const char* name) { return static_cast<int>(number(name)); }

  std::vector<float> values(const char* name) {
    std::vector<float> all(static_cast<std::size_t>(integer(name)));
    for (float& value : all) {
      double read = 0.0;
      if (!(file_ >> read)) throw std::runtime_error(path_ + ": a value of '" + name + "' is missing");
      value = static_cast<float>(read);
    }
    return all;
  }

 private:
  std::ifstream file_;
  std::string path_;
};

imperfect::Hardware read_hardware(Reader& reader) {
  imperfect::Hardware hardware;
  hardware.weight_bits = reader.integer("weight_bits");
  hardware.cell.bits = reader.integer("cell_bits");
  hardware.cell.g_max = reader.number("g_max");
  hardware.cell.on_off_ratio = reader.number("on_off_ratio");
  hardware.cell.v_read = reader.number("v_read");
  hardware.cell.programming = {{imperfect::ProgrammingLaw::Kind::kGaussian, {reader.number("programming_sigma")}}};
  imperfect::ReadNoise noise;
  noise.params = {reader.number("read_noise_sigma")};
  hardware.cell.read_noise = {noise};
  hardware.array.rows = reader.integer("rows");
  hardware.array.cols = reader.integer("cols");
  hardware.dac.bits = reader.integer("dac_bits");
  hardware.dac.slice_bits = reader.integer("dac_slice_bits");
  hardware.dac.is_signed = false;
  hardware.adc.bits = reader.integer("adc_bits");
  hardware.adc.range = imperfect::Adc::RangeKind::kCalibrated;
  return hardware;
}

AnalogLayer read_layer(Reader& reader, const imperfect::Hardware& hardware, std::uint64_t seed, std::uint64_t layer_id) {
  imperfect::LayerShape shape;
  shape.in_channels = reader.integer("inputs");
  shape.out_channels = reader.integer("outputs");
  const std::vector<float> weight = reader.values("weight"), bias = reader.values("bias");
  imperfect::Layer arrays(shape, {weight.data(), weight.size()}, {bias.data(), bias.size()}, hardware, seed, layer_id);
  ProductCost cost;
  cost.latency = reader.number("latency");
  cost.fixed_energy = reader.number("fixed_energy");
  cost.word_line_energy = reader.number("word_line_energy");
  cost.read_energy = reader.number("read_energy");
  return {std::move(arrays), cost};
}

/// Vectors that lie one after another.
std::vector<std::vector<float>> split(const std::vector<float>& values, std::size_t size) {
  std::vector<std::vector<float>> vectors;
  for (auto begin = values.begin(); begin != values.end(); begin += static_cast<std::ptrdiff_t>(size))
    vectors.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
  return vectors;
}

/// Finds the ranges of the converters, layer after layer, each from what the layer before gives.
void calibrate(std::vector<AnalogLayer>& layers, std::vector<float> x, std::size_t samples) {
  for (AnalogLayer& layer : layers) {
    const imperfect::LayerShape& shape = layer.arrays.shape();
    const imperfect::BatchShape batch{samples, shape.in_channels};
    layer.arrays.calibrate({x.data(), x.size()}, batch);
    std::vector<float> y(samples * static_cast<std::size_t>(shape.out_channels));
    layer.arrays.forward({x.data(), x.size()}, batch, {y.data(), y.size()});
    rectify(y);
    x = std::move(y);
  }
}

}  // namespace

std::vector<float> AnalogLayer::multiply(const std::vector<float>& x, std::uint64_t sample) const {
  std::vector<float> y(static_cast<std::size_t>(arrays.shape().out_channels));
  arrays.forward({x.data(), x.size()}, {1, arrays.shape().in_channels}, {y.data(), y.size()}, 0, {sample, 0, {}});
  return y;
}

double AnalogLayer::energy(const std::vector<float>& x) const {
  const imperfect::ReadActivity activity = arrays.read_activity({x.data(), x.size()}, {1, arrays.shape().in_channels});
  return cost.fixed_energy + cost.word_line_energy * static_cast<double>(activity.word_line_charges) +
         cost.read_energy * activity.energy;
}

Description load(const std::string& path) {
  Reader reader(path);
  Description description;
  const auto seed = static_cast<std::uint64_t>(reader.integer("seed"));
  const imperfect::Hardware hardware = read_hardware(reader);
  const auto count = static_cast<std::uint64_t>(reader.integer("layers"));
  for (std::uint64_t i = 0; i < count; ++i) description.layers.push_back(read_layer(reader, hardware, seed, i));
  if (count == 0) throw std::runtime_error(path + ": no layers");
  const auto inputs = static_cast<std::size_t>(description.layers[0].arrays.shape().in_channels);
  const std::vector<float> calibration = reader.values("calibration");
  calibrate(description.layers, calibration, calibration.size() / inputs);
  description.tests = split(reader.values("tests"), inputs);
  for (const float label : reader.values("labels")) description.labels.push_back(static_cast<int>(label));
  return description;
}

void rectify(std::vector<float>& values) {
  for (float& value : values) value = std::max(value, 0.0f);
}
