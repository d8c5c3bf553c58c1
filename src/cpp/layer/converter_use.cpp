// SPDX-License-Identifier: BSD-3-Clause
//
// With errors of its own a converter sees the position p = current·scale + start + error(p) among its codes, else
// p = (I - low)/lsb: code = clip(rint(p), 0, n - 1), clipped where p < -1/2 or p > n - 1/2.
#include "layer/converter_use.hpp"

#include <cmath>
#include <limits>

#include "layer/conversions.hpp"

namespace imperfect {
namespace {

/// Where currents of one bit line fall among the codes of its converter.
class LineCodes {
 public:
  LineCodes(const TileCurrents& tile, int output) : code_(tile.block.codes[static_cast<std::size_t>(tile.plane)]) {
    scale_ = 1.0 / code_.lsb;
    start_ = -code_.low / code_.lsb;
    const LineConverters& converters = tile.block.converters;
    if (converters.scales.empty()) return;
    const std::ptrdiff_t at = std::ptrdiff_t{tile.plane} * tile.group.total_outputs + tile.first + output;
    scale_ = double{converters.scales[static_cast<std::size_t>(at)]};
    start_ = double{converters.starts[static_cast<std::size_t>(at)]};
    if (!converters.errors.empty()) errors_ = converters.errors.data() + at * converters.error_stride;
  }

  double position(double current) const {
    const double p = current * scale_ + start_;
    if (errors_ == nullptr) return p;
    const double inside = std::clamp(p, 0.0, double{code_.num_codes - 1.0});
    const int below = std::min(static_cast<int>(inside), code_.num_codes - 2);
    return p + double{errors_[below]} + (inside - below) * (double{errors_[below + 1]} - double{errors_[below]});
  }
  int num_codes() const { return code_.num_codes; }

 private:
  const OutputCode& code_;
  double scale_;
  double start_;
  const float* errors_ = nullptr;
};

/// Everything counted about the converters of one plane.
struct Counter {
  ConverterUse use;
  CurrentBins bins{1.0};
  double sum = 0.0;
  double squares = 0.0;

  void add_code(double position, int num_codes) {
    use.clipped_low += position < -0.5;
    use.clipped_high += position > num_codes - 0.5;
    ++use.codes[static_cast<std::size_t>(std::clamp(std::nearbyint(position), 0.0, num_codes - 1.0))];
  }

  void add(const TileCurrents& tile) {
    for (int o = 0; o < tile.outputs; ++o) {
      const float* const currents = tile.currents + std::ptrdiff_t{o} * kernels().lanes;
      for (int l = 0; l < tile.lanes; ++l) {
        const double current = currents[l];
        sum += current;
        squares += current * current;
        bins.add(current);
      }
      if (use.codes.empty()) continue;
      const LineCodes codes(tile, o);
      for (int l = 0; l < tile.lanes; ++l) add_code(codes.position(currents[l]), codes.num_codes());
    }
    use.conversions += static_cast<std::uint64_t>(tile.outputs) * static_cast<std::uint64_t>(tile.lanes);
    if (std::isfinite(tile.read.layer.line_limit)) use.limited_lines += count_limited(tile);
  }

  ConverterUse finish(int lines_per_conversion) {
    const auto count = static_cast<double>(std::max<std::uint64_t>(use.conversions, 1));
    use.line_reads = use.conversions * static_cast<std::uint64_t>(lines_per_conversion);
    use.mean = sum / count;
    use.sigma = std::sqrt(std::max(0.0, squares / count - use.mean * use.mean));
    use.bin_width = bins.width();
    use.currents = bins.counts();
    return std::move(use);
  }

 private:
  static std::uint64_t count_limited(const TileCurrents& tile) {
    const std::ptrdiff_t panel = std::ptrdiff_t{kernels().max_tile} * kernels().lanes;
    return count_limited_lines(tile.read, tile.plane, tile.conversion, tile.outputs, tile.lanes, tile.scratch,
                               tile.scratch + panel);
  }
};

/// The block whose range is the widest: "full" ranges grow with the number of word lines.
const PackedBlock& widest_block(const PackedLayer& layer) {
  const PackedBlock* widest = &layer.groups[0].blocks[0];
  for (const PackedGroup& group : layer.groups)
    for (const PackedBlock& block : group.blocks)
      if (block.rows.size() > widest->rows.size()) widest = &block;
  return *widest;
}

std::vector<Counter> make_counters(const PackedLayer& layer) {
  const PackedBlock& block = widest_block(layer);
  const int per_slice = layer.planes_per_slice / layer.planes_per_conversion;
  std::vector<Counter> counters(static_cast<std::size_t>(layer.converted_planes()));
  for (std::size_t plane = 0; plane < counters.size(); ++plane) {
    ConverterUse& use = counters[plane].use;
    use.slice = static_cast<int>(plane) / per_slice;
    use.polarity = per_slice == 2 ? static_cast<int>(plane) % 2 : -1;
    use.low = use.high = use.lsb = std::numeric_limits<double>::quiet_NaN();
    if (block.codes.empty()) continue;
    const OutputCode& code = block.codes[plane];
    use.low = code.low;
    use.lsb = code.lsb;
    use.high = code.low + code.lsb * (code.num_codes - 1);
    use.codes.resize(static_cast<std::size_t>(code.num_codes));
    counters[plane].bins = CurrentBins(std::max(std::abs(use.low), std::abs(use.high)));
  }
  return counters;
}

}  // namespace

void CurrentBins::add(double current) {
  while (std::abs(current) >= width_ * kPerSide) widen();
  ++counts_[static_cast<std::size_t>(kPerSide + static_cast<int>(std::floor(current / width_)))];
}

void CurrentBins::widen() {
  std::vector<std::uint64_t> wide(counts_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) wide[kPerSide / 2 + i / 2] += counts_[i];
  counts_ = std::move(wide);
  width_ *= 2.0;
}

CalibrationReport report_calibration(const LayerDefinition& definition, const PackedLayer& layer, const float* x,
                                     const BatchShape& input) {
  CalibrationReport report;
  report.full_scale = layer.input.full_scale;
  // Why: a folded layer has no conversions, its row blocks are those of the cache.
  const bool converts = layer.plan.kind != PlanKind::kFolded;
  std::vector<Counter> counters = converts ? make_counters(layer) : std::vector<Counter>{};
  std::size_t clipped = 0;
  if (converts) {
    clipped = for_each_conversion(definition, layer, x, input, [&](const TileCurrents& tile) {
      counters[static_cast<std::size_t>(tile.plane)].add(tile);
    });
  } else {
    const InputLayout layout(definition.product, input);
    PanelReader reader(definition.product, layer, layout, input, workspace());
    for (std::size_t image = 0; image < input.images; ++image) clipped += reader.load(x, image, 1);
  }
  report.inputs_clipped = static_cast<double>(clipped) / static_cast<double>(input.size());
  const int drives = layer.sums_drives ? layer.input.num_cycles : 1;
  for (Counter& counter : counters) report.converters.push_back(counter.finish(layer.planes_per_conversion * drives));
  return report;
}

}  // namespace imperfect
