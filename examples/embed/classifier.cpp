// SPDX-License-Identifier: BSD-3-Clause
//
// A classifier of two analog layers, from C++: does a picture of 8 × 8 pixels hold a row or a column? Its first layer sums
// up every row and every column and keeps what is above a threshold, its second one adds up rows and columns. The chip is
// programmed, calibrated on pictures, read, and read again when its cells have drifted for a day, a year and ten years.
#include <cstddef>
#include <cstdio>
#include <exception>
#include <random>
#include <vector>

#include <imperfect/layer.hpp>

namespace {

constexpr int kSide = 8;
constexpr int kPixels = kSide * kSide;
constexpr int kLines = 2 * kSide;  // the rows, then the columns

/// Pictures one after another, and for each whether its line is a row (0) or a column (1).
struct Pictures {
  std::vector<float> pixels;
  std::vector<int> labels;
};

/// One bright line at a random place in every picture, over noise.
Pictures draw_pictures(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> noise(0.0f, 0.5f);
  Pictures pictures;
  for (std::size_t i = 0; i < count; ++i) {
    const int label = static_cast<int>(random() % 2);
    const int place = static_cast<int>(random() % kSide);
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      const bool is_bright = (label == 0 ? pixel / kSide : pixel % kSide) == place;
      pictures.pixels.push_back(noise(random) + (is_bright ? 0.5f : 0.0f));
    }
    pictures.labels.push_back(label);
  }
  return pictures;
}

/// 5-bit weights on differential pairs of 4-level cells, two for each weight, in arrays of 32 × 32; 6-bit inputs, 7-bit
/// outputs. Cells are written with an error of 3 % of the largest conductance and lose conductance as power laws of time.
imperfect::Hardware make_hardware() {
  imperfect::Hardware hardware;
  hardware.weight_bits = 5;
  hardware.cell.bits = 2;
  hardware.cell.on_off_ratio = 50.0;
  hardware.cell.programming = {{imperfect::ProgrammingLaw::Kind::kGaussian, {0.03}}};
  // First read after 20 s; exponents of 0.03 on average, with a deviation of 0.01 from cell to cell, at any conductance.
  hardware.cell.drift = {{imperfect::DriftLaw::Kind::kPower, {20.0, 0.03, 0.0, 0.03, 0.03, 0.01, 0.0, 0.01, 0.01}}};
  hardware.array.rows = 32;
  hardware.array.cols = 32;
  hardware.dac.bits = 6;
  hardware.adc.bits = 7;
  hardware.adc.range = imperfect::Adc::RangeKind::kCalibrated;
  return hardware;
}

/// Two layers that are programmed as one chip: one seed, and a layer_id for each.
class Classifier {
 public:
  explicit Classifier(std::uint64_t seed) : lines_(make_lines(seed)), sums_(make_sums(seed)) {}

  /// Finds the ranges of all converters from pictures.
  void calibrate(const std::vector<float>& pixels) {
    lines_.calibrate({pixels.data(), pixels.size()}, {pixels.size() / kPixels, kPixels});
    const std::vector<float> hidden = run(lines_, pixels);
    sums_.calibrate({hidden.data(), hidden.size()}, {hidden.size() / kLines, kLines});
  }

  /// The same chip `seconds` after it was programmed.
  Classifier at(double seconds) const { return Classifier(lines_.at(seconds), sums_.at(seconds)); }

  /// Fraction of pictures whose line is told right.
  double accuracy(const Pictures& pictures) const {
    const std::vector<float> sums = run(sums_, run(lines_, pictures.pixels));
    std::size_t right = 0;
    for (std::size_t i = 0; i < pictures.labels.size(); ++i)
      right += static_cast<std::size_t>((sums[2 * i + 1] > sums[2 * i]) == (pictures.labels[i] == 1));
    return static_cast<double>(right) / static_cast<double>(pictures.labels.size());
  }

 private:
  Classifier(imperfect::Layer lines, imperfect::Layer sums) : lines_(std::move(lines)), sums_(std::move(sums)) {}

  static imperfect::Layer make_lines(std::uint64_t seed) {
    std::vector<float> weight;
    for (int line = 0; line < kLines; ++line)
      for (int pixel = 0; pixel < kPixels; ++pixel)
        weight.push_back((line < kSide ? pixel / kSide == line : pixel % kSide == line - kSide) ? 1.0f : 0.0f);
    const std::vector<float> bias(kLines, -3.5f);  // lines sum up to about 6, others to about 2.5
    imperfect::LayerShape shape;
    shape.in_channels = kPixels;
    shape.out_channels = kLines;
    imperfect::Epilogue relu;
    relu.low = 0.0f;
    return imperfect::Layer(shape, {weight.data(), weight.size()}, {bias.data(), bias.size()}, make_hardware(), seed, 0)
        .with_epilogue(relu);
  }

  static imperfect::Layer make_sums(std::uint64_t seed) {
    std::vector<float> weight(2 * kLines, 0.0f);
    for (int line = 0; line < kLines; ++line) weight[static_cast<std::size_t>(line / kSide * kLines + line)] = 1.0f;
    imperfect::LayerShape shape;
    shape.in_channels = kLines;
    shape.out_channels = 2;
    return imperfect::Layer(shape, {weight.data(), weight.size()}, {}, make_hardware(), seed, 1);
  }

  static std::vector<float> run(const imperfect::Layer& layer, const std::vector<float>& x) {
    const auto inputs = static_cast<std::size_t>(layer.shape().in_channels);
    const imperfect::BatchShape batch{x.size() / inputs, layer.shape().in_channels};
    std::vector<float> y(layer.shape().output_shape(batch).size());
    layer.forward({x.data(), x.size()}, batch, {y.data(), y.size()});
    return y;
  }

  imperfect::Layer lines_;
  imperfect::Layer sums_;
};

int run() {
  const Pictures training = draw_pictures(200, 1), test = draw_pictures(1000, 2);
  constexpr double kDay = 86400.0, kYear = 365.0 * kDay;
  std::printf("%-6s %8s %8s %8s %8s\n", "chip", "at once", "a day", "a year", "10 years");
  for (const unsigned seed : {1U, 2U, 3U}) {
    Classifier chip(seed);
    chip.calibrate(training.pixels);
    std::printf("%-6u", seed);
    for (const double seconds : {0.0, kDay, kYear, 10.0 * kYear}) std::printf(" %8.3f", chip.at(seconds).accuracy(test));
    std::printf("\n");
    if (chip.accuracy(test) < 0.95) return 1;                                   // a fresh chip tells rows from columns
    if (chip.accuracy(test) <= chip.at(10.0 * kYear).accuracy(test)) return 1;  // and drift takes something away
  }
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {  // whatever is refused says what and why
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
