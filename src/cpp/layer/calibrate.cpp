// SPDX-License-Identifier: BSD-3-Clause
//
// Currents of calibration data, collected per converted plane over all row blocks, cycles, passes and bit lines.
#include "layer/calibrate.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "circuit/range_search.hpp"
#include "layer/conversions.hpp"

namespace imperfect {
namespace {

std::uint64_t conversions_per_plane(const LayerDefinition& definition, const PackedLayer& layer, const BatchShape& input) {
  const BatchShape output = definition.product.output_shape(input);
  std::uint64_t per_lane = 0;
  for (const PackedGroup& group : layer.groups)
    per_lane += group.blocks.size() * static_cast<std::uint64_t>(group.converted_outputs());
  return per_lane * output.images * output.positions() *
         static_cast<std::uint64_t>(layer.conversions() * layer.input.num_passes());
}

/// Numbers the conversions of a batch, so that calibration keeps the same ones at every SIMD level: as panels of `kLanes`
/// lanes and tables of a multiple of `kOutputs` columns would meet them, whatever panels and tables hold here.
class ConversionOrder {
 public:
  ConversionOrder(const BatchShape& output, std::uint64_t conversions)
      : images_(output.images),
        positions_(output.positions()),
        step_(std::max<std::uint64_t>(1, kLanes / std::max<std::uint64_t>(positions_, 1))),
        per_lane_(conversions / std::max<std::uint64_t>(images_ * positions_, 1)) {}

  /// Moves to the next tile that is visited.
  void enter(const TileCurrents& tile) {
    if (tile.outputs == 0) return;  // columns that fill up a table
    const auto conversions = static_cast<std::uint64_t>(tile.read.layer.conversions());
    const std::uint64_t per_output = static_cast<std::uint64_t>(tile.read.layer.converted_planes()) * conversions;
    const auto outputs = static_cast<std::uint64_t>(tile.group.converted_outputs());
    if (tile.first_lane != first_lane_) {
      begin_panel(tile);
    } else if (tile.first == 0 && tile.plane == 0 && tile.conversion == 0) {
      before_ += of_block_;
    }
    of_block_ = outputs * per_output;
    const auto first = static_cast<std::uint64_t>(tile.first);
    const bool tables = tile.read.layer.plan.kind == PlanKind::kBitSerial;
    const std::uint64_t start = tables ? first / kOutputs * kOutputs : first;
    const std::uint64_t count = tables ? std::min(kOutputs, outputs - start) : static_cast<std::uint64_t>(tile.outputs);
    first_ = before_ + start * per_output + first - start +
             (static_cast<std::uint64_t>(tile.plane) * conversions + static_cast<std::uint64_t>(tile.conversion)) * count;
  }
  std::uint64_t number(int output, int lane) const {
    const Lane& at = lanes_[static_cast<std::size_t>(lane)];
    return at.first + at.lanes * (first_ + static_cast<std::uint64_t>(output));
  }

 private:
  static constexpr std::uint64_t kLanes = 48, kOutputs = 8;
  struct Lane {
    std::uint64_t first;  ///< number of the lane's first conversion
    std::uint64_t lanes;  ///< lanes of its panel
  };

  void begin_panel(const TileCurrents& tile) {
    first_lane_ = tile.first_lane;
    before_ = 0;
    lanes_.clear();
    for (int l = 0; l < tile.lanes; ++l) lanes_.push_back(place(first_lane_ + static_cast<std::uint64_t>(l)));
  }

  Lane place(std::uint64_t lane) const {
    const std::uint64_t block = lane / (step_ * positions_) * step_ * positions_;
    const std::uint64_t end = std::min(block + step_ * positions_, images_ * positions_);
    const std::uint64_t panel = block + (lane - block) / kLanes * kLanes;
    return {panel * per_lane_ + lane - panel, std::min(kLanes, end - panel)};
  }

