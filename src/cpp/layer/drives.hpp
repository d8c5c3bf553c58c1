// SPDX-License-Identifier: BSD-3-Clause
//
// What a batch drives the word lines with: every product, pass and cycle, as the arrays are cut, whatever plan computes the
// layer. Cycles are drives of their own also where they accumulate in analog.
#pragma once

#include <algorithm>
#include <vector>

#include "base/interrupt.hpp"
#include "base/parallel.hpp"
#include "layer/panel.hpp"

namespace imperfect {

/// One cycle of some products in one row block: digits[row][lane], of which `count` lanes are real.
struct Drive {
  std::size_t group;      ///< number of the merged group
  std::size_t row_block;  ///< within the group
  int rows;
  int lanes;
  int count;
  const float* digits;
  double volts_per_digit;  ///< relative to full scale
};

/// A packed layer without cells, as far as inputs need one.
PackedLayer pack_drives(const Hardware& hardware, double full_scale, bool is_signed);

/// Pieces that a batch is cut into; it depends on the batch alone, so that sums do not depend on threads.
inline constexpr std::size_t kDrivePieces = 16;
/// Kernels' panels taken at a time: gathering few rows of many groups costs little for each.
inline constexpr std::size_t kDrivePanels = 8;

/// Calls visit(piece, Drive) for every drive of the batch; pieces run on several threads.
template <class Visit>
void for_each_drive(const LayerDefinition& definition, const PackedLayer& drives, const float* x, const BatchShape& input,
                    const Visit& visit) {
  const InputLayout layout(definition.product, input);
  const std::size_t lanes = kDrivePanels * static_cast<std::size_t>(kernels().lanes);
  const std::size_t positions = definition.product.output_shape(input).positions();
  const std::size_t step = std::max<std::size_t>(1, lanes / positions);  // images that fill a panel
  const std::size_t panels_per_step = (step * positions + lanes - 1) / lanes;
  const std::size_t panels = (input.images + step - 1) / step * panels_per_step;
  const std::size_t pieces = std::min(kDrivePieces, panels);
  const std::vector<MergedGroup>& merged = definition.tiling.merged;
  parallel_for(static_cast<std::ptrdiff_t>(pieces), num_threads(), [&](std::ptrdiff_t index, int) {
    const auto piece = static_cast<std::size_t>(index);
    PanelReader reader(definition.product, drives, layout, input, workspace());
    PackedGroup place;
    std::size_t loaded = input.images;
    for (std::size_t panel = piece * panels / pieces; panel < (piece + 1) * panels / pieces; ++panel) {
      const std::size_t image = panel / panels_per_step * step, first = panel % panels_per_step * lanes;
      if (image != loaded) reader.load(x, image, std::min(step, input.images - image));
      loaded = image;
      if (first >= reader.num_lanes()) continue;
      const int count = reader.select(first, static_cast<int>(lanes));
      for (std::size_t group = 0; group < merged.size(); ++group) {
        place.first_group = merged[group].first_group;
        for (std::size_t block = 0; block < merged[group].row_blocks.size(); ++block) {
          const Block& rows = merged[group].row_blocks[block];
          reader.gather(place, rows);
          for (int pass = 0; pass < drives.input.num_passes(); ++pass) {
            const float* digits = reader.digits(rows, pass).digits;
            for (int cycle = 0; cycle < drives.input.num_cycles;
                 ++cycle, digits += static_cast<std::size_t>(rows.size()) * lanes) {
              check_interrupt();
              visit(piece,
                    Drive{group, block, rows.size(), static_cast<int>(lanes), count, digits, 1.0 / drives.input.top_digit()});
            }
          }
        }
      }
    }
  });
}

}  // namespace imperfect
