// SPDX-License-Identifier: BSD-3-Clause
//
// The variance of a conversion's sum, in squared digits, is Σ_r u_r² ((L-1)/Δ)² sigma(g_r)², summed over both polarities
// where they are subtracted in analog, and over slices with the squares of their weights where these are folded into one
// product.
#include "layer/pack_noise.hpp"

#include "device/read_noise.hpp"

namespace imperfect {
namespace {

using Correlation = ReadNoise::Correlation;

/// Variances of one kind of correlation, by where a cell stands.
class VarianceReader {
 public:
  VarianceReader(const LayerDefinition& definition, const PackedLayer& layer, const CellReader& reader, Correlation kind)
      : cell_(definition.hardware.cell), code_(definition.code), layer_(layer), reader_(reader), kind_(kind) {
    is_digital_ = definition.hardware.subtract == Subtract::kDigital;
  }

  /// Of one plane's output, which may be a unit column.
  double at(int plane, int output, int row) const {
    if (layer_.plan.kind == PlanKind::kFolded) {
      double sum = 0.0;
      for (int slice = 0; slice < code_.num_slices; ++slice)
        sum += code_.slice_weight(slice) * code_.slice_weight(slice) * slice_at(slice, output, row);
      return sum;
    }
    if (is_digital_) return of_digits(reader_.data(plane / 2, plane % 2, output, row));
    return slice_at(plane, output, row);
  }

 private:
  double slice_at(int slice, int output, int row) const {
    if (output >= reader_.data_outputs()) return of_digits(reader_.unit(slice, output - reader_.data_outputs(), row));
    double sum = 0.0;
    for (int polarity = 0; polarity < code_.num_polarities; ++polarity)
      sum += of_digits(reader_.data(slice, polarity, output, row));
    return sum;
  }

  double of_digits(double digits) const {
    const double per_conductance = code_.top_digit / code_.delta;
    return per_conductance * per_conductance * read_variance(cell_, kind_, code_.to_conductance(digits));
  }

  const Cell& cell_;
  const WeightCode& code_;
  const PackedLayer& layer_;
  const CellReader& reader_;
  Correlation kind_;
  bool is_digital_;
};

void add_variances(const VarianceReader& reader, const PackedLayer& layer, const PackedGroup& group, float* variances) {
  for (const PackedBlock& block : group.blocks)
    for (const PackedTile& tile : group.tiles) {
      float* at = variances + group.tile_offset(layer, block, tile);
      for (int plane = 0; plane < layer.planes; ++plane)
        for (int row = block.rows.begin; row < block.rows.end; ++row)
          for (int o = tile.first; o < tile.first + tile.width; ++o) *at++ += static_cast<float>(reader.at(plane, o, row));
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
    add_variances({definition, layer, reader, kind}, layer, group, buffer.data());
  }
}

}  // namespace imperfect
