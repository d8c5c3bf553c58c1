// SPDX-License-Identifier: BSD-3-Clause
//
// The variance of a conversion's sum, in squared digits, is Σ_r u_r² ((L-1)/Δ)² sigma(g_r)², summed over both polarities
// where they are subtracted in analog, and over slices with the squares of their weights where these are folded into one
// product.
#include "layer/pack_noise.hpp"

#include <algorithm>
#include <vector>

#include "device/read_noise.hpp"

namespace imperfect {
namespace {

using Correlation = ReadNoise::Correlation;

/// Variances of one kind of correlation, tile by tile.
class VarianceReader {
 public:
  VarianceReader(const LayerDefinition& definition, const PackedLayer& layer, const CellReader& reader, Correlation kind)
      : cell_(definition.hardware.cell), code_(definition.code), layer_(layer), reader_(reader), kind_(kind) {}

  /// variances[output of the tile][row of the array] of one plane.
  void read(int plane, const PackedTile& tile, std::vector<float>& variances) const {
    variances.assign(static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(reader_.rows()), 0.0f);
    if (layer_.plan.kind != PlanKind::kFolded) return add(reader_.plane(plane, tile.first, tile.width), 1.0, variances);
    for (int slice = 0; slice < code_.num_slices; ++slice)
      add(reader_.slice(slice, tile.first, tile.width), code_.slice_weight(slice) * code_.slice_weight(slice), variances);
  }

 private:
  void add(const CellLines& lines, double weight, std::vector<float>& variances) const {
    const double per_conductance = code_.top_digit / code_.delta;
    const double scale = weight * per_conductance * per_conductance;
    const auto of_digits = [&](float digits) {
      return static_cast<float>(scale * read_variance(cell_, kind_, code_.to_conductance(digits)));
    };
    for (std::size_t i = 0; i < variances.size(); ++i) {
      variances[i] += of_digits(lines.plus[i]);
      if (lines.minus != nullptr) variances[i] += of_digits(lines.minus[i]);
    }
  }

  const Cell& cell_;
  const WeightCode& code_;
  const PackedLayer& layer_;
  const CellReader& reader_;
  Correlation kind_;
};

void add_variances(const VarianceReader& reader, const PackedLayer& layer, const PackedGroup& group, int rows,
                   float* packed) {
  std::vector<float> variances;
  for (const PackedTile& tile : group.tiles)
    for (int plane = 0; plane < layer.planes; ++plane) {
      reader.read(plane, tile, variances);
      for (const PackedBlock& block : group.blocks) {
        float* at = packed + group.tile_offset(layer, block, tile) + std::ptrdiff_t{plane} * block.rows.size() * tile.width;
        for (int row = block.rows.begin; row < block.rows.end; ++row)
          for (int o = 0; o < tile.width; ++o)
            *at++ += variances[static_cast<std::size_t>(o) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row)];
      }
    }
}

}  // namespace

void pack_variances(const LayerDefinition& definition, const PackedLayer& layer, const CellReader& reader,
                    PackedGroup& group) {
  const Cell& cell = definition.hardware.cell;
  const std::size_t size = group.weights.capacity();
  for (const Correlation kind : {Correlation::kCycle, Correlation::kProduct}) {
    if (!has_read_noise(cell, kind)) continue;
    // Why: with a single drive there is nothing to be correlated with.
    const bool is_fresh = kind == Correlation::kCycle || layer.input.num_drives() == 1;
    AlignedBuffer<float>& buffer = is_fresh ? group.fresh_variances : group.shared_variances;
    if (buffer.capacity() == 0) std::fill_n(buffer.reserve(size), size, 0.0f);
    add_variances({definition, layer, reader, kind}, layer, group, reader.rows(), buffer.data());
  }
}

}  // namespace imperfect
