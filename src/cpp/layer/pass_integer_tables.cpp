// SPDX-License-Identifier: BSD-3-Clause
//
// The pass over tables of integers. Byte tables are as small as the weights and made once, tables of 16-bit numbers are made
// where they are used, at a tenth of the cost of looking up: each panel of lanes goes through all tiles by itself.
#include <algorithm>

#include "layer/passes.hpp"

namespace imperfect {
namespace {

/// The nibbles of one panel for one row block.
struct Nibbles {
  std::uint8_t* at[2];  ///< positive and negative inputs: [cycle][group of rows][lane]
  std::uint8_t used[2][16];
};

class IntegerTablePass {
 public:
  explicit IntegerTablePass(const PassContext& context)
      : context_(context),
        layer_(context.layer),
        lanes_(kernels().byte_lanes),
        cycles_(layer_.input.num_cycles),
        group_rows_(layer_.is_fixed16 ? kShortTableRows : kByteTableRows),
        has_negative_(layer_.input.is_signed) {}

  void run(const PackedGroup& group, const OutputPanel& panel) {
    panel.clear();
    for (const PackedBlock& block : group.blocks) {
      const float* const numbers = context_.reader.gather(group, block.rows);
      if (layer_.removes_offset)
        panel.remove_offset(layer_, numbers, block.rows, context_.buffers.offsets.reserve(panel.offset_scratch()));
      const Nibbles nibbles = make_nibbles(numbers, block.rows.size());
      for (int pass = 0; pass < layer_.input.num_passes(); ++pass) {
        const float* const lane_sums = context_.reader.digits(block.rows, pass).lane_sums;
        for (const PackedTile& tile : group.tiles)
          if (tile.first >= panel.outputs().begin && tile.first < panel.outputs().end)
            convert_tile(group, block, tile, nibbles, pass, lane_sums, panel.sums(tile.first));
      }
      panel.subtract_units();
    }
    panel.finish(context_.scale);
  }

 private:
  int num_groups(int rows) const { return (rows + group_rows_ - 1) / group_rows_; }

  Nibbles make_nibbles(const float* numbers, int rows) {
    const auto size = static_cast<std::size_t>(cycles_ * num_groups(rows) * lanes_);
    Nibbles result{};
    std::uint8_t* const buffer = context_.buffers.indices.reserve(2 * size);
    for (int sign = 0; sign < (has_negative_ ? 2 : 1); ++sign) {
      result.at[sign] = buffer + static_cast<std::size_t>(sign) * size;
      kernels().index_nibbles({rows, group_rows_, cycles_, sign == 0 ? 1 : -1, numbers, result.used[sign], result.at[sign]});
    }
    return result;
  }

  void convert_tile(const PackedGroup& group, const PackedBlock& block, const PackedTile& tile, const Nibbles& nibbles,
                    int pass, const float* lane_sums, float* sums) {
    const bool both = has_negative_ && !layer_.input.two_pass;
    std::uint8_t used[16];
    for (int t = 0; t < cycles_; ++t)
      used[t] = static_cast<std::uint8_t>(nibbles.used[pass][t] | (both ? nibbles.used[1][t] : 0));
    const std::uint8_t* const negative = both ? nibbles.at[1] : nullptr;
    const int rows = block.rows.size(), groups = num_groups(rows);
    for (int plane = 0; plane < layer_.planes; ++plane) {
      check_interrupt(static_cast<double>(groups * cycles_) * lanes_ * tile.width);
      const Conversion* const conversions = block.conversions[pass].data() + plane * cycles_;
      if (layer_.is_fixed16) {
        std::int16_t* const tables =
            context_.buffers.short_tables.reserve(static_cast<std::size_t>(groups * kShortTableSize * tile.width));
        const std::int16_t* const cells =
            group.shorts.data() + group.tile_offset(layer_, block, tile) + std::ptrdiff_t{plane} * rows * tile.width;
        kernels().look_up_shorts({tile.width, rows, cycles_, nibbles.at[pass], negative, used, cells,
                                  group.short_scales.data() + group.short_scale(layer_, block, tile, plane), tables,
                                  conversions, lane_sums, sums});
      } else {
        const std::int8_t* const tables =
            group.tile_tables(layer_, block, tile) + std::ptrdiff_t{plane} * groups * kByteTableSize * tile.width;
        kernels().look_up_bytes({tile.width, groups, layer_.byte_groups, cycles_, nibbles.at[pass], negative, used, tables,
                                 conversions, lane_sums, sums});
      }
    }
  }

  const PassContext& context_;
  const PackedLayer& layer_;
  int lanes_;
  int cycles_;
  int group_rows_;
  bool has_negative_;
};

}  // namespace

void run_integer_tables(const PassContext& context, const OutputPart& part) {
  const int lanes = kernels().byte_lanes;
  IntegerTablePass pass(context);
  for (std::size_t lane = 0; lane < context.reader.num_lanes(); lane += static_cast<std::size_t>(lanes)) {
    context.reader.select(lane, lanes);
    for (std::size_t g = part.first_group; g < part.last_group; ++g) {
      const PackedGroup& group = context.layer.groups[g];
      float* const sums = context.buffers.sums.reserve(static_cast<std::size_t>(group.total_outputs * lanes));
      const OutputPanel panel(group, part.of(group), sums, lanes);
      pass.run(group, panel);
      panel.store(context.reader.output_runs(), context.positions(), context.y);
    }
  }
}

}  // namespace imperfect