  std::uint64_t images_, positions_;
  std::uint64_t step_;      ///< images that fill a panel
  std::uint64_t per_lane_;  ///< conversions of one lane
  std::uint64_t first_lane_ = ~std::uint64_t{0};
  std::vector<Lane> lanes_;
  // Conversions of one lane: before the row block and pass at hand, in it, and before the tile's first output.
  std::uint64_t before_ = 0, of_block_ = 0, first_ = 0;
};

void calibrate_input(const Hardware& hardware, const float* x, std::size_t count, Calibration& found) {
  ValueSample sample(count);
  for (std::size_t i = 0; i < count; ++i) sample.offer(x[i], i);
  found.is_signed = hardware.dac.is_signed.value_or(!sample.empty() && sample.smallest() < 0.0f);
  if (hardware.dac.range) {
    found.full_scale = *hardware.dac.range;
    return;
  }
  RangeMethod method = hardware.dac.method;
  if (!hardware.dac.bits && method.kind == RangeMethod::Kind::kMse) method.kind = RangeMethod::Kind::kMax;
  const double top = std::ldexp(1.0, magnitude_bits(hardware.dac, found.is_signed)) - 1.0;
  found.full_scale = find_full_scale(sample, method, top, found.is_signed || hardware.dac.two_pass);
}

std::vector<Range> find_output_ranges(const Adc& adc, bool bipolar, const std::vector<ValueSample>& currents) {
  const RangeForm form = bipolar ? RangeForm::kSymmetric : adc.tie_slices ? RangeForm::kFromZero : RangeForm::kFree;
  std::vector<Range> ranges;
  std::vector<bool> idle;
  for (const ValueSample& sample : currents) {
    ranges.push_back(find_output_range(sample, adc.method, *adc.bits, form));
    idle.push_back(form != RangeForm::kFree && is_idle(sample, form));
  }
  if (adc.tie_slices) tie_ranges(idle, ranges);
  return ranges;
}

}  // namespace

bool leaves_input_open(const Hardware& hardware) {
  if (!hardware.dac.bits && !hardware.adc.bits) {
    const bool is_linear = !hardware.array.column_current_max && hardware.cell.curve.kind == IvCurve::Kind::kNone;
    return !is_linear && !hardware.dac.range;
  }
  return !hardware.dac.range || (!hardware.dac.is_signed && !hardware.dac.two_pass);
}

bool leaves_output_open(const Hardware& hardware) {
  return hardware.adc.bits && hardware.adc.range == Adc::RangeKind::kCalibrated;
}

Calibration find_calibration(const LayerDefinition& definition, const ReadCells& cells, const float* x,
                             const BatchShape& input) {
  const Hardware& hardware = definition.hardware;
  Calibration found;
  if (leaves_input_open(hardware)) calibrate_input(hardware, x, input.size(), found);
  if (!leaves_output_open(hardware)) return found;

  const auto planes = static_cast<std::size_t>(converted_planes(hardware, definition.code));
  found.ranges.assign(planes, {-1.0, 1.0});  // places for the packed form; the currents do not depend on them
  const auto layer = pack_layer(definition, cells, found, 0);
  const std::uint64_t per_plane = conversions_per_plane(definition, *layer, input);
  std::vector<ValueSample> samples(planes, ValueSample(per_plane));
  ConversionOrder order(definition.product.output_shape(input), per_plane * planes);
  for_each_conversion(definition, *layer, x, input, [&](const TileCurrents& tile) {
    ValueSample& sample = samples[static_cast<std::size_t>(tile.plane)];
    order.enter(tile);
    for (int o = 0; o < tile.outputs; ++o)
      for (int l = 0; l < tile.lanes; ++l) sample.offer(tile.currents[o * kernels().lanes + l], order.number(o, l));
  });
  const std::vector<Range> ranges = find_output_ranges(hardware.adc, is_bipolar(hardware, layer->input), samples);
  std::transform(ranges.begin(), ranges.end(), found.ranges.begin(),
                 [](const Range& range) { return std::pair(range.low, range.high); });
  return found;
}

ClippingRates count_clipping(const LayerDefinition& definition, const PackedLayer& layer, const float* x,
                             const BatchShape& input) {
  ClippingRates rates;
  Workspace& buffers = workspace();
  const InputLayout layout(definition.product, input);
  PanelReader reader(definition.product, layer, layout, input, buffers);
  std::size_t clipped = 0;
  for (std::size_t image = 0; image < input.images; ++image) clipped += reader.load(x, image, 1);
  rates.dac = input.size() == 0 ? 0.0 : static_cast<double>(clipped) / static_cast<double>(input.size());
  if (!definition.hardware.adc.bits || input.images == 0) return rates;

  rates.adc.assign(static_cast<std::size_t>(layer.converted_planes()), 0.0);
  for_each_conversion(definition, layer, x, input, [&](const TileCurrents& tile) {
    const OutputCode& code = tile.block.codes[static_cast<std::size_t>(tile.plane)];
    const double low = code.low - code.lsb / 2, high = code.low + code.lsb * (code.num_codes - 0.5);
    for (int o = 0; o < tile.outputs; ++o)
      for (int l = 0; l < tile.lanes; ++l) {
        const double current = tile.currents[o * kernels().lanes + l];
        rates.adc[static_cast<std::size_t>(tile.plane)] += current < low || current > high;
      }
  });
  for (double& rate : rates.adc) rate /= static_cast<double>(conversions_per_plane(definition, layer, input));
  return rates;
}

}  // namespace imperfect
