// SPDX-License-Identifier: BSD-3-Clause
//
// The variance of a conversion's sum, in squared digits, is Σ_r u_r² ((L-1)/Δ)² sigma(g_r)², summed over both polarities
// where they are subtracted in analog, and over slices with the squares of their weights where these are folded into one
// product. With wires, sigma(g) is multiplied by the share of a cell's noise that arrives.
#include "layer/pack_noise.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/interrupt.hpp"
#include "device/read_noise.hpp"

namespace imperfect {
namespace {

using Correlation = ReadNoise::Correlation;

/// Variances of one kind of correlation, tile by tile. `written` reads the cells as they were written; null: they are the
/// same now, or no law asks for them. `shares` reads the part of each cell's noise that arrives; null: all of it.
class VarianceReader {
 public:
  VarianceReader(const LayerDefinition& definition, const PackedLayer& layer, const CellReader& reader,
                 const CellReader* written, const CellReader* shares, Correlation kind)
      : variance_(definition.hardware.cell, kind, reader.cells().seconds()),
        code_(definition.code),
        layer_(layer),
        reader_(reader),
        written_(written),
        shares_(shares) {}

  /// variances[output of the tile][row of the array] of one plane.
  void read(int plane, const PackedTile& tile, std::vector<float>& variances) {
    variances.assign(static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(reader_.rows()), 0.0f);
    if (layer_.plan.kind != PlanKind::kFolded)
      return add([&](const CellReader& from) { return from.plane(plane, tile.first, tile.width); }, 1.0, variances);
    for (int slice = 0; slice < code_.num_slices; ++slice) {
      const double weight = code_.slice_weight(slice) * code_.slice_weight(slice);
      add([&](const CellReader& from) { return from.slice(slice, tile.first, tile.width); }, weight, variances);
    }
  }

 private:
  /// Lines of one reader, kept: those of a reader last until the next are read.
  struct Lines {
    std::vector<float> plus, minus;
    void keep(const CellLines& lines, std::size_t size) {
      plus.assign(lines.plus, lines.plus + size);
      minus.clear();
      if (lines.minus != nullptr) minus.assign(lines.minus, lines.minus + size);
    }
  };

  template <class ReadLines>
  void add(const ReadLines& read_lines, double weight, std::vector<float>& variances) {
    const std::size_t size = variances.size();
    if (written_ != nullptr) as_written_.keep(read_lines(*written_), size);
    if (shares_ != nullptr) shared_.keep(read_lines(*shares_), size);
    const CellLines lines = read_lines(reader_);
    add_cells(lines.plus, as_written_.plus, shared_.plus, weight, variances);
    if (lines.minus != nullptr) add_cells(lines.minus, as_written_.minus, shared_.minus, weight, variances);
  }

  /// `written` and `shares` are empty where they are the cells themselves, or 1.
  void add_cells(const float* digits, const std::vector<float>& written, const std::vector<float>& shares, double weight,
                 std::vector<float>& variances) const {
    const double per_conductance = code_.top_digit / code_.delta;
    const double scale = weight * per_conductance * per_conductance;
    for (std::size_t i = 0; i < variances.size(); ++i) {
      const double share = shares.empty() ? 1.0 : double{shares[i]};
      const double before = code_.to_conductance(written.empty() ? digits[i] : written[i]);
      variances[i] += static_cast<float>(scale * share * share * variance_(code_.to_conductance(digits[i]), before));
    }
  }

  ReadVariance variance_;
  const WeightCode& code_;
  const PackedLayer& layer_;
  const CellReader& reader_;
  const CellReader* written_;
  const CellReader* shares_;
  Lines as_written_, shared_;
};

void add_variances(VarianceReader reader, const PackedLayer& layer, const PackedGroup& group, int rows, float* packed) {
  std::vector<float> variances;
  for (const PackedTile& tile : group.tiles)
    for (int plane = 0; plane < layer.planes; ++plane) {
      check_interrupt();
      reader.read(plane, tile, variances);
      for (const PackedBlock& block : group.blocks) {
        float* at = packed + group.tile_offset(layer, block, tile) + std::ptrdiff_t{plane} * block.inputs * tile.width;
        for (int row = block.rows.begin; row < block.rows.end; ++row)
          for (int o = 0; o < tile.width; ++o)
            *at++ += variances[static_cast<std::size_t>(o) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row)];
      }
    }
}

}  // namespace

void pack_variances(const LayerDefinition& definition, const PackedLayer& layer, const CellReader& reader,
                    const CellReader* shares, PackedGroup& group) {
  const Cell& cell = definition.hardware.cell;
  const std::size_t size = group.weights.capacity();
  for (const Correlation kind : {Correlation::kCycle, Correlation::kProduct}) {
    if (!has_read_noise(cell, kind)) continue;
    // Why: with a single drive there is nothing to be correlated with.
    const bool is_fresh = kind == Correlation::kCycle || layer.input.num_drives() == 1;
    AlignedBuffer<float>& buffer = is_fresh ? group.fresh_variances : group.shared_variances;
    if (buffer.capacity() == 0) std::fill_n(buffer.reserve(size), size, 0.0f);
    const bool drifted = reader.cells().seconds() > 0.0 && depends_on_written(cell, kind);
    const auto source = drifted ? reader.cells().at(0.0) : nullptr;
    std::optional<CellReader> written;
    if (drifted) written.emplace(definition, *source, reader.group(), reader.first_unit());
    add_variances({definition, layer, reader, written ? &*written : nullptr, shares, kind}, layer, group, reader.rows(),
                  buffer.data());
  }
}

}  // namespace imperfect
