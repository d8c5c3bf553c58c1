// SPDX-License-Identifier: BSD-3-Clause
//
// What is drawn fresh at each read, keyed by seed, layer and read; the counter of a draw is (sample, output, conversion). In
// a convolution each position of the output counts as a sample: sample·positions + position.
#pragma once

#include <vector>

#include "layer/packed.hpp"
#include "random/philox.hpp"

namespace imperfect {

/// Tells the conversions of one output apart; a folded product has one, numbered 0.
struct ConversionNumber {
  std::size_t block = 0;
  int pass = 0;
  int polarity = 0;
  int slice = 0;
  int cycle = 0;

  std::uint32_t code() const {
    return static_cast<std::uint32_t>(block << 10 | static_cast<std::size_t>(pass) << 9 |
                                      static_cast<std::size_t>(polarity) << 8 | static_cast<std::size_t>(slice) << 4 |
                                      static_cast<std::size_t>(cycle));
  }
};

/// The draws of one forward pass.
class ReadDraws {
 public:
  ReadDraws(const LayerDefinition& definition, std::uint64_t seed, const ReadKey& read, std::size_t positions);

  /// The draws of the same pass for a batch that begins with image `first`.
  ReadDraws from(std::size_t first) const;
  /// The numbers of `lanes` lanes from `first_lane` of the chunk that begins with image `first_image`.
  void number_lanes(std::size_t first_image, std::size_t first_lane, int lanes, std::vector<std::uint64_t>& samples) const;
  /// Standard normals of one tile's outputs: z[output of the tile][lane].
  void draw(const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
            const std::vector<std::uint64_t>& samples, float* z) const;
  /// The same for the noise of converters, which shares no draw with the cells'.
  void draw_converter_noise(const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
                            const std::vector<std::uint64_t>& samples, float* z) const;

 private:
  void draw(PhiloxKey key, const PackedGroup& group, const PackedTile& tile, ConversionNumber conversion,
            const std::vector<std::uint64_t>& samples, float* z) const;

  PhiloxKey key_;
  PhiloxKey converter_key_;
  ReadKey read_;
  std::size_t positions_;
  int num_outputs_;
  int outputs_per_group_;
};

}  // namespace imperfect
