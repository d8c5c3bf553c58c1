// SPDX-License-Identifier: BSD-3-Clause
//
// Keys and counters of reads.
#include "layer/read_draws.hpp"

#include <algorithm>

namespace imperfect {

ReadDraws::ReadDraws(const LayerDefinition& definition, std::uint64_t seed, const ReadKey& read, std::size_t positions)
    : read_(read),
      positions_(positions),
      num_outputs_(definition.tiling.num_outputs()),
      outputs_per_group_(definition.tiling.outputs_per_group) {
  const auto key = [&](StreamKind kind) {
    const PhiloxKey layer = stream_key(seed, kind, definition.layer_id);
    const PhiloxCounter words = philox({low_word(read.read), high_word(read.read), 0, 0}, layer);
    return PhiloxKey{words[0], words[1]};
  };
  key_ = key(StreamKind::kRead);
  converter_key_ = key(StreamKind::kConverterNoise);
}

ReadDraws ReadDraws::from(std::size_t first) const {
  ReadDraws result = *this;
  result.read_.first_sample += first;
  if (!read_.samples.empty()) result.read_.samples = {read_.samples.data + first, read_.samples.size - first};
  return result;
}

void ReadDraws::number_lanes(std::size_t first_image, std::size_t first_lane, int lanes,
                             std::vector<std::uint64_t>& samples) const {
  samples.resize(static_cast<std::size_t>(lanes));
  for (std::size_t l = 0; l < samples.size(); ++l) {
    const std::size_t image = first_image + (first_lane + l) / positions_;
    const bool is_named = !read_.samples.empty();
    // Lanes beyond the batch fill the panel up and are never stored.
    const std::uint64_t sample =
        is_named ? read_.samples[std::min(image, read_.samples.size - 1)] : read_.first_sample + image;
    samples[l] = sample * positions_ + (first_lane + l) % positions_;
  }
}

void ReadDraws::draw(const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
                     const std::vector<std::uint64_t>& samples, float* z) const {
  draw(key_, group, tile, conversion, samples, z);
}

void ReadDraws::draw_converter_noise(const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
                                     const std::vector<std::uint64_t>& samples, float* z) const {
  draw(converter_key_, group, tile, conversion, samples, z);
}

void ReadDraws::draw(PhiloxKey key, const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
                     const std::vector<std::uint64_t>& samples, float* z) const {
  const auto lanes = static_cast<int>(samples.size());
  const int last = tile.first + tile.width;
  const int data_end = std::clamp(group.data_outputs, tile.first, last);
  ReadArgs args{{key[0], key[1]}, samples.data(), lanes, 0, data_end - tile.first, conversion.code()};
  args.first_output = static_cast<std::uint32_t>(group.first_group * outputs_per_group_ + tile.first);
  if (args.outputs > 0) kernels().draw_read_normals(args, z);
  if (last == data_end) return;
  args.first_output = static_cast<std::uint32_t>(num_outputs_ + group.first_unit + data_end - group.data_outputs);
  args.outputs = last - data_end;
  kernels().draw_read_normals(args, z + std::ptrdiff_t{data_end - tile.first} * lanes);
}

}  // namespace imperfect
