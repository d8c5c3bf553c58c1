// SPDX-License-Identifier: BSD-3-Clause
//
// A converter with relative gain error γ and offset o, in lsb, sees the current (1 + γ) I + o lsb: its position among the
// codes is p = I (1 + γ)/lsb + o - low/lsb.
#include "layer/pack_converters.hpp"

#include <algorithm>

#include "base/interrupt.hpp"
#include "circuit/adc_errors.hpp"
#include "random/philox.hpp"

namespace imperfect {
namespace {

constexpr int kComponentBits = 16;

/// Some neighbouring bit lines of one plane: their first place in the plane, the number of the first's converter.
struct Lines {
  int first;
  int count;
  std::uint64_t converter;
};

class ConverterDraws {
 public:
  ConverterDraws(const LayerDefinition& definition, std::uint64_t seed)
      : adc_(definition.hardware.adc), key_(stream_key(seed, StreamKind::kConverters, definition.layer_id)) {}

  void draw(const Lines& lines, const OutputCode& code, std::size_t plane_start, LineConverters& to) {
    const auto count = static_cast<std::size_t>(lines.count);
    const std::vector<float> gains = normals(adc_.gain_sigma > 0.0, lines.converter, count, 0);
    const std::vector<float> offsets = normals(adc_.offset_sigma > 0.0, lines.converter, count, 1);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = plane_start + static_cast<std::size_t>(lines.first) + i;
      to.scales[at] = static_cast<float>((1.0 + adc_.gain_sigma * double{gains[i]}) / code.lsb);
      to.starts[at] = static_cast<float>(adc_.offset_sigma * double{offsets[i]} - code.low / code.lsb);
      if (!is_drawn(adc_.inl)) continue;
      check_interrupt();
      draw_errors(lines.converter + i, code, to.errors.data() + static_cast<std::ptrdiff_t>(at) * to.error_stride);
    }
  }

 private:
  std::vector<float> normals(bool wanted, std::uint64_t first, std::size_t count, std::uint32_t slot) const {
    std::vector<float> z(count, 0.0f);
    if (wanted) kernels().fill_normals({{key_[0], key_[1]}, first, count, 0, slot}, z.data());
    return z;
  }

  void draw_errors(std::uint64_t converter, const OutputCode& code, float* errors) const {
    const auto count = static_cast<std::size_t>(num_inl_draws(adc_.inl, *adc_.bits, code.num_codes));
    const std::vector<float> z = normals(true, converter << kComponentBits, count, 2);
    const std::vector<float> drawn = inl_errors(adc_.inl, *adc_.bits, code.num_codes, z.data());
    std::copy(drawn.begin(), drawn.end(), errors);
  }

  const Adc& adc_;
  PhiloxKey key_;
};

}  // namespace

void pack_converters(const LayerDefinition& definition, const PackedLayer& layer, std::uint64_t seed,
                     const PackedGroup& group, int number, PackedBlock& block) {
  const auto planes = static_cast<std::size_t>(layer.converted_planes());
  const auto outputs = static_cast<std::size_t>(group.total_outputs);
  const int per_slice = layer.planes_per_slice / layer.planes_per_conversion;
  const Adc& adc = definition.hardware.adc;
  LineConverters& to = block.converters;
  to.scales.resize(planes * outputs);
  to.starts.resize(planes * outputs);
  const int num_codes = block.codes[0].num_codes;
  if (is_drawn(adc.inl)) {
    for (const OutputCode& code : block.codes) to.error_stride = std::max<std::ptrdiff_t>(to.error_stride, code.num_codes);
    to.errors.resize(planes * outputs * static_cast<std::size_t>(to.error_stride));
  } else {
    to.errors = inl_errors(adc.inl, *adc.bits, std::max(num_codes, 1 << *adc.bits), nullptr);
  }
  const std::uint64_t lines = static_cast<std::uint64_t>(definition.tiling.num_outputs() + definition.tiling.num_units());
  ConverterDraws draws(definition, seed);
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const int slice = static_cast<int>(plane) / per_slice, polarity = static_cast<int>(plane) % per_slice;
    const std::uint64_t first =
        static_cast<std::uint64_t>((number * definition.code.num_slices + slice) * 2 + polarity) * lines;
    const auto output = static_cast<std::uint64_t>(group.first_group * definition.tiling.outputs_per_group);
    const auto unit = static_cast<std::uint64_t>(definition.tiling.num_outputs() + group.first_unit);
    draws.draw({0, group.data_outputs, first + output}, block.codes[plane], plane * outputs, to);
    draws.draw({group.data_outputs, group.units, first + unit}, block.codes[plane], plane * outputs, to);
  }
}

}  // namespace imperfect
